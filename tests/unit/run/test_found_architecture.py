"""A bare state dict whose network nobody named: found by its tensors, asked for where two networks fit."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from snn_eval.errors import SuiteError
from snn_eval.models.networks import build_network
from snn_eval.run import load
from snn_eval.run.load import load_network
from snn_eval.suite import Suite, load_suite, with_values

EXAMPLE = torch.zeros(2, 1, 8, 8)


@pytest.fixture
def nameless() -> Suite:
    return with_values(load_suite("digits"), {"model.arch": None, "model.config": {}, "input.time_steps": 3})


@pytest.fixture
def weights(tmp_path: Path) -> Path:
    digits = load_suite("digits").model
    state = build_network("spiking-conv-net", 8, digits.config).state_dict()
    torch.save({"module." + name: tensor for name, tensor in state.items()}, tmp_path / "bare.pth")
    return tmp_path / "bare.pth"


def test_the_network_is_found(nameless: Suite, weights: Path) -> None:
    loaded = load_network(nameless, weights, EXAMPLE, classes=10)
    assert loaded.name == "spiking-conv-net"
    assert loaded.notes[0] == "architecture found by the names and shapes of the tensors: that of suite digits"
    assert loaded.network.run(EXAMPLE).shape == (3, 2, 10)


def test_of_two_that_fit_none_is_chosen(nameless: Suite, weights: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    digits = load_suite("digits")
    other = with_values(digits, {"suite.name": "other", "model.config": {**digits.model.config, "neuron": {}}})
    monkeypatch.setattr(load, "fitting_networks", lambda _: [digits, other])
    with pytest.raises(SuiteError, match=r"several networks fit, those of suites digits, other: put \[model\] of one"):
        load_network(nameless, weights, EXAMPLE, classes=10)


def test_values_of_an_architecture_of_ours(weights: Path) -> None:
    digits = load_suite("digits")
    state = build_network("spiking-conv-net", 8, {**digits.model.config, "channels": [2, 3]}).state_dict()
    torch.save(state, weights)
    loaded = load_network(digits, weights, EXAMPLE, classes=10, arch="spiking-conv-net:channels=[2,3]")
    assert loaded.network.module.head[1].in_features % 3 == 0

"""Conversion of an ANN: percentiles against numpy, scaling that changes no function, rates that come near it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from snn_eval.errors import CheckpointError, SuiteError
from snn_eval.models.checkpoint import Checkpoint, load_weights
from snn_eval.models.convert import activation_percentiles, converted, is_ann
from snn_eval.models.networks import build_network

CONFIG = {"in_shape": [1, 6, 6], "layers": ["3C3", "AP2", "FC5", "FC4"], "neuron": {"name": "relu"}}


@pytest.fixture
def ann() -> Checkpoint:
    torch.manual_seed(0)
    module = build_network("layered-net", 1, CONFIG)
    for part in module.modules():
        if isinstance(part, nn.modules.batchnorm._BatchNorm):
            nn.init.uniform_(part.weight, 0.5, 2.0)
            nn.init.uniform_(part.bias, -0.5, 1.0)
            part.running_mean.uniform_(-0.3, 0.3)  # type: ignore[union-attr, operator]
            part.running_var.uniform_(0.5, 2.0)  # type: ignore[union-attr, operator]
    return Checkpoint(module.state_dict(), arch="layered-net", config=CONFIG, time_steps=1, name="ann.pt")


def built(checkpoint: Checkpoint, time_steps: int = 1) -> nn.Module:
    module = build_network(checkpoint.arch or "", time_steps, checkpoint.config or {})
    load_weights(module, checkpoint)
    return module.eval()


def images() -> Iterator[Tensor]:
    generator = torch.Generator().manual_seed(5)
    return (torch.rand(n, 1, 6, 6, generator=generator) for n in (7, 7, 2))


@pytest.mark.parametrize("percentile", [50.0, 90.0, 99.9, 100.0])
def test_a_percentile_is_that_of_all_activations_together(ann: Checkpoint, percentile: float) -> None:
    module = built(ann)
    found = activation_percentiles(module, images(), 16, percentile)
    values: dict[str, list[Tensor]] = {"layers.0": [], "layers.2": []}
    for name, kept in values.items():
        module.get_submodule(name).neuron.register_forward_hook(  # type: ignore[operator, union-attr]
            lambda _module, _inputs, output, kept=kept: kept.append(output)
        )
    with torch.no_grad():
        for x in images():
            module(x)
    for name, kept in values.items():
        flat = torch.cat([part.flatten() for part in kept]).numpy()
        assert found[name] == np.percentile(flat, percentile, method="inverted_cdf") or 1.0


def test_scaling_changes_no_function(ann: Checkpoint) -> None:
    """With rectifiers in place of its neurons, the converted network is the ANN."""
    snn = converted(ann, images(), 16, 8)
    again = replace(snn, config={**(snn.config or {}), "neuron": {"name": "relu"}})
    x = torch.rand(9, 1, 6, 6)
    with torch.no_grad():
        assert torch.allclose(built(again)(x), built(ann)(x), rtol=1e-5, atol=1e-5)
    assert (snn.arch, snn.time_steps) == ("layered-net", 8)
    assert (snn.config or {})["neuron"] == {"name": "if", "reset": "soft", "v_threshold": 1.0}
    assert is_ann(ann)
    assert not is_ann(snn)


def test_rates_come_near_the_activations(ann: Checkpoint) -> None:
    """Nothing is above the threshold at the 100th percentile: the mean readout goes to the ANN's with T."""
    x = torch.cat(list(images()))
    with torch.no_grad():
        wanted = built(ann)(x)[0]
        far = [
            float((built(converted(ann, images(), 16, t, percentile=100.0), t)(x).mean(0) - wanted).abs().mean())
            for t in (4, 32, 256)
        ]
    assert far[0] > 2 * far[1] > 4 * far[2]
    assert far[2] < 0.02 * float(wanted.abs().mean())


def test_what_cannot_be_converted_is_told_in_a_line(ann: Checkpoint) -> None:
    for change, line in (
        ({"layers": ["3C3", "MP2", "FC4"]}, "expected AP pools, got MP2"),
        ({"coding": "gain"}, "expected coding none, got gain"),
    ):
        with pytest.raises(SuiteError, match=line):
            converted(replace(ann, config={**CONFIG, **change}), images(), 16, 8)
    with pytest.raises(SuiteError, match=r"percentile within \(0, 100\], got 0"):
        converted(ann, images(), 16, 8, percentile=0)
    with pytest.raises(CheckpointError, match=r"ann\.pt: expected a layered-net with neuron relu"):
        converted(replace(ann, config={**CONFIG, "neuron": {"name": "if"}}), images(), 16, 8)

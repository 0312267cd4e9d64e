"""A program of torch.export from the command line: described, measured like the network it was made of, refused."""

from __future__ import annotations

import warnings
from pathlib import Path

import pytest
import torch
from conftest import Command

from snn_eval.models.manifest import load_manifest, shipped_checkpoint
from snn_eval.record import read_record
from snn_eval.run.load import restored
from snn_eval.suite import load_suite


@pytest.fixture(scope="module")
def digits(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The network that ships for digits, exported."""
    path = tmp_path_factory.mktemp("program") / "digits.pt2"
    network = restored(load_suite("digits"), shipped_checkpoint("digits-spiking-conv-net.pt")[0]).module
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        shapes = ({0: torch.export.Dim("batch")},)
        torch.export.save(torch.export.export(network, (torch.rand(2, 1, 8, 8),), dynamic_shapes=shapes), path)
    return path


@pytest.mark.slow
def test_the_program_of_a_shipped_network_measures_what_the_network_does(snn_eval: Command, digits: Path) -> None:
    answer = snn_eval("describe", str(digits))
    assert answer.code == 0
    for words in ("program of torch.export", "N×1×8×8", "8×N×10", "2 modules give only zeros and ones"):
        assert words in answer.out
    assert f"snn-eval run --models digits {digits} --time-steps 8" in answer.out
    run = snn_eval("run", "--quiet", "--models", "digits", str(digits))
    assert run.code == 0, run.err
    record = read_record(run.last / "record.json")
    expected = load_manifest()["digits-spiking-conv-net.pt"].expected
    found = {m.metric: m.value for m in record.measurements if m.scope == "network" and m.convention in (None, "exact")}
    same = ("accuracy", "ac", "mac", "mac_dense", "spike_count", "nasfr")
    assert {key: found[key] for key in same} == pytest.approx({key: expected[key] for key in same}, rel=1e-9)
    wrong = snn_eval("run", "--models", "digits", str(digits), "--time-steps", "5")
    assert wrong.code == 2
    assert "digits.pt2 was exported for 8 time steps, which cannot be changed; got 5; give --time-steps 8" in wrong.err
    named = snn_eval("run", "--models", "digits", str(digits), "--arch", "spiking-conv-net")
    assert (named.code, "--arch: expected none, digits.pt2 is a program of torch.export" in named.err) == (2, True)

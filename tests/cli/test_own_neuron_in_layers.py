"""Neurons of a user's own in ``layered-net``: a suite names, trains and measures them; a checkpoint alone runs none."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from cli.conftest import Command

from snn_eval.models.checkpoint import Checkpoint, load_checkpoint, save_checkpoint
from snn_eval.models.networks import build_network
from snn_eval.record import Record, read_record
from snn_eval.run.plan import cell_id
from snn_eval.suite import load_suite
from snn_eval.train.build import chosen_architecture

SUITE = """
[suite]
name = "mine"
version = 1
[data]
name = "digits"
[input]
kind = "real"
time_steps = 3
[model]
arch = "layered-net"
[model.config]
in_shape = [1, 8, 8]
layers = ["4C3s2", "FC10"]
neuron = { name = "mine.py:Leaky", keep = 0.5 }
[train]
epochs = 2
batch_size = 64
[evaluate]
energy = ["horowitz-45nm-fp32"]
"""
OURS = SUITE.replace('name = "mine.py:Leaky", keep = 0.5', 'name = "dynamic-lif", reset = "soft"')
NEURON = """
from pathlib import Path
import torch
from spikingjelly.activation_based import surrogate
from torch import nn

Path("was_run").touch()

class Leaky(nn.Module):
    neuron_model = {"model": "lif", "states": 1, "mul": 1, "add": 3, "compare": 1, "multi_step": True}

    def __init__(self, keep):
        super().__init__()
        self.keep, self.fire = keep, surrogate.ATan()

    def forward(self, current):
        v, spikes = torch.zeros_like(current[0]), []
        for x in current:
            v = v + (x - v) * self.keep
            spikes.append(self.fire(v - 1.0))
            v = v - spikes[-1].detach()
        return torch.stack(spikes)
"""


def measured(snn_eval: Command, suite: str, checkpoint: str) -> Record:
    answer = snn_eval("run", "--models", suite, checkpoint, "--limit", "64", "--quiet")
    assert answer.code == 0, answer.err
    return read_record(answer.last / "record.json")


def numbers(record: Record) -> dict[tuple[object, ...], float]:
    exact = [m for m in record.measurements if m.kind != "advisory"]
    return {(m.metric, m.scope, m.convention, m.energy_model): m.value for m in exact}


@pytest.mark.slow
@pytest.mark.parametrize("place", ["beside the suite", "where the command runs"])
def test_it_is_trained_and_measured_like_ours(snn_eval: Command, tmp_path: Path, place: str) -> None:
    suites = tmp_path / "suites"
    suites.mkdir()
    (suites / "mine.toml").write_text(SUITE)
    (suites / "ours.toml").write_text(OURS)
    ((suites if place == "beside the suite" else tmp_path) / "mine.py").write_text(NEURON)
    trained = {}
    for name in ("mine", "ours"):
        answer = snn_eval("train", f"suites/{name}.toml", "--output", name, "--quiet")
        assert answer.code == 0, answer.err
        trained[name] = load_checkpoint(Path(name) / "best.pt")
    assert trained["mine"].state_dict.keys() == trained["ours"].state_dict.keys()
    for key, value in trained["mine"].state_dict.items():
        assert torch.allclose(value, trained["ours"].state_dict[key], atol=1e-4), key
    own = trained["mine"]
    assert own.config is not None
    assert own.config["neuron"] == {"name": "mine.py:Leaky", "keep": 0.5}
    save_checkpoint(Path("same.pt"), replace(own, config=trained["ours"].config, provenance={}))
    records = [
        measured(snn_eval, f"suites/{suite}.toml", checkpoint)
        for suite, checkpoint in (("mine", "mine/best.pt"), ("ours", "same.pt"))
    ]
    assert numbers(records[0]) == numbers(records[1])
    assert {m.metric for m in records[0].measurements} >= {"accuracy", "ac", "mac", "energy_total"}


def test_a_file_that_only_the_checkpoint_names_is_not_run(snn_eval: Command, tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(NEURON)
    (tmp_path / "ours.toml").write_text(OURS)
    config = {"in_shape": [1, 8, 8], "layers": ["4C3s2", "FC10"], "neuron": {"name": "mine.py:Leaky", "keep": 0.5}}
    with_ours = build_network("layered-net", 3, {**config, "neuron": {"name": "dynamic-lif", "reset": "soft"}})
    save_checkpoint(Path("a.pt"), Checkpoint(with_ours.state_dict(), "layered-net", config, 3, "mine", 1))
    answer = snn_eval("run", "--models", "ours.toml", "a.pt")
    assert answer.code == 2
    assert "only the checkpoint names this file, which is therefore not run; name it in the suite" in answer.err
    assert not Path("was_run").exists()
    (tmp_path / "mine.toml").write_text(SUITE)
    assert snn_eval("run", "--models", "mine.toml", "a.pt", "--limit", "8", "--quiet").code == 0
    assert Path("was_run").exists()


def test_a_changed_file_is_another_cell(snn_eval: Command, tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(NEURON)
    (tmp_path / "mine.toml").write_text(SUITE)
    suite = load_suite(tmp_path / "mine.toml")
    before = cell_id(suite, None, "c", "d", strict=False)
    architecture = chosen_architecture(suite, None)
    source = architecture.source_sha256()
    (tmp_path / "mine.py").write_text(NEURON + "# changed\n")
    assert cell_id(suite, None, "c", "d", strict=False) != before
    assert architecture.source_sha256() not in (None, source)

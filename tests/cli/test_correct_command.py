"""``snn-eval correct``: what it writes is measured like any checkpoint, what it prints is true, mistakes are a line."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from snntorch import Leaky
from torch import nn

from snn_eval.models.checkpoint import Checkpoint, load_checkpoint, save_checkpoint
from snn_eval.models.corrected import attach
from snn_eval.models.networks import build_network
from snn_eval.record import read_record

SHIPPED = Path(__file__).parents[2] / "checkpoints" / "digits-spiking-conv-net.pt"
FEW = ("--set", "correct.batches=3", "--set", "correct.samples=60", "--set", "correct.iterations=4")
NETWORK = """
from snntorch import Leaky
from torch import nn
from snn_eval.models.networks import build_network

def make(time_steps):
    return build_network("layered-net", time_steps, {"in_shape": [1, 8, 8], "layers": ["3C3", "FC10"]})

def leaky():
    return nn.Sequential(nn.Flatten(), nn.Linear(64, 12), Leaky(beta=0.9, init_hidden=True), nn.Linear(12, 10))
"""


def test_a_checkpoint_is_improved_and_the_printed_command_measures_it(snn_eval: Callable[..., Any]) -> None:
    answer = snn_eval("correct", str(SHIPPED), "--mode", "prefix", "--no-readout", "--output", "better.pt", *FEW)
    assert (answer.code, answer.err) == (0, "")
    title, steps, before, after, kept, cost, line, path = answer.out.splitlines()
    assert title == "validation accuracy after t steps, in %"
    assert steps.split() == ["t", *map(str, range(1, 9))]
    assert kept == "corrected: stem.neuron"
    assert cost.startswith("cost: 252 training images, ")  # 3·64 + 60
    assert path == "better.pt"
    stored = load_checkpoint(Path(path))
    assert (stored.arch, stored.time_steps, stored.suite) == ("corrected", 8, "digits")
    bias = stored.state_dict["stem.neuron.correction.bias"]
    assert cost.endswith(f"; {bias.numel()} parameters added")
    assert stored.provenance["corrected_from"] == load_checkpoint(SHIPPED).sha256
    words = shlex.split(line.removeprefix("try: "))
    assert words == ["snn-eval", "run", "--models", "digits", "better.pt"]
    measured = snn_eval(*words[1:], "--quiet", "--limit", "60")
    assert measured.code == 0, measured.err
    record = read_record(measured.last / "record.json")
    added = [m for m in record.measurements if m.scope == "layer:stem.neuron.correction" and m.metric == "energy_total"]
    assert added[0].value == pytest.approx(len(bias) * 24 * 8 * 8 * 0.9e-12)
    described = snn_eval("describe", "better.pt")
    assert "snn-eval run --models digits better.pt" in described.out
    assert 90 < float(before.split()[1]) < float(before.split()[-1])
    assert len(after.split()) == 9


def test_the_same_command_writes_the_same_file(snn_eval: Callable[..., Any]) -> None:
    for name in ("a.pt", "b.pt"):
        assert snn_eval("correct", str(SHIPPED), "--suite", "digits", "--output", name, *FEW).code == 0
    assert Path("a.pt").read_bytes() == Path("b.pt").read_bytes()


def test_a_network_of_ones_own_is_named_again(snn_eval: Callable[..., Any], tmp_path: Path) -> None:
    (tmp_path / "net.py").write_text(NETWORK)
    config = {"in_shape": [1, 8, 8], "layers": ["3C3", "FC10"]}
    torch.manual_seed(0)
    module = build_network("layered-net", 8, config)
    torch.save(module.state_dict(), "own.pt")
    own = ("--suite", "digits", "--arch", "net.py:make")
    answer = snn_eval("correct", "own.pt", *own, *FEW)
    assert answer.code == 0, answer.err
    assert answer.last == Path("own-corrected.pt")
    line = answer.out.splitlines()[-2]
    assert line == "try: snn-eval run --models digits own-corrected.pt --arch net.py:make"
    assert snn_eval(*shlex.split(line)[2:], "--quiet", "--limit", "20").code == 0
    layers = {"layers.0.neuron": {"channels": 3, "steps": 2, "gain": False}}
    attach(module, layers)
    values = {"arch": "net.py:make", "config": {}, "layers": layers}
    save_checkpoint(Path("own-corrected.pt"), Checkpoint(module.state_dict(), "corrected", values, 8, "digits", 1))
    assert snn_eval(*shlex.split(line)[2:], "--quiet", "--limit", "20").code == 0
    unnamed = snn_eval("run", "--models", "digits", "own-corrected.pt", "--quiet")
    assert unnamed.code != 0
    assert "the network is one of your own, net.py:make; name it again with --arch" in unnamed.err


def test_an_ann_becomes_a_spiking_network(snn_eval: Callable[..., Any]) -> None:
    config = {"in_shape": [1, 8, 8], "layers": ["3C3", "FC10"], "neuron": {"name": "relu"}}
    torch.manual_seed(0)
    stored = Checkpoint(build_network("layered-net", 1, config).state_dict(), "layered-net", config, 1, "digits", 1)
    save_checkpoint(Path("ann.pt"), stored)
    answer = snn_eval("correct", "ann.pt", "--mode", "twin", "--no-readout", "--time-steps", "4", *FEW)
    assert answer.code == 0, answer.err
    made = load_checkpoint(answer.last)
    inner = made.config["config"] if made.arch == "corrected" else made.config  # type: ignore[index]
    assert inner["neuron"] == {"name": "if", "reset": "soft", "v_threshold": 1.0}  # type: ignore[index]
    assert made.time_steps == 4
    line = answer.out.splitlines()[-2]
    assert line.endswith("--time-steps 4")
    assert snn_eval(*shlex.split(line)[2:], "--quiet", "--limit", "20").code == 0
    alone = snn_eval("correct", "ann.pt", "--set", "input.time_steps=1")
    assert (alone.code, alone.err.count("\n")) == (2, 1)
    assert "ann.pt is an ANN: expected the T of its spiking network, got 1; give --time-steps" in alone.err


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (("nothing.pt", "--suite", "digits"), "expected a checkpoint file, found none"),
        (("bare.pt",), "expected a checkpoint that names its suite, found none; give --suite"),
        (("bare.pt", "--suite", "digits", "--arch", "net.py:leaky"), "expected neurons that take all steps in one"),
        ((str(SHIPPED), "--mode", "twin"), "twin: expected IF neurons with a soft reset"),
        ((str(SHIPPED), "--set", "data.validation=none"), "none"),
        ((str(SHIPPED), "--mode", "both"), "'both' is not one of"),
        ((str(SHIPPED), "--set", "correct.eta=2"), "correct.eta"),
        ((str(SHIPPED), "--output", "no/such/folder/x.pt/", *FEW), ""),
    ],
)  # fmt: skip
def test_mistakes_are_one_line(snn_eval: Callable[..., Any], tmp_path: Path, words: tuple[str, ...], line: str) -> None:
    (tmp_path / "net.py").write_text(NETWORK)
    torch.manual_seed(0)
    leaky = nn.Sequential(nn.Flatten(), nn.Linear(64, 12), Leaky(beta=0.9, init_hidden=True), nn.Linear(12, 10))
    torch.save(leaky.state_dict(), "bare.pt")
    answer = snn_eval("correct", *words)
    assert (answer.code, answer.err.count("\n")) == (2, 1)
    assert line in answer.err
    assert "Traceback" not in answer.err


def test_help_has_an_example(snn_eval: Callable[..., Any]) -> None:
    answer = snn_eval("correct", "--help")
    assert answer.code == 0
    assert "snn-eval correct trained/best.pt --suite digits" in answer.out


def _coded(path: Path, **provenance: Any) -> None:
    """A network with a gain for each of 8 steps that are not 0."""
    config = {"in_shape": [1, 8, 8], "layers": ["4C3", "FC10"], "coding": "gain"}
    torch.manual_seed(0)
    module = build_network("layered-net", 8, config)
    module.get_submodule("layers.0.coding").get_parameter("k").data = torch.linspace(0.8, -0.6, 8)
    save_checkpoint(
        path, Checkpoint(module.state_dict(), "layered-net", config, 8, "digits", 1, provenance=dict(provenance))
    )


def test_a_coded_network_is_measured_and_corrected_at_fewer_steps(snn_eval: Callable[..., Any]) -> None:
    """A run of 3 steps answers as one of 8 does after its first 3."""
    _coded(Path("coded.pt"))
    whole = snn_eval("correct", "coded.pt", "--mode", "prefix", "--no-readout", *FEW)
    fewer = snn_eval("correct", "coded.pt", "--mode", "prefix", "--time-steps", "3", "--output", "fewer.pt", *FEW)
    assert (whole.code, fewer.code) == (0, 0), whole.err + fewer.err
    stored = load_checkpoint(Path("fewer.pt"))
    assert (stored.time_steps, len(stored.state_dict["layers.0.coding.k"])) == (8, 8)
    for name in ("coded.pt", "coded-corrected.pt", "fewer.pt"):
        long = snn_eval("run", "--models", "digits", name, "--quiet", "--limit", "60")
        short = snn_eval("run", "--models", "digits", name, "--quiet", "--limit", "60", "--time-steps", "3")
        assert (long.code, short.code) == (0, 0), long.err + short.err
        found = [
            [m.value for m in read_record(run.last / "record.json").measurements if m.metric == "accuracy_prefix"]
            for run in (long, short)
        ]
        assert len(found[0]) == 8
        assert found[0][:3] == found[1]


def test_a_checkpoint_of_another_fold_is_corrected_with_a_warning(snn_eval: Callable[..., Any]) -> None:
    _coded(Path("fold.pt"), suite={"data": {"fold": 2}})
    answer = snn_eval("correct", "fold.pt", "--no-readout", *FEW)
    assert answer.code == 0
    assert answer.err == (
        "snn-eval: warning: trained on fold 2 of the data, corrected on no fold: validation samples may be among those "
        "it was trained on\n"
    )

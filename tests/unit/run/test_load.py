"""The network of a cell is built from flag, checkpoint or suite, and each mistake is one line before anything runs."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import nn

from snn_eval.errors import CheckpointError, InputError, NetworkError, SuiteError
from snn_eval.models.checkpoint import Checkpoint, load_checkpoint, save_checkpoint
from snn_eval.models.corrected import attach
from snn_eval.models.networks import build_network
from snn_eval.run.load import load_network, torch_device
from snn_eval.suite import Suite, load_suite, with_values

WIDE = torch.zeros(2, 3, 8, 8)
WRONG_SHAPE = r"does not take input of shape \(2, 3, 8, 8\)"
EXAMPLE = torch.zeros(2, 1, 8, 8)
CONFIG = {"channels": [2], "strides": [2], "classes": 10}

FACTORY = """
from torch import nn

def make(width=3):
    return nn.Sequential(nn.Flatten(), nn.Linear(64, width), nn.ReLU(), nn.Linear(width, 10))

def timed(time_steps):
    assert time_steps == 8
    return make()

def wrong():
    return 5

def broken():
    raise ValueError("no such layer")

def leaves():
    raise SystemExit(5)

class Fails(nn.Module):
    def __init__(self, error):
        super().__init__()
        self.inner, self.error = make(), error

    def forward(self, x):
        raise self.error

def misses():
    return Fails(KeyError("gate"))

def stops():
    return Fails(SystemExit(4))
"""

ANNOTATED = """
from __future__ import annotations
from dataclasses import dataclass, field
from torch import nn

@dataclass
class Config:
    width: int = 3
    more: list[int] = field(default_factory=list)

def make():
    return nn.Sequential(nn.Flatten(), nn.Linear(64, Config().width), nn.ReLU(), nn.Linear(Config().width, 10))
"""


@pytest.fixture
def suite() -> Suite:
    return load_suite("digits")


@pytest.fixture
def ours(tmp_path: Path) -> Path:
    """A checkpoint of ours, smaller than the suite's own network, made for T = 4 and another suite."""
    path = tmp_path / "ours.pt"
    module = build_network("spiking-conv-net", 4, CONFIG)
    save_checkpoint(
        path, Checkpoint(module.state_dict(), "spiking-conv-net", CONFIG, 4, suite="other", suite_version=1)
    )
    return path


@pytest.fixture
def factory(tmp_path: Path) -> str:
    file = tmp_path / "net.py"
    file.write_text(FACTORY)
    return str(file)


def weights(tmp_path: Path, width: int = 3) -> Path:
    module = nn.Sequential(nn.Flatten(), nn.Linear(64, width), nn.ReLU(), nn.Linear(width, 10))
    torch.save(module.state_dict(), tmp_path / "theirs.pth")
    return tmp_path / "theirs.pth"


def test_a_checkpoint_of_ours_says_what_it_is(suite: Suite, ours: Path) -> None:
    loaded = load_network(suite, ours, EXAMPLE, classes=10)
    assert loaded.name == "spiking-conv-net"
    assert loaded.notes == ("trained for 4 time steps, measured with 8", "trained for suite other, measured on digits")
    assert loaded.network.run(EXAMPLE).shape == (8, 2, 10)


def test_training_on_partial_data_is_noted(suite: Suite, ours: Path) -> None:
    stored = load_checkpoint(ours)
    save_checkpoint(ours, replace(stored, provenance={"data_notes": ["partial data: without data_batch_4", 3]}))
    assert "trained on partial data: without data_batch_4" in load_network(suite, ours, EXAMPLE, classes=10).notes
    save_checkpoint(ours, replace(stored, provenance={"data_notes": 3}))
    assert len(load_network(suite, ours, EXAMPLE, classes=10).notes) == 2


@pytest.mark.parametrize("fold", [2, None])
def test_a_checkpoint_of_another_fold_is_noted(suite: Suite, ours: Path, fold: int | None) -> None:
    stored = load_checkpoint(ours)
    provenance = {"suite": {"data": {"fold": fold}}}
    save_checkpoint(ours, replace(stored, suite=suite.name, provenance=provenance))
    notes = load_network(with_values(suite, {"data.fold": 1}, "test"), ours, EXAMPLE, classes=10).notes
    trained = "no fold" if fold is None else "fold 2"
    told = (
        f"trained on {trained} of the data, measured on fold 1: samples measured may be among those it was trained on"
    )
    assert told in notes
    if fold is not None:
        alike = with_values(suite, {"data.fold": fold}, "test")
        assert not any("fold" in note for note in load_network(alike, ours, EXAMPLE, classes=10).notes)


@pytest.mark.parametrize("function", ["make", "timed"])
def test_a_users_factory(suite: Suite, factory: str, tmp_path: Path, function: str) -> None:
    loaded = load_network(suite, weights(tmp_path), EXAMPLE, classes=10, arch=f"{factory}:{function}")
    assert loaded.name == function
    assert loaded.network.run(EXAMPLE).shape[-1] == 10


def test_a_suites_values_reach_its_factory(suite: Suite, factory: str, tmp_path: Path) -> None:
    theirs = with_values(suite, {"model.arch": None, "model.factory": f"{factory}:make", "model.config": {"width": 5}})
    loaded = load_network(theirs, weights(tmp_path, width=5), EXAMPLE, classes=10)
    assert loaded.network.module[1].out_features == 5


def test_a_pickled_module_needs_trust(suite: Suite, tmp_path: Path) -> None:
    torch.save(nn.Sequential(nn.Flatten(), nn.Linear(64, 10)), tmp_path / "whole.pth")
    with pytest.raises(CheckpointError, match="--trust"):
        load_network(suite, tmp_path / "whole.pth", EXAMPLE, classes=10)
    loaded = load_network(suite, tmp_path / "whole.pth", EXAMPLE, classes=10, trust=True)
    assert loaded.name == "whole"


@pytest.mark.parametrize(
    ("function", "error", "words"),
    [
        ("wrong", SuiteError, "expected a torch.nn.Module, got int"),
        ("broken", SuiteError, "got ValueError: no such layer"),
        ("absent", SuiteError, "expected a function absent"),
        ("leaves", SuiteError, "got SystemExit: 5"),
    ],
)
def test_mistakes_of_a_factory(
    suite: Suite, factory: str, tmp_path: Path, function: str, error: type[Exception], words: str
) -> None:
    with pytest.raises(error, match=words):
        load_network(suite, weights(tmp_path), EXAMPLE, classes=10, arch=f"{factory}:{function}")


@pytest.mark.parametrize(("function", "words"), [("misses", "KeyError: 'gate'"), ("stops", "SystemExit: 4")])
def test_a_network_that_fails_is_told_with_its_line(
    suite: Suite, factory: str, tmp_path: Path, function: str, words: str
) -> None:
    state = {f"inner.{key}": value for key, value in torch.load(weights(tmp_path), weights_only=True).items()}
    torch.save(state, tmp_path / "fails.pth")
    with pytest.raises(NetworkError, match=rf"the network fails: {words} \(net.py line \d+\)"):
        load_network(suite, tmp_path / "fails.pth", EXAMPLE, classes=10, arch=f"{factory}:{function}")


def test_a_file_that_ends_the_program_does_not(suite: Suite, tmp_path: Path) -> None:
    file = tmp_path / "leaves.py"
    file.write_text("raise SystemExit(7)")
    with pytest.raises(SuiteError, match="failed: SystemExit: 7"):
        load_network(suite, weights(tmp_path), EXAMPLE, classes=10, arch=f"{file}:make")


def test_a_file_with_dataclasses(suite: Suite, tmp_path: Path) -> None:
    file = tmp_path / "annotated.py"
    file.write_text(ANNOTATED)  # dataclasses look the annotations up in sys.modules
    assert load_network(suite, weights(tmp_path), EXAMPLE, classes=10, arch=f"{file}:make").name == "make"


def test_mistakes_of_a_checkpoint(suite: Suite, ours: Path, factory: str, tmp_path: Path) -> None:
    with pytest.raises(SuiteError, match=r"package\.module:function or one of spiking-conv-net"):
        load_network(suite, ours, EXAMPLE, classes=10, arch="resnet")
    wide = with_values(suite, {"model.arch": None, "model.config": {"width": 4}})
    with pytest.raises(CheckpointError, match="another size or number of classes"):
        load_network(wide, weights(tmp_path), EXAMPLE, classes=10, arch=f"{factory}:make")
    with pytest.raises(NetworkError, match="the data has 7 classes, the network's readout 10"):
        load_network(suite, ours, EXAMPLE, classes=7)
    with pytest.raises(NetworkError, match=r"does not take input of shape \(2, 3, 8, 8\)"):
        load_network(suite, ours, torch.zeros(2, 3, 8, 8), classes=10)
    bare = with_values(suite, {"model.arch": None})
    with pytest.raises(SuiteError, match="give --arch"):
        load_network(bare, weights(tmp_path), EXAMPLE, classes=10)


def test_a_shape_that_does_not_fit_is_told_with_the_suite_it_was_trained_for(suite: Suite, ours: Path) -> None:
    whose = "; ours.pt was trained for suite other, not digits$"
    with pytest.raises(NetworkError, match=rf"{WRONG_SHAPE}.*{whose}"):
        load_network(suite, ours, WIDE, classes=10)
    with pytest.raises(CheckpointError, match=rf"expected \[.*{whose}"):
        load_network(suite, ours, EXAMPLE, classes=10, arch="spiking-conv-net:channels=[5]")
    save_checkpoint(ours, replace(load_checkpoint(ours), suite="digits"))
    with pytest.raises(NetworkError) as caught:
        load_network(suite, ours, WIDE, classes=10)
    assert "was trained for" not in str(caught.value)


def test_devices() -> None:
    assert torch_device("cpu") == torch.device("cpu")
    assert torch_device("auto").type == ("cuda" if torch.cuda.is_available() else "cpu")
    for name in ("tpu", "mps", "cuda:99", "3"):
        with pytest.raises(InputError, match="expected"):
            torch_device(name)


@pytest.mark.parametrize("coding", ["gain", "channel-gain"])
@pytest.mark.parametrize("corrected", [False, True])
def test_fewer_steps_than_trained_are_the_beginning(suite: Suite, tmp_path: Path, coding: str, corrected: bool) -> None:
    """A coding has a row for each step it was trained with, a correction for its first ones: all are loaded."""
    config = {"in_shape": [1, 8, 8], "layers": ["3C3", "FC5", "FC10"], "coding": coding}
    torch.manual_seed(0)
    module = build_network("layered-net", 8, config)
    layers = {"layers.0.neuron": {"channels": 3, "steps": 6, "gain": True}}
    for part in module.modules():
        if isinstance(part, nn.modules.batchnorm._BatchNorm):
            nn.init.constant_(part.bias, 1.2)  # so that all layers fire
    if corrected:
        attach(module, layers)
    with torch.no_grad():
        for name, weight in module.named_parameters():
            if "coding" in name or "correction" in name:
                weight.add_(torch.rand_like(weight) - 0.3)
    stored = Checkpoint(module.state_dict(), "layered-net", config, 8, suite.name, 1)
    if corrected:
        stored = replace(stored, arch="corrected", config={"arch": "layered-net", "config": config, "layers": layers})
    path = tmp_path / "coded.pt"
    save_checkpoint(path, stored)
    x = torch.rand(20, 1, 8, 8)
    runs = {}
    for steps in (3, 8, 10):
        timed = with_values(suite, {"input.time_steps": steps}, "test")
        runs[steps] = load_network(timed, path, EXAMPLE, classes=10).network.run(x)
        assert len(runs[steps]) == steps
    assert torch.equal(runs[3], runs[8][:3])
    assert torch.equal(runs[8], runs[10][:8])
    assert len(runs[8].unique(dim=0)) > 3, "steps differ"
    assert len(runs[8].unique(dim=1)) > 3, "samples differ"

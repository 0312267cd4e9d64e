"""Checkpoints: what can be read, that no code of theirs ever runs, and one line for each thing that can be wrong."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from snn_eval.errors import CheckpointError
from snn_eval.models.checkpoint import (
    Checkpoint,
    file_sha256,
    load_checkpoint,
    load_trusted_module,
    load_weights,
    save_checkpoint,
)
from snn_eval.models.manifest import load_manifest, shipped_checkpoint
from snn_eval.models.networks import build_network

CONFIG = {"channels": [2, 3], "strides": [1, 2], "neuron": {"name": "lif", "reset": "soft"}}


def ours(**changes: Any) -> Checkpoint:
    network = build_network("spiking-conv-net", 4, CONFIG)
    values = {"state_dict": network.state_dict(), "arch": "spiking-conv-net", "config": CONFIG, "time_steps": 4}
    return Checkpoint(**{**values, "suite": "digits", "suite_version": 1, "provenance": {"seed": 3}, **changes})


def test_round_trip(tmp_path: Path) -> None:
    path = tmp_path / "net.pt"
    saved = ours()
    digest = save_checkpoint(path, saved)
    loaded = load_checkpoint(path)
    assert (loaded.arch, loaded.config, loaded.time_steps) == ("spiking-conv-net", CONFIG, 4)
    assert (loaded.suite, loaded.suite_version, loaded.provenance) == ("digits", 1, {"seed": 3})
    assert (loaded.name, loaded.sha256) == ("net.pt", digest)
    assert digest == file_sha256(path)
    assert set(loaded.state_dict) == set(saved.state_dict)
    assert all(torch.equal(value, saved.state_dict[key]) for key, value in loaded.state_dict.items())
    assert list(tmp_path.iterdir()) == [path]
    module = build_network(str(loaded.arch), 4, dict(loaded.config or {}))
    load_weights(module, loaded)
    assert torch.equal(module.state_dict()["stem.conv.weight"], saved.state_dict["stem.conv.weight"])


@pytest.mark.parametrize("wrap", [lambda s: s, lambda s: {"state_dict": s}, lambda s: {"net": s, "epoch": 3}])
@pytest.mark.parametrize("prefix", ["", "module."])
@pytest.mark.parametrize("zipped", [True, False])
def test_weights_of_others(tmp_path: Path, wrap: Any, prefix: str, zipped: bool) -> None:
    weights = {f"{prefix}fc.weight": torch.ones(2, 2)}
    torch.save(wrap(weights), tmp_path / "a.pth", _use_new_zipfile_serialization=zipped)
    loaded = load_checkpoint(tmp_path / "a.pth")
    assert loaded.arch is None
    assert torch.equal(loaded.state_dict["fc.weight"], torch.ones(2, 2))


class Evil:
    def __reduce__(self) -> Any:
        return os.mkdir, ("evil-was-here",)


OURS = {
    "format": "snn_eval-checkpoint",
    "format_version": 1,
    "arch": "spiking-conv-net",
    "config": {},
    "time_steps": 8,
    "suite": None,
    "suite_version": None,
    "provenance": {},
    "state_dict": {},
}


def saved(values: Any, path: Path) -> None:
    torch.save(values, path)


@pytest.mark.parametrize(
    ("write", "message"),
    [
        (lambda path: None, "expected a checkpoint file, found none"),
        (lambda path: path.write_bytes(b""), "got an empty file"),
        (lambda path: path.write_bytes(b"not a checkpoint at all"), "unreadable|truncated or damaged"),
        (lambda path: saved({"a": torch.ones(300)}, path) or path.write_bytes(path.read_bytes()[:-200]), "truncated"),
        (lambda path: saved(nn.Linear(2, 2), path), "torch.nn.modules.linear.Linear .* --trust"),
        (lambda path: saved({"state_dict": Evil()}, path), "would run code from the file .* do not load it"),
        (lambda path: saved([1, 2], path), "expected a state dict, got list"),
        (lambda path: saved({"epoch": 3}, path), "expected a state dict, got dict with keys epoch"),
        (lambda path: saved({"w": torch.tensor([1.0, float("nan")])}, path), "w: expected numbers, found NaN"),
        (lambda path: saved({"format": "snn_eval-checkpoint", "format_version": 9}, path), "version 1, got 9"),
        (lambda path: saved({"format": "snn_eval-checkpoint", "format_version": 1}, path), "expected arch"),
        (lambda path: saved(OURS | {"arch": 7}, path), "arch: expected str, got int"),
        (lambda path: saved(OURS | {"config": [1]}, path), "config: expected dict, got list"),
        (lambda path: saved(OURS | {"time_steps": "8"}, path), "time_steps: expected int, got str"),
        (lambda path: saved(OURS | {"state_dict": 5}, path), "state_dict: expected dict, got int"),
    ],
)
def test_unusable_file_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, write: Any, message: str) -> None:
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "bad.pth"
    write(path)
    with pytest.raises(CheckpointError, match=message) as caught:
        load_checkpoint(path)
    assert "\n" not in str(caught.value)
    assert str(path) in str(caught.value)
    assert not (tmp_path / "evil-was-here").exists()


@pytest.mark.filterwarnings("ignore:.*torch.jit:FutureWarning")
def test_torchscript(tmp_path: Path) -> None:
    torch.jit.script(nn.Linear(2, 2)).save(str(tmp_path / "s.pt"))
    for load in (load_checkpoint, load_trusted_module):
        with pytest.raises(CheckpointError, match="got TorchScript; save"):
            load(tmp_path / "s.pt")


def test_trusted_module(tmp_path: Path) -> None:
    torch.save(nn.Linear(2, 3), tmp_path / "m.pth")
    assert isinstance(load_trusted_module(tmp_path / "m.pth"), nn.Linear)
    torch.save({"a": 1}, tmp_path / "d.pth")
    with pytest.raises(CheckpointError, match="got dict; leave out --trust"):
        load_trusted_module(tmp_path / "d.pth")
    with pytest.raises(CheckpointError, match="found none"):
        load_trusted_module(tmp_path / "missing.pth")
    (tmp_path / "t.pth").write_bytes((tmp_path / "m.pth").read_bytes()[:-300])
    with pytest.raises(CheckpointError, match="loading it failed"):
        load_trusted_module(tmp_path / "t.pth")


def changed(key: str, value: torch.Tensor | None) -> dict[str, torch.Tensor]:
    weights = dict(ours().state_dict)
    if value is None:
        del weights[key]
    else:
        weights[key] = value
    return weights


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        (changed("head.1.bias", None), r"1 missing \(head.1.bias\)"),
        (changed("extra", torch.ones(1)), r"1 unknown \(extra\)"),
        (changed("head.1.bias", torch.ones(100)), r"head.1.bias: expected \[10\], got \[100\]; another .* classes"),
        (changed("head.1.bias", torch.full((10,), float("inf"))), "expected finite weights, found infinity"),
        (changed("head.1.bias", torch.ones(10) * 1j), "head.1.bias: expected real numbers, got torch.complex64"),
    ],
)
def test_weights_that_do_not_fit(weights: dict[str, torch.Tensor], message: str) -> None:
    with pytest.raises(CheckpointError, match=message):
        load_weights(build_network("spiking-conv-net", 4, CONFIG), ours(state_dict=weights, name="x.pt"))


def test_incomplete_checkpoint_is_not_saved(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="one is missing"):
        save_checkpoint(tmp_path / "a.pt", ours(arch=None))
    assert not list(tmp_path.iterdir())


ENTRY = """[[checkpoint]]
file = "a.pt"
sha256 = "{sha256}"
suite = "digits"
suite_version = 1
arch = "spiking-conv-net"
time_steps = 4
parameter_count = 1
seed = 0
command = "snn-eval train digits"
training_time_s = 1.0
expected = {{ accuracy = 0.5 }}
"""


def test_manifest(tmp_path: Path) -> None:
    digest = save_checkpoint(tmp_path / "a.pt", ours())
    (tmp_path / "MANIFEST.toml").write_text(ENTRY.format(sha256=digest))
    path, entry = shipped_checkpoint("a.pt", tmp_path)
    assert (path, entry.expected) == (tmp_path / "a.pt", {"accuracy": 0.5})
    with pytest.raises(CheckpointError, match=r"'b.pt': expected one of a.pt"):
        shipped_checkpoint("b.pt", tmp_path)
    save_checkpoint(tmp_path / "a.pt", ours(time_steps=5))
    with pytest.raises(CheckpointError, match="restore the file"):
        shipped_checkpoint("a.pt", tmp_path)
    (tmp_path / "MANIFEST.toml").write_text(ENTRY.format(sha256=digest) + "surprise = 1\n")
    with pytest.raises(CheckpointError, match="expected a valid manifest"):
        load_manifest(tmp_path)

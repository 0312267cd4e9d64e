"""``snn-eval describe`` says what is in a file, never runs any of it, and gives a command that works."""

from __future__ import annotations

import pickle
import shlex
from pathlib import Path

import pytest
import torch
from cli.conftest import Command
from torch import nn

from snn_eval.data.shipped import shipped_folder
from snn_eval.models.checkpoint import load_checkpoint, load_weights
from snn_eval.models.inspect import inspect_file
from snn_eval.models.networks import build_network
from snn_eval.models.pickled import imported_names

SHARED = Path(__file__).resolve().parents[3] / "shared" / "checkpoints_external"
EXTERNAL = sorted(path for path in SHARED.rglob("*") if path.is_file()) if SHARED.is_dir() else []

CONFIG = {"channels": [24, 48], "strides": [1, 2]}


class Hostile:
    """Would write a file if it were ever unpickled."""

    def __reduce__(self) -> tuple[object, ...]:
        return Path.write_text, (Path("harmed"), "harmed")


class Shell:
    """Would start a program."""

    def __reduce__(self) -> tuple[object, ...]:
        import os

        return os.system, ("touch harmed",)


def test_a_shipped_checkpoint_says_all_of_itself(snn_eval: Command) -> None:
    path = shipped_folder("checkpoints") / "digits-spiking-conv-net.pt"
    answer = snn_eval("describe", str(path))
    assert (answer.code, answer.err) == (0, "")
    assert "18,564 in 14 tensors" in answer.out
    assert "accuracy 98.89 %" in answer.out
    assert "suite digits v1" in answer.out
    assert answer.out.splitlines()[-1] == f"  snn-eval run --models digits {path}"


def test_the_command_given_works(snn_eval: Command, small: Path) -> None:
    answer = snn_eval("describe", str(small))
    words = shlex.split(answer.out.splitlines()[-1])
    assert words == ["snn-eval", "run", "--models", "digits", str(small), "--time-steps", "2"]
    assert snn_eval(*words[1:], "--dry-run").code == 0


@pytest.mark.parametrize("under", ["", "net", "model_state_dict"])
@pytest.mark.parametrize("prefix", ["", "module.", "model.", "_orig_mod."])
def test_weights_of_a_suites_network_are_recognised(under: str, prefix: str, snn_eval: Command, tmp_path: Path) -> None:
    weights = torch.load(shipped_folder("checkpoints") / "digits-spiking-conv-net.pt", weights_only=True)["state_dict"]
    named = {prefix + name: tensor for name, tensor in weights.items()}
    torch.save({under: named, "epoch": 3} if under else named, tmp_path / "bare.pth")
    answer = snn_eval("describe", "bare.pth")
    assert "fits" in answer.out
    words = shlex.split(answer.out.splitlines()[-1])
    assert words == ["snn-eval", "run", "--models", "digits", "bare.pth"]
    assert ("epoch" in answer.out) == bool(under)
    load_weights(build_network("spiking-conv-net", 8, CONFIG), load_checkpoint(tmp_path / "bare.pth"))  # as run does


def test_sizes_tell_which_data_a_network_takes(snn_eval: Command, tmp_path: Path) -> None:
    torch.save(nn.Sequential(nn.Flatten(), nn.Linear(64, 20), nn.Linear(20, 10)).state_dict(), tmp_path / "other.pth")
    answer = snn_eval("describe", "other.pth")
    assert "could take  digits" in answer.out
    assert "snn-eval run --models digits other.pth --arch net.py:make_network" in answer.out


def test_long_lists_are_shortened_unless_asked(snn_eval: Command, tmp_path: Path) -> None:
    torch.save({f"layer.{i}": torch.zeros(2, i + 1) for i in range(60)}, tmp_path / "long.pth")
    short, whole = snn_eval("describe", "long.pth").out, snn_eval("describe", "long.pth", "--tensors").out
    assert "… 36 more" in short
    assert sum("  2×" in line for line in short.splitlines()) == 24
    assert sum("  2×" in line for line in whole.splitlines()) == 60


def test_damaged_numbers_are_named(snn_eval: Command, tmp_path: Path) -> None:
    tensors = {"a": torch.tensor([1.0, torch.nan]), "b": torch.tensor(torch.inf), "c": torch.zeros(2) + 1j}
    torch.save(tensors, tmp_path / "odd.pth")
    out = snn_eval("describe", "odd.pth").out
    assert [f"{name} holds {what}" in out for name, what in zip("abc", ("NaN", "infinity", "complex"), strict=True)]
    assert out.count(" holds ") == 3


@pytest.mark.parametrize("old", [False, True], ids=["zip", "before 1.6"])
def test_nothing_of_a_hostile_file_runs(old: bool, snn_eval: Command, tmp_path: Path) -> None:
    torch.save({"state_dict": {"w": Shell()}}, tmp_path / "evil.pth", _use_new_zipfile_serialization=not old)
    answer = snn_eval("describe", "evil.pth")
    assert answer.code == 0
    assert "posix.system" in answer.out or "nt.system" in answer.out
    assert "do not load it" in answer.out
    assert "--trust" not in answer.out
    assert not (tmp_path / "harmed").exists()


def test_names_are_found_however_they_are_pickled(tmp_path: Path) -> None:
    for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
        path = tmp_path / f"{protocol}.pkl"
        path.write_bytes(pickle.dumps([Hostile(), nn.Linear(1, 1), Hostile()], protocol=protocol))
        names = imported_names(path)
        assert "torch.nn.modules.linear.Linear" in names, protocol
        assert any("write_text" in name or "getattr" in name for name in names), protocol
    assert not (tmp_path / "harmed").exists()


def test_a_pickled_module_is_named_and_not_run(snn_eval: Command, tmp_path: Path) -> None:
    torch.save(nn.Linear(3, 2), tmp_path / "whole.pkl")
    out = snn_eval("describe", "whole.pkl").out
    assert "torch.nn.modules.linear.Linear" in out
    assert "torch.save(module.state_dict(), 'weights.pth')" in out
    assert "run --models SUITE whole.pkl --trust" in out


@pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::DeprecationWarning")
def test_formats_without_a_state_dict_are_named(snn_eval: Command, tmp_path: Path) -> None:
    torch.jit.save(torch.jit.script(nn.Linear(2, 3)), tmp_path / "script.pt")  # type: ignore[no-untyped-call]
    torch.save([1, 2], tmp_path / "list.pth")
    assert "TorchScript" in snn_eval("describe", "script.pt").out
    assert "holds   list of 2" in snn_eval("describe", "list.pth").out
    for name in ("script.pt", "list.pth"):
        assert "It cannot be measured" in snn_eval("describe", name).out


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", "expected a PyTorch checkpoint, got an empty file"),
        (b"hello, this is text", "expected a PyTorch checkpoint, got an unreadable file"),
        (b"PK\x03\x04 cut short", "got a truncated or damaged file"),
        (b"\x80\x02}q\x00", "got a truncated or damaged file"),
        (b"\x89HDF\r\n\x1a\n then nothing", "expected a whole HDF5 file, got a damaged one"),
    ],
)
def test_what_is_no_checkpoint_is_one_line(content: bytes, told: str, snn_eval: Command, tmp_path: Path) -> None:
    (tmp_path / "file.pth").write_bytes(content)
    answer = snn_eval("describe", "file.pth")
    assert (answer.code, answer.out) == (2, "")
    assert answer.err.count("\n") == 1
    assert told in answer.err


@pytest.mark.skipif(not EXTERNAL, reason=f"the external checkpoints are not in {SHARED}")
@pytest.mark.parametrize("path", EXTERNAL, ids=lambda p: p.name)
def test_files_of_other_projects(path: Path) -> None:
    content = inspect_file(path)
    if path.name == "max_acc.pkl":
        assert content.format == "pickled objects"
        assert content.imports[0] == "models.DVSEventNet.DVSEventNet"
    elif path.suffix == ".nir":
        assert content.format == "NIR"
        assert next(iter(content.nodes.values())) == "Input"
        assert set(content.nodes.values()) >= {"Input", "Output"}
    elif path.suffix == ".net":
        assert content.format == "HDF5"
    else:
        assert content.format == "state dict"
    assert content.tensors or content.imports


@pytest.mark.skipif(not EXTERNAL, reason=f"the external checkpoints are not in {SHARED}")
def test_a_file_of_another_project_in_full(snn_eval: Command) -> None:
    path = SHARED / "USTC-SSE-practice__SNN_FPGA" / "logs" / "T100_b64_adam_lr0.001" / "checkpoint_max.pth"
    out = snn_eval("describe", str(path)).out
    assert "state dict under the key 'net'" in out
    assert "max_test_acc  0.9111" in out
    assert "7,840 in 1 tensor, float32" in out
    assert "10×784" in out

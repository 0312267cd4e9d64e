"""Programs of torch.export: nothing of a file runs, what cannot be run is refused by name, comparisons are told."""

from __future__ import annotations

import json
import pickle
import warnings
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from snn_eval.errors import CheckpointError
from snn_eval.models.exported.building import exported_network, exported_spikes, missing
from snn_eval.models.exported.operations import operation
from snn_eval.models.inspect import inspect_file


class ByHand(nn.Module):
    """A spiking layer whose neurons are a comparison in forward."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = nn.Linear(4, 6), nn.Linear(6, 3)

    def forward(self, x: Tensor) -> Tensor:
        membrane, total = torch.zeros(x.shape[0], 6), torch.zeros(x.shape[0], 3)
        for _ in range(3):
            membrane = membrane / 2 + self.first(x)
            spikes = (membrane >= 0.25).float()
            membrane = membrane - spikes / 4
            total = total + self.second(spikes)
        return total


def save(network: nn.Module, path: Path, *shapes: tuple[int, ...], **kwargs: Any) -> Path:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        given = tuple(torch.rand(shape) for shape in shapes)
        torch.export.save(torch.export.export(network.eval(), given, **kwargs), path)
    return path


def rewritten(path: Path, change: Callable[[str, bytes], bytes]) -> Path:
    """The archive with its members changed."""
    other = path.with_name("changed.pt2")
    with zipfile.ZipFile(path) as given, zipfile.ZipFile(other, "w") as made:
        for name in given.namelist():
            made.writestr(name, change(name, given.read(name)))
    return other


class Bomb:
    """A pickle that leaves a file where it is read."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> Any:
        return (Path.touch, (self.mark,))


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save(nn.Linear(4, 3), tmp_path_factory.mktemp("plain") / "p.pt2", (2, 4))


def test_a_pickle_in_the_file_is_refused_and_not_run(tmp_path: Path, plain: Path) -> None:
    mark = tmp_path / "ran"

    def change(name: str, content: bytes) -> bytes:
        if name.endswith("model_weights_config.json"):
            config = json.loads(content)
            config["config"]["weight"]["use_pickle"] = True
            return json.dumps(config).encode()
        return pickle.dumps(Bomb(mark)) if name.endswith("weight_0") else content

    bad = rewritten(plain, change)
    with pytest.raises(CheckpointError, match="weight: expected a plain tensor, got a pickled object, which would run"):
        exported_network(bad)
    assert not mark.exists()
    with zipfile.ZipFile(bad) as archive:
        pickle.loads(next(archive.read(name) for name in archive.namelist() if name.endswith("weight_0")))
    assert mark.exists()  # it would have run


@pytest.mark.parametrize("harmful", [False, True])
def test_weights_as_torch_2_8_wrote_them(tmp_path: Path, plain: Path, harmful: bool) -> None:
    mark = tmp_path / "ran"
    weights = {"weight": torch.arange(12.0).reshape(3, 4), "bias": torch.ones(3)}
    torch.save(Bomb(mark) if harmful else weights, tmp_path / "w.pt")
    older = tmp_path / "older.pt2"
    with zipfile.ZipFile(plain) as given, zipfile.ZipFile(older, "w") as made:
        for name in given.namelist():
            if "/data/weights/" not in name:
                made.writestr(name, given.read(name))
        made.write(tmp_path / "w.pt", "p/data/weights/model.pt")
    if harmful:
        with pytest.raises(CheckpointError, match="expected plain tensors, got pickled objects that would run code"):
            exported_network(older)
        assert not mark.exists()
    else:
        assert exported_network(older)(torch.ones(5, 4))[0].tolist() == [7, 23, 39]


def test_pickled_sample_inputs_and_texts_of_sizes_are_never_read(tmp_path: Path, plain: Path) -> None:
    mark = tmp_path / "ran"
    evil = f"__import__('pathlib').Path({str(mark)!r}).touch()"

    def change(name: str, content: bytes) -> bytes:
        if "sample_inputs" in name:
            return pickle.dumps(Bomb(mark))
        if "/models/" in name:
            program = json.loads(content)
            program["guards_code"] = [evil]
            size = {"as_expr": {"expr_str": evil, "hint": {"as_int": 2}}}
            for meta in program["graph_module"]["graph"]["tensor_values"].values():
                meta["sizes"] = [size if part == {"as_int": 2} else part for part in meta["sizes"]]
            return json.dumps(program).encode()
        return content

    network = exported_network(rewritten(plain, change))
    assert network(torch.zeros(5, 4)).shape == (5, 3)
    assert not mark.exists()


@pytest.mark.parametrize(
    "target",
    [
        "torch.ops.aten.from_file.default",
        "torch.ops.aten.save.default",
        "torch.ops.profiler._record_function_enter.default",
        "torch.ops.aten._cudnn_init_dropout_state.default",
        "torch.hub.load",
        "os.system",
        "torch.ops.higher_order.cond",
    ],
)
def test_operations_beyond_tensors_are_refused_by_name(tmp_path: Path, plain: Path, target: str) -> None:
    with pytest.raises(CheckpointError, match=f"got {target}, which cannot be run"):
        operation(target)

    def change(name: str, content: bytes) -> bytes:
        return content.replace(b"torch.ops.aten.linear.default", target.encode())

    with pytest.raises(CheckpointError, match=f"got {target}, which cannot be run"):
        exported_network(rewritten(plain, change))


def test_an_operation_runs_as_the_function_the_probe_knows() -> None:
    assert operation("torch.ops.aten.conv2d.default").__name__ == "conv2d"
    assert operation("torch.ops.aten.linear.default") is torch.nn.functional.linear
    assert operation("torch.ops.aten.view.default").__name__ == "view"


@pytest.mark.parametrize(
    ("cut", "told"),
    [
        (("/models/", b"{"), "expected a program of torch.export, got a damaged file"),
        (("/models/", b'{"schema_version": {"major": 9}}'), "expected schema version 8 of torch.export, got 9"),
        (("weight_0", b"1234"), "expected 12 values in the file, found 1; it is damaged"),
    ],
)
def test_damaged_files(plain: Path, cut: tuple[str, bytes], told: str) -> None:
    bad = rewritten(plain, lambda name, content: cut[1] if cut[0] in name else content)
    with pytest.raises(CheckpointError, match=told):
        exported_network(bad)


def test_comparisons_in_forward_are_told_and_any_batch_runs(tmp_path: Path) -> None:
    torch.manual_seed(0)
    network = ByHand()
    path = save(network, tmp_path / "h.pt2", (1, 4))
    program = exported_network(path)
    x = torch.rand(5, 4)
    assert torch.allclose(program(x), network(x))
    assert missing(program).startswith("the program holds no neurons any more, but 3 comparisons")
    assert not exported_spikes(path).neurons


class Flips(nn.Module):
    """The first sample is added to all, which another batch size shows."""

    def forward(self, x: Tensor) -> Tensor:
        return x + x.reshape(-1)[: 2 * 4].reshape(2, 4).flip(0)


def test_a_program_for_one_batch_size_only_says_how_to_export_it(tmp_path: Path) -> None:
    told = "got one exported for 2 only; export it with a batch that may change: torch.export.export"
    with pytest.raises(CheckpointError, match=told):
        exported_network(save(Flips(), tmp_path / "f.pt2", (2, 4)))


class Two(nn.Module):
    """Takes its state from outside."""

    def forward(self, x: Tensor, state: Tensor) -> Tensor:
        return x + state


class Counter(nn.Module):
    """Keeps a buffer from call to call."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("calls", torch.zeros(1))

    def forward(self, x: Tensor) -> Tensor:
        self.calls.add_(1)
        return x + self.calls


@pytest.mark.parametrize(
    ("network", "shapes", "told"),
    [
        (Two(), ((2, 4), (2, 4)), "expected a network of one input, a tensor, got 2 inputs"),
        (Counter(), ((2, 4),), "it changes its calls as it runs"),
    ],
)
def test_states_from_outside_are_refused(tmp_path: Path, network: nn.Module, shapes: Any, told: str) -> None:
    with pytest.raises(CheckpointError, match=told):
        exported_network(save(network, tmp_path / "s.pt2", *shapes))


def test_what_it_holds_is_told_without_running_it(plain: Path) -> None:
    content = inspect_file(plain)
    assert content.format == "torch.export"
    assert content.beside == {"input": "2×4", "output": "2×3"}
    assert content.shapes == {"weight": (3, 4), "bias": (3,)}

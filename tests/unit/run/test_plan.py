"""A request becomes the right cells, and a cell's id follows all that decides its numbers and nothing else."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from snn_eval.errors import CheckpointError, InputError, SuiteError
from snn_eval.run.plan import Request, cell_id, described, plan
from snn_eval.suite import load_suite, with_values


@pytest.fixture
def checkpoint(tmp_path: Path) -> Path:
    path = tmp_path / "mine.pth"
    path.write_bytes(b"weights")
    return path


def test_named_models_in_order_and_each_once(tmp_path: Path, checkpoint: Path) -> None:
    other = tmp_path / "other.pth"
    other.write_bytes(b"other weights")
    same = tmp_path / "same.pth"
    same.write_bytes(b"weights")
    cells = plan(Request(models=(("digits", other), ("digits", checkpoint), ("digits", same))))
    assert [cell.checkpoint for cell in cells] == [other, checkpoint]


def test_flags_replace_the_suites_values(checkpoint: Path) -> None:
    request = Request(
        models=(("digits", checkpoint),), time_steps=3, batch_size=7, limit=20, seed=5, conventions=("exact",)
    )
    (cell,) = plan(request)
    assert (cell.suite.input.time_steps, cell.suite.input.seed, cell.suite.evaluate.batch_size) == (3, 5, 7)
    assert cell.suite.evaluate.conventions == ["exact"]
    assert cell.suite.evaluate.energy == load_suite("digits").evaluate.energy
    assert (cell.samples, cell.available) == (20, 359)
    assert described([cell]) == [
        f"digits v1: {checkpoint} (T = 3, 20 of 359 samples in chunks of 7), cell {cell.id}",
    ]


def test_nothing_named_is_the_suite_that_comes_with_it() -> None:
    (cell,) = plan(Request())
    assert (cell.suite.name, cell.checkpoint.name) == ("digits", "digits-spiking-conv-net.pt")
    assert (cell.model, cell.title) == ("spiking-conv-net", "digits spiking-conv-net")
    assert [c.id for c in plan(Request(suites=("digits",), every=True))] == [cell.id]


def test_models_and_time_steps_of_one_suite_share_its_data(checkpoint: Path) -> None:
    cells = plan(Request(models=(("digits", checkpoint),), suites=("digits",), sweep=(1, 2)))
    assert len(cells) == 4
    assert len({id(cell.data) for cell in cells}) == 1


def test_all_needs_data_and_checkpoint(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("snn_eval.run.plan.is_here", lambda *_: False)
    with pytest.raises(InputError, match="--all: expected a suite whose data and checkpoint are here"):
        plan(Request(every=True))


def test_a_limit_above_the_set_is_the_set(checkpoint: Path) -> None:
    (cell,) = plan(Request(models=(("digits", checkpoint),), limit=10**6))
    assert cell.samples == cell.available


@pytest.mark.parametrize(
    ("request_", "error", "words"),
    [
        (Request(models=(("mnits", Path("x")),)), SuiteError, "unknown suite 'mnits'"),
        (
            Request(models=(("digits", Path("no.pth")),)),
            CheckpointError,
            "no.pth: expected a checkpoint file, found none",
        ),
        (Request(models=(("digits", Path()),)), CheckpointError, "found a folder"),
        (Request(suites=("digits",), time_steps=0), SuiteError, "input.time_steps"),
        (Request(suites=("digits",), batch_size=-1), SuiteError, "evaluate.batch_size"),
    ],
)
def test_mistakes_are_named(request_: Request, error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        plan(request_)


def test_a_suite_without_a_checkpoint_asks_for_one(tmp_path: Path) -> None:
    text = '[suite]\nname = "bare"\nversion = 1\n[data]\nname = "digits"\n[input]\nkind = "real"\ntime_steps = 2\n'
    (tmp_path / "bare.toml").write_text(text)
    with pytest.raises(CheckpointError, match="--models bare CHECKPOINT"):
        plan(Request(suites=(str(tmp_path / "bare.toml"),)))


BASE: dict[str, Any] = {"arch": None, "checkpoint_sha256": "a", "data_fingerprint": "b", "strict": False}


def of(values: dict[str, Any] | None = None, **changes: Any) -> str:
    return cell_id(with_values(load_suite("digits"), values or {}), **(BASE | changes))


@pytest.mark.parametrize(
    "values",
    [{"input.time_steps": 9}, {"evaluate.batch_size": 1}, {"suite.version": 2}, {"evaluate.energy": []}],
)
def test_id_follows_values(values: dict[str, Any]) -> None:
    assert of(values) != of()


@pytest.mark.parametrize(
    "changes", [{"arch": "x"}, {"checkpoint_sha256": "x"}, {"data_fingerprint": "x"}, {"strict": True}]
)
def test_id_follows_what_is_measured(changes: dict[str, Any]) -> None:
    assert of(**changes) != of()


@pytest.mark.parametrize("values", [{"train.epochs": 3}, {"suite.description": "words"}, {"axes": {}}])
def test_id_ignores_what_changes_no_number(values: dict[str, Any]) -> None:
    assert of(values) == of()


def test_id_follows_the_content_of_a_users_architecture(tmp_path: Path) -> None:
    file = tmp_path / "net.py"
    file.write_text("one")
    first = of(arch=f"{file}:make")
    file.write_text("two")
    assert of(arch=f"{file}:make") != first


def test_id_follows_the_content_of_a_users_energy_table(tmp_path: Path) -> None:
    table = tmp_path / "chip.toml"
    table.write_text("one")
    first = of({"evaluate.energy": [str(table)]})
    table.write_text("two")
    assert of({"evaluate.energy": [str(table)]}) != first


def test_id_follows_the_files_an_architecture_imports(tmp_path: Path) -> None:
    (tmp_path / "net.py").write_text("import blocks\n")
    (tmp_path / "blocks.py").write_text("one = 1\n")
    first = of(arch=f"{tmp_path / 'net.py'}:make")
    (tmp_path / "blocks.py").write_text("one = 2\n")
    assert of(arch=f"{tmp_path / 'net.py'}:make") != first


def test_an_energy_table_is_known_by_its_content_wherever_it_lies(tmp_path: Path) -> None:
    one, other = tmp_path / "one.toml", tmp_path / "other.toml"
    one.write_text("same")
    other.write_text("same")
    assert of({"evaluate.energy": [str(one)]}) == of({"evaluate.energy": [str(other)]})

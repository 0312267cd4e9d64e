"""``snn-eval ablate``: cells in processes of their own, failures that stop nobody else, and what is said of it all."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from helpers.ablations import ROWS, comparable, one_thread, plan_of, suite_of
from rich.console import Console
from rich.progress import Progress

from snn_eval.cell import read_cell
from snn_eval.cli.ablation import AblationBar, AblationLines, _Counted, _rich_progress
from snn_eval.cli.forecast import Forecast
from snn_eval.run.ablate import AblationRequest, planned
from snn_eval.run.ablate.make import make
from snn_eval.run.ablate.state import failed
from snn_eval.suite import with_values

FAILING = """
[ablate]
values = [1]
[[ablation]]
name = "B0"
[[ablation]]
name = "Dies"
set = { "model.factory" = "dies.py:make" }
[[ablation]]
name = "Wrong"
set = { "model.config.channels" = [4, 8, 16] }
"""
DIES = "import os\n\n\ndef make(**values):\n    os._exit(9)\n"
HEALED = """
from snn_eval.models.networks import build_network


def make(time_steps):
    values = {"channels": [4, 8], "strides": [1, 2], "neuron": {"name": "if"}}
    return build_network("spiking-conv-net", time_steps, {"in_channels": 1, "image_size": 8, "classes": 10, **values})
"""
WORDS = ("ablate", "tiny.toml", "--set", "train.epochs=1", "--output", "out", "--jobs", "2")


@pytest.mark.slow
def test_processes_make_what_is_made_here_and_failures_stop_nobody(
    snn_eval: Callable[..., Any], tmp_path: Path
) -> None:
    suite = with_values(suite_of(tmp_path, FAILING), {"train.epochs": 1})
    Path("dies.py").write_text(DIES)
    answer = snn_eval(*WORDS, "--no-tables")
    assert (answer.code, answer.out) == (3, "out\n")
    assert answer.err.startswith("snn-eval: tiny: 3 cells of 3 rows; 3 trainings, 2 at a time\n")
    assert "Dies, seed 1: failed: its process ended with 9" in answer.err
    assert len(list(Path("out/trained").glob("*/best.pt"))) == 1
    records = {path.parent.parent.name: read_cell(path) for path in Path("out/cells").rglob("cell.json")}
    found = {name: record.status for name, record in records.items()}
    assert found == {"b0": "done", "dies": "failed", "wrong": "failed"}
    assert "channels" in str(records["wrong"].error)
    with one_thread():
        (cell,) = plan_of(suite, tmp_path / "here", rows=("B0",))  # alone, in this process
        assert comparable(make(cell, lambda _: None)) == comparable(records["b0"])
    made = Path("out/cells/b0/1/cell.json").stat().st_mtime_ns
    Path("dies.py").write_text(HEALED)
    answer = snn_eval(*WORDS, "--rows", "dies, b0", "--quiet")
    assert (answer.code, answer.err, answer.last) == (0, "", Path("out/table.md"))
    assert Path("out/cells/b0/1/cell.json").stat().st_mtime_ns == made
    healed, base = (read_cell(Path(f"out/cells/{name}/1/cell.json")) for name in ("dies", "b0"))
    assert healed.truncated == base.truncated  # the same network, built by somebody else
    assert "| Dies" in answer.last.read_text(encoding="utf-8")


@pytest.mark.slow
def test_a_dry_run_lists_and_estimates_and_writes_nothing(snn_eval: Callable[..., Any], tmp_path: Path) -> None:
    suite_of(tmp_path)
    before = sorted(tmp_path.rglob("*"))
    answer = snn_eval("ablate", "tiny.toml", "--dry-run", "--rows", "B0 + early exit", "--jobs", "2")
    assert answer.code == 0, answer.err
    *lines, told = answer.out.splitlines()
    assert lines[0].startswith("B0 + early exit, seed 0: components exit; T = 3, 2 epochs, training ")
    assert [line.rpartition(": ")[2] for line in lines] == ["new", "new"]
    assert told.startswith("2 cells, 2 trainings: about ")
    assert "at 2 a time (1 by 4 batches; measuring " in told
    assert answer.err.startswith("snn-eval: estimating the time; ")  # trials are slow, and silence looks like a hang
    assert sorted(tmp_path.rglob("*")) == before


def test_wrong_words_are_one_line(snn_eval: Callable[..., Any], tmp_path: Path) -> None:
    suite_of(tmp_path)
    for words, message in (
        (("tiny.toml", "--rows", "Lek"), "did you mean 'Leak'?"),
        (("tiny.toml", "--seeds", "0,x"), "expected whole numbers such as 0,1,2, got '0,x'"),
        (("mnist",), "expected rows to compare ([[ablation]] in its file), found none; snn-eval-mnist has some"),
        (("tiny.toml", "--set", "train.epoch=1"), "did you mean 'epochs'?"),
    ):
        answer = snn_eval("ablate", *words)
        assert answer.code == 2
        assert message in answer.err
        assert answer.err.count("\n") == 1


def test_lines_tell_each_cell_and_what_is_left(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    plan = planned(suite_of(tmp_path, ROWS), tmp_path, AblationRequest(values=(0,)))
    now = [0.0]
    forecast = Forecast(plan.cells, 2, clock=lambda: now[0])
    lines = AblationLines(_Counted(3, 3, forecast), clock=lambda: now[0])
    base, early, leak = plan.cells
    lines.told(base, {})
    lines.told(base, {"stage": "training", "epoch": 0, "epochs": 2})
    assert capsys.readouterr().err == ""
    now[0] = 60.0
    lines.told(base, {"stage": "training", "epoch": 1, "epochs": 2, "seconds": 60.0})
    # 1 epoch of the first training and 2 of the other, 60 s each, by two processes
    assert capsys.readouterr().err == "snn-eval: B0, seed 0: epoch 1/2; about 90 s left\n"
    now[0] = 120.0
    lines.told(base, {"stage": "training", "epoch": 2, "epochs": 2, "seconds": 60.0})
    lines.told(base, {"trained": True})
    now[0] = 130.0
    lines.ended(base, failed(base, "why"))
    # 2 epochs of 60 s, 10 s after each of 2 trainings
    assert capsys.readouterr().err.endswith("[1/3] B0, seed 0: failed: why; about 70 s left\n")
    for cell in (early, leak):
        lines.ended(cell, failed(cell, "why"))
    assert capsys.readouterr().err.endswith("[3/3] Leak, seed 0: failed: why\n")


def test_a_terminal_has_one_live_line(tmp_path: Path) -> None:
    plan = planned(suite_of(tmp_path, ROWS), tmp_path, AblationRequest(values=(0,)))
    written = io.StringIO()
    progress = Progress(*_rich_progress().columns, console=Console(file=written, width=120))
    bar = AblationBar(_Counted(4, 3, Forecast(plan.cells, 1, clock=lambda: 0.0)), progress)
    base = plan.cells[0]
    bar.told(base, {"stage": "training", "epoch": 1, "epochs": 2, "seconds": 30.0})
    (task,) = progress.tasks
    assert (task.completed, task.total) == (1, 4)  # one was stored before
    assert task.fields == {"stage": "B0, seed 0: epoch 1/2", "left": "about 90 s left"}  # 1 epoch here, 2 of the other
    bar.ended(base, failed(base, "why"))
    assert (task.completed, task.fields["stage"], task.fields["left"]) == (2, "", "about 60 s left")
    assert "[2/4] B0, seed 0: failed: why" in written.getvalue()

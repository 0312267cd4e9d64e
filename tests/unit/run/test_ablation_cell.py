"""One cell of an ablation: what its record says, what is shared, and that a killed one ends as if it had not been."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from helpers.ablations import comparable, one_thread, plan_of, suite_of

from snn_eval.cell import CellRecord, read_cell, unpacked
from snn_eval.record import read_record
from snn_eval.run.ablate import AblationCell, state_of
from snn_eval.run.ablate.make import make, training_facts
from snn_eval.run.ablate.spec import to_line
from snn_eval.store import list_runs
from snn_eval.suite import with_values
from snn_eval.train import Epoch


@pytest.fixture(autouse=True)
def _with_one_thread() -> Iterator[None]:
    with one_thread():
        yield


def nobody(event: dict[str, Any]) -> None:
    pass


def test_epochs_until_the_last_accuracy_and_the_target() -> None:
    def facts(target: float | None, *accuracy: float) -> Any:
        return training_facts([Epoch(i, 0.1, 1.0, 1.0, a, 0.1, 2.0, 1.5) for i, a in enumerate(accuracy, 1)], target)

    found = facts(0.9, 0.5, 0.8, 0.97, 0.95, 0.96)
    assert (found.epochs, found.best_epoch, found.epochs_to_99, found.epochs_to_target) == (5, 3, 3, 3)
    assert (found.wall_s, found.cpu_s, found.validation_accuracy[1]) == (10.0, 7.5, 0.8)
    found = facts(0.99, 0.5, 0.8)  # 0.99 · 0.8 = 0.792
    assert (found.epochs_to_99, found.epochs_to_target, found.target) == (2, None, 0.99)
    assert facts(None, 0.5).epochs_to_target is None


@pytest.mark.slow
def test_rows_share_a_training_and_differ_in_their_exit(tmp_path: Path) -> None:
    suite = suite_of(tmp_path)
    base, _, early, *_ = plan_of(suite, tmp_path / "out")
    assert [state_of(cell) for cell in (base, early)] == ["new", "new"]
    without = make(base, nobody)
    kept = (base.training / "state.pt").stat().st_mtime_ns
    assert [state_of(cell) for cell in (base, early)] == ["stored", "unfinished"]
    told: list[dict[str, Any]] = []
    withal = make(early, told.append)
    assert (base.training / "state.pt").stat().st_mtime_ns == kept  # nothing was trained again
    assert [event for event in told if event.get("stage") == "training"] == [
        {"stage": "training", "epoch": 2, "epochs": 2}
    ]
    assert read_cell(early.folder / "cell.json") == withal
    assert (without.uses_exit, withal.uses_exit) == (False, True)
    assert without.checkpoint_sha256 == withal.checkpoint_sha256
    assert without.exit == withal.exit  # the control's curve is there, too
    assert withal.components == ["exit"]
    _says_what_its_run_says(base, without)


def _says_what_its_run_says(cell: AblationCell, record: CellRecord) -> None:
    (run,) = list_runs(cell.folder / "run")
    measured = {m.metric: m.value for m in read_record(run.record).measurements if m.scope == "network"}
    last = record.truncated[-1]
    assert (record.samples, record.time_steps, len(record.truncated)) == (49, 3, 3)
    assert last.accuracy == measured["accuracy"] == unpacked(last.correct, 49).mean()
    assert last.spikes == pytest.approx(measured["spike_count"], rel=1e-12)
    scopes = {m.scope for m in record.measurements if not m.scope.startswith("component:")}
    assert scopes == {"network", "step:1", "step:2", "step:3"}
    model = ("energy_total", "exact", "horowitz-45nm-fp32")
    energies = {m.scope: m.value for m in record.measurements if (m.metric, m.convention, m.energy_model) == model}
    whole = energies.pop("network")
    assert len(energies) > 1
    assert sum(energies.values()) == pytest.approx(whole, rel=1e-12)
    assert record.learned == {}  # neurons of fixed values
    assert record.conditions["values"] == cell.values


@pytest.mark.slow
def test_killed_in_training_and_in_measuring_it_ends_as_if_it_had_not_been(tmp_path: Path) -> None:
    suite = with_values(suite_of(tmp_path), {"correct.mode": "prefix", "correct.batches": 1})
    (whole,) = plan_of(suite, tmp_path / "whole", rows=("B0 + early exit",), values=(1,))
    (killed,) = plan_of(suite, tmp_path / "killed", rows=("B0 + early exit",), values=(1,))
    _killed_at(killed, lambda event: event.get("epoch") == 1)
    assert not (killed.folder / "run").exists()
    _killed_at(killed, lambda event: event.get("stage") == "measuring: recording")
    assert state_of(killed) == "unfinished"
    assert comparable(make(killed, nobody)) == comparable(make(whole, nobody))


def _killed_at(cell: AblationCell, moment: Callable[[dict[str, Any]], bool]) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "snn_eval.run.ablate.worker"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
    )
    with process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(to_line(cell))
        process.stdin.flush()
        assert any(moment(json.loads(line)) for line in process.stdout)
        process.send_signal(signal.SIGKILL)
        process.wait()


@pytest.mark.slow
def test_a_process_ends_with_whoever_started_it(tmp_path: Path) -> None:
    (cell,) = plan_of(suite_of(tmp_path), tmp_path / "out", rows=("B0",), values=(0,))
    process = subprocess.Popen(
        [sys.executable, "-m", "snn_eval.run.ablate.worker"], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL
    )
    assert process.stdin is not None
    process.stdin.write(to_line(cell))
    process.stdin.close()  # what the end of its starter does, however it ended
    assert process.wait(timeout=60) == 1
    assert state_of(cell) != "stored"

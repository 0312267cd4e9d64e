"""``--sweep-time-steps``: one run, and one row, for each T; each the same as a run with that T alone."""

from __future__ import annotations

from pathlib import Path

import pytest
from cli.conftest import Command

from snn_eval.record import read_record
from snn_eval.report.figures import Drawn


@pytest.fixture(autouse=True)
def _no_figures(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("snn_eval.run.files.draw", lambda trace, record: Drawn())


def test_a_row_for_each_time_step(snn_eval: Command, small: Path) -> None:
    words = ("run", "--models", "digits", str(small), "--limit", "40")
    swept = snn_eval(*words, "--sweep-time-steps", "1-2,4")
    assert swept.code == 0
    folders = [Path(line.strip()) for line in swept.out.splitlines() if line.startswith("  reports")]
    records = [read_record(folder / "record.json") for folder in folders]
    assert [record.identity.time_steps for record in records] == [1, 2, 4]
    assert "digits small · T = 4 · limited: first 40 samples" in swept.out
    assert swept.last == Path("reports/runs")
    alone = snn_eval(*words, "--time-steps", "2")
    assert "was measured before" in alone.err
    assert alone.last == folders[1]
    # independent of the sweep: the readout of the longest run after its first steps, which is causal
    prefix = {m.scope: m.value for m in records[2].measurements if m.metric == "accuracy_prefix"}
    accuracy = [next(m.value for m in r.measurements if m.metric == "accuracy") for r in records]
    assert accuracy[:2] == [prefix["step:1"], prefix["step:2"]]


@pytest.mark.parametrize("text", ["0", "1,,2", "a", "4-2", "-1", "1-", "", "1001", "²"])
def test_other_words_are_refused(text: str, snn_eval: Command) -> None:
    answer = snn_eval("run", "--sweep-time-steps", text)
    assert (answer.code, answer.out) == (2, "")
    assert "'--sweep-time-steps': expected" in answer.err
    assert answer.err.count("\n") == 1


def test_one_time_step_or_several(snn_eval: Command) -> None:
    answer = snn_eval("run", "--sweep-time-steps", "1,2", "--time-steps", "3")
    assert (answer.code, answer.out) == (2, "")
    assert "expected --time-steps or --sweep-time-steps, got both" in answer.err

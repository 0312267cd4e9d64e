"""``compare``, ``baseline`` and ``history`` as a user types them: output, exit codes, one line for every mistake."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from helpers.runs import stored_run
from helpers.traces import random_trace

from snn_eval.trace import Trace

Command = Callable[..., Any]


def busier(trace: Trace, extra: int = 1) -> Trace:
    """The same decisions with more spikes in the first layer."""
    first = trace.neurons[0]
    return replace(trace, neurons=(replace(first, spikes_TN=first.spikes_TN + extra), *trace.neurons[1:]))


@pytest.fixture
def accepted(tmp_path: Path, snn_eval: Command) -> Trace:
    """A run and its baseline, in the folders a user has."""
    trace = random_trace(samples=20)
    stored_run(tmp_path / "reports/runs", trace)
    assert snn_eval("baseline", "save").code == 0
    return trace


def test_a_run_is_compared_with_its_baseline(accepted: Trace, tmp_path: Path, snn_eval: Command) -> None:
    same = snn_eval("compare", "reports/baseline")
    assert (same.code, same.err) == (0, "")
    assert same.out.splitlines()[-1].startswith("passed: none of ")
    stored_run(tmp_path / "reports/runs", busier(accepted))
    worse = snn_eval("compare", "reports/baseline", "latest", "--only-changed")
    assert worse.code == 1
    assert worse.out.splitlines()[-1].startswith("FAILED: ")
    assert "what failed: digits conv-snn\n  regressed: worse where counts must be equal\n    spike_count " in worse.out


def test_limits_decide_what_fails(accepted: Trace, tmp_path: Path, snn_eval: Command) -> None:
    stored_run(tmp_path / "reports/runs", busier(accepted))
    base = ("compare", "digits-conv-snn", "latest")
    assert snn_eval(*base).code == 1
    assert snn_eval(*base, "--fail-on", "accuracy:-0.5pp", "--fail-on", "ac:+1%").code == 0
    assert snn_eval(*base, "--fail-on", "spike_count:+0.1%").code == 1
    assert snn_eval(*base, "--fail-on", "spike_count:+50%").code == 0


@pytest.mark.parametrize(
    ("words", "answer"),
    [
        (("--fail-on", "acuracy:-1pp"), "--fail-on 'acuracy:-1pp': unknown metric 'acuracy'; nearest: accuracy"),
        (("--fail-on", "accuracy"), "--fail-on 'accuracy': expected METRIC:CHANGE as in accuracy:-0.5pp or ac:+1%"),
        (
            ("--fail-on", "exit_ac:+1%"),
            "--fail-on exit_ac: neither base nor new holds this metric; measure it or leave",
        ),
        (("--format", "jsn"), "unknown format 'jsn'; nearest: json"),
        (
            ("--tolerance", "0.001"),
            "--tolerance 0.001: expected a percentage of at least 0% and below 100%, as in 0.1%",
        ),
        (("--convention", "orrc"), "neither base nor new was measured under the convention 'orrc'; there are: exact"),
    ],
)
@pytest.mark.usefixtures("accepted")
def test_a_mistake_is_answered_in_one_line(snn_eval: Command, words: tuple[str, ...], answer: str) -> None:
    found = snn_eval("compare", "reports/baseline", "latest", *words)
    assert (found.code, found.out, len(found.err.splitlines())) == (2, "", 1)
    assert answer in found.err


@pytest.mark.usefixtures("accepted")
def test_names_that_are_none_are_answered_with_the_nearest(snn_eval: Command) -> None:
    found = snn_eval("compare", "digits-conv-snm", "latest")
    assert (found.code, found.out) == (2, "")
    assert "baselines in reports/baseline: digits-conv-snn" in found.err


@pytest.mark.usefixtures("accepted")
def test_reports_are_written_beside_what_is_printed(snn_eval: Command) -> None:
    names = ("made.json", "made.md", "made.xml", "made.txt")
    found = snn_eval("compare", "reports/baseline", "--format", "json", *(w for n in names for w in ("--report", n)))
    assert json.loads(found.out)["failed"] == 0
    assert Path("made.json").read_text(encoding="utf-8") == found.out
    starts = [Path(name).read_text(encoding="utf-8").split()[0] for name in names[1:]]
    assert starts == ["###", "<?xml", "conv-snn"]
    assert snn_eval("compare", "reports/baseline", "--report", "nowhere/made.txt").code == 2
    other = snn_eval("compare", "reports/baseline", "--report", "made.pdf")
    assert (other.code, other.out) == (2, "")
    assert "unknown ending of --report '.pdf'; known: .txt, .md, .json, .xml" in other.err


def test_a_limited_run_never_passes_unless_its_limit_was_accepted(
    accepted: Trace, tmp_path: Path, snn_eval: Command
) -> None:
    few = stored_run(tmp_path / "reports/runs", random_trace(samples=5), status="limited")
    found = snn_eval("compare", "digits-conv-snn", "latest")
    assert found.code == 1
    assert "incomparable: new is limited to 5 samples, base is not" in found.out
    refused = snn_eval("baseline", "save")
    assert refused.code == 2
    assert refused.err == f"snn-eval: {few.name} is limited to 5 samples; accept that with --limited\n"
    assert snn_eval("baseline", "save", "--limited").out == "reports/baseline/digits-conv-snn-5.json\n"
    assert snn_eval("compare", "reports/baseline", "latest").code == 0


def test_a_baseline_is_replaced_only_on_purpose(accepted: Trace, tmp_path: Path, snn_eval: Command) -> None:
    again = snn_eval("baseline", "save")
    assert again.code == 2
    assert "reports/baseline/digits-conv-snn.json is there already" in again.err
    before = Path("reports/baseline/digits-conv-snn.json").read_bytes()
    assert snn_eval("baseline", "update").code == 0
    assert Path("reports/baseline/digits-conv-snn.json").read_bytes() == before
    stored_run(tmp_path / "reports/runs", busier(accepted))
    updated = snn_eval("baseline", "update")
    assert "spike_count" in updated.out
    assert "✗ regressed" in updated.out
    assert updated.last == Path("reports/baseline/digits-conv-snn.json")
    assert snn_eval("compare", "reports/baseline").code == 0
    missing = snn_eval("baseline", "update", "--name", "other")
    assert (missing.code, "no baseline reports/baseline/other.json to replace" in missing.err) == (2, True)


def test_baselines_are_listed_with_the_command_that_measures_them(snn_eval: Command, tmp_path: Path) -> None:
    assert snn_eval("baseline", "list").out.startswith("no baselines in reports/baseline")
    stored_run(tmp_path / "reports/runs", random_trace(samples=5), status="limited")
    snn_eval("baseline", "save", "--limited", "--name", "quick")
    row = snn_eval("baseline", "list").out
    command = "--models digits digits.pt --time-steps 4 --batch-size 64 --limit 5"
    assert row.startswith("quick  5 samples, limited  T = 4  accuracy ")
    typed = command.replace("digits.pt", "PATH/TO/digits.pt")
    assert row.rstrip().endswith(f"snn-eval run {typed}")
    assert snn_eval("baseline", "list", "--commands").out == f"quick {command}\n"


@pytest.mark.parametrize(
    ("suite", "checkpoint", "command"),
    [
        ("digits", "digits-spiking-conv-net.pt", "--suite digits"),
        ("mnist", "mnist-spiking-conv-net.pt", "--suite mnist --data-dir FOLDER"),
        ("mnist", "mine.pt", "--models mnist PATH/TO/mine.pt --data-dir FOLDER"),
        ("birds", "mine.pt", "--models PATH/TO/birds.toml PATH/TO/mine.pt"),
    ],
)
def test_the_command_of_a_baseline_can_be_typed(
    suite: str, checkpoint: str, command: str, snn_eval: Command, tmp_path: Path
) -> None:
    stored_run(tmp_path / "reports/runs", random_trace(samples=5), suite=suite, checkpoint_name=checkpoint)
    snn_eval("baseline", "save")
    row = snn_eval("baseline", "list").out.rstrip()
    assert row.endswith(f"  snn-eval run {command} --time-steps 4 --batch-size 64")


@pytest.mark.usefixtures("accepted")
def test_one_name_is_for_one_result(snn_eval: Command) -> None:
    found = snn_eval("baseline", "save", "latest", "latest", "--name", "x")
    assert (found.code, "--name is for one result, 2 were given" in found.err) == (2, True)


def test_history_shows_runs_in_time(accepted: Trace, tmp_path: Path, snn_eval: Command) -> None:
    stored_run(tmp_path / "reports/runs", busier(accepted, 2), started="2026-11-21T08:00:00Z", commit="ab" * 20)
    found = snn_eval("history", "spike_count", "--suite", "digits")
    assert found.code == 0
    lines = found.out.splitlines()
    assert lines[0] == "spike_count of conv-snn on digits · T = 4 · 20 samples"
    assert lines[1] == "  ▁█"
    assert "2026-11-21 08:00  abababab" in lines[6]
    assert "✗ +" in lines[6]
    assert "unknown metric 'spike_cunt'; nearest: spike_count" in snn_eval("history", "spike_cunt").err


def test_a_failed_run_fails_the_gate(accepted: Trace, tmp_path: Path, snn_eval: Command) -> None:
    stored_run(tmp_path / "reports/runs", accepted, status="failed", error="NaN reached fc1")
    found = snn_eval("compare", "digits-conv-snn", "latest")
    assert found.code == 1
    assert "incomparable: the new run failed: NaN reached fc1" in found.out

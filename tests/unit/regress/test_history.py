"""History: runs by time, committed baselines by git, steps marked."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import pytest
from helpers.runs import stored_run
from helpers.sides import accuracy, count, record, side
from helpers.traces import random_trace

from snn_eval.errors import GateError
from snn_eval.regress import write_baseline
from snn_eval.regress.history import Point, baseline_points, history, run_points, sparkline


def point(when: str, ac: float = 100.0, right: int = 90, **changes: Any) -> Point:
    found = [accuracy(right, 100), count("ac", ac, convention=changes.pop("convention", "exact"))]
    return Point(when, "abc", "here", record(found, samples=100, **changes))


def test_a_sparkline_spans_smallest_to_largest() -> None:
    assert sparkline([0, 1, 2, 3, 4, 5, 6, 7]) == "▁▂▃▄▅▆▇█"
    assert sparkline([5.0]) == "▄"
    assert sparkline([2, 2, 2]) == "▄▄▄"
    assert sparkline([7, 0]) == "█▁"


def test_steps_are_changes_of_more_than_a_tenth_of_a_per_cent() -> None:
    values = [100.0, 100.1, 101.2, 99.0]
    series = history([point(f"2026-01-0{i}", ac=v) for i, v in enumerate(values)], "ac")
    assert len(series) == 1
    assert series[0].title == "conv-snn on digits · T = 8 · 100 samples"
    assert series[0].steps == ["", "", "✗ +1.10 %", "✓ -2.17 %"]
    assert series[0].line == "▄▄█▁"


def test_steps_of_shares_are_in_points_and_less_is_worse() -> None:
    series = history([point("1", right=90), point("2", right=95), point("3", right=94)], "accuracy")
    assert series[0].steps == ["", "✓ +5.00 pp", "✗ -1.00 pp"]


def test_other_quantities_are_no_step() -> None:
    points = [point("1"), point("2", ac=1.0, convention="exact@2"), point("3", data_fingerprint="ee" * 32)]
    assert history(points[:2], "ac")[0].steps[1] == "another version, convention or energy model"
    assert history([points[0], points[2]], "ac")[0].steps[1] == "other data"
    assert history([point("1", ac=0.0), point("2")], "ac")[0].steps[1] == "✗ new"


def test_points_are_in_the_order_of_time_and_apart_by_model() -> None:
    points = [point("2", ac=2.0), point("1", ac=1.0), point("3", model="b"), point("4", time_steps=4)]
    found = history(points, "ac")
    assert [(s.title.split(" on")[0], [p.when for p in s.points]) for s in found] == [
        ("b", ["3"]), ("conv-snn", ["4"]), ("conv-snn", ["1", "2"]),
    ]  # fmt: skip


def test_a_metric_nobody_measured_is_an_error() -> None:
    with pytest.raises(GateError, match="no stored result holds nasfr"):
        history([point("1")], "nasfr")
    with pytest.raises(GateError, match="no stored result of suite mnist holds ac"):
        history([point("1")], "ac", "mnist")
    assert history([point("1")], "ac", "digits")


def test_runs_that_ended_are_points(tmp_path: Path) -> None:
    facts = {"commit": "0123456789" * 4, "dirty": True, "started": "2026-02-03T04:05:06+00:00"}
    stored_run(tmp_path, random_trace(samples=5), **facts)
    stored_run(tmp_path, random_trace(samples=5), status="limited")
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken/record.json").write_text("{")
    found = list(run_points(tmp_path))
    assert [(p.when, p.commit) for p in found] == [("2026-02-03T04:05:06+00:00", "01234567*")]


def git(folder: Path, *words: str, when: str = "2026-01-01T00:00:00Z") -> str:
    named = ["-c", "user.name=someone", "-c", "user.email=someone@example.org"]
    env = {"GIT_COMMITTER_DATE": when, "GIT_AUTHOR_DATE": when, "HOME": str(folder), "PATH": "/usr/bin:/bin"}
    done = subprocess.run(
        ["git", *named, "-C", str(folder), *words], env=env, capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


def test_committed_baselines_are_points(tmp_path: Path) -> None:
    folder = tmp_path / "reports"
    folder.mkdir()
    git(tmp_path, "init", "-q")
    commits = []
    for day, ac in ((1, 100.0), (2, 100.0), (3, 120.0)):
        write_baseline(folder / "digits-conv.json", side([count("ac", ac, convention="exact")], notes=[str(day)]))
        git(tmp_path, "add", ".")
        git(tmp_path, "commit", "-q", "-m", "x", when=f"2026-01-0{day}T00:00:00Z")
        commits.append(git(tmp_path, "rev-parse", "HEAD")[:8])
    found = history(list(baseline_points(folder)), "ac")
    assert [(p.commit, p.when[:10], p.source) for p in found[0].points] == [
        (commit, f"2026-01-0{day}", "baseline digits-conv") for day, commit in enumerate(commits, start=1)
    ]
    assert found[0].steps == ["", "", "✗ +20.00 %"]


def test_outside_a_repository_there_are_no_commits(tmp_path: Path) -> None:
    write_baseline(tmp_path / "it.json", side([count("ac", 1.0)]))
    assert list(baseline_points(tmp_path)) == []
    assert list(baseline_points(tmp_path / "nowhere")) == []

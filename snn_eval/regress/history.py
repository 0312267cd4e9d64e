"""How a metric changed over stored results and their commits: runs by their time, baselines by git's."""

from __future__ import annotations

import contextlib
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from snn_eval.errors import GateError, InputError
from snn_eval.record import Measurement, Record, read_record
from snn_eval.regress.baseline import parse_baseline
from snn_eval.regress.find import list_baselines
from snn_eval.regress.judge import TOLERANCE
from snn_eval.report.lookup import Results
from snn_eval.store import list_runs

__all__ = ["Point", "Series", "baseline_points", "history", "run_points", "sparkline"]

_BARS = "▁▂▃▄▅▆▇█"


@dataclass(frozen=True)
class Point:
    """A stored result: when it was made (ISO 8601), at which commit, and whether it is a run or a baseline."""

    when: str
    commit: str
    source: str
    record: Record


@dataclass(frozen=True)
class Series:
    """One metric of one model over time. ``steps[i]`` tells how value i differs from the one before, if it does."""

    title: str
    points: Sequence[Point]
    measurements: Sequence[Measurement]
    steps: Sequence[str]

    @property
    def line(self) -> str:
        """The values as a sparkline."""
        return sparkline([float(m.value) for m in self.measurements])


def sparkline(values: Sequence[float]) -> str:
    """Eight heights from the smallest to the largest value; all of middle height where they are equal.

    >>> sparkline([0.0, 1.0, 7.0])
    '▁▂█'
    """
    low, high = min(values), max(values)
    if low == high:
        return _BARS[3] * len(values)
    return "".join(_BARS[round((v - low) / (high - low) * (len(_BARS) - 1))] for v in values)


def run_points(root: Path) -> Iterator[Point]:
    """Finished runs, oldest first; unreadable ones and limited ones are left out."""
    for run in list_runs(root):
        with contextlib.suppress(InputError):
            record = read_record(run.record)
            if record.status == "done":
                made = record.provenance
                commit = (made.commit or "")[:8] + ("*" if made.dirty else "")
                yield Point(made.started or "", commit, "run", record)


def baseline_points(folder: Path) -> Iterator[Point]:
    """Every committed state of each baseline, by git's history; none outside a repository."""
    for path in list_baselines(folder):
        for line in _git(folder, "log", "--reverse", "--format=%H %cI", "--", path.name).splitlines():
            commit, _, when = line.partition(" ")
            text = _git(folder, "show", f"{commit}:./{path.name}")
            with contextlib.suppress(InputError):  # a commit that removed it, or a version that is no longer one
                yield Point(when, commit[:8], f"baseline {path.stem}", parse_baseline(text, path.name).record)


def history(points: Sequence[Point], metric: str, suite: str | None = None) -> list[Series]:
    """The metric over time, a series for each model, suite, number of steps and of samples; oldest first.

    Under the headline's convention and energy model of each record.

    Raises:
        GateError: no stored result holds the metric.
    """
    found: dict[tuple[str, str, int, int], list[tuple[Point, Measurement]]] = {}
    for point in sorted(points, key=lambda point: point.when):
        identity = point.record.identity
        if suite is not None and identity.suite != suite:
            continue
        m = Results(point.record).get(metric)
        if m is not None:
            key = (identity.suite, identity.model, identity.time_steps, identity.samples)
            found.setdefault(key, []).append((point, m))
    if not found:
        where = "" if suite is None else f" of suite {suite}"
        raise GateError(f"no stored result{where} holds {metric}; `snn-eval ls` lists runs, `snn-eval run` makes one")
    return [_series(key, entries) for key, entries in sorted(found.items())]


def _series(key: tuple[str, str, int, int], entries: Sequence[tuple[Point, Measurement]]) -> Series:
    suite, model, time_steps, samples = key
    steps = [""] + [_step(before, after) for before, after in pairwise(entries)]
    title = f"{model} on {suite} · T = {time_steps} · {samples:,} samples"
    return Series(title, [point for point, _ in entries], [m for _, m in entries], steps)


def _step(before: tuple[Point, Measurement], after: tuple[Point, Measurement]) -> str:
    """How a value differs from the one before: by more than 0.1 %, for better or worse, or as another quantity."""
    (old_point, old), (new_point, new) = before, after
    if old.key != new.key:
        return "another version, convention or energy model"
    if old_point.record.identity.data_fingerprint != new_point.record.identity.data_fingerprint:
        return "other data"
    by = new.value - old.value
    if abs(by) <= TOLERANCE * abs(old.value):
        return ""
    worse = by > 0 if new.direction == "lower" else by < 0
    mark = "✗" if worse else "✓"
    amount = f"{by * 100:+.2f} pp" if new.unit == "1" else f"{by / abs(old.value) * 100:+.2f} %" if old.value else "new"
    return f"{mark} {amount}"


def _git(folder: Path, *words: str) -> str:
    try:
        done = subprocess.run(
            ["git", "-C", str(folder), *words], capture_output=True, text=True, encoding="utf-8", check=False
        )
    except OSError:  # no git here
        return ""
    return done.stdout if done.returncode == 0 else ""

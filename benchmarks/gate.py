"""How often the regression gate fails: without any true difference, and with a drop of twice the threshold.

``python -m benchmarks.gate`` prints the table of ``docs/gate.md``. Every comparison is a whole one: two made-up results
of the same samples go through ``snn_eval.regress.compare`` as two runs would.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from snn_eval.record import Identity, Measurement, Record
from snn_eval.regress import Options, Outcomes, Side, compare, failures, parse_gates
from snn_eval.report.grid import markdown

__all__ = ["CASES", "Case", "draw", "outcomes"]


@dataclass(frozen=True)
class Case:
    """A line of the table: n samples, of which in expectation ``discordant`` change and the new side loses ``drop``."""

    n: int
    discordant: float
    drop: float
    threshold: str = "0.5pp"
    metrics: int = 1

    @property
    def title(self) -> str:
        return "no difference" if self.drop == 0 else f"drop of {self.drop * 100:g} pp"


CASES = (
    Case(10_000, 0.05, 0.0),
    Case(10_000, 0.01, 0.0),
    Case(10_000, 0.05, 0.0, "0pp"),
    Case(10_000, 0.05, 0.0, "0pp", metrics=3),
    Case(1_000, 0.05, 0.0, "0pp"),
    Case(360, 0.05, 0.0),
    Case(360, 0.05, 0.0, "0pp"),
    Case(10_000, 0.05, 0.01),
    Case(10_000, 0.03, 0.01),
    Case(10_000, 0.015, 0.01),
    Case(10_000, 0.05, 0.01, metrics=3),
    Case(10_000, 0.05, 0.005),
    Case(10_000, 0.05, 0.004, "0.2pp"),
    Case(1_000, 0.05, 0.01),
    Case(360, 0.05, 0.01),
    Case(360, 0.05, 0.05),
)

_SHARES = ("accuracy", "accuracy_top5", "never_correct")


def draw(case: Case, rng: np.random.Generator) -> tuple[Side, Side]:
    """Two results of one model: every sample is lost with probability (q + δ)/2, gained with (q − δ)/2, else alike."""
    base, new = {}, {}
    for name in _SHARES[: case.metrics]:
        lost, gained = (case.discordant + case.drop) / 2, (case.discordant - case.drop) / 2
        rest = 1 - lost - gained
        kind = rng.choice(4, case.n, p=[lost, gained, rest * 0.95, rest * 0.05])
        base[name] = (kind == 0) | (kind == 2)
        new[name] = (kind == 1) | (kind == 2)
    return _side(base, case.n), _side(new, case.n)


def _side(good: dict[str, NDArray[np.bool_]], n: int) -> Side:
    identity = Identity(
        suite="simulation",
        suite_version=1,
        model="made-up",
        data_fingerprint="0" * 64,
        samples=n,
        time_steps=1,
        cell="0",
    )
    found = []
    for name, flags in good.items():
        lower = name == "never_correct"
        share = float(flags.mean())
        found.append(
            Measurement(
                metric=name,
                value=1 - share if lower else share,
                unit="1",
                direction="lower" if lower else "higher",
                kind="statistical",
                n=n,
            )
        )
    return Side(Record(status="done", identity=identity, measurements=found), Outcomes("sample", n, "0" * 64, good))


def outcomes(case: Case, repeats: int, seed: int = 0) -> Iterator[tuple[bool, str]]:
    """Of each comparison: whether the gate failed, and the verdict on accuracy."""
    rng = np.random.default_rng([seed, case.n, round(case.discordant * 1e6), round(case.drop * 1e6)])
    signs = {"never_correct": "+"}
    gates = parse_gates(tuple(f"{name}:{signs.get(name, '-')}{case.threshold}" for name in _SHARES[: case.metrics]))
    for _ in range(repeats):
        done = compare([draw(case, rng)], Options(gates=gates))
        yield failures(done) > 0, done[0].rows[0].verdict


def main(repeats: int = 1000) -> None:
    """Print the table."""
    rows = []
    for case in CASES:
        results = list(outcomes(case, repeats))
        verdicts = Counter(verdict for _, verdict in results)
        shares = [f"{count / repeats:.1%}" for count in (verdicts[v] for v in ("pass", "inconclusive", "improved"))]
        failed = sum(failed for failed, _ in results) / repeats
        cells = [
            case.title,
            f"{case.n:,}",
            f"{case.discordant:.1%}",
            case.threshold,
            str(case.metrics),
            f"{failed:.1%}",
        ]
        rows.append([*cells, *shares])
    head = ["true difference", "n", "discordant", "threshold", "metrics gated", "gate fails"]
    print(markdown([*head, "accuracy: pass", "inconclusive", "improved"], rows, [False, *[True] * 8]))


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))

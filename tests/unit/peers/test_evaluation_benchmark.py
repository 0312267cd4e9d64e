"""The benchmark of evaluation: what its rates are computed from."""

from __future__ import annotations

import pytest

evaluation = pytest.importorskip(
    "benchmarks.evaluation", reason="benchmarks/ is only in a checkout, not in the package"
)
timing = pytest.importorskip("benchmarks.timing")


def test_rates_follow_from_the_paired_times() -> None:
    spread = timing.Spread(0.25, 0.2, 0.3)
    result = evaluation.Result("a.pt", "digits", 359, 64, 8, 320, timing.Overhead(spread, spread, 5, 0.5), 2.0)
    assert result.bare_per_s == 320 / 0.5
    assert result.recorded_per_s == 320 / 0.5 / 1.25
    row = evaluation.markdown([result]).splitlines()[-1]
    assert row == "| `a.pt` | 8 | 64 | 640 | 512 | +25.0 % [+20.0, +30.0] | 2.0 s | 359 |"

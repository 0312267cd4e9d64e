"""Verdicts on single metrics: counts by equality or a tolerance, shares of samples by a paired test."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from snn_eval.record import Measurement
from snn_eval.regress.gates import Gate
from snn_eval.regress.numbers import above, points
from snn_eval.regress.paired import ALPHA, Pairs, detectable, mcnemar
from snn_eval.units import RATIO

__all__ = [
    "COARSE",
    "COARSE_TOLERANCE",
    "DEFAULT_DROP",
    "ROUNDING_FREE",
    "TOLERANCE",
    "Finding",
    "Verdict",
    "judge_bound",
    "judge_count",
    "judge_share",
]

Verdict = Literal["pass", "improved", "regressed", "inconclusive", "incomparable"]

TOLERANCE = 0.001
"""Relative change of a count that rounding may cause where machine, torch, threads, dtype or batch size differ."""

DEFAULT_DROP = Gate("accuracy", 0.005, "pp")
"""The drop of a share of samples that is accepted unless ``--fail-on`` says otherwise: half a point."""

COARSE = frozenset(
    [
        "spike_count_median",
        "spike_count_p95",
        "spike_count_p99",
        "spike_count_max",
        "silent_neurons",
        "silent_channels",
        "silent_layers",
        "latency_first_correct",
        "latency_stable",
    ]
)
"""Metrics that one flipped spike can move by more than the tolerance: not a sum over all samples, but one of them."""

COARSE_TOLERANCE = 0.01
"""Relative change of those up to which rounding may be the cause; where it is more, one whole, of a share one point."""

ROUNDING_FREE = frozenset(
    [
        "parameters",
        "parameters_nonzero",
        "footprint",
        "state_bytes",
        "connection_sparsity",
        "input_events",
        "mac_dense",
        "mac_dense_border",
    ]
)
"""Metrics that no rounding can change: facts of network and data."""

_SAME = 1e-12
"""Relative difference below which two values are one: a number derived from equal counts, summed in another order."""


@dataclass(frozen=True, slots=True)
class Finding:
    """A verdict and why; for a paired test its p-value over all metrics and the smallest drop it could have called."""

    verdict: Verdict
    reason: str
    p: float | None = None
    detectable: float | None = None


def judge_count(
    old: Measurement, now: Measurement, gate: Gate | None, conditions: Sequence[str], random: bool, tolerance: float
) -> Finding:
    """The verdict on a count, or a ratio of counts, of the same samples.

    With w the change for the worse (in either direction where neither is better) and L the accepted one, ``regressed``
    where w > L and ``improved`` where −w > L. L is what ``--fail-on`` says; else 0 where all conditions are equal,
    else ``tolerance`` times the value (of a share s, times the smaller of s and 1 − s: its own count). A metric of
    ``COARSE`` beyond L is ``inconclusive`` up to 1 % of the base, or one whole, or one point of a share.

    Args:
        old, now: the measurements.
        gate: the limit somebody set.
        conditions: what differs of those under which counts must be equal.
        random: the network's own passes differ by chance; beyond L that is ``inconclusive``, unless a limit was set.
        tolerance: relative.
    """
    a, b = float(old.value), float(now.value)
    slack = _SAME * max(abs(a), abs(b))
    if abs(b - a) <= slack:
        return Finding("pass", "equal")
    worse = {"lower": b - a, "higher": a - b}.get(now.direction, abs(b - a))
    rounded = (bool(conditions) or random) and now.metric not in ROUNDING_FREE
    other = f" (other {', '.join(conditions)})" if gate is None and rounded and conditions else ""
    if gate is not None:
        limit, accepted = _limit(gate, a), f"{gate.amount * 100:g} {gate.unit}"
    elif rounded:
        limit, accepted = tolerance * _scale(old), f"{tolerance * 100:g} % of the count"
    else:
        limit, accepted = 0.0, ""
    if abs(worse) <= limit + slack:
        return Finding("pass", f"within {accepted}{other}")
    if gate is None and rounded and random:
        return Finding("inconclusive", "the network is random: its own passes differ; set a limit with --fail-on")
    coarse = gate is None and rounded and now.metric in COARSE
    if coarse and abs(worse) <= _coarse_limit(old, now) + slack:
        return Finding("inconclusive", f"one flipped spike can move it this far{other}")
    beyond = f"by more than {accepted}{other}" if accepted else "where counts must be equal"
    if coarse:
        beyond = f"further than a flipped spike moves it{other}"
    return Finding("regressed", f"worse {beyond}") if worse > 0 else Finding("improved", f"better {beyond}")


def judge_share(now: Measurement, pairs: Pairs, gate: Gate | None, base: float, p: float, tests: int) -> Finding:
    """The verdict on a share of samples (accuracy, …), each sample paired with itself.

    With b samples lost, c gained of n and the threshold d:

    * ``regressed``: p ≤ 0.05 and (b − c)/n > d, where p is the one-sided p-value of McNemar's exact test, made larger
      by Holm's procedure over all gated tests of the comparison;
    * ``improved``: the same the other way round (p by Bonferroni);
    * ``pass``: no sample changed, or any drop above d would have been called one: ``detectable`` (c, n, 0.05/m) ≤ d;
    * ``inconclusive``: otherwise; n is too small to see the threshold.

    Args:
        now: the new measurement.
        pairs: outcomes of the samples; a loss is a change for the worse.
        gate: the limit somebody set, else half a point.
        base: value of the base, for a relative limit.
        p: adjusted p-value.
        tests: number of tests m it was adjusted for.
    """
    if pairs.lost == pairs.gained == 0:
        return Finding("pass", f"each of {pairs.n} samples decided as before", 1.0)
    limit = _limit(gate or DEFAULT_DROP, base)
    counted = f"{pairs.lost} lost, {pairs.gained} gained of {pairs.n}"
    smallest = detectable(pairs.gained, pairs.n, ALPHA / tests)
    drop, gain = ("drop", "gain") if now.direction == "higher" else ("rise", "fall")
    d = points(limit)
    verdict = _significant(pairs, limit, p, tests)
    if verdict == "regressed":
        return Finding(verdict, f"{drop} {_above(pairs, limit)}: {counted}, p = {p:.2g}", p, smallest)
    if verdict == "improved":
        return Finding(verdict, f"{gain} {_above(pairs, limit)}: {counted}", p, smallest)
    if smallest is None or smallest > limit:
        seen, d = ("none", d) if smallest is None else above(smallest, limit)
        return Finding("inconclusive", f"n too small; detectable {drop} = {seen}, wanted {d}: {counted}", p, smallest)
    return Finding("pass", f"within {d}: {counted}", p, smallest)


def judge_bound(
    now: Measurement, widest: Pairs, gate: Gate | None, base: float, p: float, tests: int
) -> Finding | None:
    """The verdict on a share whose single outcomes are not known, where whatever they are it is the same.

    With D samples lost in sum and c_max = min(right now, wrong before) of n, p = P(X ≥ D + c_max), X binomial with
    D + 2·c_max throws of a fair coin, is the largest p-value any outcomes have (``widest_pairs``): ``regressed`` where
    it is at most 0.05 (by Holm) and D/n > d; ``improved`` the same the other way round (by Bonferroni); None otherwise.

    Args:
        now, gate, base, p, tests: as for ``judge_share``.
        widest: the pairs with c_max.
    """
    limit = _limit(gate or DEFAULT_DROP, base)
    drop, gain = ("drop", "gain") if now.direction == "higher" else ("rise", "fall")
    verdict = _significant(widest, limit, p, tests)
    if verdict is None:
        return None
    name, largest = (drop, p) if verdict == "regressed" else (gain, mcnemar(widest.gained, widest.lost) * tests)
    return Finding(
        verdict, f"{name} {_above(widest, limit)}: of {widest.n}, whichever samples they are, p ≤ {largest:.2g}", p
    )


def _significant(pairs: Pairs, limit: float, p: float, tests: int) -> Literal["regressed", "improved"] | None:
    """Whether the change is beyond the limit and not by chance."""
    fall = pairs.lost - pairs.gained
    beyond = limit * pairs.n * (1 + _SAME)
    if p <= ALPHA and fall > beyond:
        return "regressed"
    if -fall > beyond and mcnemar(pairs.gained, pairs.lost) * tests <= ALPHA:
        return "improved"
    return None


def _limit(gate: Gate, base: float) -> float:
    return gate.amount if gate.unit == "pp" else gate.amount * abs(base)


def _coarse_limit(old: Measurement, now: Measurement) -> float:
    whole = float(old.value).is_integer() and float(now.value).is_integer()
    least = 0.01 if now.unit == RATIO else 1.0 if whole else 0.0
    return max(COARSE_TOLERANCE * abs(float(old.value)), least)


def _above(pairs: Pairs, limit: float) -> str:
    return " > ".join(above(abs(pairs.change), limit))


def _scale(old: Measurement) -> float:
    value = abs(float(old.value))
    return min(value, 1 - value) if old.unit == RATIO and value <= 1 else value

"""Compares results pair by pair: a row for each metric with its change and verdict, and what fails the gate."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from snn_eval.errors import GateError
from snn_eval.record import Measurement
from snn_eval.regress.conditions import barrier, differing_conditions, differing_settings, is_random, labels_differ
from snn_eval.regress.gates import Gate
from snn_eval.regress.judge import TOLERANCE, Finding, Verdict, judge_bound, judge_count, judge_share
from snn_eval.regress.match import Couple, couples
from snn_eval.regress.paired import Pairs, holm, mcnemar, paired_interval
from snn_eval.regress.pairing import agree, bounding_pairs, known_pairs
from snn_eval.regress.side import Side
from snn_eval.stats import Interval
from snn_eval.units import RATIO

__all__ = ["Comparison", "Options", "Row", "compare", "failures"]

_GATED_SHARE = "accuracy"
"""The one statistical metric that gates unless ``--fail-on`` names others: each further test weakens all of them."""


@dataclass(frozen=True)
class Options:
    """How to compare.

    Attributes:
        gates: limits by metric; where there are any, only these metrics can fail.
        tolerance: relative change of a count accepted where conditions differ.
        fail_inconclusive: whether ``inconclusive`` fails a gated metric, too.
        conventions, energy_models: which to look at; the base's headline if none. ``every``: all.
    """

    gates: Mapping[str, Gate] = field(default_factory=dict)
    tolerance: float = TOLERANCE
    fail_inconclusive: bool = False
    conventions: Sequence[str] = ()
    energy_models: Sequence[str] = ()
    every: bool = False


@dataclass(frozen=True)
class Row:
    """One metric on both sides. ``interval`` is of the change of a share; ``gated`` whether it could have failed."""

    couple: Couple
    finding: Finding
    gated: bool
    failed: bool
    interval: Interval | None = None

    @property
    def verdict(self) -> Verdict:
        """The verdict."""
        return self.finding.verdict

    @property
    def changed(self) -> bool:
        """Whether the values differ, or one is missing."""
        old, now = self.couple.old, self.couple.now
        return old is None or now is None or old.value != now.value


@dataclass(frozen=True)
class Comparison:
    """Two results side by side. ``conditions``: what differs of those under which counts must be equal; ``settings``:
    what else was measured otherwise. ``new`` is None where a base has no partner."""

    base: Side
    new: Side | None
    rows: Sequence[Row]
    conditions: Sequence[str] = ()
    settings: Sequence[str] = ()
    barrier: str | None = None

    @property
    def failed(self) -> bool:
        """Whether any gated metric failed, or there was nothing to compare."""
        return self.failures > 0

    @property
    def failures(self) -> int:
        """How many metrics failed; nothing to compare counts as one."""
        return sum(row.failed for row in self.rows) if self.rows else 1


def failures(comparisons: Sequence[Comparison]) -> int:
    """How many metrics of all comparisons failed."""
    return sum(c.failures for c in comparisons)


def compare(pairs: Sequence[tuple[Side, Side | None]], options: Options | None = None) -> list[Comparison]:
    """Compare results; the chance that any accuracy fails though none changed is at most 5 % over all of them.

    Args:
        pairs: base and new; a base without partner fails.
        options: limits and what to look at.

    Raises:
        GateError: a limit is set for a metric that neither side of any pair holds.
    """
    chosen = options or Options()
    drafts = [_Draft(base, new, chosen) for base, new in pairs if new is not None]
    _check_gates(chosen, drafts)
    tests = [(draft, index) for draft in drafts for index in draft.tests]
    p_values = holm([d.p_value(i) for d, i in tests])
    for (draft, index), p in zip(tests, p_values, strict=True):
        draft.adjusted[index] = p
    done = {(id(d.base), id(d.new)): d.comparison(max(len(tests), 1)) for d in drafts}
    return [
        Comparison(base, None, (), barrier="there is no new result of it") if new is None else done[id(base), id(new)]
        for base, new in pairs
    ]


def _check_gates(options: Options, drafts: Sequence[_Draft]) -> None:
    held = {couple.either.metric for draft in drafts for couple in draft.couples}
    for name in options.gates:
        if drafts and name not in held:
            raise GateError(f"--fail-on {name}: neither base nor new holds this metric; measure it or leave it out")


class _Draft:
    """One pair on its way: its tests are adjusted together with those of all other pairs before anything is judged."""

    def __init__(self, base: Side, new: Side, options: Options) -> None:
        self.base, self.new, self.options = base, new, options
        self.conditions = differing_conditions(base.record, new.record)
        self.random = is_random(base.record) or is_random(new.record)
        self.couples = list(
            couples(base.record, new.record, options.conventions, options.energy_models, every=options.every)
        )
        self.barrier = barrier(base, new) or (None if self.couples else "neither side holds a measurement")
        self.pairs: dict[int, Pairs] = {}
        self.bounds: dict[int, Pairs] = {}
        if self.barrier is None:
            found = {i: known_pairs(base, new, c) for i, c in enumerate(self.couples)}
            self.pairs = {i: pairs for i, pairs in found.items() if pairs is not None}
            bounds = {i: bounding_pairs(self.couples[i]) for i, pairs in found.items() if pairs is None}
            self.bounds = {i: pairs for i, pairs in bounds.items() if pairs is not None and pairs.change}
        changed = [*(i for i, p in self.pairs.items() if p.lost + p.gained), *self.bounds]
        self.tests = [i for i in changed if self._gated(self.couples[i])]
        self.adjusted: dict[int, float] = {}

    def p_value(self, index: int) -> float:
        """Of the known pairs, else the largest that the shares allow."""
        pairs = self.pairs.get(index) or self.bounds[index]
        return mcnemar(pairs.lost, pairs.gained)

    def comparison(self, tests: int) -> Comparison:
        rows = [self._row(index, tests) for index in range(len(self.couples))]
        settings = differing_settings(self.base.record, self.new.record)
        return Comparison(self.base, self.new, rows, self.conditions, settings, self.barrier)

    def _gated(self, couple: Couple) -> bool:
        m = couple.either
        if self.options.gates:
            return m.metric in self.options.gates
        return couple.old is not None and (m.kind == "exact" or m.metric == _GATED_SHARE)

    def _row(self, index: int, tests: int) -> Row:
        couple = self.couples[index]
        finding = self._finding(index, tests)
        gated = self._gated(couple) and couple.either.kind != "advisory"
        bad = {"regressed", "incomparable"} | ({"inconclusive"} if self.options.fail_inconclusive else set())
        pairs = self.pairs.get(index)
        interval = paired_interval(pairs) if pairs is not None and finding.verdict != "incomparable" else None
        if interval is not None and couple.either.direction == "lower":  # a loss makes this share larger
            interval = Interval(-interval.high, -interval.low, interval.method)
        return Row(couple, finding, gated, gated and finding.verdict in bad, interval)

    def _finding(self, index: int, tests: int) -> Finding:
        old, now = self.couples[index].old, self.couples[index].now
        if self.barrier is not None:
            return Finding("incomparable", self.barrier)
        if old is None or now is None:
            return Finding("incomparable", self._missing(self.couples[index]))
        reason = labels_differ(self.base, self.new, old, now)
        if reason is not None:
            return Finding("incomparable", reason)
        if now.kind == "advisory":
            return Finding("inconclusive", "depends on the machine and its mood; never gates")
        gate = self.options.gates.get(now.metric)
        if now.kind == "statistical" and now.unit == RATIO:
            return self._share(index, old, now, gate, tests)
        return judge_count(old, now, gate, self.conditions, self.random, self.options.tolerance)

    def _share(self, index: int, old: Measurement, now: Measurement, gate: Gate | None, tests: int) -> Finding:
        pairs = self.pairs.get(index)
        if pairs is None:
            if old.value == now.value:
                return Finding("pass", "equal")
            bound = self.bounds.get(index)
            if bound is not None:
                count = tests if index in self.adjusted else 1
                p = self.adjusted.get(index, self.p_value(index))
                found = judge_bound(now, bound, gate, float(old.value), p, count)
                if found is not None:
                    return found
            without = "base" if self.base.outcomes is None else "new" if self.new.outcomes is None else "both"
            return Finding("inconclusive", f"outcomes of single samples are not known in {without}: nothing to pair")
        if not agree(pairs, old, now):
            return Finding("incomparable", "the outcomes of single samples do not add up to the recorded share")
        p = self.adjusted.get(index, self.p_value(index))
        return judge_share(now, pairs, gate, float(old.value), p, tests if index in self.adjusted else 1)

    def _missing(self, couple: Couple) -> str:
        name = couple.either.metric
        side, where = (self.new, "new") if couple.now is None else (self.base, "base")
        refused = side.record.refused.get(name)
        return f"refused in {where}: {refused}" if refused else f"not measured in {where}"

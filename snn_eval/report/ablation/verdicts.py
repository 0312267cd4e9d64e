"""Verdicts of claims: a one-sided bound above the limit confirms one, a bound below it refutes it, else undecided.

Claims about shortened trainings are not judged."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from snn_eval.report.ablation.summary import Summary

__all__ = ["ONE_SIDED", "Claim", "Part", "Verdict", "at_least", "overall", "unjudged"]

Verdict = Literal["confirmed", "refuted", "undecided", "not judged: quick"]

ONE_SIDED = 0.90
"""Level of the two-sided interval whose ends are the one-sided 95 % bounds."""


@dataclass(frozen=True, slots=True)
class Part:
    """One comparison a claim rests on: what was compared, what was found, in words and as numbers.

    ``decides``: whether the claim's verdict takes it in; others stand beside it.
    """

    compared: str
    verdict: Verdict
    found: str
    numbers: Mapping[str, Any] = field(default_factory=dict)
    decides: bool = True


@dataclass(frozen=True, slots=True)
class Claim:
    """A claim, how its settings are chosen and what confirms it, and its parts."""

    key: str
    statement: str
    rule: str
    parts: tuple[Part, ...]
    judged: bool = True

    @property
    def verdict(self) -> Verdict:
        """Of all deciding parts; undecided where there are none."""
        if not self.judged:
            return "not judged: quick"
        return overall([part.verdict for part in self.parts if part.decides])


def unjudged(claim: Claim) -> Claim:
    """The claim of a quick ablation: what was compared and found, and no verdict."""
    parts = tuple(replace(part, verdict="not judged: quick") for part in claim.parts)
    return replace(claim, parts=parts, judged=False)


def at_least(found: Summary | None, limit: float) -> Verdict:
    """Whether something is at least (above) a limit, by its one-sided bounds; undecided for a single replicate that has
    none."""
    if found is None or found.low is None or found.high is None:
        return "undecided"
    return "confirmed" if found.low >= limit else "refuted" if found.high < limit else "undecided"


def overall(verdicts: Sequence[Verdict]) -> Verdict:
    """Refuted if any part is, confirmed if all are.

    >>> overall(["confirmed", "undecided"]), overall(["undecided", "refuted"]), overall([])
    ('undecided', 'refuted', 'undecided')
    """
    if "refuted" in verdicts:
        return "refuted"
    return "confirmed" if verdicts and set(verdicts) == {"confirmed"} else "undecided"

"""What helps, what costs and what does not help: plain sentences, each with what was measured beside it."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from snn_eval.report.ablation.contrasts import EARLY_STEPS
from snn_eval.report.ablation.document import Section
from snn_eval.report.ablation.effects import Effect
from snn_eval.report.ablation.equal_setting import Comparison, comparisons, exits
from snn_eval.report.ablation.groups import Group
from snn_eval.report.ablation.reasons import about_correction, about_early_steps, about_energy, about_learning
from snn_eval.report.ablation.summary import Summary
from snn_eval.report.ablation.words import no_interval, points, ratio_text, steps_text

__all__ = ["Findings", "finding_sections"]

_LEAST_FACTOR, _LEAST_STEPS = 1.02, 0.05
"""What changes energy or mean steps by less is no gain and no cost."""

_RULE = (
    "Rows that differ by one component, both with all steps or both at their exits chosen on validation. Accuracy "
    f"with that setting, its mean over t ≤ {EARLY_STEPS}, total energy (from 2 % on) and mean T (from 0.05 steps on) "
    "count where their 95 % interval lies on one side. Energy and mean T of a single replicate have no interval and "
    "count all the same; a second training may turn them round. Those that are equal in all replicates have none "
    "either and count by their sign. What costs and brings nothing stands below the last "
    "heading alone. What was measured beside an effect follows it; parts of the energy add up."
)

Clause = Callable[[Comparison], str]


@dataclass(frozen=True, slots=True)
class Findings:
    """Comparisons at equal setting, exits as such, and the sentences that follow."""

    comparisons: tuple[Comparison, ...]
    exits: tuple[Comparison, ...]
    helps: tuple[str, ...]
    costs: tuple[str, ...]
    idle: tuple[str, ...]

    @classmethod
    def of(cls, groups: Sequence[Group]) -> Findings:
        """Every finding the rows tell of."""
        compared, left = tuple(comparisons(groups)), tuple(exits(groups))
        judged = [(one, *_judged(one.effect)) for one in (*compared, *left)]
        helps = [_sentence(one, gains) for one, gains, _ in judged if gains]
        costs = [_sentence(one, harm) for one, gains, harm in judged if gains and harm]
        idle = [_sentence(one, list(_figures(one.effect).values())) for one, gains, _ in judged if not gains]
        return cls(compared, left, tuple(helps), tuple(costs), tuple(idle))


def finding_sections(findings: Findings) -> list[Section]:
    """The sentences as lists."""
    titles = ("What helps", "What costs", "What does not help")
    told = [
        (t, lines) for t, lines in zip(titles, (findings.helps, findings.costs, findings.idle), strict=True) if lines
    ]
    return [Section(title, (_RULE,) if not place else (), None, lines) for place, (title, lines) in enumerate(told)]


def _figures(effect: Effect) -> dict[str, str]:
    """What there is a number of, in words."""
    told = {}
    if effect.accuracy is not None:
        told["accuracy"] = f"accuracy {points(effect.accuracy)} points"
    if effect.early_accuracy is not None:
        told["early"] = f"mean accuracy over t ≤ {EARLY_STEPS} {points(effect.early_accuracy)} points"
    if effect.energy is not None:
        told["energy"] = f"energy × {ratio_text(effect.energy)}{_single(effect.energy)}"
    if effect.mean_step is not None:
        told["steps"] = f"mean T {steps_text(effect.mean_step)}{_single(effect.mean_step)}"
    return told


def _single(found: Summary) -> str:
    return " (1 replicate, no interval)" if found.n == 1 else no_interval(found)


def _judged(effect: Effect) -> tuple[list[str], list[str]]:
    """What of it is a gain and what a cost, in words."""
    figures = _figures(effect)
    sides = {
        "accuracy": _side(effect.accuracy, 0.0),
        "early": _side(effect.early_accuracy, 0.0),
        "energy": -_side(_logarithm(effect.energy), math.log(_LEAST_FACTOR)),
        "steps": -_side(effect.mean_step, _LEAST_STEPS),
    }
    gains, harm = ([figures[key] for key, side in sides.items() if side == wanted] for wanted in (1, -1))
    return gains, harm


def _side(found: Summary | None, least: float) -> int:
    """1 above nothing, -1 below; 0 for less than ``least``, or where an interval leaves it open."""
    if found is None or abs(found.mean) < least:
        return 0
    low, high = (found.mean, found.mean) if found.low is None or found.high is None else (found.low, found.high)
    return 1 if low > 0 else -1 if high < 0 else 0


def _logarithm(found: Summary | None) -> Summary | None:
    if found is None:
        return None
    low, high = (None if end is None else math.log(end) for end in (found.low, found.high))
    return Summary(math.log(found.mean), found.sd, found.n, found.asked, low, high)


def _sentence(compared: Comparison, told: Sequence[str]) -> str:
    effect = compared.effect
    setting = (
        "" if compared.base is compared.new else ", all steps" if compared.setting == "all steps" else ", at exits"
    )
    subject = effect.name[:1].upper() + effect.name[1:]
    clauses = [text for clause in _clauses(told) if (text := clause(compared))]
    return ". ".join([f"{subject} ({effect.where}{setting}): {', '.join(told)}", *clauses]) + "."


def _clauses(told: Sequence[str]) -> list[Clause]:
    """What belongs to the figures that are told."""
    early = any(text.startswith("mean accuracy") for text in told)
    energy = any(text.startswith("energy") for text in told)
    chosen: list[Clause] = [about_early_steps, about_learning, about_correction] if early else []
    return [*chosen, *([about_energy] if energy else [])]

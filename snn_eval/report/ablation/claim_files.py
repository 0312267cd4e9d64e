"""``claims.md`` and ``claims.json``: every claim with its verdict, and in plain words what does not help."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from snn_eval.report.ablation.claims_correction import correction_helps, energy_at_equal_accuracy
from snn_eval.report.ablation.claims_exit import accuracy_goal, equal_budget
from snn_eval.report.ablation.document import Document, Section, Table
from snn_eval.report.ablation.effect_tables import reading
from snn_eval.report.ablation.effects import Effect, Effects, axes_of
from snn_eval.report.ablation.groups import Group
from snn_eval.report.ablation.text import to_markdown
from snn_eval.report.ablation.verdicts import Claim
from snn_eval.report.ablation.words import points, ratio_text

__all__ = ["Found", "claims", "claims_json", "claims_md", "claims_section", "unhelpful"]

_RULE = (
    "A claim is confirmed where every comparison it rests on is, refuted where one of them is, else undecided; "
    "comparisons marked (beside) are told and decide nothing. Bounds are one-sided ones of 95 %, of a bootstrap over "
    "replicates and samples."
)
_GAINS = {"accuracy up", "early accuracy up", "energy down", "fewer steps"}
_HARM = {"accuracy down", "early accuracy down", "energy up", "more steps"}


Found = Sequence[tuple[Mapping[str, Any], Claim]]


def claims(groups: Sequence[Group], published: Sequence[Mapping[str, Any]], goal: float | None = None) -> Found:
    """Every claim, for each combination of axes."""
    return [
        (axes, claim)
        for axes in axes_of(groups)
        for claim in (
            equal_budget(groups, axes),
            correction_helps(groups, axes),
            energy_at_equal_accuracy(groups, axes),
            accuracy_goal(groups, axes, published, goal),
        )
    ]


def claims_md(title: str, lead: Sequence[str], found: Found, effects: Effects) -> str:
    """The claims as Markdown."""
    sections = [_section(axes, claim) for axes, claim in found]
    idle = unhelpful(effects)
    if idle:
        sections.append(Section("What does not help", (), None, tuple(idle)))
    return to_markdown(Document(title, (*lead, _RULE), tuple(sections)))


def claims_section(found: Found) -> Section:
    """Every claim with its verdict, for the page of tables."""
    rows = [[_where(axes, claim), claim.statement, claim.verdict] for axes, claim in found]
    text = ("How settings are chosen, what was compared and found, and what does not help: claims.md.",)
    return Section("Claims", text, Table.of(["", "claim", "verdict"], rows, left=3))


def _where(axes: Mapping[str, Any], claim: Claim) -> str:
    return f"({claim.key}{''.join(f', {key} = {value}' for key, value in axes.items())})"


def _section(axes: Mapping[str, Any], claim: Claim) -> Section:
    title = f"{_where(axes, claim)} {claim.verdict.capitalize()}: {claim.statement}"
    rows = [[part.compared, part.found, part.verdict + ("" if part.decides else " (beside)")] for part in claim.parts]
    table = Table.of(["compared", "found", "verdict"], rows, left=3)
    notes = () if claim.parts else ("No rows to compare are there.",)
    return Section(title, (claim.rule,), table, notes)


def unhelpful(effects: Effects) -> list[str]:
    """A line for each pair of rows that differ by one component where it neither raises accuracy (with its steps or
    early) nor saves energy or steps, and for each in which it does harm."""
    return [line for effect in effects.pairs if (line := _idle(effect))]


def _idle(effect: Effect) -> str:
    found = reading(effect)
    told = (
        f"accuracy {points(effect.accuracy)} points, mean over early steps {points(effect.early_accuracy)}, energy "
        f"× {ratio_text(effect.energy)}"
    )
    words = found.split(", ")
    harm = [word for word in words if word in _HARM]
    if not set(words) & _GAINS:
        return f"{effect.name.capitalize()} does not help ({effect.where}): {found}; {told}."
    if harm:
        return f"{effect.name.capitalize()} has a price ({effect.where}): {', '.join(harm)}; {told}."
    return ""


def claims_json(found: Found, effects: Effects) -> str:
    """The claims with every number, as JSON; accuracies as shares, energies as factors or joules."""
    told = [
        {
            "claim": claim.key,
            "axes": dict(axes),
            "statement": claim.statement,
            "rule": claim.rule,
            "verdict": claim.verdict,
            "parts": [
                {
                    "compared": part.compared,
                    "verdict": part.verdict,
                    "found": part.found,
                    "decides": part.decides,
                    "numbers": {key: _rounded(value) for key, value in part.numbers.items()},
                }
                for part in claim.parts
            ],
        }
        for axes, claim in found
    ]
    content = {"claims": told, "does_not_help": unhelpful(effects)}
    return json.dumps(content, indent=1, ensure_ascii=False) + "\n"


def _rounded(value: Any) -> Any:
    """Ten significant digits: the same on every machine."""
    return float(f"{value:.10g}") if isinstance(value, float) else value

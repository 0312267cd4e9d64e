"""``claims.md`` and ``claims.json``: every claim with its verdict, and in plain words what helps and what does not."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from snn_eval.report.ablation.claims_correction import correction_helps, energy_at_equal_accuracy
from snn_eval.report.ablation.claims_exit import accuracy_goal, equal_budget
from snn_eval.report.ablation.document import Document, Section, Table
from snn_eval.report.ablation.effects import axes_of
from snn_eval.report.ablation.findings import Findings, finding_sections
from snn_eval.report.ablation.groups import Group
from snn_eval.report.ablation.text import to_markdown
from snn_eval.report.ablation.verdicts import Claim

__all__ = ["Found", "claims", "claims_json", "claims_md", "claims_section"]

_RULE = (
    "A claim is confirmed where every comparison it rests on is, refuted where one of them is, else undecided; "
    "comparisons marked (beside) are told and decide nothing. Bounds are one-sided ones of 95 %: of accuracies "
    "of a bootstrap over replicates and samples, of what has one number a replicate (energies as logarithms of their "
    "factors) Student's with n − 1 degrees of freedom; where replicates are equal there are none. With few replicates "
    "the bootstrap draws from few: with 3 seeds, the part of its bounds that is between seeds is likely too "
    "narrow, and a verdict near its limit is less sure than it reads."
)


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


def claims_md(title: str, lead: Sequence[str], found: Found, findings: Findings) -> str:
    """The claims and what helps as Markdown."""
    sections = [*(_section(axes, claim) for axes, claim in found), *finding_sections(findings)]
    return to_markdown(Document(title, (*lead, _RULE), tuple(sections)))


def claims_section(found: Found) -> Section:
    """Every claim with its verdict, for the page of tables."""
    rows = [[_where(axes, claim), claim.statement, claim.verdict] for axes, claim in found]
    text = ("How settings are chosen, and what was compared and found: claims.md.",)
    return Section("Claims", text, Table.of(["", "claim", "verdict"], rows, left=3))


def _where(axes: Mapping[str, Any], claim: Claim) -> str:
    return f"({claim.key}{''.join(f', {key} = {value}' for key, value in axes.items())})"


def _section(axes: Mapping[str, Any], claim: Claim) -> Section:
    title = f"{_where(axes, claim)} {claim.verdict.capitalize()}: {claim.statement}"
    rows = [[part.compared, part.found, part.verdict + ("" if part.decides else " (beside)")] for part in claim.parts]
    table = Table.of(["compared", "found", "verdict"], rows, left=3)
    notes = () if claim.parts else ("No rows to compare are there.",)
    return Section(title, (claim.rule,), table, notes)


def claims_json(found: Found, findings: Findings) -> str:
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
    lists = {"helps": findings.helps, "costs": findings.costs, "does_not_help": findings.idle}
    content = {"claims": told, **{key: list(lines) for key, lines in lists.items()}}
    return json.dumps(content, indent=1, ensure_ascii=False) + "\n"


def _rounded(value: Any) -> Any:
    """Ten significant digits: the same on every machine."""
    return float(f"{value:.10g}") if isinstance(value, float) else value

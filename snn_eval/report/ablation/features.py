"""The original's qualitative feature table (General, Low, Middle, High), recomputed from what was measured."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from snn_eval.report.ablation.document import Section, Table
from snn_eval.report.ablation.groups import CODING, Group, find, paired
from snn_eval.report.ablation.original import ORIGINAL, counterparts, published_rows
from snn_eval.report.ablation.quantities import QUANTITIES
from snn_eval.report.ablation.summary import delta
from snn_eval.report.ablation.words import points
from snn_eval.report.format import ABSENT

__all__ = ["feature_section", "level"]

PUBLISHED_FEATURES: Mapping[str, tuple[str, ...]] = {
    "Dynamic Coding": ("General", "General", "General", "High", "Low"),
    "Dynamic Correction": ("1~2% up", "Low", "General", "High", "Low"),
    "Co-Optimization": ("1~2% up", "Low", "Low", "Low", "Middle"),
    "Complete Component": ("2~3% up", "Low", "Low", "Low", "High"),
}
"""Feature table of the README of SNN_Eval (2025), as printed: accuracy gain, epoch, T, spikes count, energy."""

_FEATURES = (("Epoch", "epochs_to_99"), ("T", "mean_step"), ("Spikes count", "spikes"), ("Energy", "energy_total"))
_BY_KEY = {quantity.key: quantity for quantity in QUANTITIES}
_LOW, _HIGH = 0.8, 1.25


def level(ratio: float) -> str:
    """The word for a ratio to the reference.

    >>> level(0.8), level(1.0), level(1.25)
    ('Low', 'Middle', 'High')
    """
    return "Low" if ratio <= _LOW else "High" if ratio >= _HIGH else "Middle"


def feature_section(
    groups: Sequence[Group], reference: str | None, published: Sequence[Mapping[str, Any]]
) -> Section | None:
    """Each row against the row the original calls General, published words in brackets; None where nothing of the
    original is published."""
    if not published_rows(published):
        return None
    rows, bases = [], []
    for group, counterpart in zip(groups, counterparts(groups), strict=True):
        base = _general(groups, group, reference)
        bases.append(base.row if base else "")
        if base is not None and group.done:
            rows.append(_row(group, base, counterpart))
    here = any(group.components == {CODING} for group in groups)
    known = "the one the original calls General" if here else "the one the original calls General is not here"
    names = " or ".join(dict.fromkeys(f"“{name}”" for name in bases if name))
    rule = (
        f"By ratio of means, over the replicates both have, to the row {names} ({known}): "
        f"Low up to {_LOW}, High from {_HIGH}, Middle between; accuracy gain in points, paired, with its 95 % "
        "interval. Epoch is epochs to 99 %, T the mean number of steps, energy total. Published words in brackets."
    )
    headers = ["row", "Accuracy gain", *(title for title, _ in _FEATURES)]
    title = "The original's feature table, recomputed"
    return Section(title, (ORIGINAL, rule), Table.of(headers, rows), (_inverted(published),))


def _general(groups: Sequence[Group], group: Group, reference: str | None) -> Group | None:
    """The row with dynamic coding alone; else the reference, else the first row."""
    coding = find(groups, {CODING}, group.axes)
    names = (reference, groups[0].row)
    others = (g for name in names for g in groups if g.row == name and g.axes == group.axes and g.done)
    return coding or next(others, None)


def _row(group: Group, base: Group, counterpart: str) -> list[str]:
    theirs = PUBLISHED_FEATURES.get(counterpart, (None,) * 5)
    ours = ["General" if group is base else points(delta(base, group))]
    for _, key in _FEATURES:
        ratio = 1.0 if group is base else _ratio(base, group, key)
        word = "General" if group is base else ABSENT if ratio is None else f"{level(ratio)} (× {ratio:.2f})"
        ours.append(word)
    return [
        group.title,
        *(text if label is None else f"{text} [{label}]" for text, label in zip(ours, theirs, strict=True)),
    ]


def _ratio(base: Group, new: Group, key: str) -> float | None:
    """Ratio of means over the replicates that both have."""
    read = _BY_KEY[key].read
    values = [(read(before), read(after)) for before, after in paired(base, new)]
    there = [(before, after) for before, after in values if before is not None and after is not None]
    below = sum(before for before, _ in there)
    return sum(after for _, after in there) / below if below else None


def _inverted(published: Sequence[Mapping[str, Any]]) -> str:
    theirs = published_rows(published)
    counts = [theirs[name]["spikes_count"][0] for name in PUBLISHED_FEATURES if "spikes_count" in theirs.get(name, {})]
    beside = f" ({', '.join(f'{count:g}' for count in counts)})" if len(counts) == len(PUBLISHED_FEATURES) else ""
    words = ", ".join(words[-1] for words in PUBLISHED_FEATURES.values())
    return (
        f"The published Energy words ({words}) run against the published spike counts{beside}: the rows with the "
        "fewest spikes are called High. They are printed here and are no truth to compare with."
    )

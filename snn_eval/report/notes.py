"""What stands under every table, never hidden: failures, what was not counted, refused, noticed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from snn_eval.record import ExitChoice, Record
from snn_eval.units import percent

__all__ = ["condition", "notes"]


def notes(record: Record, further: Sequence[str] = ()) -> list[str]:
    """One line each: status, error, exit rule, unknown operations, refusals, the record's and ``further`` notes."""
    lines = []
    if record.status != "done":
        lines.append(_STATUS[record.status])
    if record.error is not None:
        lines.append(f"error: {record.error}")
    lines += [_exit(record.exit)] if record.exit is not None and record.exit.temperature is not None else []
    lines += [
        f"not counted: {op.name}, {op.calls} {_plural(op.calls, 'call')} a pass, {op.elements} elements of a sample "
        "(no rule for this operation)"
        for op in record.unknown
    ]
    lines += _refused(record.refused)
    lines += [f"note: {note}" for note in (*record.notes, *further)]
    return list(dict.fromkeys(lines))


def _exit(choice: ExitChoice) -> str:
    """The exit rule, and what it was chosen on."""
    shown = {"confidence": "confidence", "entropy": "1 − entropy / ln K"}[choice.kind]
    rule = "never before the last step" if choice.threshold is None else f"{shown} ≥ {choice.threshold:g}"
    return (
        f"exit: {rule} at temperature {choice.temperature:.3g}, chosen on {choice.samples:,} validation samples "
        f"(accuracy there at most {percent(choice.tolerance):g} points below that of all steps)"
    )


def condition(reason: str) -> str:
    """Why something was refused, without the name of what it was: one reason often stands against many metrics.

    >>> condition("nasfr needs a spiking layer, but the network has none")
    'needs a spiking layer, but the network has none'
    """
    subject, needs, rest = reason.partition(" needs ")
    return f"needs {rest}" if needs and len(subject) <= _LONGEST_SUBJECT else reason


_LONGEST_SUBJECT = 40
"""Letters; with more of them it is no name but a part of the reason."""


def _refused(refused: Mapping[str, str]) -> list[str]:
    """One line for each reason, with all metrics it stands against."""
    by_reason: dict[str, list[str]] = {}
    for name, reason in sorted(refused.items()):
        by_reason.setdefault(condition(reason), []).append(name)
    return [f"refused: {', '.join(names)}: {reason}" for reason, names in by_reason.items()]


_STATUS = {
    "partial": "partial: the run was stopped before its end; the same command goes on from there",
    "failed": "failed: no result",
    "limited": "limited: not all samples were measured; not comparable with a whole run",
}


def _plural(count: int, word: str) -> str:
    return word if count == 1 else f"{word}s"

"""What stands under every table, never hidden: failures, what was not counted, refused, noticed."""

from __future__ import annotations

from collections.abc import Sequence

from snn_eval.record import Record

__all__ = ["notes"]


def notes(record: Record, further: Sequence[str] = ()) -> list[str]:
    """One line each: status and error, unknown operations, refused metrics, the record's notes, ``further`` ones."""
    lines = []
    if record.status != "done":
        lines.append(_STATUS[record.status])
    if record.error is not None:
        lines.append(f"error: {record.error}")
    lines += [
        f"not counted: {op.name}, {op.calls} {_plural(op.calls, 'call')} a pass, {op.elements} elements of a sample "
        "(no rule for this operation)"
        for op in record.unknown
    ]
    lines += [f"refused: {name}: {reason}" for name, reason in sorted(record.refused.items())]
    lines += [f"note: {note}" for note in (*record.notes, *further)]
    return list(dict.fromkeys(lines))


_STATUS = {
    "partial": "partial: the run was stopped before its end; the same command goes on from there",
    "failed": "failed: no result",
    "limited": "limited: not all samples were measured; not comparable with a whole run",
}


def _plural(count: int, word: str) -> str:
    return word if count == 1 else f"{word}s"

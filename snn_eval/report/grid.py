"""Lays out rows of text: aligned for the terminal, as Markdown, as CSV."""

from __future__ import annotations

import csv
import io
import unicodedata
from collections.abc import Mapping, Sequence

__all__ = ["aligned", "comma_separated", "markdown", "width"]


def width(text: str) -> int:
    """Columns a text takes on a terminal: combining marks none, wide characters two."""
    return sum(0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text)


def aligned(
    headers: Sequence[str],
    rows: Sequence[Sequence[str]],
    right: Sequence[bool],
    *,
    gap: int = 2,
    indent: int = 0,
    columns: int | None = None,
) -> str:
    """A table for the terminal: headers (split at line breaks), a rule, rows; one string without a last line break.

    Args:
        headers, rows: the texts.
        right: whether a column is flush right.
        gap: spaces between columns.
        indent: spaces before each line.
        columns: width of the terminal; a wider table is cut into several, each of which begins with the first column.
    """
    heads = [h.split("\n") for h in headers]
    depth = max((len(h) for h in heads), default=0)
    lines = [[h[i - depth + len(h)] if i >= depth - len(h) else "" for h in heads] for i in range(depth)]
    widths = [max(width(row[i]) for row in [*lines, *rows]) for i in range(len(headers))]

    def line(cells: Sequence[str], group: Sequence[int]) -> str:
        padded = (_pad(cells[i], widths[i], right[i]) for i in group)
        return (" " * indent + (" " * gap).join(padded)).rstrip()

    def table(group: Sequence[int]) -> str:
        rule = " " * indent + (" " * gap).join("─" * widths[i] for i in group)
        return "\n".join([*(line(cells, group) for cells in lines), rule, *(line(row, group) for row in rows)])

    return "\n\n".join(table(group) for group in _groups(widths, gap, indent, columns))


def _groups(widths: Sequence[int], gap: int, indent: int, columns: int | None) -> list[list[int]]:
    """Columns that stand side by side: all, or as many as fit, the first one always among them."""
    groups: list[list[int]] = [[]]
    for i, wide in enumerate(widths):
        used = indent + sum(widths[j] + gap for j in groups[-1]) + wide
        if columns is not None and used > columns and len(groups[-1]) > 1:
            groups.append([0])
        groups[-1].append(i)
    return groups


def markdown(headers: Sequence[str], rows: Sequence[Sequence[str]], right: Sequence[bool]) -> str:
    """A Markdown table, its columns padded so that it also reads well as it stands."""
    cells = [[_escaped(c) for c in row] for row in [headers, *rows]]
    widths = [max(3, *(width(row[i]) for row in cells)) for i in range(len(headers))]
    rule = ["-" * (w - 1) + (":" if r else "-") for w, r in zip(widths, right, strict=True)]
    padded = [[_pad(c, w, r) for c, w, r in zip(row, widths, right, strict=True)] for row in cells]
    return "\n".join("| " + " | ".join(row) + " |" for row in [padded[0], rule, *padded[1:]])


def comma_separated(rows: Sequence[Mapping[str, str]]) -> str:
    """A CSV file with one column for every key that occurs; in the order of their first appearance."""
    # A key that only some rows have (an interval's ends) stands after the key before it.
    keys: list[str] = []
    for row in rows:
        for place, key in enumerate(names := list(row)):
            if key not in keys:
                keys.insert(keys.index(names[place - 1]) + 1 if place else 0, key)
    out = io.StringIO()
    writer = csv.DictWriter(out, keys, restval="", lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue()


def _pad(text: str, to: int, right: bool) -> str:
    space = " " * (to - width(text))
    return space + text if right else text + space


def _escaped(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")

"""A comparison for people: a table for the terminal or for a page of Markdown, then what failed and why."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Sequence

from snn_eval.regress.compare import Comparison, Options, Row, failures
from snn_eval.regress.judge import DEFAULT_DROP
from snn_eval.regress.words import change, checkpoints, conditions_line, label, title, values
from snn_eval.report.grid import aligned, markdown
from snn_eval.report.lookup import Results

__all__ = ["markdown_report", "text_report"]

_HEAD = ["metric", "base", "new", "change", "verdict"]
_RIGHT = [False, True, True, True, False]
_MARKS = {"regressed": "✗ ", "improved": "✓ "}
_MOST = 8
"""Metrics named for one reason; of more only the number."""
_COLUMNS = 80


def text_report(
    comparisons: Sequence[Comparison], options: Options, unmatched: Sequence[str] = (), *, only_changed: bool = False
) -> str:
    """For the terminal, 80 columns wide: every table, why each verdict, all failures, the outcome as the last line."""
    parts = []
    for c in comparisons:
        rows, left_out = _rows(c, only_changed)
        parts.append(f"{title(c)}\n{_wrapped(checkpoints(c))}\n{_wrapped(conditions_line(c))}")
        if rows:
            parts.append(aligned(_HEAD, [_cells(row, options) for row in rows], _RIGHT))
        lines = [left_out, *(_whys(c, rows) if c.barrier is None else []), _named(c)]
        parts.append("\n".join(_wrapped(line) for line in lines if line))
    parts += [_failed_text(c, options) for c in comparisons if c.failed]
    last = [*_without_base(unmatched), _limits(options), _outcome(comparisons)]
    return "\n\n".join(part for part in [*parts, "\n".join(_wrapped(line, 0) for line in last)] if part) + "\n"


def markdown_report(
    comparisons: Sequence[Comparison], options: Options, unmatched: Sequence[str] = (), *, only_changed: bool = False
) -> str:
    """The same as Markdown, for a pull request or the summary of a CI step."""
    parts = [f"### snn-eval compare: {_outcome(comparisons)}"]
    for c in comparisons:
        rows, left_out = _rows(c, only_changed)
        parts += [f"**{title(c)}**", "\n".join(f"- {line}" for line in (checkpoints(c), conditions_line(c)))]
        if rows:
            cells = [[*_cells(row, options), row.finding.reason] for row in rows]
            parts.append(markdown([*_HEAD, "why"], cells, [*_RIGHT, False]))
        parts += [left_out, _named(c)]
    failed = [f"- {line}" for c in comparisons if c.failed for line in _failed_lines(c, options)]
    if failed:
        parts += ["**What failed**", "\n".join(failed)]
    parts += ["\n".join(f"- {line}" for line in _without_base(unmatched)), _limits(options)]
    return "\n\n".join(part for part in parts if part) + "\n"


def _rows(comparison: Comparison, only_changed: bool) -> tuple[list[Row], str]:
    """Rows to show, and a line on those left out."""
    shown = [r for r in comparison.rows if not only_changed or r.changed or r.failed]
    count = len(comparison.rows) - len(shown)
    return shown, f"{count} of {len(comparison.rows)} metrics are unchanged" if count else ""


def _cells(row: Row, options: Options) -> list[str]:
    return [label(row, full=options.every), *values(row), change(row), _verdict(row)]


def _verdict(row: Row) -> str:
    """The verdict; in parentheses where it could not have failed."""
    if row.verdict == "pass":
        return row.verdict
    return f"{_MARKS.get(row.verdict, '')}{row.verdict}" if row.gated else f"({row.verdict})"


def _whys(c: Comparison, rows: Sequence[Row]) -> Iterable[str]:
    """Each verdict and reason with the metrics it holds for; those that failed stand in a list of their own."""
    found: dict[tuple[str, str], list[str]] = {}
    for row in rows:
        if not row.failed:
            found.setdefault((row.verdict, row.finding.reason), []).append(label(row))
    for (verdict, reason), labels in found.items():
        names = list(dict.fromkeys(labels))
        more = f" and {len(names) - _MOST} others" if len(names) > _MOST else ""
        yield f"{verdict}, {reason}: {', '.join(names[:_MOST])}{more}"


def _named(c: Comparison) -> str:
    """Under which convention and energy model, where the rows have one."""
    results = Results(c.base.record)
    energy = set(results.models())
    conventions = {m.convention for r in c.rows if (m := r.couple.either).convention and m.convention not in energy}
    models = {m.energy_model for r in c.rows if (m := r.couple.either).energy_model}
    parts = []
    if len(conventions) == 1:
        parts.append(f"operations: convention {conventions.pop()}")
    if len(models) == 1:
        parts.append(f"energy: model {results.model_title(models.pop())}")
    return "; ".join(parts)


def _failed_text(c: Comparison, options: Options) -> str:
    """The failures of one model, by reason."""
    lines = [f"what failed: {_who(c)}"]
    if not c.rows:
        return f"{lines[0]}\n  incomparable: {c.barrier}"
    by_reason: dict[str, list[Row]] = {}
    for row in c.rows:
        if row.failed:
            by_reason.setdefault(f"{row.verdict}: {row.finding.reason}", []).append(row)
    for reason, rows in by_reason.items():
        lines.append(_wrapped(reason))
        if c.barrier is not None:
            continue
        cells = [[label(row, full=options.every), " → ".join(values(row)), change(row)] for row in rows]
        widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
        lines += [
            "    " + "  ".join(f"{text:<{w}}" for text, w in zip(row, widths, strict=True)).rstrip() for row in cells
        ]
    return "\n".join(lines)


def _failed_lines(c: Comparison, options: Options) -> Iterable[str]:
    """One line for each failure; where nothing can be compared, one line."""
    if c.barrier is not None:
        yield f"{_who(c)}: incomparable: {c.barrier}"
        return
    for row in c.rows:
        if row.failed:
            by = change(row)
            changed = " → ".join(values(row)) + (f" ({by})" if by else "")
            yield f"{_who(c)}: {label(row, full=options.every)} {row.verdict}: {changed}: {row.finding.reason}"


def _who(c: Comparison) -> str:
    return f"{c.base.record.identity.suite} {c.base.record.identity.model}"


def _without_base(unmatched: Sequence[str]) -> list[str]:
    return [f"no baseline of {name}: `snn-eval baseline save` makes one" for name in unmatched]


def _limits(options: Options) -> str:
    """What could have failed."""
    if options.gates:
        return f"gate: {', '.join(str(gate) for gate in options.gates.values())}; nothing else fails"
    drop = f"{DEFAULT_DROP.amount * 100:g} pp"
    count = f"{options.tolerance * 100:g} % where conditions differ"
    return f"gate: accuracy (more than {drop} lost, and not by chance), every count (equal; within {count})"


def _outcome(comparisons: Sequence[Comparison]) -> str:
    failed = failures(comparisons)
    gated = [row for c in comparisons for row in c.rows if row.gated]
    if failed:
        return f"FAILED: {failed} of {len(gated) + sum(not c.rows for c in comparisons)} gated metrics"
    rest = sum(row.verdict == "inconclusive" for row in gated)
    return f"passed: none of {len(gated)} gated metrics regressed" + (f"; {rest} inconclusive" if rest else "")


def _wrapped(line: str, indent: int = 2) -> str:
    return textwrap.fill(
        line,
        _COLUMNS,
        initial_indent=" " * indent,
        subsequent_indent=" " * (indent + 2),
        break_long_words=False,
        break_on_hyphens=False,
    )

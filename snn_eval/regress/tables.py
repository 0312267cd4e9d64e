"""A comparison for people: a table for the terminal or for a page of Markdown, then what failed and why."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from snn_eval.regress.compare import Comparison, Options, Row, failures
from snn_eval.regress.judge import DEFAULT_DROP
from snn_eval.regress.words import change, conditions_line, label, title, values
from snn_eval.report.grid import aligned, markdown
from snn_eval.report.lookup import Results

__all__ = ["markdown_report", "text_report"]

_HEAD = ["metric", "base", "new", "change", "verdict"]
_RIGHT = [False, True, True, True, False]
_MARKS = {"regressed": "✗ ", "improved": "✓ "}
_MOST = 8


def text_report(
    comparisons: Sequence[Comparison], options: Options, unmatched: Sequence[str] = (), *, only_changed: bool = False
) -> str:
    """For the terminal: every table, why each verdict, all failures, the outcome as the last line."""
    parts = []
    for c in comparisons:
        rows, left_out = _rows(c, only_changed)
        parts.append(f"{title(c)}\n{_indented(conditions_line(c))}")
        if rows:
            parts.append(aligned(_HEAD, [_cells(row, options) for row in rows], _RIGHT, indent=2))
        parts.append(_reasons(c, rows, left_out))
    return "\n\n".join([*parts, *_end(comparisons, options, unmatched)]) + "\n"


def markdown_report(
    comparisons: Sequence[Comparison], options: Options, unmatched: Sequence[str] = (), *, only_changed: bool = False
) -> str:
    """The same as Markdown, for a pull request or a step's summary."""
    parts = [f"### {_outcome(comparisons, options)[0].capitalize()}{_outcome(comparisons, options)[1:]}"]
    for c in comparisons:
        rows, left_out = _rows(c, only_changed)
        parts += [f"**{title(c)}**", conditions_line(c)]
        if rows:
            cells = [[*_cells(row, options), row.finding.reason] for row in rows]
            parts.append(markdown([*_HEAD, "why"], cells, [*_RIGHT, False]))
        if left_out:
            parts.append(left_out)
        parts.append(_named(c))
    failed = [f"- {line}" for line in _failed(comparisons, options)]
    if failed:
        parts += ["**What failed**", "\n".join(failed)]
    parts += ["\n".join(f"- {line}" for line in _without_base(unmatched))] if unmatched else []
    return "\n\n".join([*parts, _limits(options)]) + "\n"


def _rows(comparison: Comparison, only_changed: bool) -> tuple[list[Row], str]:
    """Rows to show, and a line on those left out."""
    shown = [r for r in comparison.rows if not only_changed or r.changed or r.failed]
    count = len(comparison.rows) - len(shown)
    return shown, f"{count} of {len(comparison.rows)} metrics unchanged" if count else ""


def _cells(row: Row, options: Options) -> list[str]:
    verdict = _MARKS.get(row.verdict, "") + row.verdict if row.gated or row.verdict != "pass" else row.verdict
    shown = verdict if row.gated or row.verdict == "pass" else f"({row.verdict})"
    return [label(row, full=options.every), *values(row), change(row), shown]


def _reasons(c: Comparison, rows: Sequence[Row], left_out: str) -> str:
    """What stands under a table on the terminal."""
    lines = [left_out] if left_out else []
    if c.barrier is None:
        lines += [f"{verdict}, {reason}: {names}" for verdict, reason, names in _whys(rows)]
    lines.append(_named(c))
    return "\n".join(_indented(line) for line in lines if line)


def _whys(rows: Sequence[Row]) -> Iterable[tuple[str, str, str]]:
    """Each verdict and reason with the metrics it holds for; those that failed stand in a list of their own."""
    found: dict[tuple[str, str], list[str]] = {}
    for row in rows:
        if not row.failed:
            found.setdefault((row.verdict, row.finding.reason), []).append(label(row))
    for (verdict, reason), names in found.items():
        unique = list(dict.fromkeys(names))
        more = f" and {len(unique) - _MOST} others" if len(unique) > _MOST else ""
        yield verdict, reason, ", ".join(unique[:_MOST]) + more


def _named(c: Comparison) -> str:
    """Under which convention and energy model."""
    if not c.rows:
        return ""
    results = Results(c.base.record)
    names = {m.convention for r in c.rows if (m := r.couple.either).convention}
    models = {m.energy_model for r in c.rows if (m := r.couple.either).energy_model}
    parts = []
    if len(names - set(results.models())) == 1:
        parts.append(f"operations: convention {min(names - set(results.models()))}")
    if len(models) == 1:
        parts.append(f"energy: model {results.model_title(min(models))}")
    return "; ".join(parts)


def _end(comparisons: Sequence[Comparison], options: Options, unmatched: Sequence[str]) -> Iterable[str]:
    failed = _failed(comparisons, options)
    if failed:
        yield "what failed:\n" + "\n".join(_indented(line) for line in failed)
    yield "\n".join([*_without_base(unmatched), _limits(options), _outcome(comparisons, options)])


def _failed(comparisons: Sequence[Comparison], options: Options) -> list[str]:
    """A line for each failure; where one reason fails all metrics of a model, one line for all."""
    lines = []
    for c in comparisons:
        identity = c.base.record.identity
        who = f"{identity.suite} {identity.model}"
        if c.new is None:
            lines.append(f"{who}: incomparable: there is no new result of it")
            continue
        rows = [row for row in c.rows if row.failed]
        if c.barrier is not None and rows:
            lines.append(f"{who}: incomparable: {c.barrier} ({len(rows)} metrics)")
            continue
        for row in rows:
            old, now = values(row)
            by = change(row)
            changed = f"{old} → {now}" + (f" ({by})" if by else "")
            lines.append(f"{who}: {label(row, full=options.every)} {row.verdict}: {changed}: {row.finding.reason}")
    return lines


def _without_base(unmatched: Sequence[str]) -> list[str]:
    return [f"without a baseline: {name}; `snn-eval baseline save` makes one" for name in unmatched]


def _limits(options: Options) -> str:
    """What could have failed."""
    if options.gates:
        return f"gate: {', '.join(str(gate) for gate in options.gates.values())}; nothing else fails"
    drop = f"{DEFAULT_DROP.amount * 100:g} pp"
    count = f"{options.tolerance * 100:g} % where conditions differ"
    return f"gate: accuracy (more than {drop} lost, and not by chance); every count (equal; within {count})"


def _outcome(comparisons: Sequence[Comparison], options: Options) -> str:
    failed = failures(comparisons)
    gated = sum(row.gated for c in comparisons for row in c.rows)
    if failed:
        return f"FAILED: {failed} of {max(gated, failed)} gated metrics"
    open_ = sum(row.gated and row.verdict == "inconclusive" for c in comparisons for row in c.rows)
    rest = f"; {open_} inconclusive" if open_ else ""
    return f"passed: none of {gated} gated metrics regressed{rest}"


def _indented(text: str) -> str:
    return f"  {text}"

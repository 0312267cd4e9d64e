"""What ``show`` and the end of ``run`` print of one model: its numbers, its layers, every convention, all notes."""

from __future__ import annotations

import textwrap
from collections.abc import Callable
from dataclasses import dataclass

from snn_eval.record import Record
from snn_eval.report.format import cell, interval_name, measured, value_with_unit
from snn_eval.report.grid import aligned, width
from snn_eval.report.layers import layers_text
from snn_eval.report.lookup import Results
from snn_eval.report.notes import notes
from snn_eval.report.published import published_line
from snn_eval.report.remarks import layer_notes
from snn_eval.report.tables import conventions_table, energy_models_table
from snn_eval.trace import Trace
from snn_eval.units import RATIO

__all__ = ["LINES", "Line", "card"]


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the card: what the value is called, which metric it is, and what stands beside it."""

    label: str
    metric: str
    beside: Callable[[Results], str] = lambda results: ""


def _method(results: Results) -> str:
    accuracy = results.get("accuracy")
    return "" if accuracy is None or accuracy.interval_method is None else f"{interval_name(accuracy)} interval"


def _spread(results: Results) -> str:
    found = {p: results.get(f"spike_count_{p}") for p in ("median", "p95", "p99", "max")}
    return ", ".join(f"{name} {cell(m.value, m.unit)}" for name, m in found.items() if m is not None)


def _steps(results: Results) -> str:
    never, stable = results.value("never_correct"), results.value("latency_stable")
    parts = [] if never is None else [f"{value_with_unit(never, RATIO)} never right"]
    return ", ".join(parts + ([] if stable is None else [f"decision stable after {stable:.2f} steps"]))


def _convention(name: str) -> Callable[[Results], str]:
    return lambda results: ", ".join([name, *([f"convention {results.convention}"] if results.convention else [])])


def _density(results: Results) -> str:
    syops, dense = results.get("syops", convention="exact"), results.value("mac_dense")
    effective = f"; {syops.value / dense * 100:.1f} % are effective" if syops is not None and dense else ""
    return f"no zero skipped{effective}"


def _model(results: Results) -> str:
    return f"model {results.model_title()}"


def _components(results: Results) -> str:
    parts = {name: float(m.value) for name, m in results.scoped("energy_total", "component")}
    total = sum(parts.values())
    shares = sorted(parts.items(), key=lambda item: -item[1])
    told = ", ".join(f"{name.replace('_', ' ')} {value / total * 100:.1f} %" for name, value in shares if total)
    return told or _model(results)


def _nonzero(results: Results) -> str:
    sparsity = results.get("connection_sparsity")
    return "" if sparsity is None else f"{value_with_unit(sparsity.value, RATIO)} of weights are zero"


def _state(results: Results) -> str:
    state = results.get("state_bytes")
    return "" if state is None else f"and {value_with_unit(state.value, state.unit)} of neuron state a sample"


_ROOM = 28
"""Columns that what stands beside a value needs at least."""

LINES: tuple[Line, ...] = (
    Line("accuracy", "accuracy", _method),
    Line("exit: mean step", "exit_mean_step"),
    Line("exit: accuracy", "exit_accuracy"),
    Line("exit: energy total", "exit_energy_total", lambda results: "up to the exit, its checks included"),
    Line("first correct", "latency_first_correct", _steps),
    Line("spikes", "spike_count", _spread),
    Line("NASFR", "nasfr", lambda results: "mean firing rate"),
    Line("silent neurons", "silent_neurons", lambda results: "without a spike on all these samples"),
    Line("AC", "ac", _convention("accumulates")),
    Line("MAC", "mac", _convention("multiply-accumulates")),
    Line("MAC dense", "mac_dense", _density),
    Line("energy synaptic", "energy_synaptic", _model),
    Line("energy total", "energy_total", _components),
    Line("parameters", "parameters", _nonzero),
    Line("footprint", "footprint", _state),
    Line("wall time", "wall_time", lambda results: "of the bare network on this machine; advisory"),
)
"""What is printed of a model, in this order; a metric the record does not hold is left out."""


def card(record: Record, trace: Trace | None = None, *, brief: bool = False, columns: int | None = None) -> str:
    """One model's result as text for the terminal.

    Args:
        record: of one cell.
        trace: the run's trace; with it the layers are listed, too.
        brief: without the other conventions and energy models.
        columns: width of the terminal; None for a file or a pipe, whose lines may be as long as they are.
    """
    results = Results(record)
    parts = [_wrapped(_title(record), columns)]
    lines = [(x.label, results.get(x.metric), x.beside(results)) for x in LINES]
    there = [[label, measured(m), beside] for label, m, beside in lines if m is not None]
    if there:
        parts.append(_columns(there, columns))
    if trace is not None:
        parts.append(layers_text(trace, record, columns))
    for table in (conventions_table(results), energy_models_table(results)):
        if len(table[1]) > 1 and not brief:
            parts.append(aligned(*table, indent=2, columns=columns))
    published = published_line(record)
    below = [*([published] if published else []), *notes(record, layer_notes(trace) if trace is not None else ())]
    if below:
        parts.append("\n".join(_wrapped(f"  {line}", columns, 4) for line in below))
    return "\n\n".join(parts)


def _title(record: Record) -> str:
    identity = record.identity
    checkpoint = identity.checkpoint_name or "no checkpoint"
    if identity.checkpoint_sha256:
        checkpoint += f" ({identity.checkpoint_sha256[:8]})"
    first = "first " if record.status == "limited" else ""
    return (
        f"{identity.model} on {identity.suite} v{identity.suite_version} · {first}{identity.samples} samples of "
        f"{identity.split} · T = {identity.time_steps} · {checkpoint}"
    )


def _columns(rows: list[list[str]], columns: int | None) -> str:
    """Label, value, and what stands beside it, broken on a narrow terminal and on a very narrow one below."""
    labels, values = (max(width(row[i]) for row in rows) for i in range(2))
    place = labels + values + 6
    below = columns is not None and columns - place < _ROOM
    lines = []
    for label, value, beside in rows:
        line = f"  {label}{' ' * (labels - width(label))}  {value}"
        if beside and below:
            line += "\n" + _wrapped(" " * (labels + 6) + beside, columns, labels + 6)
        elif beside:
            line = _wrapped(line + " " * (values - width(value)) + "  " + beside, columns, place)
        lines.append(line)
    return "\n".join(lines)


def _wrapped(line: str, columns: int | None, indent: int = 2) -> str:
    """The line, broken between words where the terminal is narrower; later lines are indented."""
    if columns is None or width(line) <= columns:
        return line
    return textwrap.fill(line, columns, subsequent_indent=" " * indent, break_long_words=False, break_on_hyphens=False)

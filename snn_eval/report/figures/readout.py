"""Figures of the readout over time: accuracy after each step, and what an early exit would save."""

from __future__ import annotations

import math
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from snn_eval.errors import RefusedError
from snn_eval.metrics import ExitCurve, early_exit_curve
from snn_eval.report.figures.energy import headline_model
from snn_eval.report.figures.style import COLOURS, GREY, new_figure, styled, tidy
from snn_eval.report.format import interval_name
from snn_eval.report.lookup import Results
from snn_eval.trace import Trace
from snn_eval.units import JOULE_PER_SAMPLE, percent, scaled

__all__ = ["early_exit_figure", "prefix_figure"]

_RULES = (("confidence", "o", COLOURS[0]), ("entropy", "s", COLOURS[1]))


@styled
def prefix_figure(results: Results) -> Figure:
    """Accuracy from the mean readout over the first t steps, with the band of its interval.

    Raises:
        RefusedError: the record holds no prefix accuracies (its conditions do not hold, or it was not asked for).
    """
    found = sorted((int(step), m) for step, m in results.scoped("accuracy_prefix", "step"))
    if not found:
        reason = results.record.refused.get("accuracy_prefix", "the figure needs the metric accuracy_prefix")
        raise RefusedError(reason)
    steps = [step for step, _ in found]
    figure, (axes,) = new_figure(5.6, 3.6)
    bands = [(step, m.interval) for step, m in found if m.interval is not None]
    if bands:
        axes.fill_between(
            [step for step, _ in bands],
            [percent(band[0]) for _, band in bands],
            [percent(band[1]) for _, band in bands],
            color=COLOURS[0],
            alpha=0.18,
            linewidth=0,
            label=f"{interval_name(found[0][1])} interval",
        )
    values = [percent(float(m.value)) for _, m in found]
    axes.plot(steps, values, color=COLOURS[0], marker="o", markersize=4.5, label="accuracy after t steps")
    axes.annotate(f"{values[-1]:.2f} %", (steps[-1], values[-1]), (0, 7), textcoords="offset points", ha="right")
    axes.margins(y=0.12)
    axes.set_xticks(steps if len(steps) <= 16 else steps[:: -(len(steps) // 12)])
    axes.legend(loc="lower right", fontsize=8.5)
    title = f"Accuracy after the first t of {steps[-1]} steps"
    tidy(axes, title, "step t", f"accuracy (%), n = {found[0][1].n or results.record.identity.samples}", "both")
    return figure


@styled
def early_exit_figure(trace: Trace, results: Results) -> Figure:
    """Accuracy against mean exit step and against energy, for both exit rules over all thresholds.

    Where the record has an exit rule chosen on validation, both are drawn at its temperature and its point is marked.

    Raises:
        RefusedError: prefixes mean nothing for this network, or samples could not be told apart.
    """
    model, convention = headline_model(results), results.convention or "exact"
    chosen = results.record.exit
    values: dict[str, Any] = {"model": model, "convention": convention}
    if chosen is not None and chosen.temperature is not None:
        values["temperature"] = chosen.temperature
    curves = {k: early_exit_curve(trace, k, **values) for k in ("confidence", "entropy")}
    figure, (steps, energy) = new_figure(8.6, 3.8, 2, sharey=True)
    largest = max(float(curve.column("energy_total").max()) for curve in curves.values())
    number, unit = scaled(largest, JOULE_PER_SAMPLE)
    factor = number / largest if largest else 1.0
    for name, marker, colour in _RULES:
        curve = curves[name]
        for axes, column, scale in ((steps, "mean_step", 1.0), (energy, "energy_total", factor)):
            _draw(axes, curve, column, scale, label=f"{name} rule", marker=marker, colour=colour)
    _mark_whole(steps, trace.time_steps, results, f"all {trace.time_steps} steps")
    if chosen is not None and "temperature" in values:
        at = math.inf if chosen.threshold is None else chosen.threshold
        point = early_exit_curve(trace, chosen.kind, thresholds=[at], **values)
        _mark_chosen(steps, point, "mean_step", 1.0)
        _mark_chosen(energy, point, "energy_total", factor)
    whole = results.get("energy_total")
    if whole is not None:
        _mark_whole(energy, float(whole.value) * factor, results, f"all {trace.time_steps} steps")
    steps.set_xlim(left=0.9)
    steps.legend(loc="lower right", fontsize=8.5)
    title = f"Early exit: every threshold tried on the {results.record.identity.split} split (exploration)"
    tidy(steps, title, "mean exit step", "accuracy (%)", "both")
    tidy(energy, "", f"energy up to the exit ({unit}), {results.model_title()}", "", "both")
    return figure


def _draw(axes: Axes, curve: ExitCurve, column: str, scale: float, *, label: str, marker: str, colour: str) -> None:
    x, y = curve.column(column) * scale, curve.column("accuracy") * 100
    order = x.argsort()
    axes.plot(x[order], y[order], marker=marker, markersize=3.5, linewidth=1.2, color=colour, label=label)


def _mark_chosen(axes: Axes, point: ExitCurve, column: str, scale: float) -> None:
    """The rule chosen on validation; ``point`` is a curve of its threshold alone."""
    x, y = point.column(column) * scale, point.column("accuracy") * 100
    axes.plot(
        x, y, marker="D", markersize=8, color=COLOURS[2], markerfacecolor="none", markeredgewidth=1.8, linestyle="",
        label=f"chosen on validation ({point.kind})", zorder=5,
    )  # fmt: skip


def _mark_whole(axes: Axes, x: float, results: Results, label: str) -> None:
    """The network without early exit, for comparison."""
    accuracy = results.get("accuracy")
    if accuracy is not None:
        axes.plot(
            [x], [percent(float(accuracy.value))], marker="*", markersize=11, color=GREY, linestyle="", label=label
        )

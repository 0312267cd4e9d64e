"""Figures of an ablation: accuracy against steps and energy, after each step, and energy by row."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter

from snn_eval.cell import CellRecord, ExitPoint, Truncated
from snn_eval.report.ablation.controls import networks
from snn_eval.report.ablation.effect_figure import effect_figure
from snn_eval.report.ablation.effects import Effects
from snn_eval.report.ablation.groups import Group
from snn_eval.report.ablation.quantities import QUANTITIES
from snn_eval.report.figures.style import COLOURS, GREY, label, new_figure, png, styled, tidy
from snn_eval.report.format import value_with_unit
from snn_eval.units import JOULE_PER_SAMPLE, percent, scaled

__all__ = ["FIGURES", "draw"]

FIGURES = ("tradeoff.png", "prefix.png", "energy.png", "effects.png")
"""Every figure by file name."""

_BY_KEY = {quantity.key: quantity for quantity in QUANTITIES}
_ROWS = (*COLOURS[:6], "#000000", "#8F7A00")
"""Lines on white: the palette with its yellow darkened."""

_THIN: dict[str, Any] = {"linewidth": 0.7, "alpha": 0.35}
_DASHED: dict[str, Any] = {"linewidth": 1.0, "linestyle": (0, (4, 2)), "marker": "s", "markersize": 2.6}
_STAR: dict[str, Any] = {"marker": "*", "markersize": 13, "markeredgecolor": "white", "linestyle": "", "zorder": 5}


def draw(groups: Sequence[Group], effects: Effects) -> dict[str, bytes]:
    """Every figure there are numbers for, as PNG by file name."""
    made = (_tradeoff(groups), _prefix(groups), _energy(groups), effect_figure(effects))
    return {name: _indexed(png(figure)) for name, figure in zip(FIGURES, made, strict=True) if figure is not None}


def _indexed(image: bytes) -> bytes:
    """The same PNG in 256 colours, a third of the size: figures are committed."""
    from PIL import Image

    small = io.BytesIO()
    Image.open(io.BytesIO(image)).convert("RGB").quantize(256, dither=Image.Dither.NONE).save(
        small, "PNG", optimize=True
    )
    return small.getvalue()


@styled
def _tradeoff(groups: Sequence[Group]) -> Figure | None:
    found = [group for group in networks(groups) if any(cell.exit is not None for cell in group.done)]
    if not found:
        return None
    figure, (steps, energy) = new_figure(10.5, 5.2, 2, sharey=True)
    exits = [cell.exit for group in found for cell in group.done if cell.exit is not None]
    largest = max(point.energy_total for exit in exits for point in exit.test)
    number, unit = scaled(largest, JOULE_PER_SAMPLE)
    factor = number / largest if largest else 1.0
    for place, group in enumerate(found):
        _curves(steps, group, "mean_step", 1.0, _colour(place))
        _curves(energy, group, "energy_total", factor, _colour(place))
    chosen = [percent(exit.chosen.accuracy) for exit in exits]
    spread = max(0.4, max(chosen) - min(chosen))
    best = max(percent(point.accuracy) for group in found for cell in group.done for point in _all(cell))
    steps.set_ylim(min(chosen) - 2.5 * spread, best + 0.15 * spread)
    _in_octaves(steps)
    _in_octaves(energy)
    tidy(steps, "Accuracy against steps", "mean steps taken", "test accuracy (%)", "both")
    tidy(energy, "… and against energy", f"energy total ({unit})", "", "both")
    _legend(figure, found, exits=True)
    return figure


def _in_octaves(axes: Axes) -> None:
    """A logarithmic axis with plain numbers: exits lie close together where little is spent."""
    axes.set_xscale("log", base=2)
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))


def _curves(axes: Axes, group: Group, field: str, factor: float, colour: str) -> None:
    """Exit at each threshold (one thin line a replicate, their mean thick), the chosen one, stopped after t steps."""
    exits = [cell.exit for cell in group.done if cell.exit is not None]
    for exit in exits:
        axes.plot(*_points([[point] for point in exit.test], field, factor), color=colour, **_THIN)
    thresholds = range(min(len(exit.test) for exit in exits))
    axes.plot(*_points([[exit.test[i] for exit in exits] for i in thresholds], field, factor), color=colour, lw=1.8)
    axes.plot(*_points([[exit.chosen for exit in exits]], field, factor), color=colour, **_STAR)
    stop = "time_steps" if field == "mean_step" else field
    stopped = [[p for cell in group.done for p in cell.truncated if p.time_steps == t] for t in _steps(group)]
    axes.plot(*_points(stopped, stop, factor), color=colour, **_DASHED)


def _all(cell: CellRecord) -> Sequence[Truncated | ExitPoint]:
    return [*cell.truncated, *(cell.exit.test if cell.exit is not None else ())]


def _points(settings: Sequence[Sequence[Any]], field: str, factor: float) -> tuple[list[float], list[float]]:
    """For each setting the mean over replicates of a field and of accuracy (%), in the order of the field."""
    means = [
        (factor * float(np.mean([getattr(p, field) for p in ps])), percent(float(np.mean([p.accuracy for p in ps]))))
        for ps in settings
    ]
    return [x for x, _ in sorted(means)], [y for _, y in sorted(means)]


def _steps(group: Group) -> list[int]:
    return sorted({point.time_steps for cell in group.done for point in cell.truncated})


@styled
def _prefix(groups: Sequence[Group]) -> Figure | None:
    found = [group for group in networks(groups) if _steps(group)]
    if not found:
        return None
    figure, (axes,) = new_figure(7.2, 4.8)
    for place, group in enumerate(found):
        for cell in group.done:
            if cell.truncated:
                axes.plot(*_points([[p] for p in cell.truncated], "time_steps", 1.0), color=_colour(place), **_THIN)
        stopped = [[p for cell in group.done for p in cell.truncated if p.time_steps == t] for t in _steps(group)]
        axes.plot(
            *_points(stopped, "time_steps", 1.0), color=_colour(place), linewidth=1.8, marker=_marker(place), ms=4
        )
    axes.set_xticks(sorted({t for group in found for t in _steps(group)}))
    tidy(axes, "Accuracy after the first t steps", "step t", "test accuracy (%)", "both")
    _legend(figure, found, exits=False)
    return figure


@styled
def _energy(groups: Sequence[Group]) -> Figure | None:
    total, synaptic = _BY_KEY["energy_total"], _BY_KEY["energy_synaptic"]
    read = [(g, [(total.read(c), synaptic.read(c)) for c in g.done]) for g in groups]
    found = [(g, np.array([v for v in vs if None not in v], float)) for g, vs in read]
    found = [(g, values) for g, values in found if values.size]
    if not found:
        return None
    largest = max(float(values[:, 0].max()) for _, values in found)
    number, unit = scaled(largest, JOULE_PER_SAMPLE)
    factor = number / largest if largest else 1.0
    figure, (axes,) = new_figure(7.6, max(2.4, 0.36 * len(found) + 1.5))
    means = np.array([values.mean(axis=0) for _, values in found]) * factor
    places = np.arange(len(found))
    axes.barh(places, means[:, 1], height=0.68, color=COLOURS[0], label="synaptic")
    rest = means[:, 0] - means[:, 1]
    axes.barh(places, rest, left=means[:, 1], height=0.68, color=COLOURS[1], label="neurons, bias, exit checks, others")
    for place, (_, values) in enumerate(found):
        axes.plot(values[:, 0] * factor, np.full(len(values), place), "o", color="black", markersize=3)
        text = value_with_unit(float(values[:, 0].mean()), JOULE_PER_SAMPLE)
        label(axes, float(values[:, 0].max()) * factor, place, text.split("/")[0])
    axes.set_yticks(places, [group.title for group, _ in found])
    axes.set_ylim(len(found) - 0.4, -0.6)
    axes.set_xlim(0, (number or 1.0) * 1.18)
    axes.tick_params(axis="y", length=0)
    figure.legend(loc="outside lower center", ncols=2, fontsize=8.5)
    tidy(axes, "Energy by row", f"energy total ({unit})", "", "x")
    return figure


def _colour(place: int) -> str:
    return _ROWS[place % len(_ROWS)]


def _marker(place: int) -> str:
    return "osD^vP*X"[place // len(_ROWS) % 8]


def _legend(figure: Figure, groups: Sequence[Group], *, exits: bool) -> None:
    """Rows by colour, and on request what the lines are."""
    handles = [
        Line2D([], [], color=_colour(place), linewidth=2.2, label=group.title) for place, group in enumerate(groups)
    ]
    if exits:
        handles += [
            Line2D([], [], color=GREY, linewidth=1.8, label="early exit"),
            Line2D([], [], color=GREY, label="exit chosen on validation", **_STAR),
            Line2D([], [], color=GREY, label="stopped after t steps", **_DASHED),
        ]
    figure.legend(handles=handles, loc="outside lower center", ncols=min(4, len(handles)), fontsize=8.5)

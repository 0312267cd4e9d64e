"""Figure: main effects and interactions of the factorial, on accuracy, energy and steps, with their intervals."""

from __future__ import annotations

from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from snn_eval.report.ablation.effects import Effect, Effects
from snn_eval.report.ablation.summary import Summary
from snn_eval.report.figures.style import COLOURS, GREY, new_figure, styled, tidy

__all__ = ["effect_figure"]


@styled
def effect_figure(effects: Effects) -> Figure | None:
    """One panel a quantity, one line an effect, of the first axes that have a full factorial; None without one."""
    if not effects.factorial:
        return None
    found = effects.factorial[0][1]
    figure, (accuracy, early, energy, steps) = new_figure(11.0, 3.6, 4, sharey=True)
    _panel(accuracy, [_scaled(effect.accuracy, 100.0) for effect in found], 0.0)
    _panel(early, [_scaled(effect.early_accuracy, 100.0) for effect in found], 0.0)
    _panel(energy, [effect.energy for effect in found], 1.0)
    _panel(steps, [effect.mean_step for effect in found], 0.0)
    _names(accuracy, found)
    tidy(accuracy, "Accuracy", "points", "", "x")
    tidy(early, "Accuracy at early steps", "points", "", "x")
    tidy(energy, "Energy", "factor", "", "x")
    tidy(steps, "Mean steps", "steps", "", "x")
    return figure


def _panel(axes: Axes, summaries: Sequence[Summary | None], nothing: float) -> None:
    axes.axvline(nothing, color=GREY, linewidth=1.0)
    for place, found in enumerate(summaries):
        if found is None:
            continue
        if found.low is not None and found.high is not None:
            axes.plot([found.low, found.high], [place, place], color=COLOURS[0], linewidth=2.2, solid_capstyle="butt")
        axes.plot([found.mean], [place], "o", color=COLOURS[0], markersize=5)


def _names(axes: Axes, effects: Sequence[Effect]) -> None:
    axes.set_yticks(range(len(effects)), [effect.name for effect in effects])
    axes.set_ylim(len(effects) - 0.5, -0.5)
    axes.tick_params(axis="y", length=0)


def _scaled(found: Summary | None, factor: float) -> Summary | None:
    if found is None:
        return None
    low, high = (None if end is None else end * factor for end in (found.low, found.high))
    return Summary(found.mean * factor, found.sd * factor, found.n, found.asked, low, high)

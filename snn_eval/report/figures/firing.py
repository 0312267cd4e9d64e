"""Figure: firing rate of each layer at each step as a heat map, beside it each layer's mean over steps."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from snn_eval.errors import RefusedError
from snn_eval.report.figures.style import COLOURS, SEQUENTIAL, new_figure, styled, tidy
from snn_eval.report.format import ABSENT, cell
from snn_eval.report.lookup import Results
from snn_eval.units import RATE

__all__ = ["firing_figure"]

_NUMBERS_UP_TO = 160
_THREE_DECIMALS_UP_TO = 10
"""Steps beside each other with room for three decimals."""


@styled
def firing_figure(results: Results) -> Figure:
    """Heat map of LSFR[l,t] with LASFR[l] as bars; rates in spikes per neuron and step.

    Raises:
        RefusedError: the record holds no firing rates.
    """
    names, rates_LT = _rates(results)
    means = {name: float(m.value) for name, m in results.scoped("lasfr", "layer")}
    layers, steps = rates_LT.shape
    figure, (heat, bars) = new_figure(
        min(max(7.2, 0.42 * steps + 4.8), 11.0), max(2.7, 0.34 * layers + 1.6), 2, ratios=(2.8, 1.0)
    )
    image = heat.imshow(rates_LT, aspect="auto", cmap=SEQUENTIAL, vmin=0.0, interpolation="nearest")
    heat.set_yticks(range(layers), names)
    ticks = range(0, steps, max(1, steps // 16))
    heat.set_xticks(list(ticks), [str(t + 1) for t in ticks])
    heat.tick_params(length=0)
    heat.spines[:].set_visible(False)
    if rates_LT.size <= _NUMBERS_UP_TO and steps <= 16:
        _write_numbers(heat, rates_LT)
    tidy(heat, "Firing rate by layer and step", "step t", "layer")
    bar = figure.colorbar(image, ax=heat, pad=0.02, fraction=0.05, aspect=max(20, 3 * layers))
    bar.set_label("spike/neuron/step")
    bar.outline.set_visible(False)
    rows = np.arange(layers)
    values = [means.get(name, float("nan")) for name in names]
    bars.barh(rows, values, color=COLOURS[0], height=0.7)
    bars.set_ylim(layers - 0.5, -0.5)
    nasfr = results.get("nasfr")
    if nasfr is not None:
        bars.axvline(float(nasfr.value), color=COLOURS[5], linestyle="--", linewidth=1.2)
        bars.annotate(
            f"NASFR {cell(nasfr.value, RATE)}",
            (float(nasfr.value), 1.0),
            (0, 3),
            xycoords=("data", "axes fraction"),
            textcoords="offset points",
            color=COLOURS[5],
            fontsize=8.5,
            ha="center",
            va="bottom",
        )
    _label_bars(bars, values)
    tidy(bars, "", "mean over steps\n(spike/neuron/step)", "")
    return figure


def _rates(results: Results) -> tuple[list[str], NDArray[np.float64]]:
    """Layer names and LSFR ``[L,T]``; NaN where a layer did not run."""
    found: dict[str, dict[int, float]] = {}
    for scope, m in results.scoped("lsfr", "layer"):
        name, _, step = scope.rpartition("/step:")
        found.setdefault(name, {})[int(step)] = float(m.value)
    if not found:
        reason = results.record.refused.get("nsfr", "the figure of firing rates needs the metric lsfr")
        raise RefusedError(reason)
    steps = max(max(by_step) for by_step in found.values())
    return list(found), np.array([[row.get(t, np.nan) for t in range(1, steps + 1)] for row in found.values()])


def _write_numbers(axes: Axes, rates_LT: NDArray[np.float64]) -> None:
    highest = np.nanmax(rates_LT) if np.isfinite(rates_LT).any() else 0.0
    decimals = 3 if highest < 0.1 and rates_LT.shape[1] <= _THREE_DECIMALS_UP_TO else 2
    for (row, column), value in np.ndenumerate(rates_LT):
        if np.isfinite(value):
            text = _short(float(value), decimals)
            colour = "black" if value > highest / 2 else "white"
            axes.text(column, row, text, ha="center", va="center", color=colour, fontsize=8)


def _short(value: float, decimals: int) -> str:
    """``0.04``; ``<.01`` where nothing but zeros would be left of a rate that is not zero."""
    rounded = f"{value:.{decimals}f}"
    if value == 0:
        return "0"
    return rounded if float(rounded) else f"<.{1:0{decimals}d}"


def _label_bars(axes: Axes, values: list[float]) -> None:
    """Values in a column at the right, where neither bars nor the mean of the network cross them."""
    top = max((v for v in values if np.isfinite(v)), default=0.0)
    axes.set_xlim(0, top * 1.1 if top else 1.0)
    axes.set_yticks(range(len(values)), [cell(v, RATE) if np.isfinite(v) else ABSENT for v in values])
    axes.tick_params(axis="y", left=False, right=False, labelleft=False, labelright=True, labelsize=8.5)

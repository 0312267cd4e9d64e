"""How figures look: one palette for colour-blind readers, one size of type, the same bytes each time."""

from __future__ import annotations

import io
from typing import Any

from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

__all__ = ["COLOURS", "GREY", "SEQUENTIAL", "new_figure", "png", "svg", "tidy"]

COLOURS = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00", "#F0E442", "#000000")
"""Okabe and Ito's palette, told apart by colour-blind readers (Color Universal Design, 2008)."""

GREY = "#5F5F5F"
SEQUENTIAL = "cividis"
"""Colour map that reads the same with and without colour vision deficiency (Nuñez et al. 2018)."""

_DPI = 160
_SETTINGS: dict[str, Any] = {
    "font.family": "DejaVu Sans",
    "font.size": 9.5,
    "axes.titlesize": 11,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.titlepad": 10,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "axes.edgecolor": GREY,
    "xtick.color": GREY,
    "ytick.color": GREY,
    "xtick.labelcolor": "black",
    "ytick.labelcolor": "black",
    "grid.color": "#D9D9D9",
    "grid.linewidth": 0.7,
    "legend.frameon": False,
    "svg.hashsalt": "snn-eval",
}


def new_figure(
    width: float, height: float, columns: int = 1, *, ratios: tuple[float, ...] | None = None, sharey: bool = False
) -> tuple[Figure, list[Axes]]:
    """A figure of ``columns`` axes side by side; sizes in inches. No global state is touched."""
    with rc_context(_SETTINGS):
        figure = Figure(figsize=(width, height), layout="constrained")
        FigureCanvasAgg(figure)
        axes = figure.subplots(1, columns, squeeze=False, sharey=sharey, width_ratios=ratios)
    return figure, list(axes[0])


def tidy(axes: Axes, title: str, x: str, y: str, grid: str = "") -> None:
    """Title, axis labels (with units) and grid of ``x``, ``y`` or ``both`` axes."""
    with rc_context(_SETTINGS):
        axes.set_title(title)
        axes.set_xlabel(x)
        axes.set_ylabel(y)
        if grid:
            axes.grid(visible=True, axis=grid)  # type: ignore[arg-type]


def png(figure: Figure) -> bytes:
    """The figure as PNG."""
    return _saved(figure, format="png", dpi=_DPI, metadata={"Software": None})


def svg(figure: Figure) -> bytes:
    """The figure as SVG, without a date."""
    return _saved(figure, format="svg", metadata={"Date": None, "Creator": "snn-eval"})


def _saved(figure: Figure, **options: Any) -> bytes:
    out = io.BytesIO()
    with rc_context(_SETTINGS):
        figure.savefig(out, **options)
    return out.getvalue()

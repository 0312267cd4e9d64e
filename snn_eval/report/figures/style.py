"""How figures look: one palette for colour-blind readers, one size of type, the same bytes each time."""

from __future__ import annotations

import io
from collections.abc import Callable
from functools import wraps
from typing import Any, Literal, ParamSpec, TypeVar

from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

__all__ = ["COLOURS", "GREY", "SEQUENTIAL", "label", "new_figure", "png", "png_and_svg", "styled", "tidy"]

P = ParamSpec("P")
R = TypeVar("R")

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


def styled(make: Callable[P, R]) -> Callable[P, R]:
    """Decorator: ``make`` draws with these settings; matplotlib's own are as before afterwards."""

    @wraps(make)
    def draw(*args: P.args, **kwargs: P.kwargs) -> R:
        with rc_context(_SETTINGS):
            return make(*args, **kwargs)

    return draw


def new_figure(
    width: float, height: float, columns: int = 1, *, ratios: tuple[float, ...] | None = None, sharey: bool = False
) -> tuple[Figure, list[Axes]]:
    """A figure of ``columns`` axes side by side; sizes in inches. No global state is touched."""
    figure = Figure(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots(1, columns, squeeze=False, sharey=sharey, width_ratios=ratios)
    return figure, list(axes[0])


def tidy(axes: Axes, title: str, x: str, y: str, grid: Literal["", "x", "y", "both"] = "") -> None:
    """Title, axis labels (with units) and grid."""
    axes.set_title(title)
    axes.set_xlabel(x)
    axes.set_ylabel(y)
    if grid:
        axes.grid(visible=True, axis=grid)


def label(axes: Axes, x: float, y: float, text: str) -> None:
    """A value beside the end of a horizontal bar, readable across grid lines."""
    box = {"facecolor": "white", "edgecolor": "none", "pad": 0.6, "alpha": 0.85}
    axes.annotate(text, (x, y), (4, 0), textcoords="offset points", va="center", fontsize=8.5, bbox=box)


@styled
def png(figure: Figure) -> bytes:
    """The figure as PNG; equal figures give equal bytes."""
    raster = io.BytesIO()
    figure.savefig(raster, format="png", dpi=_DPI, metadata={"Software": None})
    return raster.getvalue()


@styled
def png_and_svg(figure: Figure) -> tuple[bytes, bytes]:
    """The figure as PNG and as SVG; equal figures give equal bytes."""
    raster, vector = png(figure), io.BytesIO()
    figure.set_layout_engine("none")  # laid out once is enough
    figure.savefig(vector, format="svg", metadata={"Date": None, "Creator": "snn-eval"})
    return raster, vector.getvalue()

"""Figures of a run as PNG and SVG; a figure whose numbers are refused is left out, with the reason."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from matplotlib.figure import Figure

from snn_eval.errors import CountError, RefusedError
from snn_eval.record import Record
from snn_eval.report.figures.energy import energy_figure
from snn_eval.report.figures.firing import firing_figure
from snn_eval.report.figures.readout import early_exit_figure, prefix_figure
from snn_eval.report.figures.style import png_and_svg
from snn_eval.report.lookup import Results
from snn_eval.trace import Trace

__all__ = ["FIGURES", "Drawn", "draw"]

FIGURES: dict[str, Callable[[Trace, Results], Figure]] = {
    "firing_rate": lambda trace, results: firing_figure(results),
    "energy": energy_figure,
    "accuracy_prefix": lambda trace, results: prefix_figure(results),
    "early_exit": early_exit_figure,
}
"""Every figure by the name of its file."""


@dataclass(frozen=True, slots=True)
class Drawn:
    """Figures as files, by name (``energy.png``), and why others were left out, by figure."""

    files: dict[str, bytes] = field(default_factory=dict)
    left_out: dict[str, str] = field(default_factory=dict)


def draw(trace: Trace, record: Record) -> Drawn:
    """Draw every figure the record and trace have numbers for."""
    drawn, results = Drawn(), Results(record)
    for name, make in FIGURES.items():
        try:
            figure = make(trace, results)
        except (RefusedError, CountError) as error:
            drawn.left_out[name] = str(error)
        else:
            drawn.files[f"{name}.png"], drawn.files[f"{name}.svg"] = png_and_svg(figure)
    return drawn

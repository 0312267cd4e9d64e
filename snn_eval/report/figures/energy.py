"""Figure: energy of each layer under one energy model, stacked by what it is spent on."""

from __future__ import annotations

from collections.abc import Sequence

from matplotlib.figure import Figure

from snn_eval.energy.model import energy_model_names
from snn_eval.errors import RefusedError
from snn_eval.metrics import EnergyRow, energy_rows
from snn_eval.report.figures.style import COLOURS, GREY, label, new_figure, styled, tidy
from snn_eval.report.format import value_with_unit
from snn_eval.report.layers import call_order
from snn_eval.report.lookup import Results
from snn_eval.trace import Trace
from snn_eval.units import JOULE_PER_SAMPLE, scaled

__all__ = ["energy_figure", "shipped_model"]

_MOST_LAYERS = 28
_LEAST_SHARE = 0.001
"""Of the total; below it an operation that belongs to no layer has no bar of its own."""
_OTHER = "other"
_COLOURS = dict(zip(("synaptic", "neuron", "bias", "norm", "pool", "residual_add", "gate"), COLOURS, strict=False))
"""Components that have a colour of their own, the same in every figure; all others share one."""


@styled
def energy_figure(trace: Trace, results: Results) -> Figure:
    """Stacked bars of energy by layer and component; they sum to ``energy_total``.

    Raises:
        RefusedError: the total energy is not defined for this trace, or not under a model that is shipped.
        CountError: a kind of operation that occurs has no cost.
    """
    rows = energy_rows(trace, shipped_model(results), results.convention)
    owners = _owners(trace, rows)
    total = sum(row.energy_j for row in rows)
    names = _largest(trace, owners, rows)
    spent = _spent(names, owners, rows)
    longest = max((sum(by.values()) for by in spent.values()), default=0.0)
    number, unit = scaled(longest, JOULE_PER_SAMPLE)
    factor = number / longest if longest else 1.0
    figure, (axes,) = new_figure(7.2, max(2.6, 0.32 * len(names) + 1.6))
    left = dict.fromkeys(names, 0.0)
    for component in _components(rows):
        widths = [spent[name].get(component, 0.0) * factor for name in names]
        axes.barh(
            range(len(names)),
            widths,
            left=[left[name] for name in names],
            height=0.72,
            label=component.replace("_", " "),
            color=_COLOURS.get(component, GREY),
            edgecolor="white",
            linewidth=0.4,
        )
        for name, width in zip(names, widths, strict=True):
            left[name] += width
    for place, name in enumerate(names):
        share = sum(spent[name].values()) / total * 100 if total else 0.0
        label(axes, left[name], place, f"{share:.1f} %")
    axes.set_yticks(range(len(names)), names)
    axes.set_ylim(len(names) - 0.4, -0.6)
    axes.set_xlim(0, (number or 1.0) * 1.12)
    axes.tick_params(axis="y", length=0)
    axes.legend(loc="lower right", fontsize=8.5)
    title = f"Energy by layer: {value_with_unit(total, JOULE_PER_SAMPLE)} in total"
    tidy(axes, title, f"energy ({unit}), model {results.energy_model}, convention {results.convention}", "layer", "x")
    return figure


def shipped_model(results: Results) -> str:
    """The headline's energy model, whose costs a figure can look up.

    Raises:
        RefusedError: the record holds no energy, or one under a table of the user's own, which is not at hand.
    """
    if results.energy_model in energy_model_names():
        return results.energy_model
    what = f"the model {results.energy_model}, which is not shipped" if results.energy_model else "no energy"
    raise RefusedError(
        f"a figure of energy needs one of the models {', '.join(energy_model_names())}; the record holds {what}"
    )


def _owners(trace: Trace, rows: Sequence[EnergyRow]) -> dict[str, str]:
    """The layer each row is drawn at, in the order of calls: element-wise operations at the layer they belong to.

    They belong to the layer they are folded into, or whose name theirs begins with; else they stand for themselves.
    """
    layers = [*(layer.name for layer in trace.synaptic), *(layer.name for layer in trace.neurons)]
    folded = {op.name: op.fused_into for op in trace.elementwise if op.fused_into in layers}
    owners = {}
    for row in rows:
        above = [name for name in layers if row.name == name or row.name.startswith((f"{name}.", f"{name}#"))]
        owners[row.name] = folded.get(row.name) or (max(above, key=len) if above else row.name)
    order = call_order(trace)
    return dict(sorted(owners.items(), key=lambda item: order[item[1]]))


def _largest(trace: Trace, owners: dict[str, str], rows: Sequence[EnergyRow]) -> list[str]:
    """The layers to draw, in the network's order; operations that are next to nothing, and beyond the limit the
    smallest layers, become one bar."""
    sums: dict[str, float] = dict.fromkeys(owners.values(), 0.0)
    for row in rows:
        sums[owners[row.name]] += row.energy_j
    layers = {layer.name for layer in trace.synaptic} | {layer.name for layer in trace.neurons}
    least = _LEAST_SHARE * sum(sums.values())
    drawn = [name for name in sums if name in layers or sums[name] >= least]
    if len(sums) - len(drawn) < 2:
        drawn = list(sums)
    if len(drawn) == len(sums) <= _MOST_LAYERS:
        return drawn
    kept = set(sorted(drawn, key=lambda name: -sums[name])[: _MOST_LAYERS - 1])
    return [name for name in sums if name in kept] + [_rest(len(sums) - len(kept))]


def _rest(count: int) -> str:
    return f"{count} smaller ones"


def _spent(names: list[str], owners: dict[str, str], rows: Sequence[EnergyRow]) -> dict[str, dict[str, float]]:
    spent: dict[str, dict[str, float]] = {name: {} for name in names}
    components = _components(rows)
    for row in rows:
        by = spent[owners[row.name] if owners[row.name] in spent else names[-1]]
        component = row.component if row.component in components else _OTHER
        by[component] = by.get(component, 0.0) + row.energy_j
    return spent


def _components(rows: Sequence[EnergyRow]) -> list[str]:
    found = {row.component for row in rows if row.energy_j}
    known = [name for name in _COLOURS if name in found]
    return [*known, _OTHER] if found - set(known) else known

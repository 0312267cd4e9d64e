"""Figure: energy of each layer under one energy model, stacked by what it is spent on."""

from __future__ import annotations

from collections.abc import Sequence

from matplotlib.figure import Figure

from snn_eval.energy import EnergyModel, labelled_model
from snn_eval.errors import RefusedError
from snn_eval.metrics import EnergyRow, energy_rows
from snn_eval.report.figures.style import COLOURS, GREY, label, new_figure, styled, tidy
from snn_eval.report.format import value_with_unit
from snn_eval.report.layers import call_order
from snn_eval.report.lookup import Results
from snn_eval.trace import Trace
from snn_eval.units import JOULE_PER_SAMPLE, scaled

__all__ = ["energy_figure", "headline_model"]

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
        RefusedError: the total energy is not defined for this trace, or the model's costs are not known.
        CountError: a kind of operation that occurs has no cost.
    """
    rows = energy_rows(trace, headline_model(results), results.convention)
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
    tidy(axes, title, f"energy ({unit}), model {results.model_title()}, convention {results.convention}", "layer", "x")
    return figure


def headline_model(results: Results) -> EnergyModel:
    """The headline's energy model: a shipped one, or the user's own that the record holds.

    Raises:
        RefusedError: the record holds no energy, or one under a table that neither is shipped nor in the record.
    """
    if not results.energy_model:
        raise RefusedError("a figure of energy needs an energy model; the record holds no energy")
    model = labelled_model(results.record, results.energy_model)
    if model is None:
        raise RefusedError(f"the costs of the energy model {results.energy_model} are not in the record")
    return model


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

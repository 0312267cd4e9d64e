"""The network layer by layer: ``layers.csv`` and the layer table of the terminal, from one list of declared columns."""

from __future__ import annotations

import textwrap
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from snn_eval.metrics import classify
from snn_eval.record import Record
from snn_eval.report.format import ABSENT, cell, shape, value_with_unit
from snn_eval.report.grid import aligned, comma_separated
from snn_eval.report.lookup import Results
from snn_eval.report.remarks import Layer, remarks
from snn_eval.trace import ElementwiseOp, NeuronLayer, SynapticLayer, Trace
from snn_eval.units import JOULE_PER_SAMPLE, OP_PER_SAMPLE, RATE, RATIO, SPIKE_PER_SAMPLE

__all__ = [
    "LAYER_COLUMNS",
    "LayerColumn",
    "LayerRow",
    "call_order",
    "layer_rows",
    "layers_csv",
    "layers_text",
]


@dataclass(frozen=True, slots=True)
class LayerRow:
    """A layer of the trace, the record's results, and the samples both are of."""

    layer: Layer
    results: Results
    samples: int

    @property
    def table(self) -> str:
        """``synaptic``, ``neuron`` or ``elementwise``."""
        return _TABLES[type(self.layer)]

    def of(self, kind: type[Any], read: Callable[[Any], Any]) -> Any:
        """``read`` of the layer where it is of this kind, else None."""
        return read(self.layer) if isinstance(self.layer, kind) else None

    def measured(self, metric: str) -> float | int | None:
        """The record's value of this metric for this layer."""
        return self.results.value(metric, f"layer:{self.layer.name}")


@dataclass(frozen=True, slots=True)
class LayerColumn:
    """One column: its key in the CSV file, its title on the terminal (empty: not shown there), entry, unit.

    ``table`` is the terminal's table it is shown in (empty: in both); one with a unit or ``right`` stands right.
    """

    key: str
    title: str
    read: Callable[[LayerRow], Any]
    unit: str = ""
    table: str = ""
    right: bool = False


_TABLES: dict[type[Any], str] = {SynapticLayer: "synaptic", NeuronLayer: "neuron", ElementwiseOp: "elementwise"}


def _fact(kind: type[Any], name: str) -> Callable[[LayerRow], Any]:
    return lambda row: row.of(kind, lambda layer: getattr(layer, name))


def _measured(metric: str, kind: type[Any] = object) -> Callable[[LayerRow], Any]:
    return lambda row: row.of(kind, lambda layer: row.measured(metric))


def _kind(row: LayerRow) -> str:
    return row.layer.model if isinstance(row.layer, NeuronLayer) else row.layer.kind


def _levels(row: LayerRow) -> Any:
    def read(layer: SynapticLayer) -> str:
        values = [f"{level:.6g}" for level in layer.levels]
        return " ".join([*values, "other"] if layer.inputs_VTN[-1].any() else values)

    return row.of(SynapticLayer, read)


def _classes(layer: SynapticLayer) -> str:
    """Classes that occur, by how many operations they drive: ``unit``, or ``unit + integer``."""
    classes, ops = classify(layer), layer.ops_VTN.sum(axis=(-2, -1))
    driven = {name: int(ops[getattr(classes, name)].sum()) for name in ("unit", "integer", "real")}
    return " + ".join(sorted((name for name, count in driven.items() if count), key=lambda name: -driven[name]))


def _share(row: LayerRow) -> float | None:
    total = row.results.value("syops")
    ac, mac = row.measured("ac"), row.measured("mac")
    if row.table != "synaptic" or ac is None or mac is None or not total:
        return None
    return (ac + mac) / total


def _inputs(row: LayerRow) -> Any:
    return row.of(SynapticLayer, lambda layer: int(layer.inputs_VTN.sum()) / row.samples)


def _steps(row: LayerRow) -> int:
    return row.layer.steps


def _notes(row: LayerRow) -> str:
    return "; ".join(remarks(row.layer))


LAYER_COLUMNS: tuple[LayerColumn, ...] = (
    LayerColumn("layer", "layer", lambda row: row.layer.name),
    LayerColumn("type", "", lambda row: row.table),
    LayerColumn("kind", "kind", _kind),
    LayerColumn("role", "role", _fact(NeuronLayer, "role"), table="neuron"),
    LayerColumn("operation", "", _fact(SynapticLayer, "operation")),
    LayerColumn("input_shape", "input", _fact(SynapticLayer, "input_shape"), table="synaptic"),
    LayerColumn("output_shape", "output", _fact(SynapticLayer, "output_shape"), table="synaptic"),
    LayerColumn("neurons", "", _fact(NeuronLayer, "neurons")),
    LayerColumn("neuron_shape", "neurons", _fact(NeuronLayer, "shape"), table="neuron"),
    LayerColumn("weight_shape", "", _fact(SynapticLayer, "weight_shape")),
    LayerColumn("kernel", "", _fact(SynapticLayer, "kernel")),
    LayerColumn("stride", "", _fact(SynapticLayer, "stride")),
    LayerColumn("padding", "", _fact(SynapticLayer, "padding")),
    LayerColumn("dilation", "", _fact(SynapticLayer, "dilation")),
    LayerColumn("groups", "", _fact(SynapticLayer, "groups")),
    LayerColumn("bias", "", _fact(SynapticLayer, "bias")),
    LayerColumn("weights", "", _fact(SynapticLayer, "weight_count")),
    LayerColumn("nonzero_weights", "", _fact(SynapticLayer, "nonzero_weights")),
    LayerColumn("schedule", "", _fact(SynapticLayer, "schedule")),
    LayerColumn("executed_steps", "steps", _steps, right=True),
    LayerColumn("calls", "", _fact(SynapticLayer, "calls")),
    LayerColumn("source", "", _fact(SynapticLayer, "source")),
    LayerColumn("levels", "", _levels),
    LayerColumn("class", "class", lambda row: row.of(SynapticLayer, _classes), table="synaptic"),
    LayerColumn("inputs", "inputs", _inputs, OP_PER_SAMPLE, table="synaptic"),
    LayerColumn("ac", "AC", _measured("ac", SynapticLayer), OP_PER_SAMPLE, table="synaptic"),
    LayerColumn("mac", "MAC", _measured("mac", SynapticLayer), OP_PER_SAMPLE, table="synaptic"),
    LayerColumn("mac_dense", "MAC dense", _measured("mac_dense", SynapticLayer), OP_PER_SAMPLE, table="synaptic"),
    LayerColumn("share", "share", _share, RATIO, table="synaptic"),
    LayerColumn("spike_count", "spikes", _measured("spike_count", NeuronLayer), SPIKE_PER_SAMPLE, table="neuron"),
    LayerColumn("lasfr", "rate", _measured("lasfr", NeuronLayer), RATE, table="neuron"),
    LayerColumn("silent_neurons", "silent", _measured("silent_neurons", NeuronLayer), RATIO, table="neuron"),
    LayerColumn("energy_total", "energy", _measured("energy_total"), JOULE_PER_SAMPLE),
    LayerColumn("notes", "", _notes),
)
"""What is told of a layer, in this order."""


_UNITS = "  per sample (rate: per neuron and step); share: of the network's AC + MAC"


def call_order(trace: Trace) -> dict[str, int]:
    """Place of each layer and operation in the order of calls; those the graph does not name come last, as listed."""
    named = [name for edge in trace.graph for name in edge]
    layers: list[Layer] = [*trace.synaptic, *trace.neurons, *trace.elementwise]
    listed = [layer.name for layer in layers]
    return {name: place for place, name in enumerate(dict.fromkeys([*named, *listed]))}


def layer_rows(trace: Trace, record: Record) -> list[LayerRow]:
    """Every layer: synaptic and neuron layers in the order of their calls, then element-wise operations."""
    order, results = call_order(trace), Results(record)
    counted: list[Layer] = sorted((*trace.synaptic, *trace.neurons), key=lambda layer: order[layer.name])
    return [LayerRow(layer, results, len(trace.samples)) for layer in (*counted, *trace.elementwise)]


def layers_csv(trace: Trace, record: Record) -> str:
    """``layers.csv``: one row a layer; base units per sample, all digits; empty where an entry has no meaning.

    ``share`` is the layer's AC + MAC ÷ those of the network, ``lasfr`` is per neuron and step, ``silent_neurons`` a
    share of the layer's neurons; shapes, weights, steps and calls are facts of the layer, not per sample.
    """

    def field(value: Any) -> str:
        if isinstance(value, tuple):
            return "x".join(str(size) for size in value)
        return "" if value is None else repr(value) if isinstance(value, float) else str(value)

    rows = layer_rows(trace, record)
    return comma_separated([{c.key: field(c.read(row)) for c in LAYER_COLUMNS} for row in rows])


def layers_text(trace: Trace, record: Record, columns: int | None = None) -> str:
    """The layers for a terminal of that width: a line on their units, a table of synaptic and one of neuron layers."""
    tables = []
    for name in ("synaptic", "neuron"):
        shown = [c for c in LAYER_COLUMNS if c.title and c.table in ("", name)]
        rows = [row for row in layer_rows(trace, record) if row.table == name]
        cells = [[_text(column, row) for column in shown] for row in rows]
        kept = [i for i, c in enumerate(shown) if any(row[i] != ABSENT for row in cells)]
        if rows:
            heads = [f"{name} layer" if shown[i].key == "layer" else shown[i].title for i in kept]
            right = [shown[i].right or shown[i].unit != "" for i in kept]
            tables.append(aligned(heads, [[row[i] for i in kept] for row in cells], right, indent=2, columns=columns))
    units = _UNITS if columns is None else textwrap.fill(_UNITS, columns, subsequent_indent="    ")
    return "\n".join([units, "\n\n".join(tables)]) if tables else ""


def _text(column: LayerColumn, row: LayerRow) -> str:
    value = column.read(row)
    if value is None or value in ("", ()):
        return ABSENT
    if isinstance(value, tuple):
        return shape(value)
    if column.unit == RATIO:
        return value_with_unit(value, RATIO)
    return cell(value, column.unit) if column.unit else str(value)

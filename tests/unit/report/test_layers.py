"""The network layer by layer: one row each, shares and energies that add up, remarks a reader needs."""

from __future__ import annotations

import csv
import io
from dataclasses import replace

import numpy as np
import pytest
from helpers.golden import assert_golden
from helpers.records import layered_record, small_record
from helpers.traces import product_layer, random_trace, tiny_trace, trace_of

from snn_eval.metrics import measure
from snn_eval.report.card import card
from snn_eval.report.layers import layer_rows, layers_csv, layers_text
from snn_eval.report.lookup import Results
from snn_eval.report.remarks import layer_notes


def rows_of(text: str) -> dict[str, dict[str, str]]:
    return {row["layer"]: row for row in csv.DictReader(io.StringIO(text))}


def test_one_row_for_every_layer_and_operation() -> None:
    trace = tiny_trace()
    rows = rows_of(layers_csv(trace, layered_record()))
    assert len(rows) == len(trace.synaptic) + len(trace.neurons) + len(trace.elementwise)
    assert [row["type"] for row in rows.values()] == ["synaptic"] * 4 + ["neuron"] * 5 + ["elementwise"] * 7


def test_facts_of_a_synaptic_layer() -> None:
    rows = rows_of(layers_csv(tiny_trace(), layered_record()))
    conv = rows["conv"]
    assert (conv["kind"], conv["weight_shape"], conv["weights"], conv["nonzero_weights"]) == (
        "conv",
        "4x2x3x3",
        "72",
        "54",
    )
    assert float(conv["inputs"]) == (1 + 2 + 0 + 3 + 1 + 2) / 3
    assert float(conv["share"]) == 60 / (60 + 12 + 6 + 48)
    assert (conv["levels"], conv["class"]) == ("1", "unit")
    assert (rows["graded"]["levels"], rows["graded"]["class"]) == ("1 2", "unit + integer")
    assert (rows["stem"]["levels"], rows["stem"]["class"], rows["stem"]["schedule"]) == ("other", "real", "once")
    assert conv["neurons"] == conv["lasfr"] == ""


def test_facts_of_a_neuron_layer() -> None:
    lif = rows_of(layers_csv(tiny_trace(), layered_record()))["lif1"]
    assert (lif["kind"], lif["role"], lif["neurons"], lif["neuron_shape"]) == ("lif", "hidden", "8", "2x2x2")
    assert (float(lif["lasfr"]), float(lif["silent_neurons"]), float(lif["energy_total"])) == (0.1875, 5 / 8, 1e-10)
    assert lif["ac"] == lif["levels"] == lif["class"] == ""


@pytest.mark.parametrize("trace", [tiny_trace(), random_trace(samples=12)], ids=["tiny", "random"])
def test_layers_add_up_to_the_network(trace) -> None:  # type: ignore[no-untyped-def]
    measurements, refused = measure(trace)
    record = layered_record(measurements=measurements, refused=refused)
    rows, results = rows_of(layers_csv(trace, record)), Results(record)

    def total(key: str) -> float:
        return sum(float(row[key]) for row in rows.values() if row[key])

    for key in ("ac", "mac", "mac_dense", "energy_total", "spike_count"):
        gates = sum(
            float(row["spike_count"]) for row in rows.values() if row["role"] == "gate" and key == "spike_count"
        )
        assert total(key) - gates == pytest.approx(results.value(key), rel=1e-12)
    assert total("share") == pytest.approx(1.0)


def test_rows_stand_in_the_order_of_calls() -> None:
    trace = replace(tiny_trace(), graph=(("input", "stem"), ("stem", "lif1"), ("lif1", "conv"), ("conv", "lif2")))
    names = [row.layer.name for row in layer_rows(trace, layered_record()) if row.table != "elementwise"]
    assert names == ["stem", "lif1", "conv", "lif2", "graded", "fc", "out", "ia", "mem"]


def test_remarks() -> None:
    trace = tiny_trace()
    quarter = replace(trace.synaptic[1], levels=np.array([0.25]))
    rich = replace(
        trace.synaptic[3],
        levels=np.zeros(0),
        inputs_VTN=trace.synaptic[3].inputs_VTN[:1],
        ops_VTN=trace.synaptic[3].ops_VTN[:1],
        time_invariant=True,
    )
    notes = layer_notes(replace(trace, synaptic=(trace.synaptic[0], quarter, rich)))
    assert notes == [
        "layer stem: executed once for all steps",
        "layer conv: inputs are multiples of q = 0.25, folded into the weights",
        "layer conv: 25.00 % of weights are zero and skipped",
        "layer fc: more than 16 input values, counted as real",
        "layer fc: executed again at each step on the same static input",
        "layer mem: no threshold: its outputs are not spikes",
    ]


def test_a_remark_on_many_layers_is_one_line() -> None:
    trace = tiny_trace()
    conv = trace.synaptic[1]
    pruned = [replace(conv, name=f"l{i}", weight_count=100, nonzero_weights=90 - i) for i in range(6)]
    assert layer_notes(replace(trace, synaptic=tuple(pruned), neurons=())) == [
        "layers l0, l1, l2 and 3 others: 10.00 to 15.00 % of weights are zero and skipped"
    ]
    assert layer_notes(replace(trace, synaptic=tuple(pruned[:2]), neurons=())) == [
        "layers l0, l1: 10.00 to 11.00 % of weights are zero and skipped"
    ]


def test_a_neuron_without_spikes_is_named() -> None:
    trace = tiny_trace()
    silent = replace(trace.neurons[0], spikes_TN=np.zeros_like(trace.neurons[0].spikes_TN))
    assert layer_notes(replace(trace, synaptic=(), neurons=(silent,))) == ["layer lif1: never fires"]


def test_a_product_tells_of_both_operands() -> None:
    pairs = np.zeros((2, 2, 1, 1), np.int64)
    pairs[0, 0] = 5
    product = replace(product_layer("qk", pairs, (1.0,), (0.5,)), attributed=False)
    assert layer_notes(trace_of((product,), time_steps=1, samples=1)) == [
        "layer qk: values of the right operand are multiples of q = 0.5, folded into the weights",
        "layer qk: samples could not be told apart: only the set's sum is known",
    ]


def test_the_terminal_has_a_table_for_each_type_of_layer() -> None:
    text = layers_text(tiny_trace(), layered_record())
    first, second = text.split("\n\n")
    units, head, *_ = first.split("\n")
    assert units == "  per sample (rate: per neuron and step); share: of the network's AC + MAC"
    assert head.split()[:2] == ["synaptic", "layer"]
    assert second.split("\n")[0].split()[:2] == ["neuron", "layer"]
    assert [line.split()[0] for line in second.split("\n")[2:]] == ["lif1", "lif2", "out", "ia", "mem"]


def test_layers_csv_as_it_was() -> None:
    assert_golden("layers.csv", layers_csv(tiny_trace(), layered_record()))


def test_card_as_it_was() -> None:
    assert_golden("card.txt", card(layered_record(), tiny_trace()) + "\n")


def test_a_card_without_a_trace_shows_the_record() -> None:
    text = card(small_record())
    assert text.startswith("conv-snn on digits v1 · 360 samples of test · T = 8 · digits.pt (abababab)\n")
    assert "98.89 % [97.17, 99.57] ↑" in text
    assert "energy total" in text
    assert "horowitz-45nm-fp32" in text
    assert "refused: accuracy_prefix" in text
    assert "synaptic layer" not in text


def test_a_brief_card_leaves_other_conventions_out_but_no_note() -> None:
    whole, brief = (card(layered_record(), tiny_trace(), brief=b) for b in (False, True))
    assert "expanded" in whole
    assert "expanded" not in brief
    assert "not counted: aten::cumsum" in brief


def test_a_failed_cell_shows_its_cause() -> None:
    text = card(small_record(status="failed", measurements=[], error="layer conv: NaN"))
    assert "failed: no result" in text
    assert "error: layer conv: NaN" in text

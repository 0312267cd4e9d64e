"""The Lemaire model on hand-set layers: every part is a product."""

from __future__ import annotations

from dataclasses import replace
from math import ceil

import numpy as np
import pytest
from helpers.traces import neuron_layer, product_layer, synaptic_layer, tiny_trace, trace_of

from snn_eval.energy import LEMAIRE_PARTS, LemaireRow, energy_model, lemaire_energy
from snn_eval.energy.lemaire import access_pj, is_event_driven
from snn_eval.errors import RefusedError
from snn_eval.metrics import energy_rows, measure
from snn_eval.trace import ElementwiseOp

MODEL = energy_model("lemaire-2022")
ADD, MAC = 0.1, 3.2


def _ram(words: int) -> float:
    """Energy of an access below 8 KiB: 10 pJ at 8192 bytes, 4 bytes a word."""
    assert words * 4 <= 8192
    return words * 4 / 8192 * 10


@pytest.mark.parametrize(
    ("size", "pj"),
    [
        (0, 0),
        (4096, 5),
        (8192, 10),
        (20480, 15),
        (32768, 20),
        (2**20, 100),
        (2 * 2**20, 100 + 2**20 * 80 / (2**20 - 2**15)),
    ],
)
def test_an_access_costs_by_the_size_of_its_memory(size: int, pj: float) -> None:
    assert access_pj(MODEL, size // 4) == pytest.approx(pj)


def _rows(trace: object) -> dict[tuple[str, str], LemaireRow]:
    return {(r.name, r.component): r for r in lemaire_energy(trace, MODEL)}  # type: ignore[arg-type]


def test_a_convolution_of_spikes() -> None:
    conv = synaptic_layer(
        "conv",
        [[[3, 4], [1, 2]]],
        1,
        kind="conv",
        inputs_per_step=2 * 8 * 8,
        weight_shape=(6, 1, 3, 3),
        weight_count=54,
        groups=2,
        kernel=(3, 3),
        stride=(2, 2),
        output_shape=(6, 4, 4),
        dense_ops=500,
        dense_ops_with_border=600,
    )
    neurons = neuron_layer("n", np.zeros((2, 2, 6, 4, 4)))
    row = _rows(trace_of([conv], [neurons], time_steps=2, samples=2))["conv", "synaptic"]
    dense = _rows(trace_of([replace(conv, stride=())], [neurons], time_steps=2, samples=2))["conv", "synaptic"]
    assert dense.operations == pytest.approx((3 + 4 + 1 + 2) * 3 * 9 * ADD)  # no stride in the trace: stride 1
    spikes, fan, added = 3 + 4 + 1 + 2, 3 * 9, 3 * ceil(3 / 2) ** 2
    assert row.operations == pytest.approx(spikes * added * ADD)
    assert row.addressing == pytest.approx(spikes * fan * ADD + 2 * spikes * MAC)
    assert row.memory_weights == pytest.approx(spikes * fan * _ram(54))
    assert row.memory_potential == pytest.approx(2 * spikes * fan * _ram(6 * 4 * 4))
    assert row.memory_inout == pytest.approx(spikes * _ram(2 * 8 * 8))


def test_transposed_convolutions() -> None:
    """Weights [C_in, C_out/g, 4, 4]: a spike meets (C_out/g)·16 of them, whatever the stride."""
    up = synaptic_layer(
        "up",
        [[[5]]],
        1,
        kind="conv_transpose",
        inputs_per_step=50,
        weight_shape=(4, 3, 4, 4),
        weight_count=192,
        groups=2,
        kernel=(4, 4),
        stride=(2, 2),
        output_shape=(6, 10, 10),
        dense_ops=900,
        dense_ops_with_border=1000,
    )
    event = _rows(trace_of([up], time_steps=1, samples=1))["up", "synaptic"]
    assert event.operations == pytest.approx(5 * 3 * 16 * ADD)
    assert event.addressing == pytest.approx(5 * 3 * 16 * ADD + 2 * 5 * MAC)
    dense = _rows(trace_of([replace(up, source="real")], time_steps=1, samples=1))["up", "synaptic"]
    assert dense.addressing == pytest.approx((50 + 600 + 3 * 2 * 16) * ADD)


def test_a_linear_layer_of_spikes_with_bias() -> None:
    fc = synaptic_layer(
        "fc", [[[3], [1]]], 1, inputs_per_step=20, dense_ops=20 * 7, weight_shape=(7, 20), weight_count=140,
        output_shape=(7,), bias=True,
    )  # fmt: skip
    rows = _rows(trace_of([fc], [neuron_layer("n", np.zeros((2, 1, 7)))], time_steps=2, samples=1))
    row, bias = rows["fc", "synaptic"], rows["fc", "bias"]
    assert row.operations == pytest.approx(4 * 7 * ADD)
    assert row.addressing == pytest.approx(4 * 7 * ADD)
    assert row.memory_weights == pytest.approx(4 * 7 * _ram(140))
    assert row.memory_potential == pytest.approx(2 * 4 * 7 * _ram(7))
    assert row.memory_inout == pytest.approx(4 * _ram(20))
    assert bias.operations == pytest.approx(7 * 2 * ADD)
    assert bias.memory_weights == pytest.approx(7 * 2 * _ram(140))


def test_layers_of_graded_inputs_are_dense() -> None:
    stem = synaptic_layer(
        "stem", [[[5, 6, 7]]], 1, levels=(), kind="conv", source="real", inputs_per_step=64, weight_shape=(4, 1, 3, 3),
        weight_count=36, kernel=(3, 3), output_shape=(4, 8, 8), dense_ops=2000, dense_ops_with_border=4 * 64 * 9,
    )  # fmt: skip
    fc = synaptic_layer(
        "fc", [[[5, 6, 7]], [[1, 0, 0]]], 1, levels=(1.0, 2.0), inputs_per_step=20, dense_ops=140, weight_shape=(7, 20),
        weight_count=140, output_shape=(7,),
    )  # fmt: skip
    neurons = neuron_layer("n", np.zeros((1, 3, 7)))
    rows = _rows(trace_of([stem, fc], [neurons], time_steps=1, samples=3))
    conv, linear, mac = rows["stem", "synaptic"], rows["fc", "synaptic"], 4 * 64 * 9 * 3
    assert conv.operations == pytest.approx(mac * MAC)
    assert conv.addressing == pytest.approx((64 + 4 * 64 + 4 * 9) * 3 * ADD)
    assert conv.memory_weights == pytest.approx(mac * _ram(36))
    assert conv.memory_inout == pytest.approx(mac * _ram(64))
    assert conv.memory_potential == 0
    assert linear.operations == pytest.approx(140 * 3 * MAC)
    assert linear.addressing == pytest.approx((20 + 7) * 3 * ADD)
    assert linear.memory_inout == pytest.approx(20 * 3 * _ram(20))
    without = _rows(trace_of([fc], time_steps=1, samples=3))["fc", "synaptic"]
    assert without.memory_inout == pytest.approx(20 * 3 * _ram(20) + 7 * 3 * _ram(7))


def test_neurons_leak_reset_and_their_potentials() -> None:
    spikes = np.zeros((3, 2, 10), np.int64)
    spikes[1, 0, :4] = 1
    lif = neuron_layer("lif", spikes, mul=1, add=1, compare=1)
    integrate = neuron_layer("if", spikes, add=1, compare=1)
    rows = _rows(trace_of([], [lif, integrate], time_steps=3, samples=2))
    updates = 10 * 3 * 2
    assert rows["lif", "neuron"].operations == pytest.approx(updates * MAC + 4 * ADD)
    assert rows["if", "neuron"].operations == pytest.approx(4 * ADD)
    assert rows["lif", "neuron"].memory_potential == pytest.approx(2 * updates * _ram(10))
    assert rows["lif", "neuron"].memory_inout == pytest.approx(4 * _ram(10))


def test_a_fused_norm_is_a_bias() -> None:
    fc = synaptic_layer("fc", [[[3]]], 1, inputs_per_step=20, dense_ops=140, weight_count=140, output_shape=(7,))
    norm = ElementwiseOp("bn", "norm", steps=1, mul=7, add=7, fused_into="fc")
    assert ("fc", "bias") in _rows(trace_of([fc], time_steps=1, samples=1, elementwise=[norm]))
    assert ("fc", "bias") not in _rows(trace_of([fc], time_steps=1, samples=1))


def test_only_spikes_of_value_1_are_events() -> None:
    layer = synaptic_layer("l", [[[3]]], 1)
    assert is_event_driven(layer)
    assert is_event_driven(replace(layer, source="spikes"))
    assert not is_event_driven(replace(layer, source="real"))
    assert not is_event_driven(synaptic_layer("l", [[[3]]], 1, levels=(-1.0,)))
    assert not is_event_driven(synaptic_layer("l", [[[3]], [[1]]], 1))


def test_what_the_model_has_no_formula_for_is_refused() -> None:
    product = product_layer("attn", np.ones((2, 2, 1, 1)), (1.0,), (1.0,))
    trace = trace_of([product], time_steps=1, samples=1)
    with pytest.raises(RefusedError, match=r"product of two activations \(layer attn\)"):
        lemaire_energy(trace, MODEL)
    _, refused = measure(trace, ["energy_total"], energy_models=["lemaire-2022"])
    assert set(refused) == {"energy:lemaire-2022", "convention:orrc"}
    shapeless = synaptic_layer("l", [[[3]]], 1)
    with pytest.raises(RefusedError, match="input and output shape of layer l"):
        lemaire_energy(trace_of([shapeless], time_steps=1, samples=1), MODEL)


def test_parts_sum_to_the_total_in_joules_per_sample() -> None:
    found = {m.metric: m.value for m in measure(tiny_trace(), energy_models=["lemaire-2022"])[0] if m.energy_model}
    rows = lemaire_energy(tiny_trace(), MODEL)
    assert found["energy_total"] == pytest.approx(sum(r.energy_pj for r in rows) / 3 * 1e-12)
    assert sum(r.energy_j for r in energy_rows(tiny_trace(), "lemaire-2022")) == pytest.approx(found["energy_total"])
    assert found["energy_total"] == pytest.approx(sum(found[f"energy_{part}"] for part in LEMAIRE_PARTS))
    synaptic = sum(r.energy_pj for r in rows if r.component == "synaptic")
    assert found["energy_synaptic"] == pytest.approx(synaptic / 3 * 1e-12)

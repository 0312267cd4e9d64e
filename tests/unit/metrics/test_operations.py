"""Conventions on hand-set counts; every expected number is the sum it comes from."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from helpers.traces import product_layer, synaptic_layer, tiny_trace, trace_of

from snn_eval.energy.work import Work, totals
from snn_eval.errors import RefusedError
from snn_eval.metrics.operations import CONVENTIONS, class_operations, dense_operations, operations, stem_view
from snn_eval.trace import Trace

STEM = (7 + 5 + 4) * 9  # real, once
CONV = (1 + 2 + 0 + 3 + 1 + 2) * 18  # spikes
ONES = (1 + 0 + 2 + 2 + 2 + 0) * 5  # graded, value 1
TWOS = (0 + 1 + 1 + 1 + 0 + 0) * 5  # graded, value 2
FC = (0 + 1 + 1 + 1 + 1 + 2) * 3  # spikes
N, T = 3, 2


def _sums(work: list[Work]) -> tuple[float, float]:
    found = totals(work)
    return found["ac"], found["mac"]


@pytest.mark.parametrize(
    ("convention", "ac", "mac"),
    [
        ("exact", CONV + ONES + FC, STEM + TWOS),
        ("expanded", CONV + ONES + 2 * TWOS + FC, STEM),
        ("exact-unfolded", CONV + ONES + FC, STEM + TWOS),
        ("structural", CONV + 9 * 2 + ONES + FC, STEM + TWOS),
        ("per-layer", CONV + FC, STEM + ONES + TWOS),
        ("dense", (120 + 12) * T * N, 60 * N + 20 * T * N),
        ("syops-counter", 9 / (8 * T * N) * 144 * T * N + 6 / (4 * T * N) * 12 * T * N, 72 * N + 20 * T * N),
        ("rate-flops", 9 * 144 / 8 + (7 + 3) * 20 / 4 + 6 * 12 / 4, 72 * N),
        (
            "orrc",
            9 / 8 * (144 - 16) + 12 * T * N,  # conv rate · (fan-in − 1) · outputs, pool comparisons
            (72 - 8) * N + (20 + 12) * T * N + 8 * N + (16 + 4) * T * N,  # stem, linear layers, norm outputs
        ),
    ],
)
def test_conventions_on_the_tiny_trace(convention: str, ac: float, mac: float) -> None:
    found = _sums(operations(tiny_trace(), convention))
    assert found == pytest.approx((ac, mac), rel=1e-12)
    if convention in ("exact", "expanded", "structural", "per-layer", "dense", "exact-unfolded"):
        assert found == (ac, mac)
        assert all(isinstance(x, int) for x in found)


def test_classes_sum_to_all_operations() -> None:
    assert class_operations(tiny_trace()) == {"unit": CONV + ONES + FC, "integer": TWOS, "real": STEM}
    assert class_operations(tiny_trace(), structural=True)["unit"] == CONV + 9 * 2 + ONES + FC


def test_counts_by_step_and_sample() -> None:
    work = {w.name: w for w in operations(tiny_trace())}
    assert work["conv"].per_sample("ac").tolist() == [[18, 36, 0], [54, 18, 36]]
    assert work["stem"].per_sample("mac").tolist() == [[63, 45, 36]]
    assert work["graded"].per_sample("mac").tolist() == [[0, 5, 5], [5, 0, 0]]


def test_dense_operations_with_and_without_border() -> None:
    trace = tiny_trace()
    assert totals(dense_operations(trace))["mac"] == 60 * N + (120 + 20 + 12) * T * N
    assert totals(dense_operations(trace, border=True))["mac"] == 72 * N + (144 + 20 + 12) * T * N


def _one(layer: object, **changes: object) -> Trace:
    steps, samples = layer.inputs_VTN.shape[-2:]  # type: ignore[attr-defined]
    return trace_of([layer], time_steps=steps, samples=samples, **changes)  # type: ignore[list-item,arg-type]


def test_values_of_an_average_pool_fold_into_the_weights() -> None:
    pooled = synaptic_layer("l", [[[3]], [[2]]], 10, levels=(0.25, 0.5))
    assert _sums(operations(_one(pooled), "exact")) == (3 * 10, 2 * 10)
    assert _sums(operations(_one(pooled), "expanded")) == (3 * 10 + 2 * (2 * 10), 0)
    assert _sums(operations(_one(pooled), "exact-unfolded")) == (0, 5 * 10)
    assert _sums(operations(_one(pooled), "per-layer")) == (0, 5 * 10)


def test_scaled_and_ternary_spikes() -> None:
    scaled = synaptic_layer("l", [[[4]]], 10, levels=(0.37,))
    assert _sums(operations(_one(scaled), "exact")) == (4 * 10, 0)
    assert _sums(operations(_one(scaled), "exact-unfolded")) == (0, 4 * 10)
    ternary = synaptic_layer("l", [[[4]], [[3]]], 10, levels=(-1.0, 1.0))
    for convention in ("exact", "expanded", "exact-unfolded", "per-layer"):
        assert _sums(operations(_one(ternary), convention)) == (7 * 10, 0)


def test_event_counts_and_spikes_of_the_networks_input_go_by_value() -> None:
    counts = synaptic_layer("l", [[[4]], [[3]]], 10, levels=(1.0, 3.0), source="counts")
    assert _sums(operations(_one(counts), "exact")) == (4 * 10, 3 * 10)
    assert _sums(operations(_one(counts), "expanded")) == (4 * 10 + 3 * (3 * 10), 0)


def test_other_values_are_real() -> None:
    rich = synaptic_layer("l", [[[0]], [[6]]], 10, levels=(1.0,))
    assert _sums(operations(_one(rich), "exact")) == (0, 6 * 10)
    collapsed = synaptic_layer("l", [[[6]]], 10, levels=())
    assert _sums(operations(_one(collapsed), "expanded")) == (0, 6 * 10)


def test_products_of_two_activations() -> None:
    """Rows 1, 3, other; columns ½, 1, other: one unit operand makes an AC; integers unroll over the smaller one."""
    pairs = np.arange(1, 10).reshape(3, 3, 1, 1)
    trace = _one(product_layer("attn", pairs, (1.0, 3.0), (0.5, 1.0)))
    assert _sums(operations(trace, "exact")) == ((1 + 2 + 3) + 4 + 7, 5 + 6 + 8 + 9)
    assert _sums(operations(trace, "expanded")) == ((1 + 2 + 3) + 4 + 7 + 2 * 5 + 3 * 6 + 2 * 8, 9)
    assert _sums(operations(trace, "exact-unfolded")) == (1 + 2 + 3, 4 + 5 + 6 + 7 + 8 + 9)
    assert _sums(operations(trace, "per-layer")) == (0, sum(range(1, 10)))
    spikes = _one(product_layer("attn", pairs[:2] * [[[[1]]], [[[0]]]], (1.0,), (0.5, 1.0)))
    assert _sums(operations(spikes, "per-layer")) == (1 + 2 + 3, 0)
    assert _sums(operations(spikes, "dense")) == (1000, 0)


def test_syops_counter_takes_two_values_within_0_and_1_for_spikes() -> None:
    def found(layer: object) -> tuple[float, float]:
        return _sums(operations(_one(layer), "syops-counter"))

    half = synaptic_layer("l", [[[20]]], 10, levels=(0.5,), inputs_per_step=100)
    assert found(half) == pytest.approx((20 * 0.5 / 100 * 1000, 0))  # {0, ½}: mean input, half of the truth
    full = synaptic_layer("l", [[[60]], [[40]]], 10, levels=(0.5, 1.0), inputs_per_step=100)
    assert found(full) == pytest.approx(((60 * 0.5 + 40) / 100 * 1000, 0))  # no zero: two values, still "spikes"
    three = synaptic_layer("l", [[[60]], [[39]]], 10, levels=(0.5, 1.0), inputs_per_step=100)
    assert found(three) == (0, 1000)
    for value in (-1.0, 2.0):
        assert found(synaptic_layer("l", [[[20]]], 10, levels=(value,), inputs_per_step=100)) == (0, 1000)
    binary_image = synaptic_layer("l", [[[20]]], 10, inputs_per_step=100, source="real")
    assert found(binary_image) == pytest.approx((200, 0))  # the peer goes by values, whatever the suite declares
    assert operations(_one(replace(half, kind="recurrent")), "syops-counter") == []


def test_rate_flops_gives_the_first_layer_to_mac() -> None:
    image = synaptic_layer("l", [[[20]]], 10, inputs_per_step=100, source="real")
    events = replace(image, source="counts")
    hidden = replace(image, source="hidden")
    assert _sums(operations(_one(image), "rate-flops")) == (0, 1000)
    assert _sums(operations(_one(events), "rate-flops")) == pytest.approx((0, 20 / 100 * 1000))
    trace = trace_of([hidden, replace(hidden, name="m")], time_steps=1, samples=1)
    assert _sums(operations(trace, "rate-flops")) == pytest.approx((200, 200))


def test_stem_views() -> None:
    trace = tiny_trace()
    work = operations(trace)
    once, every = (stem_view(trace, work, view) for view in ("once", "every-step"))
    assert once is not None
    assert every is not None
    assert _sums(once) == _sums(work)
    assert _sums(every) == (CONV + ONES + FC, T * STEM + TWOS)
    repeated = synaptic_layer("l", [[[4, 5], [4, 5], [4, 5]]], 10, levels=(), source="real", time_invariant=True)
    work = operations(_one(repeated))
    assert _sums(work) == (0, 3 * (4 + 5) * 10)
    assert _sums(stem_view(_one(repeated), work, "once") or []) == (0, (4 + 5) * 10)
    assert _sums(stem_view(_one(repeated), work, "every-step") or []) == _sums(work)
    moving = _one(replace(repeated, time_invariant=False))
    assert stem_view(moving, operations(moving), "once") is None


def test_unattributed_layers_have_totals_and_refuse_samples() -> None:
    layer = synaptic_layer("l", [[[4], [5]]], 10, attributed=False)
    trace = trace_of([layer], time_steps=2, samples=7)
    work = operations(trace)
    assert _sums(work) == ((4 + 5) * 10, 0)
    with pytest.raises(RefusedError, match="layer l has only the set's sum"):
        work[0].per_sample("ac")
    assert totals(dense_operations(trace))["mac"] == 1000 * 2 * 7


def test_conventions_say_where_they_are_not_defined() -> None:
    with pytest.raises(RefusedError, match=r"unknown convention 'excat'.*exact"):
        operations(tiny_trace(), "excat")
    product = _one(product_layer("attn", np.ones((2, 2, 1, 1)), (1.0,), (1.0,)))
    with pytest.raises(RefusedError, match="orrc is defined for convolutions and linear layers, got product attn"):
        operations(product, "orrc")
    empty = _one(synaptic_layer("l", [[[4]]], 10, inputs_per_step=0, dense_ops=5))
    with pytest.raises(RefusedError, match="number of inputs of layer l"):
        operations(empty, "rate-flops")


def test_the_table_of_conventions_is_keyed_by_name() -> None:
    assert all(name == c.name and c.version >= 1 and c.summary for name, c in CONVENTIONS.items())
    assert {c for c in CONVENTIONS if CONVENTIONS[c].in_total} == {
        "exact", "expanded", "exact-unfolded", "structural", "per-layer", "dense",
    }  # fmt: skip

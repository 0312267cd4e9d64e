"""Laws of joining traces: order and grouping change nothing, and parts joined equal the whole measured at once."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from helpers.whole import Whole, assert_same
from hypothesis import given, settings
from hypothesis import strategies as st

from snn_eval.errors import CountError, NotFiniteError
from snn_eval.trace import ElementwiseOp, NeuronLayer, SynapticLayer, Trace, UnknownOp, concatenate


def layer(levels: list[float], inputs: list[list[list[int]]], fan_out: int = 10, **facts: object) -> SynapticLayer:
    counts = np.array(inputs, np.int64)
    zeros = np.zeros(counts.shape[1:])
    return SynapticLayer("fc", "linear", "linear", np.array(levels), counts, counts * fan_out, zeros, zeros, **facts)


def with_layer(ids: list[int], synaptic: SynapticLayer) -> Trace:
    return replace(Whole(0, 50, time_steps=1).trace(ids), synaptic=(synaptic,))


@st.composite
def splits(draw: st.DrawFn) -> tuple[Whole, list[list[int]]]:
    """A data set and its samples dealt into shuffled parts."""
    whole = Whole(
        seed=draw(st.integers(0, 2**16)),
        samples=draw(st.integers(1, 9)),
        time_steps=draw(st.integers(1, 3)),
        pool=draw(st.sampled_from([1, 3, 14, 15, 40])),
        width=draw(st.sampled_from([1, 6, 30])),
        summary=draw(st.booleans()),
    )
    ids = draw(st.permutations(range(whole.samples)))
    cuts = sorted(draw(st.sets(st.integers(1, whole.samples), max_size=4)) - {whole.samples})
    return whole, [list(part) for part in np.split(np.array(ids, int), cuts)]


@given(splits())
@settings(max_examples=150, deadline=None)
def test_parts_in_any_order_and_grouping_equal_the_whole(case: tuple[Whole, list[list[int]]]) -> None:
    whole, parts = case
    expected = concatenate([whole.trace(range(whole.samples))])
    traces = [whole.trace(part) for part in parts]
    assert_same(concatenate(traces), expected)
    assert_same(concatenate(traces[::-1]), expected)
    left = traces[0]
    for trace in traces[1:]:
        left = concatenate([left, trace])
    assert_same(concatenate([left]), expected)
    right = traces[-1]
    for trace in traces[-2::-1]:
        right = concatenate([trace, right])
    assert_same(concatenate([right]), expected)


def test_the_whole_as_measured_is_already_in_its_joined_form() -> None:
    trace = Whole(3, 8).trace(range(8))
    assert_same(concatenate([trace]), trace)


def test_permuting_samples_permutes_columns() -> None:
    trace = Whole(1, 5).trace([4, 2, 0, 3, 1])
    joined = concatenate([trace])
    assert joined.samples.id.tolist() == [0, 1, 2, 3, 4]
    assert joined.synaptic[0].ops_VTN[:, :, 4].tolist() == trace.synaptic[0].ops_VTN[:, :, 0].tolist()


def test_levels_are_united_in_ascending_order() -> None:
    one = with_layer([0], layer([1.0, 3.0], [[[5]], [[7]], [[0]]]))
    two = with_layer([1], layer([-1.0, 3.0], [[[2]], [[4]], [[0]]]))
    joined = concatenate([one, two]).synaptic[0]
    assert joined.levels.tolist() == [-1.0, 1.0, 3.0]
    assert joined.inputs_VTN[:, 0].tolist() == [[0, 2], [5, 0], [7, 4], [0, 0]]
    assert joined.ops_VTN[:, 0].tolist() == [[0, 2 * 10], [5 * 10, 0], [7 * 10, 4 * 10], [0, 0]]


def test_sixteen_levels_are_kept_and_seventeen_collapse_to_their_sum() -> None:
    eight = layer([float(v) for v in range(1, 9)], [[[1]]] * 8 + [[[0]]])
    others = layer([float(v) for v in range(9, 17)], [[[2]]] * 8 + [[[0]]])
    joined = concatenate([with_layer([0], eight), with_layer([1], others)])
    assert len(joined.synaptic[0].levels) == 8 + 8
    one_more = with_layer([2], layer([17.0], [[[3]], [[0]]]))
    collapsed = concatenate([joined, one_more]).synaptic[0]
    assert collapsed.levels.tolist() == []
    assert collapsed.inputs_VTN.tolist() == [[[8 * 1, 8 * 2, 3]]]
    assert collapsed.ops_VTN.tolist() == [[[8 * 1 * 10, 8 * 2 * 10, 3 * 10]]]


def test_a_collapsed_part_collapses_the_whole() -> None:
    collapsed = with_layer([0], layer([], [[[9]]]))
    binary = with_layer([1], layer([1.0], [[[4]], [[0]]]))
    joined = concatenate([collapsed, binary]).synaptic[0]
    assert joined.levels.tolist() == []
    assert joined.inputs_VTN.tolist() == [[[9, 4]]]


def test_a_level_that_only_padding_showed_is_dropped() -> None:
    padded = with_layer([0, 1], layer([1.0, 2.0], [[[3, 4]], [[0, 0]], [[0, 0]]]))
    joined = concatenate([padded]).synaptic[0]
    assert joined.levels.tolist() == [1.0]
    assert joined.inputs_VTN.tolist() == [[[3, 4]], [[0, 0]]]


def test_structural_counts_missing_in_a_part_equal_its_effective_ones() -> None:
    plain = layer([1.0], [[[2]], [[0]]])
    holed = replace(layer([1.0], [[[3]], [[0]]]), structural_ops_VTN=np.array([[[3 * 12]], [[0]]]))
    joined = concatenate([with_layer([0], plain), with_layer([1], holed)]).synaptic[0]
    assert joined.structural_ops_VTN is not None
    assert joined.structural_ops_VTN.tolist() == [[[2 * 10, 3 * 12]], [[0, 0]]]


def test_one_part_without_samples_told_apart_leaves_the_sum_of_the_set() -> None:
    apart = with_layer([0, 1], layer([1.0], [[[2, 3]], [[0, 0]]]))
    together = with_layer([2, 3], layer([1.0], [[[10]], [[0]]], attributed=False))
    joined = concatenate([apart, together]).synaptic[0]
    assert not joined.attributed
    assert joined.inputs_VTN.tolist() == [[[2 + 3 + 10]], [[0]]]
    assert joined.ops_VTN.tolist() == [[[(2 + 3 + 10) * 10]], [[0]]]


def test_neuron_counts_sum_where_columns_are_missing() -> None:
    base = Whole(0, 9, time_steps=1)
    parts = [base.trace([0, 1]), base.trace([2])]
    spikes = [np.array([[7]]), np.array([[5]])]
    parts = [
        replace(p, neurons=(NeuronLayer("n", s, np.array([[1, 6]]), shape=(2,)),))
        for p, s in zip(parts, spikes, strict=True)
    ]
    joined = concatenate(parts).neurons[0]
    assert joined.spikes_TN.tolist() == [[7 + 5]]
    assert joined.per_neuron.tolist() == [[1 + 1, 6 + 6]]


def test_unknown_operations_of_every_part_are_named() -> None:
    base = Whole(0, 9)
    one = replace(base.trace([0]), unknown=(UnknownOp("roll", 1, 5),))
    two = replace(base.trace([1]), unknown=(UnknownOp("fft", 2, 3), UnknownOp("roll", 1, 8)))
    assert concatenate([one, two]).unknown == (UnknownOp("fft", 2, 3), UnknownOp("roll", 1, 8))


def test_causality_holds_only_if_it_holds_in_every_part() -> None:
    base = Whole(0, 9)
    one, two = base.trace([0]), base.trace([1])
    two = replace(two, output=replace(two.output, causal="no", not_causal_layer="bn"))
    joined = concatenate([one, two]).output
    assert (joined.causal, joined.not_causal_layer) == ("no", "bn")


def test_a_sample_given_twice_is_refused_by_its_id() -> None:
    base = Whole(0, 9)
    with pytest.raises(CountError, match="sample id 4 occurs twice"):
        concatenate([base.trace([3, 4]), base.trace([4, 5])])


def test_nothing_to_concatenate() -> None:
    with pytest.raises(CountError, match="at least one trace"):
        concatenate([])


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"time_steps": 9}, "time_steps is 3 in one and 9 in another"),
        ({"input_kind": "real"}, "input_kind is counts in one and real in another"),
        ({"synaptic": ()}, "synaptic layers is 3 entries in one and 0 entries in another"),
    ],
)
def test_traces_of_different_passes_are_refused_by_what_differs(change: dict[str, object], named: str) -> None:
    base = Whole(0, 9)
    with pytest.raises(CountError, match=named):
        concatenate([base.trace([0]), replace(base.trace([1]), **change)])


@pytest.mark.parametrize("fact", [{"dtype": "float64"}, {"batch_size": 4}, {"device": "cuda"}, {"packages": {}}])
def test_parts_made_under_other_arithmetic_are_refused(fact: dict[str, object]) -> None:
    base = Whole(0, 9)
    other = base.trace([1])
    with pytest.raises(CountError, match=next(iter(fact))):
        concatenate([base.trace([0]), replace(other, facts=replace(other.facts, **fact))])


def test_check_names_a_layer_whose_counts_do_not_fit() -> None:
    trace = with_layer([0, 1], layer([1.0], [[[2, 3]], [[0, 0]]]))
    bad = replace(trace.synaptic[0], levels=np.array([1.0, 2.0]))
    with pytest.raises(CountError, match="layer fc: 2 levels need inputs"):
        replace(trace, synaptic=(bad,)).check()
    negative = replace(trace.synaptic[0], inputs_VTN=-trace.synaptic[0].inputs_VTN)
    with pytest.raises(CountError, match="negative"):
        replace(trace, synaptic=(negative,)).check()
    with pytest.raises(CountError, match="1 samples, expected 2"):
        replace(trace, synaptic=(layer([1.0], [[[2]], [[0]]]),)).check()


def test_a_second_operand_that_collapsed_stays_so_even_where_it_met_no_spike() -> None:
    zeros = np.zeros((2, 1))

    def product(partner: list[float], ops: list[list[list[list[int]]]], collapsed: bool) -> SynapticLayer:
        counts = np.array(ops, np.int64)
        return SynapticLayer(
            "qk", "product", "matmul", np.array([1.0]), counts.sum(axis=1), counts, zeros[:1], zeros[:1],
            partner_levels=np.array(partner), partner_collapsed=collapsed,
        )  # fmt: skip

    silent = with_layer([0], product([], [[[[0]]], [[[0]]]], True))
    seen = with_layer([1], product([2.0], [[[[3]], [[0]]], [[[0]], [[0]]]], False))
    joined = concatenate([silent, seen]).synaptic[0]
    assert joined.partner_collapsed
    assert joined.partner_levels is not None
    assert joined.partner_levels.tolist() == []
    assert joined.ops_VTN.tolist() == [[[[0, 3]]], [[[0, 0]]]]


def test_sums_of_floats_do_not_depend_on_the_order_of_the_parts() -> None:
    base = Whole(0, 9)
    parts = [base.trace([i]) for i in range(3)]
    parts = [
        replace(p, facts=replace(p.facts, wall_s=wall), graph=(("a", str(wall)),))
        for p, wall in zip(parts, (0.1, 0.2, 0.3), strict=True)
    ]
    assert_same(concatenate(parts), concatenate(parts[::-1]))  # 0.1 + 0.2 + 0.3 != 0.3 + 0.2 + 0.1


def test_a_readout_that_is_no_number_is_refused() -> None:
    trace = Whole(0, 4, time_steps=1).trace([0, 1])
    readout = trace.output.readout_TNK
    assert readout is not None
    bad = readout.copy()
    bad[0, 1, 0] = np.nan
    with pytest.raises(NotFiniteError, match="the readout: NaN"):
        replace(trace, output=replace(trace.output, readout_TNK=bad)).check()
    with pytest.raises(CountError, match="the readout has 1 samples, expected 2"):
        replace(trace, output=replace(trace.output, readout_TNK=readout[:, :1])).check()


def test_a_negative_count_of_any_kind_is_refused() -> None:
    trace = Whole(0, 50, time_steps=1).trace([0, 1, 2])
    wrong = replace(trace.neurons[0], spikes_TN=trace.neurons[0].spikes_TN - 10**6)
    with pytest.raises(CountError, match="negative"):
        replace(trace, neurons=(wrong, *trace.neurons[1:])).check()
    added = ElementwiseOp("sum", "residual_add", 1, effective_TN=np.full((1, len(trace.samples)), -1))
    with pytest.raises(CountError, match="sum: a count is negative"):
        replace(trace, elementwise=(added,)).check()

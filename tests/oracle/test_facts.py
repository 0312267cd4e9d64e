"""What the trace says of a layer beside its counts: names, geometry, weights, schedule, source, range."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from all_cases import by_name
from case import Case, dyadic, record_case
from cases_time import MOVING, Flow, flow, folded, loop, once_then_loop, repeated, single_step
from inputs import binary, counts, image, over_time, residual, ternary
from torch import nn

from snn_eval.trace import SynapticLayer


def only(case: Case) -> SynapticLayer:
    (layer,) = record_case(case).synaptic
    return layer


def test_convolution_geometry() -> None:
    conv = lambda: dyadic(nn.Conv2d(4, 6, (3, 5), (2, 1), (1, 2), (1, 2), groups=2))  # noqa: E731
    layer = only(Case("conv", conv, binary(4, 9, 12)))
    assert layer.kind == "conv"
    assert layer.weight_shape == (6, 2, 3, 5)
    assert layer.weight_count == layer.nonzero_weights == 6 * 2 * 3 * 5
    assert (layer.kernel, layer.stride, layer.padding, layer.dilation) == ((3, 5), (2, 1), (1, 2), (1, 2))
    assert layer.groups == 2
    assert layer.bias
    assert layer.input_shape == (4, 9, 12)
    assert layer.output_shape == (6, 5, 8)
    assert layer.inputs_per_step == 4 * 9 * 12
    assert layer.dense_ops_with_border == 6 * 5 * 8 * 2 * 3 * 5
    assert (layer.calls, layer.schedule) == (1, "per-step")


def test_transposed_convolution_geometry() -> None:
    conv = lambda: dyadic(nn.ConvTranspose2d(4, 6, 3, 2, 1, output_padding=1, bias=False))  # noqa: E731
    layer = only(Case("conv", conv, binary(4, 5, 5)))
    assert layer.kind == "conv_transpose"
    assert layer.weight_shape == (4, 6, 3, 3)
    assert layer.output_padding == (1, 1)
    assert layer.output_shape == (6, 10, 10)
    assert not layer.bias


@pytest.mark.parametrize(
    ("dtype", "bits"), [(torch.float64, 64), (torch.float32, 32), (torch.float16, 16), (torch.bfloat16, 16)]
)
def test_bits_of_a_weight(dtype: torch.dtype, bits: int) -> None:
    layer = only(Case("linear", lambda: dyadic(nn.Linear(8, 3)), binary(8), dtype=dtype))
    assert layer.kind == "linear"
    assert layer.weight_bits == bits
    assert layer.bias


def test_zero_weights_are_told() -> None:
    case = by_name("prune_linear_unstructured")
    layer = only(case)
    assert layer.weight_count == 20 * 6
    assert layer.nonzero_weights == 20 * 6 // 2
    assert layer.structural_ops_VTN is not None


def test_structural_counts_are_kept_only_where_they_differ() -> None:
    assert only(Case("linear", lambda: dyadic(nn.Linear(8, 3)), binary(8))).structural_ops_VTN is None


@pytest.mark.parametrize(
    ("inputs", "low", "high"), [(binary(40), 0, 1), (ternary(40), -1, 1), (residual(40), 0, 3), (counts(40), 0, 9)]
)
def test_range_of_the_input(inputs: object, low: float, high: float) -> None:
    layer = only(Case("linear", lambda: dyadic(nn.Linear(40, 3)), inputs))  # type: ignore[arg-type]
    assert (layer.minimum, layer.maximum) == (low, high)


def test_names_are_module_paths_and_second_calls_are_numbered() -> None:
    assert [s.name for s in record_case(by_name("loop_static_image")).synaptic] == ["conv", "fc"]
    assert [s.name for s in record_case(by_name("shared_layers_in_loop")).synaptic] == [
        "fc",
        "fc#2",
    ]
    assert [s.name for s in record_case(by_name("called_twice")).synaptic] == ["conv", "conv#2"]
    driven = record_case(by_name("driven_from_outside_static"))
    assert [s.name for s in driven.synaptic] == ["layers.0", "layers.3"]
    assert [s.name for s in driven.neurons] == ["layers.1", "layers.4"]


def test_products_say_both_operands_levels() -> None:
    layer = only(by_name("product_ternary_counts"))
    assert layer.kind == "product"
    assert layer.is_product
    assert layer.ops_VTN.shape == (len(layer.levels) + 1, len(layer.partner_levels) + 1, 1, 4)  # type: ignore[arg-type]


IMAGE = image(2, 4, 4)


def test_schedule_once_and_time_invariant_input() -> None:
    once = record_case(flow("once", once_then_loop, IMAGE, plan=("once", "loop"))).synaptic
    assert [layer.schedule for layer in once] == ["once", "per-step"]
    assert [layer.steps for layer in once] == [1, 4]
    assert not once[1].time_invariant


@pytest.mark.parametrize("how", ["loop", "folded", "driven"])
def test_a_static_input_executed_at_each_step_is_marked(how: str) -> None:
    cases = {
        "loop": flow("loop", loop(single_step), IMAGE),
        "folded": flow("folded", repeated, IMAGE, multi=True),
        "driven": by_name("driven_from_outside_static"),
    }
    first, second = record_case(cases[how]).synaptic
    assert first.schedule == "per-step"
    assert first.time_invariant
    assert not second.time_invariant


def test_an_input_that_changes_over_time_is_not_marked() -> None:
    first, _second = record_case(flow("frames", folded, MOVING, multi=True, sample_axis=1)).synaptic
    assert not first.time_invariant


@pytest.mark.parametrize("kind", ["real", "spikes", "counts"])
def test_the_networks_own_input_is_what_was_declared(kind: str) -> None:
    """Not decided by values: a binary image is real when declared so."""
    case = flow("kind", loop(single_step), binary(2, 4, 4), options={"input_kind": kind})
    trace = record_case(case)
    assert trace.input_kind == kind
    assert [layer.source for layer in trace.synaptic] == [kind, "hidden"]


def test_input_seen_through_a_reshape_or_a_pad_is_still_the_input() -> None:
    sequential = lambda: nn.Sequential(nn.ZeroPad2d(1), nn.Flatten(), dyadic(nn.Linear(72, 3)))  # noqa: E731
    assert only(Case("reshape", sequential, binary(2, 4, 4), options={"input_kind": "counts"})).source == "counts"


def test_events_of_the_input_are_counted() -> None:
    make = over_time(4, binary(2, 4, 4))
    case = flow("events", folded, make, multi=True, sample_axis=1, options={"input_kind": "spikes"})
    trace = record_case(case)
    want = (case.data() != 0).sum((2, 3, 4)).numpy()
    assert trace.input_events_TN is not None
    assert trace.input_events_TN.tolist() == want.tolist()


def test_neuron_shapes() -> None:
    trace = record_case(flow("shape", loop(single_step), IMAGE))
    assert [n.shape for n in trace.neurons] == [(3, 4, 4), (5,)]
    assert [n.per_neuron.shape for n in trace.neurons] == [(4, 3, 4, 4), (4, 5)]


def test_per_neuron_maps_above_the_limit_are_summed_over_time() -> None:
    case = flow("map", loop(single_step), IMAGE)
    whole, small = record_case(case), record_case(case, per_step_map_limit=100)
    first = small.neurons[0]
    assert not first.per_step_map
    assert first.per_neuron.tolist() == whole.neurons[0].per_neuron.sum(0).tolist()
    assert small.neurons[1].per_step_map


def test_readout_is_the_networks_own() -> None:
    case = flow("readout", loop(single_step), IMAGE, samples=4, batch_size=3)
    trace = record_case(case)
    with torch.no_grad():
        want = case.network().run(case.data())
    assert trace.output.kind == "per-step"
    assert trace.output.readout_TNK is not None
    assert trace.output.readout_TNK.tolist() == want.tolist()
    final = record_case(by_name("readout_only_final"))
    assert final.output.kind == "final"


def test_causal_and_not() -> None:
    assert record_case(flow("causal", loop(single_step), IMAGE)).output.causal == "yes"

    def smoothed(m: Flow, x: torch.Tensor) -> torch.Tensor:
        current = m.conv(x.flatten(0, 1)).unflatten(0, x.shape[:2])
        return torch.stack([m.head(m.s1(step)) for step in current - current.mean(0)])

    case = flow("not causal", smoothed, MOVING, sample_axis=1)
    assert record_case(case).output.causal == "no"


def test_sample_ids_and_padding() -> None:
    """Seven samples in chunks of five: the last chunk is padded, the padding leaves no trace."""
    case = replace(by_name("smaller_last_batch"))
    trace = record_case(case)
    assert trace.samples.id.tolist() == list(range(7))
    assert trace.samples.batch.tolist() == [0] * 5 + [1] * 2
    assert trace.facts.batch_size == 5

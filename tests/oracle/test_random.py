"""Random shapes, values and parameters, exact against brute force; and the laws that hold for any network."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import brute
import brute_conv
import numpy as np
import pytest
import torch
import torch.nn.functional as F
from brute import Count
from brute_conv import ConvGeometry
from case import Case, expected_of, record_case
from cases_calls import Apply
from cases_networks import Driven
from compare import compare
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from same import assert_same_trace
from strategies import conv_problem, conv_transpose_problem, linear_problem, product_problem
from torch import Tensor, nn

from snn_eval.trace import Trace

Array = NDArray[np.float64]


def examples(n: int) -> Any:
    """The same n examples at each run; 320 of them compare with brute force.

    ``SNN_EVAL_ORACLE_EFFORT=20`` tries twenty times as many, other ones each time.
    """
    effort = int(os.environ.get("SNN_EVAL_ORACLE_EFFORT", "1"))
    health = [HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large]
    return settings(
        max_examples=n * effort, deadline=None, derandomize=effort == 1, suppress_health_check=health, database=None
    )


def variants(x: Array) -> Array:
    """Three samples from one: as drawn, mirrored, and silent but for one element."""
    flipped, lonely = np.flip(x).copy(), np.zeros_like(x)
    lonely.flat[x.size // 2] = x.flat[x.size // 2]
    return np.stack([x, flipped, lonely])


def random_case(
    function: Callable[..., Tensor], w: Array | None, x: Array, count: Callable[[Array], Count], dtype: torch.dtype
) -> Case:
    """A function of the input (and of one weight) as a network; two chunks, the second smaller."""

    def module() -> nn.Module:
        shapes = {} if w is None else {"w": w.shape}
        made = Apply((lambda m, t: function(t)) if w is None else (lambda m, t: function(t, m.w)), **shapes)
        if w is not None:
            made.w.data = torch.from_numpy(w).clone()
        return made

    samples = torch.from_numpy(variants(x))
    return Case(
        "random",
        module,
        lambda n: samples[:n],
        reference=lambda _m, one: [[count(one[0].double().numpy())]],
        samples=3,
        batch_size=2,
        dtype=dtype,
        layers=1,
    )


DTYPES = st.sampled_from((torch.float32, torch.float64))


@examples(70)
@given(linear_problem(), DTYPES)
def test_linear(problem: tuple[Array, Array], dtype: torch.dtype) -> None:
    x, w = problem
    case = random_case(F.linear, w, x, lambda one: brute.linear_scatter(one, w), dtype)
    compare(case, record_case(case), expected_of(case))


@examples(110)
@given(conv_problem(), DTYPES)
def test_conv(problem: tuple[Array, Array, ConvGeometry], dtype: torch.dtype) -> None:
    x, w, g = problem
    assume(min(g.conv_out(x.shape[1:], w.shape[2:])) > 0)
    conv = getattr(F, f"conv{x.ndim - 1}d")

    def function(t: Tensor, weight: Tensor) -> Tensor:
        return conv(t, weight, None, g.stride, g.padding, g.dilation, g.groups)

    case = random_case(function, w, x, lambda one: brute_conv.conv_scatter(one, w, g), dtype)
    compare(case, record_case(case), expected_of(case))


@examples(80)
@given(conv_transpose_problem(), DTYPES)
def test_conv_transpose(problem: tuple[Array, Array, ConvGeometry], dtype: torch.dtype) -> None:
    x, w, g = problem
    assume(min(g.transpose_out(x.shape[1:], w.shape[2:])) > 0)
    conv = getattr(F, f"conv_transpose{x.ndim - 1}d")

    def function(t: Tensor, weight: Tensor) -> Tensor:
        return conv(t, weight, None, g.stride, g.padding, g.output_padding, g.groups, g.dilation)

    case = random_case(function, w, x, lambda one: brute_conv.conv_transpose_scatter(one, w, g), dtype)
    compare(case, record_case(case), expected_of(case))


@examples(60)
@given(product_problem(), DTYPES)
def test_product(problem: tuple[str, Array, Array], dtype: torch.dtype) -> None:
    """Both operands in one input: the first half of it is the one, the rest the other."""
    equation, a, b = problem
    a, b = a[0], b[0]  # samples take the place of the batch axis
    joined = np.concatenate([a.ravel(), b.ravel()])

    def cut(one: Any) -> tuple[Any, Any]:
        n = one.shape[0]
        return one[:, : a.size].reshape(n, *a.shape), one[:, a.size :].reshape(n, *b.shape)

    case = random_case(
        lambda t: torch.einsum(equation, *cut(t)),
        None,
        joined,
        lambda one: brute.einsum_pairs(equation, *cut(one[None])),
        dtype,
    )
    compare(case, record_case(case), expected_of(case))


# The laws --------------------------------------------------------------------------------------------------------


def layer_case(x: Array, w: Array, g: ConvGeometry | None = None) -> Case:
    """A linear layer, or a convolution where a geometry is given, on samples ``x [N,…]``."""

    def module() -> nn.Module:
        if g is None:
            return Apply(lambda m, t: F.linear(t, m.w), w=w.shape)
        conv = getattr(F, f"conv{x.ndim - 2}d")
        return Apply(lambda m, t: conv(t, m.w, None, g.stride, g.padding, g.dilation, g.groups), w=w.shape)

    def with_weights() -> nn.Module:
        made = module()
        made.w.data = torch.from_numpy(w).clone()
        return made

    data = torch.from_numpy(x)
    return Case("law", with_weights, lambda n: data[:n], samples=len(x), batch_size=len(x), dtype=torch.float64)


def by_level(trace: Trace, what: str = "ops_VTN") -> dict[float | None, list[int]]:
    """``{level: counts of each sample}``, summed over steps; None: all other values."""
    layer = trace.synaptic[0]
    rows = getattr(layer, what).sum(-2).tolist()
    return dict(zip([*layer.levels.tolist(), None], rows, strict=True))


@examples(15)
@given(conv_problem())
def test_no_spikes_no_operations(problem: tuple[Array, Array, ConvGeometry]) -> None:
    x, w, g = problem
    assume(min(g.conv_out(x.shape[1:], w.shape[2:])) > 0)
    layer = record_case(layer_case(np.zeros((2, *x.shape)), w, g)).synaptic[0]
    assert layer.ops_VTN.sum() == layer.inputs_VTN.sum() == layer.ops_weighted_TN.sum() == 0
    assert layer.dense_ops == brute_conv.conv_scatter(x, w, g).dense


@examples(15)
@given(conv_problem())
def test_all_ones_meet_every_weight(problem: tuple[Array, Array, ConvGeometry]) -> None:
    x, w, g = problem
    assume(min(g.conv_out(x.shape[1:], w.shape[2:])) > 0)
    layer = record_case(layer_case(np.ones((2, *x.shape)), np.where(w == 0, 1, w), g)).synaptic[0]
    assert layer.ops_VTN.sum((0, 1)).tolist() == [layer.dense_ops] * 2


@examples(15)
@given(conv_problem(), st.integers(0, 2**31))
def test_disjoint_inputs_add(problem: tuple[Array, Array, ConvGeometry], seed: int) -> None:
    x, w, g = problem
    assume(min(g.conv_out(x.shape[1:], w.shape[2:])) > 0 and len(set(x.ravel())) <= 16)
    first = np.random.default_rng(seed).random(x.shape) < 0.5
    whole, one, other = (
        by_level(record_case(layer_case(part[None], w, g)))
        for part in (x, np.where(first, x, 0), np.where(first, 0, x))
    )
    for level, counts in whole.items():
        assert counts[0] == one.get(level, [0])[0] + other.get(level, [0])[0]


@examples(15)
@given(linear_problem(), st.permutations(range(3)))
def test_permuting_samples_permutes_columns(problem: tuple[Array, Array], order: list[int]) -> None:
    x, w = problem
    samples = variants(x)
    layer = record_case(layer_case(samples, w)).synaptic[0]
    moved = record_case(layer_case(samples[order], w)).synaptic[0]
    np.testing.assert_array_equal(moved.ops_VTN, layer.ops_VTN[..., order])
    np.testing.assert_array_equal(moved.inputs_VTN, layer.inputs_VTN[..., order])


@examples(15)
@given(linear_problem())
def test_counts_add_over_batches(problem: tuple[Array, Array]) -> None:
    x, w = problem
    case = layer_case(np.concatenate([variants(x), variants(-x)]), w)
    whole = record_case(case)
    for size in (1, 4):
        parts = record_case(replace(case, batch_size=size))
        assert_same_trace(whole, parts, frozenset({"batch", "batch_size"}))


@examples(10)
@given(linear_problem())
def test_doubling_the_input_moves_levels_only(problem: tuple[Array, Array]) -> None:
    x, w = problem
    one = by_level(record_case(layer_case(variants(x), w)))
    two = by_level(record_case(layer_case(variants(2 * x), w)))
    assert {None if v is None else 2 * v: c for v, c in one.items()} == two


@pytest.mark.parametrize("seed", range(4))
def test_counts_add_over_steps(seed: int) -> None:
    """Steps of the first layer are what each frame costs alone."""
    frames = torch.from_numpy(np.random.default_rng(seed).integers(0, 3, (3, 4, 2, 4, 4)).astype(float))
    case = Case("steps", Driven, lambda n: frames, 3, 1, drive="loop", dtype=torch.float64)
    layer = record_case(case).synaptic[0]
    for t in range(3):
        alone = Case("frame", Driven, lambda n, t=t: frames[t], drive="loop", dtype=torch.float64)
        np.testing.assert_array_equal(layer.ops_VTN[:, t], record_case(alone).synaptic[0].ops_VTN[:, 0])


@pytest.mark.parametrize("caller", ["no_grad", "inference_mode"])
def test_callers_context_changes_nothing(caller: Any) -> None:
    case = Case("caller", Driven, lambda n: torch.rand(n, 2, 4, 4).round(), 3, 0, drive="loop")
    assert_same_trace(record_case(case), record_case(replace(case, caller=caller)))

"""The reference itself is tested: two ways of walking agree, closed forms hold, shapes are torch's."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from brute import attention, einsum_pairs, linear_gather, linear_scatter
from brute_conv import ConvGeometry, conv_gather, conv_scatter, conv_transpose_gather, conv_transpose_scatter
from hypothesis import assume, given, settings
from strategies import conv_problem, conv_transpose_problem, linear_problem, product_problem

SETTINGS = settings(max_examples=40, deadline=None, derandomize=True)


def same(a, b) -> None:
    for f in dataclasses.fields(a):
        assert getattr(a, f.name) == pytest.approx(getattr(b, f.name), rel=1e-12, abs=1e-12), f.name


@SETTINGS
@given(linear_problem())
def test_linear_both_ways(problem) -> None:
    x, w = problem
    same(linear_scatter(x, w), linear_gather(x, w))


@SETTINGS
@given(conv_problem())
def test_conv_both_ways_and_output_size_is_torchs(problem) -> None:
    x, w, g = problem
    assume(min(g.conv_out(x.shape[1:], w.shape[2:])) > 0)
    same(conv_scatter(x, w, g), conv_gather(x, w, g))
    conv = getattr(F, f"conv{x.ndim - 1}d")
    y = conv(torch.from_numpy(x)[None], torch.from_numpy(w), None, g.stride, g.padding, g.dilation, g.groups)
    assert y.shape[2:] == g.conv_out(x.shape[1:], w.shape[2:])


@SETTINGS
@given(conv_problem())
def test_conv_of_ones_adds_up_to_the_dense_count(problem) -> None:
    """With all inputs and weights one, each output of torch's convolution is its own number of taps."""
    x, w, g = problem
    assume(min(g.conv_out(x.shape[1:], w.shape[2:])) > 0)
    conv = getattr(F, f"conv{x.ndim - 1}d")
    ones = torch.ones(1, *x.shape, dtype=torch.float64), torch.ones(*w.shape, dtype=torch.float64)
    taps = conv(*ones, None, g.stride, g.padding, g.dilation, g.groups).sum().item()
    assert conv_scatter(x, w, g).dense == taps


@SETTINGS
@given(conv_transpose_problem())
def test_conv_transpose_both_ways_and_output_size_is_torchs(problem) -> None:
    x, w, g = problem
    assume(min(g.transpose_out(x.shape[1:], w.shape[2:])) > 0)
    count = conv_transpose_scatter(x, w, g)
    same(count, conv_transpose_gather(x, w, g))
    conv = getattr(F, f"conv_transpose{x.ndim - 1}d")
    ones = torch.ones(1, *x.shape, dtype=torch.float64), torch.ones(*w.shape, dtype=torch.float64)
    y = conv(*ones, None, g.stride, g.padding, g.output_padding, g.groups, g.dilation)
    assert y.shape[2:] == g.transpose_out(x.shape[1:], w.shape[2:])
    assert count.dense == y.sum().item()


@SETTINGS
@given(product_problem())
def test_pairs_are_the_product_of_the_nonzero_maps(problem) -> None:
    equation, a, b = problem
    count = einsum_pairs(equation, a, b)
    pairs = np.einsum(equation, (a != 0).astype(float), (b != 0).astype(float)).sum()
    assert sum(count.ops.values()) == pairs
    assert count.weighted == pytest.approx(np.einsum(equation, abs(a), abs(b)).sum(), rel=1e-12)


def test_conv_by_hand() -> None:
    """A corner of a 4×4 map meets 2·2 taps of a padded 3×3 kernel, an inner cell 3·3; 5 filters each."""
    x = np.zeros((1, 4, 4))
    x[0, 0, 0], x[0, 1, 1] = 1, 2
    count = conv_scatter(x, np.ones((5, 1, 3, 3)), ConvGeometry((1, 1), (1, 1), (1, 1)))
    assert count.ops == {1.0: 2 * 2 * 5, 2.0: 3 * 3 * 5}
    assert count.weighted == 1 * 2 * 2 * 5 + 2 * 3 * 3 * 5
    assert count.dense_border == 4 * 4 * 3 * 3 * 5
    assert count.dense == (4 * 3 - 2) * (4 * 3 - 2) * 5
    assert count.input_sum == 1 + 2


def test_zero_weights_are_skipped_only_in_the_effective_count() -> None:
    count = linear_scatter(np.array([[1.0, 0.0, -1.0]]), np.array([[1.0, 1.0, 0.0], [0.0, 0.0, 2.0]]))
    assert count.ops == {1.0: 1, -1.0: 1}
    assert count.structural == {1.0: 2, -1.0: 2}
    assert count.dense == 3 * 2


def test_attention_by_hand() -> None:
    """Causal over 3 tokens: 1 + 2 + 3 allowed pairs, 2 features each, ones everywhere."""
    ones = np.ones((1, 3, 2))
    scores, values = attention(ones, ones, ones, np.tril(np.ones((1, 3, 3), bool)))
    assert scores.ops == {(1.0, 1.0): (1 + 2 + 3) * 2}
    assert values.ops == {(1.0, 1.0): (1 + 2 + 3) * 2}
    assert values.inputs == {1.0: 6}
    assert values.weighted == pytest.approx(3 * 2)
    assert scores.dense == values.dense == 6 * 2

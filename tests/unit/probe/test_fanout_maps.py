"""Fan-out maps of small cases, worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest

from snn_eval.errors import CountError
from snn_eval.probe.fanout import FanOut, Geometry, fan_out, pair_fan_out
from snn_eval.probe.tally import BLOCK, Fan


def conv(size: int, kernel: int, outputs: int, **more: tuple[int, ...]) -> FanOut:
    """One input and one output channel along one axis, all weights one."""
    facts = {"stride": (1,), "padding": (0,), "dilation": (1,), **more}
    return fan_out(np.ones((1, 1, kernel)), Geometry("conv", (1, size), outputs=(outputs,), **facts))


def test_linear() -> None:
    found = fan_out(np.array([[1.0, 0, 0], [2, 3, 0]]), Geometry("linear", (3,)))
    assert found.effective.tolist() == [2, 1, 0]
    assert found.structural.tolist() == [2, 2, 2]
    assert (found.dense_ops, found.nonzero_weights, found.weight_count) == (3 * 2, 3, 6)
    assert found.has_zero_weights


def test_valid_convolution_has_fewer_taps_at_its_borders() -> None:
    found = conv(5, 3, outputs=3)
    assert found.effective.tolist() == [[1, 2, 3, 2, 1]]
    assert found.dense_ops == found.dense_ops_with_border == 3 * 3
    assert not found.has_zero_weights


def test_padding() -> None:
    found = conv(5, 3, outputs=5, padding=(1,))
    assert found.effective.tolist() == [[2, 3, 3, 3, 2]]
    assert (found.dense_ops, found.dense_ops_with_border) == (2 + 3 + 3 + 3 + 2, 5 * 3)


def test_stride_leaves_the_end_unread() -> None:
    assert conv(6, 3, outputs=2, stride=(2,)).effective.tolist() == [[1, 1, 2, 1, 1, 0]]


def test_dilation() -> None:
    assert conv(5, 2, outputs=3, dilation=(2,)).effective.tolist() == [[1, 1, 2, 1, 1]]


def test_zero_weights_and_groups() -> None:
    weight = np.array([[[1.0, 0]], [[1, 1]], [[0, 0]], [[5, 0]]])  # 4 outputs, 2 groups of 1 channel, 2 taps
    geometry = Geometry("conv", (2, 3), (1,), (0,), (1,), groups=2, outputs=(2,))
    found = fan_out(weight, geometry)
    # channel 0 meets 2 weights at tap 0 and 1 at tap 1; channel 1 meets 1 and 0
    assert found.effective.tolist() == [[2, 2 + 1, 1], [1, 1 + 0, 0]]
    assert found.structural.tolist() == [[2, 4, 2], [2, 4, 2]]
    assert found.dense_ops == 2 * (2 + 4 + 2)


def test_transposed_convolution() -> None:
    weight = np.ones((1, 2, 3))  # 1 channel to 2
    whole = Geometry("conv_transpose", (1, 2), (2,), (0,), (1,), (0,), 1, (5,))
    assert fan_out(weight, whole).effective.tolist() == [[2 * 3, 2 * 3]]
    cut = Geometry("conv_transpose", (1, 2), (2,), (1,), (1,), (0,), 1, (3,))
    found = fan_out(weight, cut)
    assert found.effective.tolist() == [[2 * 2, 2 * 2]]
    assert (found.dense_ops, found.dense_ops_with_border) == (2 * 2 + 2 * 2, 2 * 1 * 2 * 3)


@pytest.mark.parametrize("dims", [2, 3])
def test_more_axes_are_the_product_of_one(dims: int) -> None:
    line = [1, 2, 1]
    geometry = Geometry("conv", (1, *[3] * dims), (1,) * dims, (0,) * dims, (1,) * dims, outputs=(2,) * dims)
    found = fan_out(np.ones((1, 1, *[2] * dims)), geometry)
    want = np.array(line)
    for _ in range(dims - 1):
        want = np.multiply.outer(want, line)
    np.testing.assert_array_equal(found.effective[0], want)


def test_pair_meets_what_it_shares() -> None:
    weight = np.array([[1.0, 0, 2], [0, 0, 3]])  # k j
    found = pair_fan_out(weight, "ik", "kj", (5, 2))
    assert found.effective.tolist() == [[2, 1]]
    assert found.structural.tolist() == [[3, 3]]
    turned = pair_fan_out(weight.T, "ik", "jk", (5, 2))
    assert turned.effective.tolist() == found.effective.tolist()


def test_pair_with_shared_labels_in_another_order() -> None:
    weight = np.array([[1.0, 0], [1, 1], [0, 1]])  # b a, no label of its own
    found = pair_fan_out(weight, "ab", "ba", (2, 3))
    assert found.effective.tolist() == [[1, 1, 0], [0, 1, 1]]


def test_fan_is_one_number_where_all_are_equal() -> None:
    fan = Fan.of(np.full(4, 7), None)
    assert (fan.effective, fan.structural, fan.vectors) == (7, None, (None, None))
    inputs, ops = np.array([[2, 3]]), np.zeros((1, 2), np.int64)
    fan.fill_constants(inputs, ops, None)
    assert ops.tolist() == [[2 * 7, 3 * 7]]


def test_blocks_are_small_enough_for_sums_in_32_bits() -> None:
    assert Fan.of(np.array([1, 2]), None).block == BLOCK
    largest = 2**21
    fan = Fan.of(np.array([1, largest]), None)
    assert fan.block * largest < 2**31
    with pytest.raises(CountError, match="expected fewer"):
        Fan.of(np.array([1, 2**31]), None)

"""The tiers of counting: 0 and 1 proven, by level, not told apart; in every float type."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from snn_eval.errors import NotFiniteError
from snn_eval.probe.counting import ValueCounter, count_meetings, same_at_each_step
from snn_eval.probe.tally import Fan, Grid
from snn_eval.trace import MAX_LEVELS

FLOATS = [torch.float32, torch.float64, torch.float16, torch.bfloat16]
FAN = Fan.of(np.array([1, 10, 100]), np.array([2, 20, 200]))
EVEN = Fan.of(np.array([7, 7, 7]), np.array([9, 9, 9]))


def rows(*rows: list[float], dtype: torch.dtype = torch.float32) -> Tensor:
    """One step, a sample a row."""
    return torch.tensor([rows], dtype=dtype)


def counter() -> ValueCounter:
    return ValueCounter("layer")


@pytest.mark.parametrize("dtype", [*FLOATS, torch.uint8, torch.bool])
def test_zero_and_one(dtype: torch.dtype) -> None:
    columns = np.zeros((1, 3), np.int32)
    counting = counter()
    counted = counting.count(rows([1, 0, 1], [0, 0, 0], dtype=dtype), 2, FAN, columns)
    assert counted.inputs[1].tolist() == [[2, 0]]
    assert counted.ops[1].tolist() == [[1 + 100, 0]]
    assert counted.sops is not None
    assert counted.sops[1].tolist() == [[2 + 200, 0]]
    assert counted.nonzero.tolist() == [[2, 0]]
    assert columns.tolist() == [[1, 0, 1]]
    assert counting.plain


@pytest.mark.parametrize("dtype", FLOATS)
def test_levels(dtype: torch.dtype) -> None:
    counting = counter()
    columns = np.zeros((1, 3), np.int32)
    counted = counting.count(rows([-1, 0.5, 1], [0.5, 0, 0.5], dtype=dtype), 2, FAN, columns)
    assert counting.values == [1, -1, 0.5]  # 1 assumed, then as they came
    assert not counting.plain
    assert counted.inputs.tolist() == [[[0, 0]], [[1, 0]], [[1, 0]], [[1, 2]]]
    assert counted.ops.tolist() == [[[0, 0]], [[100, 0]], [[1, 0]], [[10, 1 + 100]]]
    assert counted.sops is not None
    assert counted.sops[3].tolist() == [[20, 2 + 200]]
    assert counted.weighted is None  # follows from the levels: they are short binary fractions
    assert columns.tolist() == [[2, 1, 2]]


def test_equal_fan_outs_are_multiplied() -> None:
    plain = counter().count(rows([1, 1, 0]), 1, EVEN)
    levels = counter().count(rows([2, 2, 0]), 1, EVEN)
    for counted, row in ((plain, 1), (levels, 2)):
        assert counted.ops[row].tolist() == [[2 * 7]]
        assert counted.sops is not None
        assert counted.sops[row].tolist() == [[2 * 9]]


def test_levels_that_are_no_short_fractions_bring_their_sums() -> None:
    counted = counter().count(rows([0.1, 0, -0.3], dtype=torch.float64), 1, FAN)
    assert counted.weighted is not None
    assert counted.total is not None
    np.testing.assert_allclose(counted.weighted, [[0.1 * 1 + 0.3 * 100]])
    np.testing.assert_allclose(counted.total, [[0.1 - 0.3]])


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("fan", [FAN, EVEN, None])
def test_too_many_levels_collapse(dtype: torch.dtype, fan: Fan | None) -> None:
    many = torch.arange(1, 3 * (MAX_LEVELS + 1) + 1).reshape(1, -1, 3).to(dtype)
    counting = counter()
    columns = np.zeros((1, 3), np.int32)
    counted = counting.count(many, many.shape[1], fan, columns)
    assert counting.collapsed
    assert counted.inputs.tolist() == [[[3] * many.shape[1]]]
    assert columns.tolist() == [[many.shape[1]] * 3]
    assert (counting.minimum, counting.maximum) == (many.min(), many.max())
    fans = {id(FAN): [1, 10, 100], id(EVEN): [7, 7, 7], id(None): [1, 1, 1]}[id(fan)]
    assert counted.weighted is not None
    np.testing.assert_array_equal(counted.weighted[0], (many[0].double().numpy() * fans).sum(1))
    if fan is not None:
        assert counted.ops.tolist() == [[[sum(fans)] * many.shape[1]]]
    again = counting.count(rows([1, 0, 0], dtype=dtype), 1, fan)  # it stays collapsed
    assert again.inputs.tolist() == [[[1]]]


def test_only_the_first_samples_count() -> None:
    counted = counter().count(rows([1, 0, 0], [5, 5, 5]), 1, FAN)
    assert counted.inputs[1].tolist() == [[1]]


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
@pytest.mark.parametrize("first", ["plain", "levels", "collapsed"])
def test_what_is_not_finite_is_refused_in_every_tier(bad: float, first: str) -> None:
    counting = counter()
    if first != "plain":
        counting.count(rows([0.5, 0, 1]), 1, FAN)
    counting.collapsed = first == "collapsed"
    with pytest.raises(NotFiniteError, match="layer layer: NaN or infinity"):
        counting.count(rows([1, bad, 0]), 1, FAN)


def test_a_grid_grows_when_a_level_is_found_late() -> None:
    counting, grid = counter(), Grid(2, 1)
    grid.add(counting.count(rows([1, 0, 1]), 1, Fan.of(np.array([1, 10, 100]), None)), slice(0, 1))
    grid.add(counting.count(rows([0, 3, 0]), 1, FAN), slice(1, 2))
    assert counting.values == [1, 3]
    assert grid.inputs[:, :, 0].tolist() == [[0, 0], [2, 0], [0, 1]]
    assert grid.ops[:, :, 0].tolist() == [[0, 0], [101, 0], [0, 10]]
    assert grid.sops is not None  # before weights had zeros, structural operations are the effective ones
    assert grid.sops[:, :, 0].tolist() == [[0, 0], [101, 0], [0, 20]]
    grid.add(counting.count(rows([4, 0, 0]), 1, FAN), slice(1, 2))
    assert grid.sops[:, 1, 0].tolist() == [0, 0, 20, 2]


@pytest.mark.parametrize("dtype", FLOATS)
def test_meetings(dtype: torch.dtype) -> None:
    a, b = rows([1, 0.5, 0], [1, 1, 1], dtype=dtype), rows([2, -1, 3], [0, 0, 4])
    assert count_meetings(a, b, 2).tolist() == [[2, 1]]


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16, torch.int32])
def test_steps_are_the_same_if_every_one_is(dtype: torch.dtype) -> None:
    rows = torch.arange(6).reshape(1, 2, 3).repeat(3, 1, 1).to(dtype)
    assert same_at_each_step(rows)
    for step in range(3):
        other = rows.clone()
        other[step, 1, 2] = 9
        assert not same_at_each_step(other)


def test_steps_that_differ_in_the_sign_of_a_zero_are_not_the_same() -> None:
    assert not same_at_each_step(torch.tensor([[[0.0]], [[-0.0]]]))

"""Each counting kernel against plain numpy."""

from __future__ import annotations

import numpy as np
import pytest

from snn_eval.probe import kernels
from snn_eval.probe.graded import graded

ONE, MAGNITUDE = np.uint32(0x3F800000), np.uint32(0x7FFFFFFF)
T, N, M = 2, 7, 13
RANDOM = np.random.default_rng(0)


def bits(x: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(x, np.float32).view(np.uint32)


def values(*choices: float) -> np.ndarray:
    return RANDOM.choice(np.array(choices, np.float32), (T, N, M))


def zeros(*shape: int) -> np.ndarray:
    return np.zeros(shape, np.int64)


FAN = RANDOM.integers(0, 9, M).astype(np.int32)
STRUCTURAL = FAN + 1


@pytest.mark.parametrize("n", [0, 1, 4, 6])  # 6 = one group of four rows and two rows alone
@pytest.mark.parametrize("block", [4, 4096])
def test_binary(n: int, block: int) -> None:
    x = values(0, 1)
    inputs, ops, sops, columns = zeros(T, n), zeros(T, n), zeros(T, n), np.zeros((T, M), np.int32)
    assert kernels.binary(bits(x), n, FAN, STRUCTURAL, ONE, MAGNITUDE, block, inputs, ops, sops, columns, 0, M)
    seen = x[:, :n] != 0
    np.testing.assert_array_equal(inputs, seen.sum(2))
    np.testing.assert_array_equal(ops, (seen * FAN).sum(2))
    np.testing.assert_array_equal(sops, (seen * STRUCTURAL).sum(2))
    np.testing.assert_array_equal(columns, seen.sum(1))


@pytest.mark.parametrize("sample", range(6))
@pytest.mark.parametrize("intruder", [0.5, -1.0, 2.0, np.nan, np.inf])
def test_binary_proves(sample: int, intruder: float) -> None:
    """One value other than 0 and 1 anywhere is found, and nonzero elements are right all the same."""
    x = values(0, 1)
    x[1, sample, M - 1] = intruder
    inputs, columns = zeros(T, 6), np.zeros((T, M), np.int32)
    proven = kernels.binary(bits(x), 6, None, None, ONE, MAGNITUDE, 4, inputs, inputs, None, columns, 0, M)
    assert not proven
    np.testing.assert_array_equal(inputs, (x[:, :6] != 0).sum(2))
    np.testing.assert_array_equal(columns, (x[:, :6] != 0).sum(1))


def test_binary_takes_negative_zero_for_zero_and_ignores_the_padding() -> None:
    x = np.array([[[1.0, -0.0, 0.0], [9.0, 9.0, 9.0]]], np.float32)
    inputs = zeros(1, 1)
    assert kernels.binary(bits(x), 1, None, None, ONE, MAGNITUDE, 4, inputs, inputs, None, None, 0, 3)
    assert inputs.tolist() == [[1]]


@pytest.mark.parametrize("fan", [None, FAN])
@pytest.mark.parametrize("structural", [None, STRUCTURAL])
def test_levelled(fan: np.ndarray | None, structural: np.ndarray | None) -> None:
    x = values(0, 1, -1, 0.5)
    levels = np.array([1, -1, 0.5], np.float32)
    inputs, ops, sops, columns = zeros(4, T, 5), zeros(4, T, 5), zeros(4, T, 5), np.zeros((T, M), np.int32)
    rows = np.array([1, 2, 3])
    unknown = kernels.levelled(
        bits(x), 0, 5, fan, structural, bits(levels), rows, MAGNITUDE, 4, inputs, ops, sops, columns
    )
    assert unknown == 0
    for row, level in zip(rows, levels, strict=True):
        seen = x[:, :5] == level
        np.testing.assert_array_equal(inputs[row], seen.sum(2))
        np.testing.assert_array_equal(ops[row], 0 if fan is None else (seen * fan).sum(2))
        np.testing.assert_array_equal(sops[row], 0 if structural is None else (seen * structural).sum(2))
    np.testing.assert_array_equal(columns, (x[:, :5] != 0).sum(1))


def test_levelled_counts_what_is_unknown() -> None:
    x = values(0, 1, 3, 4)
    inputs = zeros(2, T, N)
    unknown = kernels.levelled(
        bits(x), 0, N, None, None, bits(np.ones(1)), np.array([1]), MAGNITUDE, 8, inputs, inputs, inputs, None
    )
    assert unknown == (x == 3).sum() + (x == 4).sum()


def test_find_values_in_order_of_appearance_up_to_a_limit() -> None:
    x = np.array([[[0, 2, 2, 1], [5, 2, 0, 7]]], np.float32)
    known = bits(np.ones(1))
    assert kernels.find_values(bits(x), 2, known, MAGNITUDE, 9).view(np.float32).tolist() == [2, 5, 7]
    assert kernels.find_values(bits(x), 2, known, MAGNITUDE, 2).view(np.float32).tolist() == [2, 5]
    assert kernels.find_values(bits(x), 1, known, MAGNITUDE, 9).view(np.float32).tolist() == [2]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("fan", [None, FAN])
def test_graded(dtype: type, fan: np.ndarray | None) -> None:
    x = (RANDOM.integers(-8, 8, (T, N, M)) / 8).astype(dtype)  # sums are exact
    inputs, ops, sops = zeros(T, 5), zeros(T, 5), zeros(T, 5)
    weighted, total, columns = np.zeros((T, 5)), np.zeros((T, 5)), np.zeros((T, M), np.int32)
    low, high, finite = graded(x, 5, fan, STRUCTURAL, 4, inputs, ops, sops, weighted, total, columns)
    part = x[:, :5]
    assert (low, high, finite) == (part.min(), part.max(), True)
    np.testing.assert_array_equal(inputs, (part != 0).sum(2))
    np.testing.assert_array_equal(ops, 0 if fan is None else ((part != 0) * fan).sum(2))
    np.testing.assert_array_equal(sops, ((part != 0) * STRUCTURAL).sum(2))
    np.testing.assert_array_equal(weighted, (abs(part) * (1 if fan is None else fan)).sum(2))
    np.testing.assert_array_equal(total, part.sum(2))
    np.testing.assert_array_equal(columns, (part != 0).sum(1))


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_graded_sees_what_is_not_finite(bad: float) -> None:
    x = values(0, 1)
    x[1, 2, 3] = bad
    sums = np.zeros((T, N))
    assert not graded(x, N, FAN, None, 4, zeros(T, N), zeros(T, N), None, sums, sums.copy(), None)[2]


def test_axis_counts() -> None:
    x = np.array([[[1.0, 0.0, -2.0, 1.0], [0.0, 3.0, 0.0, 0.0]]])
    counts, weights = zeros(3, 1, 2), np.zeros((1, 2))
    kernels.axis_counts(x, np.array([1.0, -2.0]), counts, weights)
    assert counts[:, 0].tolist() == [[2, 0], [1, 0], [0, 1]]  # ones, minus twos, others
    assert weights[0].tolist() == [1 + 2 + 1, 3]


def test_meetings() -> None:
    x, y = values(0, 1), values(0, -1)
    out = zeros(T, N)
    kernels.meetings(bits(x), bits(y), 1, 5, MAGNITUDE, out)
    want = ((x != 0) & (y != 0)).sum(2)
    want[:, :1] = want[:, 5:] = 0
    np.testing.assert_array_equal(out, want)

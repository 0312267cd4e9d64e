"""Counting on the forward pass's threads gives the counts of one thread, however many of them come."""

from __future__ import annotations

import ctypes
from collections.abc import Iterator

import numpy as np
import pytest
import torch

from snn_eval.probe import kernels, pool

pytestmark = pytest.mark.skipif(pool._entry_points()[0] == 0, reason="torch here has no GNU OpenMP runtime")

MAGNITUDE = np.uint32(0x7FFFFFFF)
T, N, M = 2, 5, 4000
RANDOM = np.random.default_rng(0)
FAN = RANDOM.integers(1, 9, M).astype(np.int32)
SPIKES = (RANDOM.random((T, N, M)) < 0.3).astype(np.float32)


@pytest.fixture(params=[1, 2])
def threads(request: pytest.FixtureRequest) -> Iterator[int]:
    before = torch.get_num_threads()
    torch.set_num_threads(request.param)
    yield request.param
    torch.set_num_threads(before)


WORK = ctypes.CFUNCTYPE(None, ctypes.c_void_p)


@ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_uint, ctypes.c_uint)
def one_thread_comes(work: int, data: int, threads: int, flags: int) -> None:
    """A runtime that gives one thread whatever is asked for."""
    WORK(work)(data)


@ctypes.CFUNCTYPE(ctypes.c_int)
def first_thread() -> int:
    return 0


@pytest.fixture(params=["as asked", "one comes"])
def runtime(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if request.param == "one comes":
        addresses = [ctypes.cast(f, ctypes.c_void_p).value or 0 for f in (one_thread_comes, first_thread)]
        monkeypatch.setattr(pool, "_entry_points", lambda: tuple(addresses))


def bits(x: np.ndarray) -> np.ndarray:
    return x.view(np.uint32)


@pytest.mark.usefixtures("runtime")
@pytest.mark.parametrize("fan", [None, FAN])
@pytest.mark.parametrize("with_columns", [False, True])
def test_binary(threads: int, fan: np.ndarray | None, with_columns: bool) -> None:
    columns = np.zeros((T, M), np.int32) if with_columns else None
    inputs, ops = np.zeros((2, T, 4), np.int64)
    assert pool.binary(bits(SPIKES), 4, fan, 512, inputs, ops, columns)
    seen = SPIKES[:, :4] != 0
    np.testing.assert_array_equal(inputs, seen.sum(2))
    np.testing.assert_array_equal(ops, 0 if fan is None else (seen * fan).sum(2))
    if columns is not None:
        np.testing.assert_array_equal(columns, seen.sum(1))


@pytest.mark.usefixtures("runtime")
@pytest.mark.parametrize("at", [0, M - 1])
def test_binary_proves_in_every_share(threads: int, at: int) -> None:
    x = SPIKES.copy()
    x[1, 2, at] = 2
    inputs, ops = np.zeros((2, T, N), np.int64)
    assert not pool.binary(bits(x), N, FAN, 512, inputs, ops, None)


@pytest.mark.usefixtures("runtime")
def test_levelled(threads: int) -> None:
    x = RANDOM.choice(np.array([0, 1, 2, 3], np.float32), (T, N, M))
    levels, rows = np.array([1, 2], np.float32), np.array([1, 2])
    inputs, ops = np.zeros((2, 3, T, N), np.int64)
    unknown = pool.levelled(bits(x), N, FAN, bits(levels), rows, 512, inputs, ops)
    assert unknown == (x == 3).sum()
    for row, level in zip(rows, levels, strict=True):
        np.testing.assert_array_equal(inputs[row], (x == level).sum(2))
        np.testing.assert_array_equal(ops[row], ((x == level) * FAN).sum(2))


@pytest.mark.usefixtures("runtime")
def test_meetings(threads: int) -> None:
    other = SPIKES[:, ::-1].copy()
    got, want = np.zeros((2, T, 4), np.int64)
    pool.meetings(bits(SPIKES), bits(other), 4, got)
    kernels.meetings(bits(SPIKES), bits(other), 0, 4, MAGNITUDE, want)
    np.testing.assert_array_equal(got, want)
    np.testing.assert_array_equal(got, ((SPIKES != 0) & (other != 0)).sum(2)[:, :4])


def test_worth_only_with_threads_and_enough_elements() -> None:
    before = torch.get_num_threads()
    try:
        torch.set_num_threads(2)
        assert pool.worth(bits(SPIKES))
        assert not pool.worth(bits(SPIKES)[:, :, :10])
        assert not pool.worth(bits(SPIKES).astype(np.uint16))
        assert not pool.worth(bits(SPIKES)[:, ::-1])
        torch.set_num_threads(1)
        assert not pool.worth(bits(SPIKES))
    finally:
        torch.set_num_threads(before)


def test_without_a_runtime_nothing_is_worth_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pool, "_entry_points", lambda: (0, 0))
    monkeypatch.setattr(torch, "get_num_threads", lambda: 2)
    assert not pool.worth(bits(SPIKES))

"""Jobs give the counts numpy gives, however many of them go together and however many threads come."""

from __future__ import annotations

import ctypes
from collections.abc import Iterator

import numpy as np
import pytest
import torch

from snn_eval.probe import pool
from snn_eval.probe.jobs import BINARY, LEVELLED, MEETINGS, Job, work_off, worth

pytestmark = pytest.mark.skipif(pool.entry_points()[0] == 0, reason="torch here has no GNU OpenMP runtime")

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
        monkeypatch.setattr(pool, "entry_points", lambda: tuple(addresses))


def bits(x: np.ndarray) -> np.ndarray:
    return x.view(np.uint32)


def address(x: np.ndarray | None) -> int:
    return 0 if x is None else x.ctypes.data


@pytest.mark.usefixtures("runtime")
@pytest.mark.parametrize("fan", [None, FAN])
@pytest.mark.parametrize("with_columns", [False, True])
def test_binary(threads: int, fan: np.ndarray | None, with_columns: bool) -> None:
    columns = np.zeros((T, M), np.int32) if with_columns else None
    inputs, ops, spikes = np.ones((3, T, 4), np.int64)
    job = Job(
        BINARY, address(SPIKES), T, N, M, 4, 512, fan=address(fan), constant=7, columns=address(columns),
        inputs=address(inputs), ops=address(ops), spikes=address(spikes),
    )  # fmt: skip
    assert work_off([job]).tolist() == [0]
    seen = SPIKES[:, :4] != 0
    np.testing.assert_array_equal(inputs, 1 + seen.sum(2))
    np.testing.assert_array_equal(spikes, 1 + seen.sum(2))
    np.testing.assert_array_equal(ops, 1 + (7 * seen.sum(2) if fan is None else (seen * fan).sum(2)))
    if columns is not None:
        np.testing.assert_array_equal(columns, seen.sum(1))


@pytest.mark.usefixtures("runtime")
@pytest.mark.parametrize("at", [0, M - 1])
@pytest.mark.parametrize("value", [2.0, -1.0, float("nan"), 1e-40])
def test_binary_proves_in_every_share_and_adds_nothing_if_it_fails(threads: int, at: int, value: float) -> None:
    x = SPIKES.copy()
    x[1, 2, at] = value
    inputs, ops = np.zeros((2, T, N), np.int64)
    columns = np.zeros((T, M), np.int32)
    job = Job(BINARY, address(x), T, N, M, N, 512, fan=address(FAN), inputs=address(inputs), ops=address(ops))
    assert work_off([job._replace(columns=address(columns))])[0] > 0
    assert not inputs.any()
    assert not ops.any()
    np.testing.assert_array_equal(columns, (x != 0).sum(1))


@pytest.mark.usefixtures("runtime")
@pytest.mark.parametrize("fan", [None, FAN])
def test_levelled(threads: int, fan: np.ndarray | None) -> None:
    x = RANDOM.choice(np.array([0, 1, 2, 3], np.float32), (T, N, M))
    levels = np.array([1, 2], np.float32)
    inputs, ops = np.zeros((2, 3, T + 1, N), np.int64)  # rows of a longer run: this call fills its last steps
    job = Job(
        LEVELLED, address(x), T, N, M, N, 512, fan=address(fan), constant=5, inputs=address(inputs[1, 1:]),
        ops=address(ops[1, 1:]), row=(T + 1) * N, values=address(levels), levels=2,
    )  # fmt: skip
    assert work_off([job])[0] == (x == 3).sum()
    for row, level in enumerate(levels, start=1):
        np.testing.assert_array_equal(inputs[row, 1:], (x == level).sum(2))
        np.testing.assert_array_equal(ops[row, 1:], ((x == level) * (5 if fan is None else FAN)).sum(2))
    assert not inputs[0].any()
    assert not inputs[:, 0].any()


@pytest.mark.usefixtures("runtime")
def test_meetings(threads: int) -> None:
    other = SPIKES[:, ::-1].copy()
    got = np.zeros((T, 4), np.int64)
    work_off([Job(MEETINGS, address(SPIKES), T, N, M, 4, 0, fan=address(other), inputs=address(got))])
    np.testing.assert_array_equal(got, ((SPIKES != 0) & (other != 0)).sum(2)[:, :4])


@pytest.mark.usefixtures("runtime")
def test_several_jobs_of_all_kinds_and_sizes_go_together(threads: int) -> None:
    graded = RANDOM.choice(np.array([0, 1, 2], np.float32), (1, 3, 70))
    small = (RANDOM.random((3, 2, 5)) < 0.5).astype(np.float32)
    levels, wrong = np.array([1, 2], np.float32), 2 * SPIKES
    a, b, c, d = (np.zeros((4, 3 * N), np.int64) for _ in range(4))
    against = work_off(
        [
            Job(BINARY, address(SPIKES), T, N, M, N, 512, constant=3, inputs=address(a[0]), ops=address(a[1])),
            Job(LEVELLED, address(graded), 1, 3, 70, 2, 64, constant=2, inputs=address(b[0]), ops=address(b[2]), row=2,
                values=address(levels), levels=2),
            Job(BINARY, address(wrong), T, N, M, N, 512, inputs=address(c[0])),
            Job(BINARY, address(small), 3, 2, 5, 1, 512, inputs=address(d[0])),
        ]
    )  # fmt: skip
    assert (against > 0).tolist() == [False, False, True, False]
    np.testing.assert_array_equal(a[0, : T * N], SPIKES.sum(2).ravel())
    np.testing.assert_array_equal(a[1, : T * N], 3 * SPIKES.sum(2).ravel())
    np.testing.assert_array_equal(b[0, :4], np.ravel([(graded[0, :2] == v).sum(1) for v in (1, 2)]))
    np.testing.assert_array_equal(b[2, :4], 2 * b[0, :4])
    assert not c.any()
    np.testing.assert_array_equal(d[0, :3], small[:, 0].sum(1))


def test_worth_only_with_threads_and_enough_elements() -> None:
    before = torch.get_num_threads()
    try:
        torch.set_num_threads(2)
        assert worth(bits(SPIKES))
        assert not worth(bits(SPIKES)[:, :, :10])
        assert not worth(bits(SPIKES).astype(np.uint16))
        assert not worth(bits(SPIKES)[:, ::-1])
        torch.set_num_threads(1)
        assert not worth(bits(SPIKES))
    finally:
        torch.set_num_threads(before)


def test_without_a_runtime_nothing_is_worth_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pool, "entry_points", lambda: (0, 0))
    monkeypatch.setattr(torch, "get_num_threads", lambda: 2)
    assert not worth(bits(SPIKES))

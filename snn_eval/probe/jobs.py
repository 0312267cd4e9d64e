"""Counting jobs: each a row of addresses and sizes, worked off together by one compiled call on torch's own threads.

One call for several tensors costs as much beside its reading as one call for one: the way from Python, and waking
the threads. All tensors are float32 and contiguous; whatever else there is goes through `counting` one by one.

What numba compiles is not traced; the tests compare it with numpy.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from numba import carray, cfunc, njit
from numpy.typing import NDArray

from snn_eval.probe import kernels, pool

__all__ = ["BINARY", "LEVELLED", "MEETINGS", "Job", "work_off", "worth"]

BINARY, LEVELLED, MEETINGS = 0, 1, 2

_ENOUGH = 1 << 15
"""Elements in all below which one thread is done before another has started."""
_ONE, _MAGNITUDE = np.uint32(0x3F800000), np.uint32(0x7FFFFFFF)


class Job(NamedTuple):
    """One tensor ``x[T,N,M]``, what it meets, and where its counts are added; addresses are 0 where nothing is meant.

    Attributes:
        kind: ``BINARY``: expected to hold 0 and 1, and proven to; ``LEVELLED``: by value; ``MEETINGS``: positions where
            ``x`` and the tensor at ``fan`` are both nonzero, into ``inputs``.
        x, time_steps, samples, size: the tensor. counted: the first so many samples count.
        block: elements summed in int32.
        fan, constant: fan-out of the M positions (int32), or one number for all.
        columns: ``[T,M]`` int32, gains the nonzero elements per position.
        inputs, ops, row: int64 counts ``[T,counted]`` (``LEVELLED``: of the first value, the next ``row`` words on).
        spikes: a second place for the inputs of a ``BINARY`` job.
        values, levels: bits of the values told apart (``LEVELLED``).
    """

    kind: int
    x: int
    time_steps: int
    samples: int
    size: int
    counted: int
    block: int
    fan: int = 0
    constant: int = 0
    columns: int = 0
    inputs: int = 0
    ops: int = 0
    row: int = 0
    spikes: int = 0
    values: int = 0
    levels: int = 0


(
    _KIND, _X, _STEPS, _SAMPLES, _SIZE, _COUNTED, _BLOCK, _FAN, _CONSTANT, _COLUMNS,
    _INPUTS, _OPS, _ROW, _SPIKES, _VALUES, _LEVELS,
) = range(16)  # fmt: skip


@njit(nogil=True, cache=True)
def _binary(p, counts, worker, workers):  # type: ignore[no-untyped-def]
    """One worker's positions, into counts of its own; 1 if some value was neither 0 nor 1."""
    steps, size = p[_STEPS], p[_SIZE]
    x = carray(pool.pointer(p[_X]), (steps, p[_SAMPLES], size), np.uint32)
    fan = carray(pool.pointer(p[_FAN]), (size,), np.int32)
    columns = carray(pool.pointer(p[_COLUMNS]), (steps, size), np.int32)
    n, block, first, last = p[_COUNTED], p[_BLOCK], size * worker // workers, size * (worker + 1) // workers
    i, o = counts[0], counts[1]
    if p[_FAN] != 0 and p[_COLUMNS] != 0:
        good = kernels.binary(x, n, fan, None, _ONE, _MAGNITUDE, block, i, o, None, columns, first, last)
    elif p[_FAN] != 0:
        good = kernels.binary(x, n, fan, None, _ONE, _MAGNITUDE, block, i, o, None, None, first, last)
    elif p[_COLUMNS] != 0:
        good = kernels.binary(x, n, None, None, _ONE, _MAGNITUDE, block, i, o, None, columns, first, last)
    else:
        good = kernels.binary(x, n, None, None, _ONE, _MAGNITUDE, block, i, o, None, None, first, last)
    return np.int64(0) if good else np.int64(1)


@njit(nogil=True, cache=True)
def _levelled(p, worker, workers):  # type: ignore[no-untyped-def]
    """One worker's samples, into the counts themselves; how many elements had none of the values."""
    n, levels = p[_COUNTED], p[_LEVELS]
    x = carray(pool.pointer(p[_X]), (p[_STEPS], p[_SAMPLES], p[_SIZE]), np.uint32)
    values = carray(pool.pointer(p[_VALUES]), (levels,), np.uint32)
    shape = (levels, p[_ROW] // max(n, 1), n)
    inputs, ops = carray(pool.pointer(p[_INPUTS]), shape, np.int64), carray(pool.pointer(p[_OPS]), shape, np.int64)
    rows = np.arange(levels)
    first, last = n * worker // workers, n * (worker + 1) // workers
    if p[_FAN] != 0:
        fan = carray(pool.pointer(p[_FAN]), (p[_SIZE],), np.int32)
        return kernels.levelled(x, first, last, fan, None, values, rows, _MAGNITUDE, p[_BLOCK], inputs, ops, None, None)
    unknown = kernels.levelled(x, first, last, None, None, values, rows, _MAGNITUDE, p[_BLOCK], inputs, ops, None, None)
    for v in range(levels):
        for t in range(p[_STEPS]):
            for i in range(first, last):
                ops[v, t, i] = p[_CONSTANT] * inputs[v, t, i]
    return unknown


@njit(nogil=True, cache=True)
def _meetings(p, worker, workers):  # type: ignore[no-untyped-def]
    """One worker's samples, into the counts themselves."""
    n, shape = p[_COUNTED], (p[_STEPS], p[_SAMPLES], p[_SIZE])
    x, y = carray(pool.pointer(p[_X]), shape, np.uint32), carray(pool.pointer(p[_FAN]), shape, np.uint32)
    out = carray(pool.pointer(p[_INPUTS]), (p[_STEPS], n), np.int64)
    kernels.meetings(x, y, n * worker // workers, n * (worker + 1) // workers, _MAGNITUDE, out)
    return np.int64(0)


@njit(nogil=True, cache=True)
def _share(table, offsets, own, found, worker, workers):  # type: ignore[no-untyped-def]
    """One worker's share of every job; ``found``: what stood against its counts."""
    for j in range(len(table)):
        p = table[j]
        if p[_KIND] == BINARY:
            counts = own[offsets[j] : offsets[j + 1]].reshape((2, p[_STEPS], p[_COUNTED]))
            found[j] = _binary(p, counts, worker, workers)
        elif p[_KIND] == LEVELLED:
            found[j] = _levelled(p, worker, workers)
        else:
            found[j] = _meetings(p, worker, workers)


@cfunc("void(voidptr)", cache=True)
def _work(data):  # type: ignore[no-untyped-def]  # pragma: no cover
    """What each thread runs: ``data`` are the words `_run` writes."""
    w = carray(data, 8, np.int64)
    jobs, workers, width, worker = w[0], w[1], w[2], pool.thread_number(w[3])
    table = carray(pool.pointer(w[4]), (jobs, 16), np.int64)
    offsets = carray(pool.pointer(w[5]), (jobs + 1,), np.int64)
    own = carray(pool.pointer(w[6]), (workers, width), np.int64)
    found = carray(pool.pointer(w[7]), (workers, jobs), np.int64)
    _share(table, offsets, own[worker], found[worker], worker, workers)


@njit(nogil=True, cache=True)
def _run(table, workers, enter, number, work):  # type: ignore[no-untyped-def]
    jobs, elements = len(table), 0
    if jobs == 0:
        return np.zeros(0, np.int64)
    offsets = np.zeros(jobs + 1, np.int64)
    for j in range(jobs):
        elements += table[j, _STEPS] * table[j, _SAMPLES] * table[j, _SIZE]
        need = 2 * table[j, _STEPS] * table[j, _COUNTED] if table[j, _KIND] == BINARY else 0
        offsets[j + 1] = offsets[j] + need
    if elements < _ENOUGH:
        workers = 1
    own = np.zeros((workers, max(offsets[jobs], 1)), np.int64)
    found = np.full((workers, jobs), -1, np.int64)
    if workers > 1:
        w = np.array([jobs, workers, own.shape[1], number, 0, 0, 0, 0], np.int64)
        w[4], w[5], w[6], w[7] = table.ctypes.data, offsets.ctypes.data, own.ctypes.data, found.ctypes.data
        pool.enter_pool(enter, work, w.ctypes.data, workers)
    for worker in range(workers):
        if found[worker, jobs - 1] < 0:  # no pool, or it gave fewer threads than asked for
            _share(table, offsets, own[worker], found[worker], worker, workers)
    against = found.sum(axis=0)
    for j in range(jobs):
        if table[j, _KIND] == BINARY and against[j] == 0:
            _add_up(table[j], own[:, offsets[j] : offsets[j + 1]])
    return against


@njit(nogil=True, cache=True)
def _add_up(p, own):  # type: ignore[no-untyped-def]
    """Add the workers' counts of a proven job to where they belong."""
    cells = p[_STEPS] * p[_COUNTED]
    inputs = carray(pool.pointer(p[_INPUTS]), (cells,), np.int64)
    ops = carray(pool.pointer(p[_OPS]), (cells,), np.int64)
    spikes = carray(pool.pointer(p[_SPIKES]), (cells,), np.int64)
    for k in range(cells):
        count = own[:, k].sum()
        if p[_INPUTS] != 0:
            inputs[k] += count
        if p[_OPS] != 0:
            ops[k] += own[:, cells + k].sum() if p[_FAN] != 0 else p[_CONSTANT] * count
        if p[_SPIKES] != 0:
            spikes[k] += count


def work_off(jobs: Sequence[Job] | NDArray[np.int64]) -> NDArray[np.int64]:
    """Count all jobs; for each 0, or how much spoke against it: its counts are then not to be used.

    A ``BINARY`` job that fails has added to ``columns`` (rightly) and to nothing else; a ``LEVELLED`` one must be
    taken back by whoever holds its counts.
    """
    table = jobs if isinstance(jobs, np.ndarray) else np.array(jobs, np.int64).reshape(-1, 16)
    enter, number = pool.entry_points()
    against: NDArray[Any] = _run(table, torch.get_num_threads() if enter else 1, enter, number, _work.address)
    return against


def worth(bits: NDArray[Any]) -> bool:
    """Whether one tensor alone is better counted as a job: as jobs take it, large enough, and a pool at hand."""
    return bool(
        bits.size >= _ENOUGH and bits.dtype == np.uint32 and bits.flags.c_contiguous
        and torch.get_num_threads() > 1 and pool.entry_points()[0] != 0
    )  # fmt: skip

"""Counting on the forward pass's own OpenMP threads, which stand ready between two of its operations.

Threads of our own would wait for those to fall asleep first. The pool is entered through the runtime's one entry point
(``GOMP_parallel``), found in the library that torch itself loaded; where there is none (other systems, other runtimes)
one thread counts, and the counts are the same: they are integer sums.

What numba compiles is not traced (hence ``no cover``); the tests compare it with numpy.
"""

from __future__ import annotations

import ctypes
import functools
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numba import carray, cfunc, njit, types
from numba.core import cgutils
from numba.extending import intrinsic

from snn_eval.probe import kernels

__all__ = ["binary", "levelled", "meetings", "worth"]

_BINARY, _LEVELLED, _MEETINGS = 0, 1, 2
_WORDS = 16
_ENOUGH = 1 << 15
"""Elements below which one thread is done before another has started."""
_ONE, _MAGNITUDE = np.uint32(0x3F800000), np.uint32(0x7FFFFFFF)


@functools.cache
def _entry_points() -> tuple[int, int]:
    """Addresses of ``GOMP_parallel`` and ``omp_get_thread_num`` in torch's OpenMP runtime; zeros if not found."""
    folder = Path(torch.__file__).parent
    for path in sorted([*folder.glob("lib/libgomp*.so*"), *folder.parent.glob("torch.libs/libgomp*.so*")]):
        try:
            library = ctypes.CDLL(str(path))
            run, number = library.GOMP_parallel, library.omp_get_thread_num
        except (OSError, AttributeError):
            continue
        return _address(run), _address(number)
    return 0, 0


def _address(function: Any) -> int:
    return ctypes.cast(function, ctypes.c_void_p).value or 0


@intrinsic  # type: ignore[untyped-decorator]
def _enter_pool(typingctx: Any, run: Any, work: Any, data: Any, threads: Any) -> Any:  # pragma: no cover
    """Call ``GOMP_parallel(work, data, threads, 0)`` at the address ``run``."""
    signature = types.void(types.int64, types.int64, types.int64, types.int64)

    def codegen(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        byte, word = cgutils.voidptr_t, cgutils.int32_t
        kind = cgutils.ir.FunctionType(cgutils.ir.VoidType(), [byte, byte, word, word])
        function = builder.inttoptr(args[0], kind.as_pointer())
        pointers = [builder.inttoptr(a, byte) for a in args[1:3]]
        builder.call(function, [*pointers, builder.trunc(args[3], word), word(0)])
        return context.get_dummy_value()

    return signature, codegen


@intrinsic  # type: ignore[untyped-decorator]
def _thread_number(typingctx: Any, address: Any) -> Any:  # pragma: no cover
    """Call ``omp_get_thread_num()`` at an address."""

    def codegen(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        kind = cgutils.ir.FunctionType(cgutils.int32_t, [])
        function = builder.inttoptr(args[0], kind.as_pointer())
        return builder.sext(builder.call(function, []), cgutils.intp_t)

    return types.int64(types.int64), codegen


@intrinsic  # type: ignore[untyped-decorator]
def _pointer(typingctx: Any, address: Any) -> Any:  # pragma: no cover
    """An address as a pointer."""

    def codegen(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        return builder.inttoptr(args[0], cgutils.voidptr_t)

    return types.voidptr(types.int64), codegen


@njit(nogil=True, cache=True)
def _binary_share(x, n, fan, columns, block, counts, worker, workers):  # type: ignore[no-untyped-def]
    """One worker's positions; 1 if all of them held 0 or 1."""
    size = x.shape[2]
    good = kernels.binary(
        x, n, fan, None, _ONE, _MAGNITUDE, block, counts[worker, 0], counts[worker, 1], None, columns,
        size * worker // workers, size * (worker + 1) // workers,
    )  # fmt: skip
    return np.int64(1) if good else np.int64(0)


@njit(nogil=True, cache=True)
def _levelled_share(x, n, fan, values, rows, block, inputs, ops, worker, workers):  # type: ignore[no-untyped-def]
    """One worker's samples; how many values were unknown."""
    first, last = n * worker // workers, n * (worker + 1) // workers
    return kernels.levelled(x, first, last, fan, None, values, rows, _MAGNITUDE, block, inputs, ops, None, None)


@njit(nogil=True, cache=True)
def _meetings_share(x, y, n, out, worker, workers):  # type: ignore[no-untyped-def]
    """One worker's samples."""
    kernels.meetings(x, y, n * worker // workers, n * (worker + 1) // workers, _MAGNITUDE, out)
    return np.int64(1)


@cfunc("void(voidptr)", cache=True)
def _work(data):  # type: ignore[no-untyped-def]  # pragma: no cover
    """What each thread runs: ``data`` are the words `_job` and the functions after it write."""
    p = carray(data, _WORDS, np.int64)
    worker, workers = _thread_number(p[1]), p[2]
    steps, samples, size, n, block = p[3], p[4], p[5], p[6], p[7]
    done = carray(_pointer(p[8]), (workers,), np.int64)
    x = carray(_pointer(p[9]), (steps, samples, size), np.uint32)
    if p[0] == _MEETINGS:
        y = carray(_pointer(p[10]), (steps, samples, size), np.uint32)
        done[worker] = _meetings_share(x, y, n, carray(_pointer(p[11]), (steps, n), np.int64), worker, workers)
        return
    fan = carray(_pointer(p[10]), (size,), np.int32)
    if p[0] == _LEVELLED:
        levels = p[12]
        inputs = carray(_pointer(p[11]), (levels + 1, steps, n), np.int64)
        ops = carray(_pointer(p[13]), (levels + 1, steps, n), np.int64)
        values = carray(_pointer(p[14]), (levels,), np.uint32)
        rows = carray(_pointer(p[15]), (levels,), np.int64)
        done[worker] = _levelled_share(x, n, fan, values, rows, block, inputs, ops, worker, workers)
        return
    counts = carray(_pointer(p[11]), (workers, 2, steps, n), np.int64)
    columns = carray(_pointer(p[12]), (steps, size), np.int32)
    if p[10] != 0 and p[12] != 0:
        done[worker] = _binary_share(x, n, fan, columns, block, counts, worker, workers)
    elif p[10] != 0:
        done[worker] = _binary_share(x, n, fan, None, block, counts, worker, workers)
    elif p[12] != 0:
        done[worker] = _binary_share(x, n, None, columns, block, counts, worker, workers)
    else:
        done[worker] = _binary_share(x, n, None, None, block, counts, worker, workers)


@njit(nogil=True, cache=True)
def _job(kind, number, workers, x, n, block, done):  # type: ignore[no-untyped-def]
    p = np.zeros(_WORDS, np.int64)
    p[0], p[1], p[2] = kind, number, workers
    p[3], p[4], p[5], p[6], p[7] = x.shape[0], x.shape[1], x.shape[2], n, block
    p[8], p[9] = done.ctypes.data, x.ctypes.data
    return p


@njit(nogil=True, cache=True)
def _run_binary(x, n, fan, columns, block, workers, run, number, work, inputs, ops):  # type: ignore[no-untyped-def]
    counts = np.zeros((workers, 2, x.shape[0], n), np.int64)
    done = np.full(workers, -1, np.int64)
    p = _job(_BINARY, number, workers, x, n, block, done)
    if fan is not None:
        p[10] = fan.ctypes.data
    p[11] = counts.ctypes.data
    if columns is not None:
        p[12] = columns.ctypes.data
    _enter_pool(run, work, p.ctypes.data, workers)
    good = True
    for w in range(workers):
        if done[w] < 0:  # the runtime gave fewer threads than asked for
            done[w] = _binary_share(x, n, fan, columns, block, counts, w, workers)
        good &= done[w] == 1
        inputs += counts[w, 0]
        if fan is not None:
            ops += counts[w, 1]
    return good


@njit(nogil=True, cache=True)
def _run_levelled(x, n, fan, values, rows, block, workers, run, number, work, inputs, ops):  # type: ignore[no-untyped-def]
    done = np.full(workers, -1, np.int64)
    p = _job(_LEVELLED, number, workers, x, n, block, done)
    p[10], p[11], p[12] = fan.ctypes.data, inputs.ctypes.data, len(values)
    p[13], p[14], p[15] = ops.ctypes.data, values.ctypes.data, rows.ctypes.data
    _enter_pool(run, work, p.ctypes.data, workers)
    for w in range(workers):
        if done[w] < 0:
            done[w] = _levelled_share(x, n, fan, values, rows, block, inputs, ops, w, workers)
    return done.sum()


@njit(nogil=True, cache=True)
def _run_meetings(x, y, n, workers, run, number, work, out):  # type: ignore[no-untyped-def]
    done = np.full(workers, -1, np.int64)
    p = _job(_MEETINGS, number, workers, x, n, 0, done)
    p[10], p[11] = y.ctypes.data, out.ctypes.data
    _enter_pool(run, work, p.ctypes.data, workers)
    for w in range(workers):
        if done[w] < 0:
            _meetings_share(x, y, n, out, w, workers)


def binary(x: Any, n: int, fan: Any, block: int, inputs: Any, ops: Any, columns: Any) -> bool:
    """`kernels.binary` over all positions, of float32 bits and without structural fan-out."""
    run, number = _entry_points()
    workers = torch.get_num_threads()
    return bool(_run_binary(x, n, fan, columns, block, workers, run, number, _work.address, inputs, ops))


def levelled(x: Any, n: int, fan: Any, values: Any, rows: Any, block: int, inputs: Any, ops: Any) -> int:
    """`kernels.levelled` over all samples, of float32 bits, with a fan-out vector; number of unknown values."""
    run, number = _entry_points()
    workers = torch.get_num_threads()
    return int(_run_levelled(x, n, fan, values, rows, block, workers, run, number, _work.address, inputs, ops))


def meetings(x: Any, y: Any, n: int, out: Any) -> None:
    """`kernels.meetings` over all samples, of float32 bits."""
    run, number = _entry_points()
    _run_meetings(x, y, n, torch.get_num_threads(), run, number, _work.address, out)


def worth(x: Any) -> bool:
    """Whether to count these bits on all threads: enough of them, as the pool takes them, and a pool at hand."""
    return bool(
        x.size >= _ENOUGH and x.dtype == np.uint32 and x.flags.c_contiguous
        and torch.get_num_threads() > 1 and _entry_points()[0] != 0
    )  # fmt: skip

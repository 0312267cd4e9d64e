"""The forward pass's own OpenMP threads, which stand ready between two of its operations, lent to counting.

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

import torch
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

__all__ = ["enter_pool", "entry_points", "pointer", "thread_number"]


@functools.cache
def entry_points() -> tuple[int, int]:
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
def enter_pool(typingctx: Any, run: Any, work: Any, data: Any, threads: Any) -> Any:  # pragma: no cover
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
def thread_number(typingctx: Any, address: Any) -> Any:  # pragma: no cover
    """Call ``omp_get_thread_num()`` at an address."""

    def codegen(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        kind = cgutils.ir.FunctionType(cgutils.int32_t, [])
        function = builder.inttoptr(args[0], kind.as_pointer())
        return builder.sext(builder.call(function, []), cgutils.intp_t)

    return types.int64(types.int64), codegen


@intrinsic  # type: ignore[untyped-decorator]
def pointer(typingctx: Any, address: Any) -> Any:  # pragma: no cover
    """An address as a pointer."""

    def codegen(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        return builder.inttoptr(args[0], cgutils.voidptr_t)

    return types.voidptr(types.int64), codegen

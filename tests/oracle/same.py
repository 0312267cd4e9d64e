"""Two traces are the same trace: every count and fact but the times."""

from __future__ import annotations

from dataclasses import fields, is_dataclass
from typing import Any

import numpy as np

from snn_eval.trace import Trace

__all__ = ["assert_same_trace"]

MAY_DIFFER = {"bare_forward_s", "wall_s", "peak_memory_bytes"}


def assert_same_trace(a: Trace, b: Trace, skip: frozenset[str] = frozenset()) -> None:
    """Every field equal, arrays with dtype and shape; ``skip`` names fields that are allowed to differ."""
    _same(a, b, "trace", MAY_DIFFER | skip)


def _same(a: Any, b: Any, path: str, skip: frozenset[str] | set[str]) -> None:
    assert type(a) is type(b), path
    if is_dataclass(a):
        for f in fields(a):
            if f.name not in skip:
                _same(getattr(a, f.name), getattr(b, f.name), f"{path}.{f.name}", skip)
    elif isinstance(a, np.ndarray):
        assert a.dtype == b.dtype, path
        np.testing.assert_array_equal(a, b, path)
    elif isinstance(a, tuple):
        assert len(a) == len(b), path
        for i, (one, other) in enumerate(zip(a, b, strict=True)):
            _same(one, other, f"{path}[{i}]", skip)
    else:
        assert a == b, path

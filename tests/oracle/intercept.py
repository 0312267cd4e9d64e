"""Operands of every multiplication, seen where torch executes it (aten), for one sample at a time.

Independent of how the probe looks: a ``TorchDispatchMode`` below all composite functions, one sample per run, and
weights told from activations by following where each storage came from.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import brute
import brute_conv
import numpy as np
import torch
from brute import Count
from brute_conv import ConvGeometry
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

__all__ = ["Call", "capture", "plain_kernels", "to_numpy"]

Array = NDArray[np.float64]


def to_numpy(x: Tensor) -> Array:
    """The values in float64 (exact for every smaller float)."""
    return np.array(x.detach().to(torch.float64).cpu().numpy())


@dataclass(frozen=True)
class Call:
    """One executed multiplication. ``x``: ``[M,I]``, ``[B,C,*size]`` or a product's first operand; ``w``: the other."""

    kind: str
    x: Array
    w: Array
    geometry: ConvGeometry | None = None

    def steps(self, time_steps: int) -> list[Call]:
        """The call cut along its leading axis into time steps (one sample: the leading axis is time-major)."""
        if len(self.x) % time_steps or self.kind not in ("linear", "conv", "conv_transpose"):
            raise ValueError(f"{self.kind} on {self.x.shape} cannot be cut into {time_steps} steps")
        return [replace(self, x=part) for part in np.split(self.x, time_steps)]

    def count(self) -> Count:
        """Brute force over the operands."""
        if self.kind == "linear":
            return brute.linear_scatter(self.x, self.w)
        if self.kind == "batched_linear":
            return brute.total([brute.linear_scatter(x, w) for x, w in zip(self.x, self.w, strict=True)])
        if self.kind == "product":
            return brute.einsum_pairs("bik,bkj->bij", self.x, self.w)
        walk = {"conv": brute_conv.conv_scatter, "conv_transpose": brute_conv.conv_transpose_scatter}[self.kind]
        assert self.geometry is not None
        return brute.total([walk(x, self.w, self.geometry) for x in self.x])


class _Capture(TorchDispatchMode):
    """Records multiplications; marks each storage ``weight`` (from parameters and buffers only) or ``data``."""

    def __init__(self, module: nn.Module, x: Tensor) -> None:
        super().__init__()
        self.calls: list[Call] = []
        self.is_weight: dict[int, bool] = {}
        self.keep: list[Tensor] = [x]
        for tensor in module.state_dict(keep_vars=True).values():  # buffers that are state are not in it
            self._mark(tensor, True)
        self._mark(x, False)

    def _mark(self, tensor: Tensor, weight: bool) -> None:
        self.keep.append(tensor)  # a storage that lives cannot be mistaken for a later one
        self.is_weight[tensor.untyped_storage().data_ptr()] = weight

    def _weight(self, tensor: Tensor) -> bool | None:
        return self.is_weight.get(tensor.untyped_storage().data_ptr())

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        name = func.overloadpacket.__name__.removesuffix("_")
        if name in _RULES:
            call = _RULES[name](self, *args)
            self.calls.extend([] if call is None else [call])
        elif re.search(r"attention|rnn|lstm|gru|(mm|mv|dot|linear|matmul|einsum|convolution)$", name):
            raise NotImplementedError(f"{func}: not decomposed, write its reference by hand")
        marks = [self._weight(t) for t in tree_leaves((args, kwargs)) if isinstance(t, Tensor)]
        out = func(*args, **(kwargs or {}))
        known = [m for m in marks if m is not None]
        for tensor in tree_leaves(out):
            if isinstance(tensor, Tensor):
                self.keep.append(tensor)
                if known:
                    self._mark(tensor, all(known))
        return out

    def matrix(self, a: Tensor, b: Tensor) -> Call | None:
        """``[M,K] @ [K,O]``: the operand that is a weight decides which one is the input."""
        if self._weight(a) and self._weight(b):
            return None
        if self._weight(b):
            return Call("linear", to_numpy(a), to_numpy(b).T)
        if self._weight(a):
            return Call("linear", to_numpy(b).T, to_numpy(a))
        return Call("product", to_numpy(a)[None], to_numpy(b)[None])

    def batch(self, a: Tensor, b: Tensor) -> Call | None:
        if self._weight(a) and self._weight(b):
            return None
        if self._weight(b):
            return Call("batched_linear", to_numpy(a), to_numpy(b).swapaxes(1, 2))
        if self._weight(a):
            return Call("batched_linear", to_numpy(b).swapaxes(1, 2), to_numpy(a))
        return Call("product", to_numpy(a), to_numpy(b))

    def convolution(self, x: Tensor, w: Tensor, bias: Tensor | None, *rest: Any) -> Call:
        stride, padding, dilation, transposed, output_padding, groups = rest
        full = [tuple(p) * (w.ndim - 2) if len(p) == 1 else tuple(p) for p in (stride, padding, dilation)]
        geometry = ConvGeometry(*full, groups, tuple(output_padding))
        return Call("conv_transpose" if transposed else "conv", to_numpy(x), to_numpy(w), geometry)


_RULES: dict[str, Callable[..., Call | None]] = {
    "mm": lambda self, a, b: self.matrix(a, b),
    "addmm": lambda self, bias, a, b: self.matrix(a, b),
    "bmm": lambda self, a, b: self.batch(a, b),
    "baddbmm": lambda self, bias, a, b: self.batch(a, b),
    "addbmm": lambda self, bias, a, b: self.batch(a, b),
    "mv": lambda self, a, b: self.matrix(a, b[:, None]),
    "addmv": lambda self, bias, a, b: self.matrix(a, b[:, None]),
    "dot": lambda self, a, b: self.matrix(a[None], b[:, None]),
    "vdot": lambda self, a, b: self.matrix(a[None], b[:, None]),
    "convolution": lambda self, *args: self.convolution(*args),
}


@contextmanager
def plain_kernels() -> Iterator[None]:
    """Fused recurrent and attention kernels off, so that every multiplication is seen.

    Without mkldnn torch would take NNPACK's Winograd convolution for large batches, which rounds: off as well.
    """
    mkldnn, fast = torch.backends.mkldnn.enabled, torch.backends.mha.get_fastpath_enabled()
    with warnings.catch_warnings(), torch.backends.nnpack.flags(enabled=False):
        warnings.simplefilter("ignore")
        torch.backends.mkldnn.enabled = False
        torch.backends.mha.set_fastpath_enabled(False)
        try:
            yield
        finally:
            torch.backends.mkldnn.enabled = mkldnn
            torch.backends.mha.set_fastpath_enabled(fast)


def capture(module: nn.Module, run: Callable[[Tensor], Tensor], x: Tensor) -> list[Call]:
    """The multiplications of ``run(x)`` in order of execution; ``module`` owns the weights."""
    with torch.no_grad(), plain_kernels():
        mode = _Capture(module, x)
        with mode:
            run(x)
    return mode.calls

"""Products no Python call shows: those that torch itself runs while no call with a rule is open (script functions)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode

__all__ = ["Undercurrent"]

_PRODUCTS = frozenset(
    (
        *("mm", "addmm", "bmm", "baddbmm", "addbmm", "mv", "addmv", "dot", "vdot", "matmul", "linear", "lstm"),
        *("conv1d", "conv2d", "conv3d", "convolution", "_convolution", "convolution_overrideable"),
        *("mkldnn_linear", "mkldnn_convolution", "mkldnn_rnn_layer", "_addmm_activation"),
        *("_scaled_dot_product_attention", "_scaled_dot_product_flash_attention"),
        *("_scaled_dot_product_flash_attention_for_cpu", "_scaled_dot_product_efficient_attention"),
        *("_scaled_dot_product_attention_math", "_native_multi_head_attention"),
    )
)
"""Names of torch's own operations that multiply two tensors and sum."""


class Undercurrent(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Sees what torch runs below the calls of Python.

    While a call of Python is under way (`known`), its products are its own; ``unseen`` counts those that run otherwise.
    """

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._open = 0
        self.unseen: Counter[str] = Counter()

    @contextmanager
    def known(self) -> Iterator[None]:
        """What runs in here is known."""
        self._open += 1
        try:
            yield
        finally:
            self._open -= 1

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Run the operation, and note it if it is a product nobody asked for."""
        if not self._open:
            name = func._schema.name.removeprefix("aten::")
            if name in _PRODUCTS:
                self.unseen[name] += 1
        with torch._C.DisableTorchFunction():  # or a function mode would take it for a call of the network's
            return func(*args, **(kwargs or {}))

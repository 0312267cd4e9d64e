"""Nodes of NIR without neurons as modules on ``[B,…]``: weights, scales, pools, flattening; and delays."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from snn_eval.errors import CheckpointError

__all__ = ["Delay", "Scale", "SumPool2d", "average_pool", "convolution", "flattening", "linear"]


def convolution(node: Any, where: str) -> nn.Module:
    """Conv1d or Conv2d; a bias of zeros is left out."""
    weight = _tensor(node.weight, f"{where}: weight")
    dimensions = weight.dim() - 2
    kinds: dict[str, tuple[int, Callable[..., nn.Module]]] = {"Conv1d": (1, nn.Conv1d), "Conv2d": (2, nn.Conv2d)}
    expected, kind = kinds[type(node).__name__]
    if dimensions != expected:
        raise CheckpointError(f"node {where}: weight: expected {expected + 2} axes, got shape {list(weight.shape)}")
    groups, bias = int(np.asarray(node.groups)), _bias(node.bias, where)
    padding = _text(node.padding) if isinstance(node.padding, str | bytes) else _whole(node.padding, dimensions)
    module = kind(
        weight.shape[1] * groups,
        weight.shape[0],
        tuple(weight.shape[2:]),
        stride=_whole(node.stride, dimensions),
        padding=padding,
        dilation=_whole(node.dilation, dimensions),
        groups=groups,
        bias=bias is not None,
    )
    return _with_weights(module, weight, bias, where)


def linear(node: Any, where: str) -> nn.Module:
    """Linear, or Affine with its bias; a bias of zeros is left out."""
    weight = _tensor(node.weight, f"{where}: weight")
    if weight.dim() != 2:
        raise CheckpointError(f"node {where}: weight: expected [out, in], got shape {list(weight.shape)}")
    bias = _bias(getattr(node, "bias", None), where)
    return _with_weights(nn.Linear(weight.shape[1], weight.shape[0], bias=bias is not None), weight, bias, where)


def flattening(node: Any, where: str) -> nn.Module:
    """Flatten; its axes are those of a sample, without batch and time."""
    first, last = int(np.asarray(node.start_dim)), int(np.asarray(node.end_dim))
    return nn.Flatten(first + 1 if first >= 0 else first, last + 1 if last >= 0 else last)


def average_pool(node: Any, where: str) -> nn.Module:
    """AvgPool2d; zeros of the padding count as values."""
    return nn.AvgPool2d(_pair(node.kernel_size), _pair(node.stride), _pair(node.padding))


class SumPool2d(nn.Module):
    """Sum of the values in each window of ``[B,C,H,W]``."""

    def __init__(self, node: Any, where: str) -> None:
        super().__init__()
        self.kernel, self.stride, self.padding = (
            _pair(values) for values in (node.kernel_size, node.stride, node.padding)
        )

    def forward(self, x: Tensor) -> Tensor:
        """Sums ``[B,C,H',W']``."""
        return nn.functional.avg_pool2d(x, self.kernel, self.stride, self.padding, divisor_override=1)


class Scale(nn.Module):
    """Product with one number for each element of a sample."""

    scale: Tensor

    def __init__(self, node: Any, where: str) -> None:
        super().__init__()
        self.register_buffer("scale", _tensor(node.scale, f"{where}: scale"))

    def forward(self, x: Tensor) -> Tensor:
        """``x · scale``."""
        return x * self.scale


class Delay(nn.Module):
    """What came in some steps ago, ``round(delay/dt)`` of them for each element; zeros before that.

    Shapes: ``[T,N,…] -> [T,N,…]`` from rest, or one step ``[N,…]`` at a time where ``one_step`` is set.
    """

    one_step: bool = False
    steps: Tensor

    def __init__(self, node: Any, where: str, dt: float) -> None:
        super().__init__()
        seconds = np.asarray(node.delay, dtype=np.float64)
        if not (np.isfinite(seconds).all() and (seconds >= 0).all()):
            raise CheckpointError(f"node {where}: delay: expected seconds of 0 or more, got {seconds.min():g}")
        steps = np.rint(seconds / dt).astype(np.int64)
        self.register_buffer("steps", torch.from_numpy(np.array(steps)))
        self.distinct: list[int] = np.unique(steps).tolist()
        self.reset()

    def reset(self) -> None:
        """Forget what came in."""
        self.past: list[Tensor] = []

    def forward(self, x: Tensor) -> Tensor:
        """The delayed input."""
        if self.one_step:
            return self._step(x)
        self.reset()
        return torch.stack([self._step(x_t) for x_t in x])

    def _step(self, x: Tensor) -> Tensor:
        self.past.insert(0, x)
        del self.past[self.distinct[-1] + 1 :]
        arrived = [self.past[steps] if steps < len(self.past) else torch.zeros_like(x) for steps in self.distinct]
        out = arrived[0]
        for steps, values in zip(self.distinct[1:], arrived[1:], strict=True):
            out = torch.where(self.steps == steps, values, out)
        return out


def _tensor(values: Any, where: str) -> Tensor:
    array = np.asarray(values)
    if array.dtype.kind not in "fiu":
        raise CheckpointError(f"node {where}: expected real numbers, got {array.dtype}")
    found = array.astype(np.float32)
    if not np.isfinite(found).all():
        raise CheckpointError(f"node {where}: expected finite numbers, found NaN or infinity")
    return torch.from_numpy(np.array(found))


def _bias(values: Any, where: str) -> Tensor | None:
    if values is None or not np.any(values):
        return None
    return _tensor(values, f"{where}: bias")


def _whole(values: Any, dimensions: int) -> tuple[int, ...]:
    """One whole number for each axis."""
    found = [int(value) for value in np.atleast_1d(np.asarray(values))]
    return tuple(found * dimensions if len(found) == 1 else found)


def _pair(values: Any) -> tuple[int, int]:
    height, width = _whole(values, 2)
    return height, width


def _text(value: str | bytes) -> str:
    return value.decode() if isinstance(value, bytes) else value


def _with_weights(module: nn.Module, weight: Tensor, bias: Tensor | None, where: str) -> nn.Module:
    parameters: Sequence[tuple[str, Tensor | None]] = (("weight", weight), ("bias", bias))
    for name, values in parameters:
        if values is None:
            continue
        own = module.get_parameter(name)
        if own.shape != values.shape:
            raise CheckpointError(f"node {where}: {name}: expected {list(own.shape)}, got {list(values.shape)}")
        own.data = values
    return module

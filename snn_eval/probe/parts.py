"""What of a call counts: inputs that meet weights, pairs of operands, attention."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from snn_eval.probe.fanout import Geometry

__all__ = ["Attention", "NoRuleError", "Pair", "Part", "Rule", "Weighted", "argument"]


class NoRuleError(Exception):
    """This form of a known call has no rule; the call is recorded as unknown."""


@dataclass(slots=True)
class Weighted:
    """Input ``x`` (rows, then features) meeting ``weight`` laid out as its geometry says."""

    x: Tensor
    weight: Tensor
    geometry: Callable[[], Geometry]
    bias: bool = False
    suffix: str = ""

    @property
    def inputs(self) -> tuple[Tensor, ...]:
        """The operands that are not weights by definition."""
        return (self.x,)


@dataclass(slots=True)
class Pair:
    """Operands of an index equation: an operation for each pair of elements that agree in all shared labels."""

    a: Tensor
    b: Tensor
    labels_a: str
    labels_b: str
    bias: bool = False
    suffix: str = ""

    @property
    def inputs(self) -> tuple[Tensor, ...]:
        """The operands that are not weights by definition."""
        return (self.a, self.b)

    def turned(self) -> Pair:
        """The same pair with its operands exchanged."""
        return Pair(self.b, self.a, self.labels_b, self.labels_a, self.bias, self.suffix)


@dataclass(slots=True)
class Attention:
    """Scaled dot-product attention; ``allowed`` [..., L, S]: which scores the mask lets through (None: all)."""

    query: Tensor
    key: Tensor
    value: Tensor
    allowed: Tensor | None
    mask: Tensor | None = None
    scale: float | None = None

    @property
    def inputs(self) -> tuple[Tensor, ...]:
        """The operands that are not weights by definition."""
        return (self.query, self.key, self.value)

    def weights(self) -> Tensor:
        """The softmax weights ``[..., L, S]`` in float64 (a row that may see nothing is zero)."""
        query, key = self.query.to(torch.float64), self.key.to(torch.float64)
        scores = query @ key.transpose(-1, -2) * (query.shape[-1] ** -0.5 if self.scale is None else self.scale)
        if self.mask is not None and self.mask.dtype != torch.bool:
            scores = scores + self.mask
        if self.allowed is not None:
            scores = scores.masked_fill(~self.allowed, float("-inf"))
        return torch.nan_to_num(scores.softmax(-1))


Part = Weighted | Pair | Attention
Rule = Callable[[Sequence[Any], Mapping[str, Any], Any], list[Part]]


def argument(args: Sequence[Any], kwargs: Mapping[str, Any], index: int, name: str, default: Any = None) -> Any:
    """A positional or named argument of a call."""
    return args[index] if len(args) > index else kwargs.get(name, default)

"""Where the tensors of an observed run came from, told by their memory, and what they held, as digests."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from snn_eval.errors import NetworkError
from snn_eval.probe.inventory import Memory, Operand

__all__ = ["Origin", "Origins", "memory_of", "storage_of"]


@dataclass(frozen=True, slots=True)
class Origin:
    """Events (or spiking layers) that made a tensor, what kinds they are, and whether nothing was done to it since.

    ``kinds`` ⊆ {input, synaptic, neuron}; empty: made of parameters and constants alone.
    """

    producers: frozenset[str] = frozenset()
    kinds: frozenset[str] = frozenset()
    direct: bool = True


_NOWHERE = Origin()


class Origins:
    """Origins by memory; parameters and buffers stay without."""

    def __init__(self, module: nn.Module) -> None:
        own = (*module.parameters(), *module.buffers())
        self._parameters = {storage_of(t) for t in own if t.numel()}
        self._known: dict[int, Origin] = {}

    def of(self, t: Tensor) -> Origin:
        """Where a tensor's content came from."""
        return self._known.get(storage_of(t), _NOWHERE)

    def mark(self, tensors: Sequence[Tensor], origin: Origin) -> None:
        """Say where the content of tensors came from."""
        for t in tensors:
            if storage_of(t) not in self._parameters:
                self._known[storage_of(t)] = origin

    def operand(self, t: Tensor, digest: bool = True) -> Operand:
        """A tensor as it is now."""
        found = self.of(t)
        digests = _digests(t) if digest else ()
        return Operand(tuple(t.shape), digests, found.producers, found.kinds, found.direct, memory_of(t))


def storage_of(t: Tensor) -> int:
    """Where a tensor's memory lies.

    Raises:
        NetworkError: the tensor has no plain memory.
    """
    try:
        return int(t.untyped_storage().data_ptr())
    except (NotImplementedError, RuntimeError) as error:
        raise NetworkError(
            "the network uses sparse, vmapped or compiled tensors, whose operations cannot be seen; "
            "expected plain tensors"
        ) from error


def memory_of(t: Tensor) -> Memory:
    """Address and size of a contiguous tensor (whatever its shape), address, shape and strides of another."""
    storage_of(t)
    return (t.data_ptr(), t.numel()) if t.is_contiguous() else (t.data_ptr(), *t.shape, *t.stride())


def _digests(x: Tensor) -> tuple[NDArray[np.float64], ...]:
    """For each axis, a number for each of its slices that changes when the slice's content does."""
    values = x.detach().to(torch.float64)
    out = []
    for axis in range(x.dim()):
        rows = values.movedim(axis, 0).reshape(x.shape[axis], -1)
        mix = torch.sin(torch.arange(1, rows.shape[1] + 1, dtype=torch.float64, device=x.device) * 1.618)
        out.append((rows @ mix).cpu().numpy())
    return tuple(out)

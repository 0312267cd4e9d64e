"""Float tensors read as integer bit patterns, so that every float type is counted the same way, exactly."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

__all__ = ["FORMATS", "Format", "bits_of", "bits_of_values", "values_of_bits"]


@dataclass(frozen=True, slots=True)
class Format:
    """How a float type is read as bits: integer views of torch and numpy, bits of 1.0, all bits but the sign."""

    torch_int: torch.dtype
    unsigned: type[Any]
    one: Any
    magnitude: Any


FORMATS = {
    torch.float32: Format(torch.int32, np.uint32, np.uint32(0x3F800000), np.uint32(0x7FFFFFFF)),
    torch.float64: Format(torch.int64, np.uint64, np.uint64(0x3FF << 52), np.uint64((1 << 63) - 1)),
    torch.float16: Format(torch.int16, np.uint16, np.uint16(0x3C00), np.uint16(0x7FFF)),
    torch.bfloat16: Format(torch.int16, np.uint16, np.uint16(0x3F80), np.uint16(0x7FFF)),
}


def bits_of(x: Tensor) -> Any:
    """The tensor's memory as unsigned integers (bfloat16 is no type of numpy's: through torch's integers)."""
    form = FORMATS[x.dtype]
    if x.dtype is torch.bfloat16:
        return x.view(form.torch_int).numpy().view(form.unsigned)
    return x.numpy().view(form.unsigned)


def bits_of_values(values: Sequence[float], dtype: torch.dtype) -> Any:
    """Bit patterns of numbers in a type."""
    form = FORMATS[dtype]
    return torch.tensor(values, dtype=torch.float64).to(dtype).view(form.torch_int).numpy().view(form.unsigned)


def values_of_bits(bits: Any, dtype: torch.dtype) -> list[float]:
    """The numbers whose bit patterns these are."""
    signed = {np.uint16: np.int16, np.uint32: np.int32, np.uint64: np.int64}[FORMATS[dtype].unsigned]
    return [float(v) for v in torch.from_numpy(bits.view(signed)).view(dtype).double()]

"""Reads idx files, the format of MNIST: magic number, sizes, then the values."""

from __future__ import annotations

import zlib

import numpy as np
from numpy.typing import NDArray

from snn_eval.errors import DataError

__all__ = ["gunzip", "read_idx"]

_UINT8 = 0x08


def gunzip(content: bytes, most: int, where: str) -> bytes:
    """Unpack gzip, but never more than ``most`` bytes.

    Raises:
        DataError: no gzip, damaged or cut off, or more inside than expected.
    """
    unpacker = zlib.decompressobj(wbits=31)  # 31: a gzip header is expected and its checksum checked
    try:
        unpacked = unpacker.decompress(content, most)
        more = unpacker.decompress(unpacker.unconsumed_tail, 1)
    except zlib.error as error:
        raise DataError(f"{where}: expected gzip, got {error}; get the file again") from error
    if more:
        raise DataError(f"{where}: expected at most {most:,} bytes inside, found more; get the file again")
    if not unpacker.eof:
        raise DataError(f"{where}: the file is cut off after {len(unpacked):,} bytes inside; get it again")
    return unpacked


def read_idx(content: bytes, shape: tuple[int, ...], where: str) -> NDArray[np.uint8]:
    """The array in an idx file of bytes: ``[N]`` labels or ``[N,H,W]`` images.

    Layout: two zero bytes, the type (8: unsigned byte), the number of axes, each axis as a big-endian 32-bit number,
    then the values, last axis fastest. Source: Y. LeCun, C. Cortes, C. Burges, "The MNIST database", file formats.

    Args:
        content: of the unpacked file.
        shape: what the data set says it has.
        where: the file, for messages.

    Raises:
        DataError: another magic number, other sizes, or not as many values as they say.
    """
    magic = bytes((0, 0, _UINT8, len(shape)))
    if content[:4] != magic:
        raise DataError(f"{where}: expected an idx file with magic number {magic.hex()}, found {content[:4].hex()}")
    start = 4 + 4 * len(shape)
    found = tuple(int.from_bytes(content[i : i + 4], "big") for i in range(4, start, 4))
    if found != shape:
        raise DataError(f"{where}: expected {_times(shape)} values, its header says {_times(found)}")
    if len(content) - start != int(np.prod(shape)):
        raise DataError(f"{where}: expected {int(np.prod(shape)):,} values, found {max(len(content) - start, 0):,}")
    return np.frombuffer(content, np.uint8, offset=start).reshape(shape)


def _times(shape: tuple[int, ...]) -> str:
    return "×".join(map(str, shape))

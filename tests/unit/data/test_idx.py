"""Idx files: read to the byte, and each kind of damage named in one line."""

from __future__ import annotations

import gzip

import numpy as np
import pytest

from snn_eval.data.idx import gunzip, read_idx
from snn_eval.errors import DataError

IMAGES = bytes((0, 0, 8, 3)) + bytes((0, 0, 0, 2, 0, 0, 0, 1, 0, 0, 0, 3)) + bytes(range(6))
SHAPE = (2, 1, 3)


def test_values_stand_in_order() -> None:
    np.testing.assert_array_equal(read_idx(IMAGES, SHAPE, "f"), np.arange(6, dtype=np.uint8).reshape(SHAPE))


@pytest.mark.parametrize(
    ("content", "shape", "message"),
    [
        (b"", SHAPE, "f: expected an idx file with magic number 00000803, found "),
        (b"\x00\x00\x0d\x03" + IMAGES[4:], SHAPE, "expected an idx file with magic number 00000803, found 00000d03"),
        (IMAGES, (6,), "expected an idx file with magic number 00000801, found 00000803"),
        (IMAGES, (3, 1, 3), "f: expected 3×1×3 values, its header says 2×1×3"),
        (IMAGES[:-1], SHAPE, "f: expected 6 values, found 5"),
        (IMAGES + b"x", SHAPE, "f: expected 6 values, found 7"),
        (IMAGES[:9], SHAPE, r"f: expected 2×1×3 values, its header says 2×0×0"),
    ],
)
def test_damage(content: bytes, shape: tuple[int, ...], message: str) -> None:
    with pytest.raises(DataError, match=message):
        read_idx(content, shape, "f")


def test_gzip_gives_what_was_packed() -> None:
    assert gunzip(gzip.compress(IMAGES), len(IMAGES), "f.gz") == IMAGES


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (IMAGES, "f.gz: expected gzip, got .*header"),
        (gzip.compress(IMAGES)[:-9], "f.gz: the file is cut off"),
        (gzip.compress(IMAGES + b"x"), f"f.gz: expected at most {len(IMAGES)} bytes inside, found more"),
        (gzip.compress(bytes(10**7)), "found more"),  # a bomb is not unpacked
        (b"", "f.gz: the file is cut off after 0 bytes"),
    ],
)
def test_damaged_gzip(content: bytes, message: str) -> None:
    with pytest.raises(DataError, match=message):
        gunzip(content, len(IMAGES), "f.gz")


def test_every_cut_and_every_flipped_byte_of_a_gzip_is_noticed_or_harmless() -> None:
    packed = gzip.compress(IMAGES, mtime=0)
    for place in range(len(packed)):
        for content in (packed[:place], packed[:place] + bytes((packed[place] ^ 0x55,)) + packed[place + 1 :]):
            try:
                found = gunzip(content, len(IMAGES), "f")
            except DataError:
                continue
            assert found == IMAGES  # a byte of the header that says nothing of the content

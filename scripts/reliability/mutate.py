"""Damages files as disks, transfers and editors do: bits, bytes, lengths, blocks, and the tokens of a text."""

from __future__ import annotations

import random
import re
from collections.abc import Callable

__all__ = ["TOKENS", "damaged_bytes", "damaged_text"]

TOKENS = (
    "0", "-1", "1", "2", "0.5", "-0.0", "1e308", "-1e308", "1e999", "1e-320", "nan", "inf", "NaN", "Infinity", "true",
    "false",
    "null", '""', '"text"', "'", '"8"', "[]", "{}", "[0]", "[[1]]", "9223372036854775807", "9223372036854775808",
    "18446744073709551616", "1" + "0" * 400, "1" * 5000, '"' + "x" * 10_000 + '"', '"\\u0000"', '"../../etc/passwd"',
    "1979-05-27T07:32:00Z", "0x10", "1_000", "[" * 60 + "]" * 60, "[" * 3000, "{" * 3000, "{a=" * 500,
)  # fmt: skip
"""Values put in the place of others: wrong types, edges of number types, what parsers choke on."""

_NUMBER = re.compile(r"-?\b[0-9][0-9_]*(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?\b")
_VALUE = re.compile(r'"[^"\n]*"|\[[^\]\n]*\]|\b(?:true|false|null)\b|-?\b[0-9][0-9.eE+-]*\b')


def damaged_bytes(content: bytes, draw: random.Random) -> bytes:
    """The content with one kind of damage that knows nothing of its format."""
    return draw.choice(_BYTE_KINDS)(bytearray(content), draw)


def damaged_text(content: bytes, draw: random.Random) -> bytes:
    """The content of a text file with another value, key, line or nesting."""
    return draw.choice(_TEXT_KINDS)(content.decode(), draw).encode("utf-8", "surrogatepass")


def _flipped(data: bytearray, draw: random.Random) -> bytes:
    for _ in range(draw.choice((1, 1, 1, 2, 8, 64))):
        data[draw.randrange(len(data))] ^= 1 << draw.randrange(8)
    return bytes(data)


def _overwritten(data: bytearray, draw: random.Random) -> bytes:
    at, size = draw.randrange(len(data)), draw.choice((1, 4, 16, 512))
    fill = draw.choice((bytes(size), b"\xff" * size, draw.randbytes(size)))
    data[at : at + size] = fill[: len(data) - at]
    return bytes(data)


def _cut(data: bytearray, draw: random.Random) -> bytes:
    return bytes(data[: draw.choice((0, 1, draw.randrange(len(data)), len(data) - 1, len(data) // 2))])


def _inserted(data: bytearray, draw: random.Random) -> bytes:
    at = draw.choice((0, draw.randrange(len(data)), len(data)))
    return bytes(data[:at]) + draw.randbytes(draw.choice((1, 2, 16, 1000))) + bytes(data[at:])


def _deleted(data: bytearray, draw: random.Random) -> bytes:
    at = draw.randrange(len(data))
    return bytes(data[:at] + data[at + draw.choice((1, 2, 16, 512)) :])


def _repeated(data: bytearray, draw: random.Random) -> bytes:
    at, size = draw.randrange(len(data)), draw.choice((1, 16, 512))
    return bytes(data[: at + size] + data[at:])


def _exchanged(data: bytearray, draw: random.Random) -> bytes:
    size = draw.choice((1, 8, 512))
    one, other = draw.randrange(len(data)), draw.randrange(len(data))
    block = data[one : one + size]
    data[one : one + len(block)] = data[other : other + len(block)]
    data[other : other + len(block)] = block
    return bytes(data)


def _replaced_number(text: str, draw: random.Random) -> str:
    return _replaced(text, _NUMBER, draw.choice(TOKENS), draw)


def _replaced_value(text: str, draw: random.Random) -> str:
    return _replaced(text, _VALUE, draw.choice(TOKENS), draw)


def _near_number(text: str, draw: random.Random) -> str:
    """Another number of the same kind: what an edit or a flipped digit makes, and no parser can see."""
    return _replaced(text, _NUMBER, str(draw.choice((draw.randrange(1000), round(draw.random(), 4)))), draw)


def _swapped_values(text: str, draw: random.Random) -> str:
    found = list(_VALUE.finditer(text))
    if len(found) < 2:
        return text[1:]
    one, other = sorted(draw.sample(found, 2), key=lambda match: match.start())
    return text[: one.start()] + other[0] + text[one.end() : other.start()] + one[0] + text[other.end() :]


def _replaced(text: str, what: re.Pattern[str], by: str, draw: random.Random) -> str:
    found = list(what.finditer(text))
    if not found:
        return by + text
    chosen = draw.choice(found)
    return text[: chosen.start()] + by + text[chosen.end() :]


def _renamed_key(text: str, draw: random.Random) -> str:
    words = list(re.finditer(r"[A-Za-z_]{2,}", text))
    chosen = draw.choice(words)
    word = draw.choice((chosen[0][:-1], chosen[0] + "s", draw.choice(words)[0], "", "__class__", "ß", "a.b.c"))
    return text[: chosen.start()] + word + text[chosen.end() :]


def _lines(text: str, draw: random.Random) -> str:
    lines = text.splitlines(keepends=True)
    at, other = draw.randrange(len(lines)), draw.randrange(len(lines))
    kind = draw.randrange(4)
    if kind == 0:
        del lines[at]
    elif kind == 1:
        lines.insert(other, lines[at])
    elif kind == 2:
        lines[at], lines[other] = lines[other], lines[at]
    else:
        lines.insert(
            at, draw.choice(("\0\n", "[x]\n", "= 1\n", "\ud800\n", "}\n", ",\n", '"""\n', "\ufeff", "[[x]]\n"))
        )
    return "".join(lines)


_BYTE_KINDS: tuple[Callable[[bytearray, random.Random], bytes], ...] = (
    _flipped, _flipped, _flipped, _overwritten, _cut, _inserted, _deleted, _repeated, _exchanged,
)  # fmt: skip
_TEXT_KINDS: tuple[Callable[[str, random.Random], str], ...] = (
    _replaced_number, _replaced_value, _replaced_value, _near_number, _swapped_values, _renamed_key, _lines,
)  # fmt: skip

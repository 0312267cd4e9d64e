"""How changes read, in tables and in reasons alike: one rounding, and an inequality that holds as it is printed."""

from __future__ import annotations

__all__ = ["above", "points", "signed"]

_NOISE = 9
"""Decimals to which a difference of floats is taken: 11.25 stays 11.25 however it was computed."""


def signed(number: float) -> str:
    """Three digits, two decimals at least from 0.1 to 10, two digits of what is smaller.

    >>> signed(-81.616), signed(-0.5), signed(0.00123), signed((0.8375 - 0.95) * 100)
    ('-81.6', '-0.50', '+0.0012', '-11.2')
    """
    number = round(number, _NOISE)
    size = abs(number)
    return f"{number:+.1f}" if size >= 10 else f"{number:+.2f}" if size >= 0.1 or number == 0 else f"{number:+.2g}"


def points(share: float) -> str:
    """A share in points, without trailing zeros.

    >>> points(0.005), points(0.1125), points(0.0991666)
    ('0.5 pp', '11.25 pp', '9.917 pp')
    """
    return f"{round(share * 100, _NOISE):.4g} pp"


def above(share: float, limit: float) -> tuple[str, str]:
    """A share above a limit, both in points; digits are added until the first number is the larger one as printed.

    >>> above(0.1125, 0.005), above(0.005024, 0.005), above(0.0991671, 0.0991669)
    (('11.2 pp', '0.5 pp'), ('0.502 pp', '0.5 pp'), ('9.92 pp', '9.917 pp'))
    """
    first, second = signed(share * 100).lstrip("+"), points(limit).removesuffix(" pp")
    for decimals in range(3, _NOISE + 1):
        if float(first) > float(second):
            break
        first = f"{share * 100:.{decimals}f}"
        second = f"{limit * 100:.{decimals}f}".rstrip("0").rstrip(".")
    return f"{first} pp", f"{second} pp"

"""Reads the values of options that are more than one word."""

from __future__ import annotations

import click

__all__ = ["mean_and_std", "steps"]

_MOST = 1000


def mean_and_std(
    context: click.Context, parameter: click.Parameter, text: str | None
) -> tuple[tuple[float, ...], tuple[float, ...]] | None:
    """``MEAN,STD``, or all means and then as many standard deviations; None for no text.

    >>> mean_and_std(None, None, "0.5,0.4,0.2,0.1")
    ((0.5, 0.4), (0.2, 0.1))
    """
    if text is None:
        return None
    try:
        numbers = tuple(float(part) for part in text.split(","))
    except ValueError:
        numbers = ()
    half = len(numbers) // 2
    if not half or len(numbers) % 2:
        raise click.BadParameter(f"expected MEAN,STD, or all means and then as many deviations, got {text!r}", context)
    return numbers[:half], numbers[half:]


def steps(context: click.Context, parameter: click.Parameter, text: str | None) -> tuple[int, ...]:
    """Numbers of time steps, each once: ``1,2,4`` or ``1-8`` or both; none for no text.

    >>> steps(None, None, "1-3,8,2")
    (1, 2, 3, 8)
    """
    found: dict[int, None] = {}
    for part in (text or "").split(",") if text is not None else ():
        first, dash, last = part.strip().partition("-")
        if not first.isdecimal() or (dash and not last.isdecimal()):
            raise click.BadParameter(f"expected numbers of time steps such as 1,2,4 or 1-8, got {text!r}", context)
        low, high = int(first), int(last if dash else first)
        if not 1 <= low <= high <= _MOST:
            raise click.BadParameter(f"expected time steps from 1 to {_MOST}, rising, got {part.strip()!r}", context)
        found.update(dict.fromkeys(range(low, high + 1)))
    return tuple(found)

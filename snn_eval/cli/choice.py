"""Reads the values of options that are more than one word."""

from __future__ import annotations

import click

__all__ = ["steps"]

_MOST = 1000


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

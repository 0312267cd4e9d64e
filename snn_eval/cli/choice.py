"""Reads the values of options that are more than one word."""

from __future__ import annotations

from pathlib import Path

import click

__all__ = ["mean_and_std", "no_further_words", "suite_and_checkpoint", "steps"]

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


def suite_and_checkpoint(
    context: click.Context, parameter: click.Parameter, pairs: tuple[tuple[str, Path], ...]
) -> tuple[tuple[str, Path], ...]:
    """``SUITE CHECKPOINT`` pairs as they are; an option in place of a checkpoint says that this was forgotten."""
    for suite, checkpoint in pairs:
        if str(checkpoint).startswith("-") and not checkpoint.exists():
            told = f"expected --models SUITE CHECKPOINT, got --models {suite} and then {checkpoint}"
            raise click.UsageError(f"{told}; name the checkpoint, or give --suite {suite} for the suite's own")
    return pairs


def no_further_words(context: click.Context) -> None:
    """Refuse words that belong to no option, most likely a checkpoint without its suite."""
    if context.args:
        word = context.args[0]
        raise click.UsageError(f"expected --models SUITE CHECKPOINT, for example --models digits {word}; got {word!r}")


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

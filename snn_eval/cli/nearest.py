"""Answers an unknown name with the names that were probably meant."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches

import click

__all__ = ["check_names", "unknown"]


def unknown(kind: str, name: str, known: Iterable[str]) -> str:
    """One line: the name is unknown, the nearest ones, or all if none is near.

    >>> unknown("suite", "mnits", ["mnist", "digits"])
    "unknown suite 'mnits'; nearest: mnist"
    """
    names = list(known)
    near = get_close_matches(name.lower(), names, n=3, cutoff=0.6)
    if near:
        return f"unknown {kind} {name!r}; nearest: {', '.join(near)}"
    return f"unknown {kind} {name!r}; known: {', '.join(names) or 'none'}"


def check_names(kind: str, names: Iterable[str], known: Iterable[str], where: str = "") -> None:
    """Refuse the first name that is not known.

    Args:
        kind: what the names are of.
        names: to check.
        known: those there are.
        where: the suite they stand in; nothing for words of the command line.

    Raises:
        click.UsageError: a word of the command line.
        click.ClickException: a name in a suite, which no ``--help`` explains.
    """
    names_known = list(known)
    for name in names:
        if name not in names_known:
            told = unknown(kind, name, names_known)
            raise click.ClickException(f"{where}: {told}") if where else click.UsageError(told)

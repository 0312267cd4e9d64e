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


def check_names(kind: str, names: Iterable[str], known: Iterable[str]) -> None:
    """Raise click.UsageError for the first name that is not known."""
    names_known = list(known)
    for name in names:
        if name not in names_known:
            raise click.UsageError(unknown(kind, name, names_known))

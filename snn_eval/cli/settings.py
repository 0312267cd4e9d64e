"""Reads ``--set KEY=VALUE`` as the line of TOML it stands for."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable
from typing import Any

import click

__all__ = ["parsed"]


def parsed(values: Iterable[str]) -> dict[str, Any]:
    """Dotted key -> value. A value that is no TOML is taken as text, so that names need no quotes.

    Raises:
        click.UsageError: without ``=`` or without a key.

    >>> parsed(["train.epochs=3", "train.optimizer=sgd", "model.config.channels=[4, 8]"])
    {'train.epochs': 3, 'train.optimizer': 'sgd', 'model.config.channels': [4, 8]}
    """
    found: dict[str, Any] = {}
    for text in values:
        key, equals, value = text.partition("=")
        if not equals or not key.strip():
            raise click.UsageError(f"--set: expected KEY=VALUE, got {text!r}")
        found[key.strip()] = _value(value.strip())
    return found


def _value(text: str) -> Any:
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except (ValueError, RecursionError):  # TOMLDecodeError, or a number of thousands of digits
        return text

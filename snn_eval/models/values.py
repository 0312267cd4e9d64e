"""Values behind a name on the command line: ``NAME:key=value,…``, as TOML writes them, words without quotes."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping
from typing import Any

from snn_eval.errors import SuiteError

__all__ = ["merged", "name_and_values"]

_KEY = r"[A-Za-z_][\w.]*="
_OPENING, _CLOSING = "[{(", "]})"


def name_and_values(text: str) -> tuple[str, dict[str, Any]]:
    """Split what stands before the values from them; a dotted key sets a value within a table.

    Raises:
        SuiteError: something between two commas that is not ``key=value``.

    Example:
        >>> name_and_values("net.py:make:hidden=64,neuron.name=if,channels=[12,32]")
        ('net.py:make', {'hidden': 64, 'neuron': {'name': 'if'}, 'channels': [12, 32]})
        >>> name_and_values("net.py:make")
        ('net.py:make', {})
    """
    start = re.search(f":(?={_KEY})", text)
    if start is None:
        return text, {}
    values: dict[str, Any] = {}
    for part in _parts(text[start.end() :]):
        if re.match(_KEY, part) is None:
            raise SuiteError(f"{text!r}: expected key=value between commas, got {part!r}")
        key, _, value = part.partition("=")
        *tables, last = key.split(".")
        values = merged(values, _nested([*tables, last], _value(value)))
    return text[: start.start()], values


def merged(base: Mapping[str, Any], values: Mapping[str, Any]) -> dict[str, Any]:
    """``base`` with ``values`` in place of its own, tables within tables likewise."""
    result = dict(base)
    for key, value in values.items():
        old = result.get(key)
        result[key] = merged(old, value) if isinstance(old, Mapping) and isinstance(value, Mapping) else value
    return result


def _nested(keys: list[str], value: Any) -> dict[str, Any]:
    for key in reversed(keys):
        value = {key: value}
    return dict(value)


def _parts(text: str) -> Iterator[str]:
    """What stands between commas that are in no brackets."""
    depth, start = 0, 0
    for place, letter in enumerate(text):
        depth += (letter in _OPENING) - (letter in _CLOSING)
        if letter == "," and depth == 0:
            yield text[start:place]
            start = place + 1
    yield text[start:]


def _value(text: str) -> Any:
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text

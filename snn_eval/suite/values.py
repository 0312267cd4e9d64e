"""Makes a suite of plain values, or of another suite with some replaced; every mistake is one line."""

from __future__ import annotations

from collections.abc import Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from snn_eval.errors import SuiteError
from snn_eval.suite.sections import Ablation, Published, Suite

__all__ = ["validated", "with_values"]


def with_values(suite: Suite, values: Mapping[str, Any], source: str = "set") -> Suite:
    """The suite with some values replaced, checked again.

    Args:
        suite: the suite to start from; unchanged.
        values: dotted key -> value, for example ``{"input.time_steps": 4}``.
        source: where the values come from, for messages.

    Raises:
        SuiteError: an unknown key or a wrong value.
    """
    tree = suite.model_dump(context="whole")
    for dotted, value in values.items():
        *parents, last = dotted.split(".")
        node = tree
        for depth, part in enumerate(parents):
            if not isinstance(node.get(part), dict):
                raise SuiteError(f"{source}: {_unknown_key('.'.join(parents[: depth + 1]), node)}")
            node = node[part]
        node[last] = value
    return validated(tree, source, suite.folder)


def validated(values: Mapping[str, Any], source: str, folder: Path | None) -> Suite:
    """The suite of these plain values; ``source`` is named in messages, relative paths start from ``folder``.

    Raises:
        SuiteError: an unknown key (the nearest one is named), or a wrong value.
    """
    try:
        suite = Suite.model_validate(values)
    except ValidationError as error:
        # an unknown key comes first: beside a missing one it is most likely that one, misspelt
        first = min(error.errors(include_url=False), key=lambda found: found["type"] != "extra_forbidden")
        more = f" (and {error.error_count() - 1} more)" if error.error_count() > 1 else ""
        raise SuiteError(f"{source}: {_explained(first, values)}{more}") from error
    suite._folder = folder
    return suite


def _explained(error: Any, values: Mapping[str, Any]) -> str:
    """One line for one of pydantic's errors: the dotted key, what was expected, what was there."""
    location = [
        part for part in error["loc"] if part not in ("str", "int", "float", "bool", "list[any]", "dict[str,any]")
    ]
    key = ".".join(str(part) for part in location)
    if error["type"] == "extra_forbidden":
        return _unknown_key(key, _fields_at(location[:-1]))
    if error["type"] == "value_error":  # of several keys of a section
        return f"{key}: {error['ctx']['error']}"
    if error["type"] == "missing":
        return f"{key}: expected a value, found none"
    return f"{key}: {error['msg'][0].lower()}{error['msg'][1:]}, got {error['input']!r}"


def _unknown_key(key: str, known: Mapping[str, Any]) -> str:
    near = get_close_matches(key.rpartition(".")[2], known, n=1, cutoff=0.5)
    hint = f"; did you mean {near[0]!r}?" if near else f"; there are: {', '.join(known)}"
    return f"unknown key {key!r}{hint}"


def _fields_at(location: list[Any]) -> Mapping[str, Any]:
    """Fields of the section a location lies in."""
    sections = {"ablation": Ablation, "published": Published}
    fields: Mapping[str, Any] = Suite.model_fields
    if location:
        name = str(location[0])
        section = sections.get(name) or Suite.model_fields[name].annotation
        fields = getattr(section, "model_fields", {})
    return fields

"""Baselines: accepted results as small JSON files for version control, ``reports/baseline/<suite>-<model>.json``.

A baseline holds what a verdict needs and nothing that changes from run to run: the network's measurements, one a line
and sorted, the conditions they were made under, and for each sample whether it was decided rightly, packed. No times,
paths, hosts or commits: the same result saved twice gives the same bytes. ``seal`` is the SHA-256 of all the rest, so
that two results mixed by a merge, or a number edited by hand, are not taken for a measured one.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from snn_eval.atomic import write_atomic
from snn_eval.errors import GateError, RunError
from snn_eval.record import SCHEMA_VERSION, Measurement, Record
from snn_eval.regress.outcomes import Outcomes, Unit, pack, unpack
from snn_eval.regress.side import Side

__all__ = ["BASELINE_VERSION", "baseline_name", "baseline_text", "parse_baseline", "read_baseline", "write_baseline"]

BASELINE_VERSION = 1
"""Version of the layout; a reader for every older one is kept."""

_CONDITIONS = ("torch",)
"""Packages whose version decides whether counts must be equal."""

_KEPT_CONFIG = ("input",)
"""Parts of the resolved suite that are kept; the others may name files of somebody's machine."""


class _Packed(BaseModel):
    """Outcomes as they stand in the file."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    unit: Unit
    n: int = Field(ge=1)
    ids_sha256: str
    good: dict[str, list[str]]


class _File(BaseModel):
    """The file; its record, less what is volatile, is read by the present schema with defaults for what is left out."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    baseline_version: Literal[1]
    outcomes: _Packed | None
    record: dict[str, Any]
    seal: str


def baseline_name(record: Record) -> str:
    """The name a baseline gets unless told otherwise: ``<suite>-<model>``, with ``-<n>`` where the run was limited."""
    words = [record.identity.suite, record.identity.model]
    if record.status == "limited":
        words.append(str(record.identity.samples))
    return "-".join(re.sub(r"[^A-Za-z0-9._]+", "-", word).strip("-.") or "unnamed" for word in words)


def baseline_text(side: Side) -> str:
    """The file's content: canonical, a line for each measurement and for every 384 samples.

    Raises:
        GateError: the run did not end, so there is nothing to accept.
    """
    record = side.record
    if record.status not in ("done", "limited"):
        raise GateError(f"a run that is {record.status} cannot be a baseline; expected one that is done")
    known = side.outcomes
    outcomes = None
    if known is not None:
        good = {name: pack(flags) for name, flags in known.good.items()}
        outcomes = {"unit": known.unit, "n": known.n, "ids_sha256": known.ids_sha256, "good": good}
    whole = {"baseline_version": BASELINE_VERSION, "outcomes": outcomes, "record": _content(record)}
    return _laid_out(whole | {"seal": _sealed(whole)})


def _content(record: Record) -> dict[str, Any]:
    """The record less what changes from run to run, and less what is empty."""
    content = _without_volatile(record).model_dump(mode="json", exclude_none=True, exclude={"schema_version"})
    del content["identity"]["cell"]  # a hash of all a suite can say, which grows with the program
    content["provenance"] = {name: value for name, value in content["provenance"].items() if value not in ({}, [])}
    return {name: value for name, value in content.items() if value not in ({}, [])}


def _sealed(whole: dict[str, Any]) -> str:
    text = json.dumps(whole, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()


def _laid_out(whole: dict[str, Any]) -> str:
    """Canonical JSON with every measurement on a line of its own."""
    record = dict(whole["record"])
    lines = [json.dumps(m, ensure_ascii=False) for m in record.pop("measurements", [])]  # fields in reading order
    record["measurements"] = _MARK
    text = json.dumps(whole | {"record": record}, sort_keys=True, indent=1, ensure_ascii=False, allow_nan=False)
    return text.replace(json.dumps(_MARK, ensure_ascii=False), "[\n   " + ",\n   ".join(lines) + "\n  ]") + "\n"


_MARK = "\ue000 measurements, one a line"  # no name a user gives holds this private character


def write_baseline(path: Path, side: Side) -> None:
    """Write the baseline, whole or not at all.

    Raises:
        GateError: the run did not end.
        RunError: the file cannot be written.
    """
    from snn_eval.store.folder import make_folder

    text = baseline_text(side)
    make_folder(path.parent)
    write_atomic(path, text)


def read_baseline(path: Path) -> Side:
    """Read the baseline at ``path``, of this or an older version.

    Raises:
        RunError, GateError: no such file, or not a baseline this version reads.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError as error:
        raise RunError(f"no baseline at {path}; make one with `snn-eval baseline save`") from error
    except (OSError, UnicodeDecodeError) as error:
        raise RunError(f"cannot read {path} ({error}); restore it or save the baseline again") from error
    return parse_baseline(text, str(path))


def parse_baseline(text: str, origin: str) -> Side:
    """The baseline in ``text``; ``origin`` names it in errors.

    Raises:
        RunError, GateError: not a baseline this version reads.
    """
    try:
        content = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise GateError(f"{origin} is not JSON ({error}); restore it or save the baseline again") from error
    version = content.get("baseline_version") if isinstance(content, dict) else None
    if type(version) is not int:
        raise GateError(f"{origin} is not a baseline: expected a JSON object with baseline_version")
    if version not in _READERS:
        raise GateError(f"{origin} has baseline_version {version}, expected one of {sorted(_READERS)}; update snn-eval")
    try:
        return _READERS[version](content, origin)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"]) or "baseline"
        raise GateError(f"{origin} is not a valid baseline: {place}: {first['msg']}; save it again") from error


def _read_v1(content: dict[str, Any], origin: str) -> Side:
    file = _File.model_validate(content)
    if file.seal != _sealed({name: value for name, value in content.items() if name != "seal"}):
        raise GateError(f"{origin} was changed after it was saved (its seal differs); restore it or save it again")
    identity = file.record.get("identity") or {}
    record = Record.model_validate(
        file.record | {"schema_version": SCHEMA_VERSION, "identity": {"cell": ""} | identity}
    )
    packed, outcomes = file.outcomes, None
    if packed is not None:
        good = {name: unpack(lines, packed.n) for name, lines in packed.good.items()}
        outcomes = Outcomes(packed.unit, packed.n, packed.ids_sha256, good)
    return Side(record, outcomes, accepted=True)


_READERS: dict[int, Callable[[dict[str, Any], str], Side]] = {1: _read_v1}
"""One reader for each version there ever was."""


def _without_volatile(record: Record) -> Record:
    made = record.provenance
    volatile: dict[str, Any] = {
        "started": None,
        "wall_s": None,
        "host": None,
        "argv": [],
        "commit": None,
        "dirty": None,
    }
    packages = {name: version for name, version in made.packages.items() if name in _CONDITIONS}
    config = {name: part for name, part in made.config.items() if name in _KEPT_CONFIG}
    kept = made.model_copy(update=volatile | {"packages": packages, "config": config})
    found = [m for m in record.measurements if m.scope == "network" and m.kind != "advisory"]
    changes = {"measurements": sorted(found, key=_order), "provenance": kept}
    return record.model_copy(update=changes)


def _order(m: Measurement) -> tuple[str, ...]:
    return (m.metric, f"{m.version:04d}", m.convention or "", m.energy_model or "")

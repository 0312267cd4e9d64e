"""The record: what one cell measured, with everything needed to repeat and compare it (``record.json``)."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, FiniteFloat, ValidationError, model_validator

from snn_eval.atomic import write_atomic
from snn_eval.errors import RunError

__all__ = [
    "SCHEMA_VERSION",
    "EnergyTable",
    "ExitChoice",
    "Identity",
    "Measurement",
    "Provenance",
    "Record",
    "UnknownOperation",
    "from_json",
    "read_record",
    "to_json",
    "write_record",
]

SCHEMA_VERSION = 3
"""Version of the record's layout; a reader for every older one is kept.

2: energy tables of the user's, a seal. 3: the exit rule and what it was chosen on.
"""

_SEAL = "seal"

MeasurementKey = tuple[str, int, str | None, str | None, str]

Direction = Literal["higher", "lower", "none"]
Kind = Literal["exact", "statistical", "advisory"]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Measurement(_Strict):
    """One number: what it is of, in which unit, how it was found and how sure it is.

    Two measurements may be compared only if their ``key`` is equal.
    """

    metric: str
    version: int = 1
    convention: str | None = None
    energy_model: str | None = None
    scope: str = "network"
    """``network``, ``layer:<name>``, ``step:<t>``, ``class:<k>``, or several joined by ``/``."""
    value: Annotated[int | FiniteFloat, Field(union_mode="smart")]
    unit: str
    direction: Direction = "none"
    kind: Kind = "exact"
    n: int | None = None
    interval: tuple[FiniteFloat, FiniteFloat] | None = None
    interval_method: str | None = None

    @property
    def key(self) -> MeasurementKey:
        """What makes two measurements the same quantity."""
        return (self.metric, self.version, self.convention, self.energy_model, self.scope)


class UnknownOperation(_Strict):
    """An operation the network executed for which there is no rule."""

    name: str
    calls: int
    elements: int


class Identity(_Strict):
    """What was measured. ``cell`` is the hash of the resolved values, the checkpoint and the data."""

    suite: str
    suite_version: int
    model: str
    checkpoint_name: str | None = None
    checkpoint_sha256: str | None = None
    data_fingerprint: str
    split: str = "test"
    samples: int
    time_steps: int
    cell: str


class EnergyTable(_Strict):
    """An energy table of the user's own, kept whole: every number can be computed again without its file."""

    sha256: str
    """Of the content as canonical JSON: two tables of one name and different costs are told apart by it."""
    content: dict[str, Any]


class Provenance(_Strict):
    """Facts that change from run to run; committed records leave the volatile ones out.

    ``config`` is the resolved suite; its energy models are names, of shipped models or of ``energy_tables``.
    """

    started: str | None = None
    wall_s: float | None = None
    host: str | None = None
    argv: list[str] = Field(default_factory=list)
    commit: str | None = None
    dirty: bool | None = None
    packages: dict[str, str] = Field(default_factory=dict)
    machine: str | None = None
    threads: int | None = None
    device: str | None = None
    dtype: str | None = None
    batch_size: int | None = None
    seed: int | None = None
    config: dict[str, Any] = Field(default_factory=dict)
    energy_tables: dict[str, EnergyTable] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _names_what_is_computed(self) -> Provenance:
        evaluate = self.config.get("evaluate", {})
        for key in ("metrics", "conventions", "energy") if isinstance(evaluate, dict) else ():
            names = evaluate.get(key, [])
            if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
                raise ValueError(f"config.evaluate.{key}: expected a list of names")
        if not isinstance(evaluate, dict):
            raise ValueError("config.evaluate: expected a table")
        return self


class ExitChoice(_Strict):
    """The early exit that was asked for, and the rule chosen on the validation part.

    ``temperature`` is None as long as nothing was chosen: the run is not that far, or ``refused["exit"]`` says why not.
    Then ``threshold`` None means that a sample never stops before its last step.
    """

    kind: Literal["confidence", "entropy"]
    tolerance: FiniteFloat
    samples: int
    """Of the validation part, that are measured."""
    data_fingerprint: str
    """Of the validation part."""
    temperature: FiniteFloat | None = None
    threshold: FiniteFloat | None = None


class Record(_Strict):
    """The stored result of one cell."""

    schema_version: Literal[3] = 3
    status: Literal["done", "partial", "failed", "limited"]
    identity: Identity
    measurements: list[Measurement] = Field(default_factory=list)
    unknown: list[UnknownOperation] = Field(default_factory=list)
    refused: dict[str, str] = Field(default_factory=dict)
    """Metrics whose conditions do not hold, with the reason."""
    exit: ExitChoice | None = None
    notes: list[str] = Field(default_factory=list)
    error: str | None = None
    provenance: Provenance = Field(default_factory=Provenance)

    @model_validator(mode="after")
    def _one_value_for_each_key(self) -> Record:
        again = [key for key, count in Counter(m.key for m in self.measurements).items() if count > 1]
        if again:
            raise ValueError(f"measurement {again[0]} is given twice; expected one value for each key")
        return self


def to_json(record: Record) -> str:
    """The record as canonical JSON: equal records give equal text, so that a difference in git is a difference.

    Keys are sorted, numbers written in the shortest form that reads back to the same value, text as UTF-8. The key
    ``seal`` is the SHA-256 of all the rest, so that no number damaged or edited since is taken for a measured one.
    """
    content = record.model_dump(mode="json")
    return _canonical(content | {_SEAL: _sealed(content)})


def from_json(text: str | bytes, origin: str = "the record") -> Record:
    """The record in ``text``, of this or an older schema version; ``origin`` names it in errors.

    Raises:
        RunError: not JSON, not a record, changed since it was written, an unknown key, or a newer schema.
    """
    try:
        content = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise RunError(f"{origin} is not JSON ({error}); restore it or run the evaluation again") from error
    version = content.get("schema_version") if isinstance(content, dict) else None
    if type(version) is not int:
        raise RunError(f"{origin} is not a record: expected a JSON object with schema_version; choose a record.json")
    if version not in _READERS:
        raise RunError(f"{origin} has schema_version {version}, expected one of {sorted(_READERS)}; update snn-eval")
    try:
        return _READERS[version](content)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"]) or "record"
        raise RunError(f"{origin} is not a valid record: {place}: {first['msg']}; run the evaluation again") from error
    except (ValueError, RecursionError) as error:
        raise RunError(f"{origin} {error}; restore it or run the evaluation again") from error


def _canonical(content: Mapping[str, Any]) -> str:
    return json.dumps(content, sort_keys=True, indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def _sealed(content: Mapping[str, Any]) -> str:
    return hashlib.sha256(_canonical(content).encode()).hexdigest()


def write_record(path: Path, record: Record) -> None:
    """Write ``record`` to ``path`` as canonical JSON, whole or not at all.

    Raises:
        RunError: the file cannot be written.
    """
    write_atomic(path, to_json(record))


def read_record(path: Path) -> Record:
    """Read the record at ``path``.

    Raises:
        RunError: no such file, or its content is not a record this version reads.
    """
    try:
        text = path.read_bytes()
    except FileNotFoundError as error:
        raise RunError(f"no record at {path}; expected a record.json written by `snn-eval run`") from error
    except OSError as error:
        raise RunError(f"cannot read {path}: {error.strerror}; choose a record.json you may read") from error
    return from_json(text, str(path))


def _read_v1(content: dict[str, Any]) -> Record:
    """Version 1 had neither seal nor energy tables."""
    return Record.model_validate(content | {"schema_version": SCHEMA_VERSION})


def _read_v2(content: dict[str, Any]) -> Record:
    """Version 2 had no exit rule."""
    return Record.model_validate(_unsealed(content) | {"schema_version": SCHEMA_VERSION})


def _read_v3(content: dict[str, Any]) -> Record:
    return Record.model_validate(_unsealed(content))


def _unsealed(content: dict[str, Any]) -> dict[str, Any]:
    seal = content.pop(_SEAL, None)
    if seal != _sealed(content):
        raise ValueError("is damaged or was changed after it was written (its seal differs)")
    return content


_READERS: dict[int, Callable[[dict[str, Any]], Record]] = {1: _read_v1, 2: _read_v2, 3: _read_v3}
"""One reader for each schema version there ever was; an older one lifts its content to the present models."""

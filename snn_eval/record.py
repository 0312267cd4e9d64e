"""The record: what one cell measured, with everything needed to repeat and compare it (``record.json``)."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

__all__ = ["SCHEMA_VERSION", "Identity", "Measurement", "Provenance", "Record", "UnknownOperation"]

SCHEMA_VERSION = 1
"""Version of the record's layout; a reader for every older one is kept."""

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
    value: float | int
    unit: str
    direction: Direction = "none"
    kind: Kind = "exact"
    n: int | None = None
    interval: tuple[float, float] | None = None
    interval_method: str | None = None

    @property
    def key(self) -> tuple[str, int, str | None, str | None, str]:
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


class Provenance(_Strict):
    """Facts that change from run to run; committed records leave the volatile ones out."""

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


class Record(_Strict):
    """The stored result of one cell."""

    schema_version: int = SCHEMA_VERSION
    status: Literal["done", "partial", "failed", "limited"]
    identity: Identity
    measurements: list[Measurement] = Field(default_factory=list)
    unknown: list[UnknownOperation] = Field(default_factory=list)
    refused: dict[str, str] = Field(default_factory=dict)
    """Metrics whose conditions do not hold, with the reason."""
    notes: list[str] = Field(default_factory=list)
    error: str | None = None
    provenance: Provenance = Field(default_factory=Provenance)

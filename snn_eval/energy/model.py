"""Energy models: what one operation of each kind costs, read from a TOML table with the source of every number."""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from difflib import get_close_matches
from functools import cache
from importlib.resources import files
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from snn_eval.energy.work import KINDS, SYNAPTIC, Work
from snn_eval.errors import CountError, InputError

__all__ = ["Cost", "EnergyModel", "energy_model", "energy_model_names", "energy_pj", "energy_pj_per_step"]


Sizes = Annotated[tuple[Annotated[float, Field(ge=0, allow_inf_nan=False)], ...], Field(strict=False)]
"""A list of TOML as an immutable value."""


class Cost(BaseModel):
    """Energy of one operation in pJ, and where the number comes from (``decision: …`` where it is ours)."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    pj: float = Field(ge=0, allow_inf_nan=False)
    source: str = Field(min_length=1)


class EnergyModel(BaseModel):
    """A named, versioned table of costs; ``kind`` is the formula it is for (``lemaire`` has SRAM traffic)."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    name: str
    version: int
    kind: Literal["compute", "lemaire"] = "compute"
    summary: str = ""
    source: str
    costs: dict[str, Cost]
    sram_bytes: Sizes = ()
    sram_pj: Sizes = ()
    word_bytes: int = Field(4, ge=1)

    @model_validator(mode="after")
    def _known_kinds(self) -> EnergyModel:
        unknown = set(self.costs) - set(KINDS)
        if unknown:
            raise ValueError(f"unknown kinds of operation {sorted(unknown)}; there are {', '.join(KINDS)}")
        if len(self.sram_bytes) != len(self.sram_pj) or (self.kind == "lemaire" and len(self.sram_bytes) < 2):
            raise ValueError("sram_bytes and sram_pj must have the same length, at least 2 for kind lemaire")
        if any(after <= before for before, after in pairwise(self.sram_bytes)):
            raise ValueError("sram_bytes must rise")
        return self

    def cost_pj(self, kind: str, needed_by: str) -> float:
        """Energy of one operation of this kind.

        Raises:
            CountError: the table has no entry for it; a missing cost is never taken for 0.
        """
        if kind not in self.costs:
            raise CountError(
                f"energy model {self.name} has no cost for {kind}, needed by {needed_by}; add [costs.{kind}]"
            )
        return self.costs[kind].pj


@cache
def _tables() -> dict[str, EnergyModel]:
    folder = files("snn_eval.energy") / "tables"
    models = [_parse(t.read_text(encoding="utf-8"), t.name) for t in folder.iterdir() if t.name.endswith(".toml")]
    return {m.name: m for m in sorted(models, key=lambda m: m.name)}


def _parse(text: str, where: str) -> EnergyModel:
    try:
        content = tomllib.loads(text)
    except (ValueError, RecursionError) as error:  # TOMLDecodeError, or a number of thousands of digits
        raise InputError(f"energy table {where} is not TOML: {error}") from error
    try:
        return EnergyModel.model_validate(content)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"]))
        raise InputError(f"energy table {where} cannot be used: {place} {first['msg']}".replace("\n", " ")) from error


def energy_model_names() -> tuple[str, ...]:
    """Names of the shipped energy models."""
    return tuple(_tables())


def energy_model(name: str) -> EnergyModel:
    """The energy model of this name, or the one in a user's own TOML file where ``name`` is a path ending in .toml.

    Raises:
        InputError: no such model (the nearest names are given), a table that cannot be used, or a name already taken.
    """
    if name.endswith(".toml"):
        path = Path(name)
        if not path.is_file():
            raise InputError(
                f"energy table {path.name} does not exist; expected a TOML file or one of {', '.join(_tables())}"
            )
        try:
            text = path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise InputError(f"energy table {path.name} cannot be read as text: {error}") from error
        own = _parse(text, path.name)
        if own.name in _tables():
            raise InputError(
                f"energy table {path.name} takes the name of the shipped model {own.name}; give it another one"
            )
        return own
    if name not in _tables():
        near = get_close_matches(name, _tables()) or list(_tables())
        raise InputError(f"unknown energy model {name!r}; did you mean {' or '.join(near)}?")
    return _tables()[name]


def energy_pj(work: Sequence[Work], model: EnergyModel, component: str | None = None) -> float:
    """Energy of this work over all steps and samples: sum over kinds of total count · cost.

    Args:
        work: of the whole network.
        model: of kind ``compute``.
        component: only this component's work (``synaptic``).

    Raises:
        CountError: a kind of operation that occurs has no cost.
    """
    energy = 0.0
    for item in work:
        if component is None or item.component == component:
            for kind in item.counts:
                count = item.total(kind)
                energy += count * model.cost_pj(kind, item.name) if count else 0.0
    return energy


def energy_pj_per_step(
    work: Sequence[Work], model: EnergyModel, time_steps: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Synaptic and total energy spent up to and including each step, ``[T,N]`` each.

    Work executed once (T_l = 1) is charged at the first step.

    Raises:
        RefusedError: a layer whose samples could not be told apart.
        CountError: a kind of operation that occurs has no cost.
    """
    samples = max((c.shape[1] for w in work for c in w.counts.values()), default=1)
    synaptic, other = np.zeros((time_steps, samples)), np.zeros((time_steps, samples))
    for item in work:
        into = synaptic if item.component == SYNAPTIC else other
        for kind in item.counts:
            counts = item.per_sample(kind)
            if counts.any():
                into[: len(counts)] += counts * model.cost_pj(kind, item.name)
    np.cumsum(synaptic, axis=0, out=synaptic)
    np.cumsum(other, axis=0, out=other)
    return synaptic, synaptic + other

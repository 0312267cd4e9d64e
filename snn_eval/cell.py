"""The record of one cell of an ablation: all that tables and claims are made of, small enough to be committed."""

from __future__ import annotations

import base64
import json
import zlib
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, FiniteFloat, ValidationError

from snn_eval.atomic import write_atomic
from snn_eval.errors import RunError
from snn_eval.record import Measurement

__all__ = [
    "CellRecord",
    "Correction",
    "ExitPoint",
    "ExitSummary",
    "Replicate",
    "Training",
    "Truncated",
    "packed",
    "read_cell",
    "unpacked",
    "write_cell",
]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Replicate(_Strict):
    """Which repetition: a seed, or a fold of the data."""

    kind: Literal["seed", "fold"] = "seed"
    value: int


class Training(_Strict):
    """How a cell's network was trained.

    ``epochs_to_99``: the first epoch whose validation accuracy is at least 99 % of the last one's;
    ``epochs_to_target``: the first at least ``target``; None where there is none. Seconds are advisory.
    """

    epochs: int
    best_epoch: int
    validation_accuracy: list[FiniteFloat]
    epochs_to_99: int | None = None
    target: float | None = None
    epochs_to_target: int | None = None
    wall_s: FiniteFloat | None = None
    cpu_s: FiniteFloat | None = None


class Correction(_Strict):
    """What a correction did: validation accuracy after each number of steps before and after it, and what it took."""

    mode: str
    readout: bool
    samples: int
    seconds: FiniteFloat
    parameters: int
    before: list[FiniteFloat]
    after: list[FiniteFloat]
    kept_layers: list[str] = Field(default_factory=list)


class Truncated(_Strict):
    """The network stopped after ``time_steps`` steps: accuracy and cost per sample up to there, energies in joules.

    ``correct`` is which samples are right, see :func:`packed`.
    """

    time_steps: int
    accuracy: FiniteFloat
    spikes: FiniteFloat
    ac: FiniteFloat
    mac: FiniteFloat
    energy_synaptic: FiniteFloat
    energy_total: FiniteFloat
    correct: str


class ExitPoint(_Strict):
    """Early exit at one threshold: accuracy, mean executed steps and cost per sample, exit checks included."""

    threshold: FiniteFloat
    accuracy: FiniteFloat
    mean_step: FiniteFloat
    spikes: FiniteFloat
    ac: FiniteFloat
    mac: FiniteFloat
    energy_synaptic: FiniteFloat
    energy_total: FiniteFloat
    correct: str | None = None


class ExitSummary(_Strict):
    """Early exit: the rule chosen on validation (``threshold`` None: never before the last step), and both curves.

    Points of ``test`` and ``validation`` have the same thresholds in the same order; those of ``test`` say which
    samples are right. ``chosen`` is the point of the test part at the chosen threshold.
    """

    kind: Literal["confidence", "entropy"]
    temperature: FiniteFloat
    threshold: FiniteFloat | None
    tolerance: FiniteFloat
    chosen: ExitPoint
    validation_chosen: ExitPoint
    test: list[ExitPoint]
    validation: list[ExitPoint]


class CellRecord(_Strict):
    """One row of an ablation at one value of each axis and one replicate.

    ``uses_exit``: the row's numbers are those at the exit (``evaluate.exit`` is set); the exit's curves are there
    for every row whose network allows them, else ``exit_refused`` says why. ``measurements`` are those of the test
    part, of the whole network, of its steps, and of its energy by component. ``learned`` are the numbers its neurons
    and codings learned, by parameter path. ``conditions`` are versions, machine and threads.
    """

    schema_version: Literal[1] = 1
    suite: str
    suite_version: int
    row: str
    components: list[str] = Field(default_factory=list)
    axes: dict[str, Any] = Field(default_factory=dict)
    replicate: Replicate
    status: Literal["done", "failed"]
    error: str | None = None
    time_steps: int
    samples: int = 0
    uses_exit: bool = False
    checkpoint_sha256: str | None = None
    training: Training | None = None
    correction: Correction | None = None
    learned: dict[str, list[FiniteFloat]] = Field(default_factory=dict)
    measurements: list[Measurement] = Field(default_factory=list)
    truncated: list[Truncated] = Field(default_factory=list)
    exit: ExitSummary | None = None
    exit_refused: str | None = None
    conditions: dict[str, str] = Field(default_factory=dict)


def packed(right: NDArray[np.bool_]) -> str:
    """Which samples are right, ``[N]``, as text: bits, compressed, in base 64.

    >>> unpacked(packed(np.array([True, False, True])), 3)
    array([ True, False,  True])
    """
    return base64.b64encode(zlib.compress(np.packbits(right).tobytes(), 9)).decode()


def unpacked(text: str, samples: int) -> NDArray[np.bool_]:
    """What :func:`packed` was given.

    Raises:
        RunError: not such a text, or of fewer samples.
    """
    try:
        bits = np.unpackbits(np.frombuffer(zlib.decompress(base64.b64decode(text, validate=True)), np.uint8))
    except (ValueError, zlib.error) as error:
        raise RunError(f"expected which samples are right, got a damaged text ({error})") from error
    if not samples <= len(bits) < samples + 8:
        raise RunError(f"expected which of {samples} samples are right, got {len(bits)} bits")
    return bits[:samples].astype(bool)


def write_cell(path: Path, cell: CellRecord) -> None:
    """Write a cell as JSON without what has its default, whole or not at all.

    Raises:
        RunError: it cannot be written.
    """
    values = {"schema_version": cell.schema_version, **cell.model_dump(mode="json", exclude_defaults=True)}
    text = json.dumps(values, indent=1, sort_keys=True, ensure_ascii=False)
    write_atomic(path, (text + "\n").encode())


def read_cell(path: Path) -> CellRecord:
    """Read a cell.

    Raises:
        RunError: not there, damaged, or of another version.
    """
    try:
        return CellRecord.model_validate_json(path.read_bytes())
    except (OSError, ValidationError) as error:
        first = str(error).splitlines()[0]
        raise RunError(f"{path}: expected the record of an ablation's cell, got {first}") from error

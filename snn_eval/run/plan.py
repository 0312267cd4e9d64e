"""Decides what a command measures: suites, checkpoints and flags become cells, each known by the hash of what it is."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from snn_eval.data import ArrayDataset, DataOptions, is_here, load_dataset
from snn_eval.errors import CheckpointError, InputError
from snn_eval.models.checkpoint import file_sha256, is_exported
from snn_eval.models.encoders import encode
from snn_eval.models.manifest import shipped_checkpoint
from snn_eval.models.user_sources import component_sha256, neurons_sha256
from snn_eval.models.values import merged, name_and_values
from snn_eval.run.one_step import answers_once
from snn_eval.run.validation import ValidationPart, validation_part
from snn_eval.store import Part
from snn_eval.suite import Suite, load_suite, suite_names, with_tables_beside, with_values

__all__ = ["DEFAULT_SUITE", "Cell", "Request", "cell_id", "cell_of", "described", "plan"]

DEFAULT_SUITE = "digits"
"""What is measured when nothing is named: its data and its checkpoint come with the project."""

_NOT_MEASURED: dict[str, Any] = {
    **dict.fromkeys(("ablation", "axes", "components", "ablate", "published", "train", "correct"), True),
    "suite": {"description"},
    "model": {"checkpoint"},
    "data": {"images", "arrays", "factory"},  # where they lie; what they are is in the data's fingerprint
}
"""Parts of a suite that do not change what a checkpoint measures."""


_Read = dict[tuple[str, Path | None, str], ArrayDataset]
"""Data by suite, its folder and the name of the part."""


@dataclass(frozen=True, slots=True)
class Request:
    """What the user asked for.

    Attributes:
        models: pairs of a suite (name or file) and a checkpoint of the user's.
        suites: suites to measure with the checkpoint they name.
        every: all suites whose data and checkpoint are there.
        time_steps, batch_size, seed, arch, conventions, energy: in place of the suite's values.
        normalize, encoding, clip, flatten, feed, readout, output_index: how samples are prepared, how the network is
            called and what of its output decides, in place of the suite's.
        exit, exit_tolerance: in place of the suite's.
        sweep: several time steps, each a cell of its own.
        limit: only the first that many samples.
        device: ``auto``, ``cpu``, ``cuda`` or ``cuda:N``.
        strict: an operation without a rule is an error.
        trust: checkpoints are pickled modules, and loading them may run their code.
        data_dir: folder the data lie in; None is the usual one.
        partial_data: a part of which files are missing is used as far as it is there.
        download: data that are missing are fetched.
    """

    models: tuple[tuple[str, Path], ...] = ()
    suites: tuple[str, ...] = ()
    every: bool = False
    time_steps: int | None = None
    sweep: tuple[int, ...] = ()
    batch_size: int | None = None
    limit: int | None = None
    seed: int | None = None
    arch: str | None = None
    normalize: tuple[tuple[float, ...], tuple[float, ...]] | None = None
    encoding: str | None = None
    clip: bool | None = None
    flatten: bool | None = None
    feed: str | None = None
    readout: str | None = None
    output_index: int | None = None
    exit: str | None = None
    exit_tolerance: float | None = None
    conventions: tuple[str, ...] = ()
    energy: tuple[str, ...] = ()
    device: str = "auto"
    strict: bool = False
    trust: bool = False
    data_dir: Path | None = None
    partial_data: bool = False
    download: bool = True

    def data_options(self, tell: Callable[[str], None] = lambda _: None) -> DataOptions:
        """Where data come from; ``tell`` is called with a line about a download."""
        return DataOptions(self.data_dir, self.partial_data, self.download, tell)


@dataclass(frozen=True, slots=True)
class Cell:
    """One combination to measure. ``samples`` of the ``available`` ones of the suite's test part are used.

    ``answers_once``: the network is an ANN, and T = 1 was set for it. ``validation``: what an exit is chosen on, where
    the suite has one.
    """

    suite: Suite
    checkpoint: Path
    checkpoint_sha256: str
    data: ArrayDataset
    samples: int
    request: Request
    id: str
    answers_once: bool = False
    validation: ValidationPart | None = None

    @property
    def available(self) -> int:
        """Samples the test part has."""
        return len(self.data)

    @property
    def is_whole(self) -> bool:
        """Whether every sample is used, of the validation part too."""
        further = self.validation
        return self.samples == self.available and (further is None or further.samples == len(further.data))

    def part(self, part: Part) -> tuple[ArrayDataset, int]:
        """Data of a part and how many of its samples are used.

        Raises:
            InputError: the validation part of a cell without early exit.
        """
        if part == "test":
            return self.data, self.samples
        if self.validation is None:
            raise InputError(f"{self.title}: expected evaluate.exit to use the validation part, got none")
        return self.validation.data, self.validation.samples

    @property
    def model(self) -> str:
        """The model's name: the checkpoint's file name, less the suite's."""
        return self.checkpoint.stem.removeprefix(f"{self.suite.name}-")

    @property
    def notes(self) -> tuple[str, ...]:
        """What of the suite's input and readout the user set otherwise."""
        given, asked = self.suite.input, self.request
        told = [f"mean {_numbers(given.mean)}, std {_numbers(given.std)}"] if asked.normalize else []
        told += [f"encoding {given.encoding}"] if asked.encoding else []
        told += [name for name in ("clip", "flatten") if getattr(asked, name)]
        model = (("feed", asked.feed), ("readout", asked.readout), ("output-index", asked.output_index))
        told += [f"{name} {value}" for name, value in model if value is not None]
        notes = [f"in place of the suite's: {'; '.join(told)}"] if told else []
        return (*notes, *(["no layer spikes and the network answers once: T = 1"] if self.answers_once else []))

    @property
    def title(self) -> str:
        """What is measured, in a few words."""
        steps = f" T = {self.suite.input.time_steps}" if self.request.sweep else ""
        return f"{self.suite.name} {self.model}{steps}"


def plan(request: Request, tell: Callable[[str], None] = lambda _: None) -> list[Cell]:
    """The cells of a request, in the order asked for, each once.

    Args:
        request: of the user.
        tell: called with a line about a download of data.

    Raises:
        SuiteError: an unknown suite, or a value it does not take.
        CheckpointError: a checkpoint is missing, or a suite has none.
        DataError: the data of a suite are not there.
        InputError: nothing to measure.
    """
    cells: dict[str, Cell] = {}
    options = request.data_options(tell)
    read: _Read = {}
    for suite, checkpoint in _wanted(request, options):
        for time_steps in request.sweep or (request.time_steps,):
            cell = _cell(_with_flags(suite, request, time_steps), checkpoint, request, options, read)
            cells.setdefault(cell.id, cell)
    return list(cells.values())


def cell_of(suite: Suite, checkpoint: Path, request: Request) -> Cell:
    """The cell of a suite whose values are resolved already; raises as :func:`plan`."""
    return _cell(suite, checkpoint, request, request.data_options(), {})


def _wanted(request: Request, options: DataOptions) -> list[tuple[Suite, Path]]:
    pairs = [(load_suite(name), path) for name, path in request.models]
    suites = [load_suite(name) for name in request.suites]
    if request.every:
        suites += [suite for suite in map(load_suite, suite_names()) if _is_here(suite, options)]
        if not suites:
            raise InputError("--all: expected a suite whose data and checkpoint are here, found none")
    elif not pairs and not suites:
        suites = [load_suite(DEFAULT_SUITE)]
    return pairs + [(suite, _own_checkpoint(suite)) for suite in suites]


def _is_here(suite: Suite, options: DataOptions) -> bool:
    return suite.model.checkpoint is not None and is_here(suite.data_source, suite.data.test, options)


def _own_checkpoint(suite: Suite) -> Path:
    """The checkpoint a suite names: one that comes with the project, or a file beside the caller."""
    name = suite.model.checkpoint
    if name is None:
        raise CheckpointError(f"suite {suite.name} names no checkpoint: give one with --models {suite.name} CHECKPOINT")
    path = (suite.folder or Path()) / name
    return path if path.is_file() else shipped_checkpoint(name)[0]


def _with_flags(suite: Suite, request: Request, time_steps: int | None) -> Suite:
    values = {
        "input.time_steps": time_steps,
        "input.seed": request.seed,
        **_preparation(request),
        "model.feed": request.feed,
        "model.readout": request.readout,
        "model.output_index": request.output_index,
        "evaluate.batch_size": request.batch_size,
        "evaluate.exit": request.exit,
        "evaluate.exit_tolerance": request.exit_tolerance,
        "evaluate.conventions": list(request.conventions) or None,
        "evaluate.energy": list(request.energy) or None,
    }
    given = {key: value for key, value in values.items() if value is not None}
    changed = with_values(with_tables_beside(suite), given, "command line")
    if request.exit_tolerance is not None and changed.evaluate.exit == "none":
        raise InputError(
            f"--exit-tolerance: expected --exit confidence or entropy with it, suite {suite.name} has none"
        )
    return changed


def _preparation(request: Request) -> dict[str, Any]:
    """Values of ``[input]``; an encoding decides what the network's own input is: spikes, but for ``direct``."""
    mean, std = request.normalize or (None, None)
    kinds = {None: None, "direct": "real"}
    return {
        "input.mean": None if mean is None else list(mean),
        "input.std": None if std is None else list(std),
        "input.encoding": request.encoding,
        "input.kind": kinds.get(request.encoding, "spikes"),
        "input.clip": request.clip,
        "input.flatten": request.flatten,
    }


def _numbers(values: Sequence[float]) -> str:
    return ", ".join(f"{value:g}" for value in values)


def _cell(
    suite: Suite,
    checkpoint: Path,
    request: Request,
    options: DataOptions,
    read: _Read,
) -> Cell:
    """One cell; ``read`` keeps the data, which models and time steps of one suite share."""
    if not checkpoint.is_file():
        found = "a folder" if checkpoint.is_dir() else "none"
        raise CheckpointError(f"{checkpoint}: expected a checkpoint file, found {found}")

    def load(part: str) -> ArrayDataset:
        key = (suite.data.model_dump_json(), suite.folder, part)
        if key not in read:
            read[key] = load_dataset(suite.data_source, part, options)
        return read[key]

    data = load(suite.data.test)
    validation = validation_part(suite, request.limit, load)
    once = _means_nothing(suite, request, data, checkpoint)
    if once:
        suite = with_values(suite, {"input.time_steps": 1})
    sha256 = file_sha256(checkpoint)
    samples = len(data) if request.limit is None else min(request.limit, len(data))
    prints = [part.fingerprint for part in (data, *([] if validation is None else [validation.data]))]
    identity = cell_id(suite, request.arch, sha256, "+".join(prints), strict=request.strict)
    return Cell(suite, checkpoint, sha256, data, samples, request, identity, answers_once=once, validation=validation)


def _means_nothing(suite: Suite, request: Request, data: ArrayDataset, checkpoint: Path) -> bool:
    """Whether T is nothing the user chose, and nothing the network would notice: an ANN on static input."""
    given = suite.input
    if request.time_steps or request.sweep or request.trust or given.time_steps == 1 or given.sample_axis:
        return False
    if is_exported(checkpoint):
        return _spikes_nowhere(checkpoint)
    first = next(data.chunks(1))
    x = encode(given.encoding, first.x, given.time_steps, first.id, given.seed, **given.preparation)
    return answers_once(suite, request.arch, x)


def _spikes_nowhere(program: Path) -> bool:
    """Whether a program of ``torch.export`` is an ANN; what cannot be read is told when it is measured."""
    from snn_eval.models.exported.building import exported_spikes

    try:
        spikes = exported_spikes(program)
    except CheckpointError:
        return False
    return not spikes.neurons and not spikes.elsewhere


def cell_id(suite: Suite, arch: str | None, checkpoint_sha256: str, data_fingerprint: str, *, strict: bool) -> str:
    """Hash of all that decides a cell's numbers: resolved values, checkpoint and data. 16 hexadecimal digits.

    What only decides how many samples are measured is left out: a limited run is a part of the whole one.
    """
    architecture, folder = arch or suite.model.factory, None if arch else suite.folder
    resolved = suite.model_dump(mode="json", exclude=_NOT_MEASURED)
    resolved["evaluate"]["energy"] = [name for name in suite.evaluate.energy if not Path(name).is_file()]
    values: dict[str, Any] = {
        "suite": resolved,
        "architecture": architecture,
        "factory": component_sha256(name_and_values(architecture or "")[0], folder or Path()),
        "tables": [file_sha256(Path(name)) for name in suite.evaluate.energy if Path(name).is_file()],
        "checkpoint": checkpoint_sha256,
        "data": data_fingerprint,
        "strict": strict,
    }
    neurons = neurons_sha256(merged(suite.model.config, name_and_values(arch or "")[1]), suite.folder)
    if neurons is not None:  # cells without a user's neurons keep the name they had
        values["neurons"] = neurons
    text = json.dumps(values, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def described(cells: Sequence[Cell]) -> list[str]:
    """One line for each cell, as ``--dry-run`` prints them."""
    return [
        f"{cell.suite.name} v{cell.suite.suite.version}: {cell.checkpoint} (T = {cell.suite.input.time_steps}, "
        f"{cell.samples} of {cell.available} samples in chunks of {cell.suite.evaluate.batch_size}), cell {cell.id}"
        for cell in cells
    ]

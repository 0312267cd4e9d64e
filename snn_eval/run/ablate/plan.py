"""Decides what an ablation consists of: rows, axes and replicates become cells, each known by a hash of its values."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from pathlib import Path

from snn_eval.cell import Replicate
from snn_eval.data import DataOptions, load_dataset
from snn_eval.errors import SuiteError
from snn_eval.run.ablate.identity import Fingerprints, cell_values, training_values
from snn_eval.run.ablate.names import axes_folder, row_folders
from snn_eval.suite import Row, Suite, ablation_rows, load_suite, suite_names, with_values

__all__ = ["QUICK_SAMPLES", "AblationCell", "AblationPlan", "AblationRequest", "planned"]

QUICK_SAMPLES = 1000
"""Test samples of a quick ablation, at most."""


@dataclass(frozen=True, slots=True)
class AblationRequest:
    """What the user asked for.

    Attributes:
        rows: names of rows; all if empty.
        values: seeds or folds in place of the suite's.
        quick: one replicate, a tenth of the epochs, few test samples; nothing to publish.
        device: ``cpu``, ``cuda`` or ``cuda:N``.
        options: where data come from.
    """

    rows: tuple[str, ...] = ()
    values: tuple[int, ...] = ()
    quick: bool = False
    device: str = "cpu"
    options: DataOptions = field(default_factory=DataOptions)


@dataclass(frozen=True, slots=True)
class AblationCell:
    """One row at one value of each axis and one replicate.

    Attributes:
        row: with its resolved suite, which names the fold where replicates are folds.
        replicate: seed or fold.
        folder: of the cell.
        training: folder of its training, shared with other cells.
        values: hash of all that decides the cell's numbers; a stored cell of another hash is another cell.
        samples: of the test part, at most; None is all.
        device: where it is trained and measured.
        options: where data come from.
    """

    row: Row
    replicate: Replicate
    folder: Path
    training: Path
    values: str
    samples: int | None = None
    device: str = "cpu"
    options: DataOptions = field(default_factory=DataOptions)

    @property
    def suite(self) -> Suite:
        """Every value resolved."""
        return self.row.suite

    @property
    def title(self) -> str:
        """Row, axes and replicate in a few words."""
        axes = "".join(f", {key} = {value}" for key, value in self.row.axes.items())
        return f"{self.row.name}{axes}, {self.replicate.kind} {self.replicate.value}"


@dataclass(frozen=True, slots=True)
class AblationPlan:
    """The cells of an ablation, in the order of their rows, and the suite they are of."""

    suite: Suite
    folder: Path
    cells: tuple[AblationCell, ...]
    quick: bool = False


def planned(suite: Suite, folder: Path, request: AblationRequest) -> AblationPlan:
    """The cells of an ablation; all data are read once, so that nothing is downloaded or found damaged later.

    Args:
        suite: with rows.
        folder: what the ablation is kept in.
        request: of the user.

    Raises:
        SuiteError: no rows, an unknown one, a wrong value, or no network or validation part.
        DataError: data are missing or damaged, or cannot be folded.
    """
    if not suite.ablation:
        raise SuiteError(_no_rows(suite))
    if request.quick:
        suite = with_values(suite, {"train.epochs": max(1, suite.train.epochs // 10)}, "--quick")
    folders = row_folders([row.name for row in suite.ablation])
    chosen = _chosen(suite, request.rows)
    kind = suite.ablate.replicate
    values = request.values or tuple(suite.ablate.values)
    values = tuple(dict.fromkeys(values))[: 1 if request.quick else None]
    read = _Read(request.options)
    cells = []
    for row in chosen:
        for value in values:
            resolved = with_values(row.suite, {"data.fold": value}, f"fold {value}") if kind == "fold" else row.suite
            place = Path(folders[row.name], axes_folder(row.axes), str(value))
            cells.append(
                _cell(replace(row, suite=resolved), Replicate(kind=kind, value=value), folder, place, request, read)
            )
    return AblationPlan(suite, folder, tuple(cells), request.quick)


def _cell(
    row: Row, replicate: Replicate, folder: Path, place: Path, request: AblationRequest, read: _Read
) -> AblationCell:
    found, samples = read(row.suite), QUICK_SAMPLES if request.quick else None
    training = training_values(row.suite, replicate.value, found, request.device)
    return AblationCell(
        row,
        replicate,
        folder / "cells" / place,
        folder / "trained" / training,
        cell_values(row.suite, replicate, found, training, samples),
        samples,
        request.device,
        replace(request.options, download=False),  # it is all there now; cells do not fetch it at the same time
    )


def _chosen(suite: Suite, names: Sequence[str]) -> list[Row]:
    """Rows of these names, in the suite's order.

    Raises:
        SuiteError: an unknown name; the nearest is named.
    """
    rows = ablation_rows(suite)
    known = list(dict.fromkeys(row.name for row in rows))
    by_small_letters = {name.lower(): name for name in known}
    wanted = set()
    for name in (part for text in names for part in ([text] if text.lower() in by_small_letters else text.split(","))):
        name = name.strip()
        if name.lower() not in by_small_letters:
            near = get_close_matches(name.lower(), by_small_letters, n=1)
            hint = f"; did you mean {by_small_letters[near[0]]!r}?" if near else ""
            rows_there = ", ".join(repr(each) if "," in each else each for each in known)
            raise SuiteError(f"--rows: expected rows of {suite.name}: {rows_there}; got {name!r}{hint}")
        wanted.add(by_small_letters[name.lower()])
    return [row for row in rows if not names or row.name in wanted]


def _no_rows(suite: Suite) -> str:
    told = f"{suite.name}: expected rows to compare ([[ablation]] in its file), found none"
    with_rows = [name for name in suite_names() if load_suite(name).ablation]
    near = [f"snn-eval-{suite.name}"] if f"snn-eval-{suite.name}" in with_rows else []
    near = near or get_close_matches(suite.name, with_rows, 1)
    hint = f"; {near[0]} has some" if near else f"; there are some in {', '.join(with_rows)}" if with_rows else ""
    return told + hint


class _Read:
    """Reads the parts of each data set once, and keeps only what tells them from others."""

    def __init__(self, options: DataOptions) -> None:
        self._options = options
        self._found: dict[str, Fingerprints] = {}

    def __call__(self, suite: Suite) -> Fingerprints:
        """Fingerprints of training, validation and test part.

        Raises:
            SuiteError: the suite names no validation part.
            DataError: a part cannot be read.
        """
        data, key = suite.data, suite.data.model_dump_json()
        if data.validation is None:
            raise SuiteError(f"{suite.name}: expected data.validation to choose the best epoch on, found none")
        if key not in self._found:
            source, parts = suite.data_source, (data.train, data.validation, data.test)
            self._found[key] = Fingerprints(*(load_dataset(source, part, self._options).fingerprint for part in parts))
        return self._found[key]

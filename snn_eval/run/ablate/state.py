"""What is kept of an ablation's cells: which are stored or begun, what is removed before one is made anew."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

from snn_eval import env
from snn_eval.atomic import cannot_write, write_atomic
from snn_eval.cell import CellRecord, read_cell, write_cell
from snn_eval.errors import RunError
from snn_eval.run.ablate.plan import AblationCell

__all__ = ["State", "begin", "failed", "forget", "identity", "keep", "kept", "state_of", "stored_cells"]

State = Literal["stored", "failed", "unfinished", "new"]

_RECORD, _VALUES, _ERRORS = "cell.json", "values", "errors.txt"


def kept(cell: AblationCell) -> CellRecord | None:
    """The record of this cell, done or failed; None where there is none made under the same values.

    Names of its row and components, which no number depends on, are those the suite has now.
    """
    with contextlib.suppress(RunError):
        record = read_cell(cell.folder / _RECORD)
        if record.conditions.get("values") == cell.values:
            names = {"row": cell.row.name, "components": list(cell.row.components)}
            return record.model_copy(update=names)
    return None


def state_of(cell: AblationCell) -> State:
    """Whether the cell is stored, failed, was begun, or is new; its training alone counts as begun."""
    record = kept(cell)
    if record is not None:
        return "stored" if record.status == "done" else "failed"
    return "unfinished" if _begun(cell) or (cell.training / "state.pt").is_file() else "new"


def stored_cells(cells: Sequence[AblationCell]) -> list[CellRecord]:
    """Records of all cells that have one, failed ones too, in their order."""
    return [record for record in map(kept, cells) if record is not None]


def begin(cell: AblationCell) -> None:
    """Make the cell's folder, without what a cell of other values left there.

    Raises:
        RunError: it cannot be made or written.
    """
    if not _begun(cell):
        _remove(cell.folder)
        try:
            cell.folder.mkdir(parents=True)
        except OSError as error:
            raise cannot_write(cell.folder, error) from error
        write_atomic(cell.folder / _VALUES, cell.values + "\n")


def forget(cells: Sequence[AblationCell]) -> None:
    """Remove these cells and their trainings.

    Raises:
        RunError: they cannot be removed.
    """
    for folder in {folder for cell in cells for folder in (cell.folder, cell.training)}:
        _remove(folder)


def keep(cell: AblationCell, record: CellRecord, errors: str = "") -> None:
    """Write the cell's record, from then on it is stored; ``errors`` is what its process said as it died.

    Raises:
        RunError: it cannot be written.
    """
    path = cell.folder / _ERRORS
    if errors:
        write_atomic(path, errors + "\n")
    else:
        with contextlib.suppress(OSError):
            path.unlink(missing_ok=True)
    write_cell(cell.folder / _RECORD, record)


def failed(cell: AblationCell, cause: str) -> CellRecord:
    """The record of a cell that ended without numbers."""
    return CellRecord(status="failed", error=cause, **identity(cell))


def identity(cell: AblationCell) -> dict[str, Any]:
    """What every record of a cell says, whatever became of it, as keyword arguments of :class:`CellRecord`."""
    return {
        "suite": cell.suite.name,
        "suite_version": cell.suite.suite.version,
        "row": cell.row.name,
        "components": list(cell.row.components),
        "axes": dict(cell.row.axes),
        "replicate": cell.replicate,
        "time_steps": cell.suite.input.time_steps,
        "conditions": _conditions(cell),
    }


def _conditions(cell: AblationCell) -> dict[str, str]:
    """Under which a cell is made: its values' hash, versions, machine, threads; ``samples`` where they were limited."""
    found = {"values": cell.values, "snn-eval": env.code_version(), **env.package_versions()}
    found |= {"machine": env.machine(), "threads": "1", "device": cell.device}
    return found | ({} if cell.samples is None else {"quick": f"at most {cell.samples} samples, not for publication"})


def _begun(cell: AblationCell) -> bool:
    try:
        return (cell.folder / _VALUES).read_text(encoding="utf-8").strip() == cell.values
    except (OSError, UnicodeDecodeError):
        return False


def _remove(folder: Path) -> None:
    try:
        if folder.exists():
            shutil.rmtree(folder)
    except OSError as error:
        raise cannot_write(folder, error) from error

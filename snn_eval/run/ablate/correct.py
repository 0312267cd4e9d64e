"""The correction of a cell's trained network, kept so that a cell that was killed later does not correct again."""

from __future__ import annotations

import contextlib
from pathlib import Path

import torch
from pydantic import BaseModel, ConfigDict, ValidationError

from snn_eval.atomic import write_atomic
from snn_eval.cell import Correction
from snn_eval.models.checkpoint import file_sha256
from snn_eval.run.ablate.plan import AblationCell
from snn_eval.run.correct import correct_checkpoint

__all__ = ["corrected"]


class _Kept(BaseModel):
    """Beside ``corrected.pt``: of which checkpoint it was made, its own hash, and what the correction did."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    trained_sha256: str
    corrected_sha256: str
    correction: Correction


def corrected(cell: AblationCell, trained: Path, device: torch.device) -> tuple[Path, Correction]:
    """The checkpoint ``corrected.pt`` of the cell, and what its correction did.

    Args:
        cell: whose suite says what is corrected.
        trained: checkpoint to start from.
        device: where to work.

    Raises:
        SnnEvalError: it cannot be corrected, or a file not be written.
    """
    path, facts = cell.folder / "corrected.pt", cell.folder / "corrected.json"
    sha256 = file_sha256(trained)
    with contextlib.suppress(OSError, ValidationError):
        kept = _Kept.model_validate_json(facts.read_bytes())
        if (kept.trained_sha256, kept.corrected_sha256) == (sha256, file_sha256(path)):
            return path, kept.correction
    made = correct_checkpoint(cell.suite, trained, path, options=cell.options, seed=cell.replicate.value, device=device)
    kept = _Kept(trained_sha256=sha256, corrected_sha256=made.sha256, correction=made.summary)
    write_atomic(facts, kept.model_dump_json(indent=1) + "\n")
    return path, made.summary

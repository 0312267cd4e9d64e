"""The correction of a cell's trained network, kept so that a cell that was killed later does not correct again."""

from __future__ import annotations

import contextlib
from dataclasses import replace
from pathlib import Path

import torch
from pydantic import BaseModel, ConfigDict, ValidationError

from snn_eval.atomic import write_atomic
from snn_eval.cell import Correction
from snn_eval.data import load_dataset
from snn_eval.errors import SuiteError
from snn_eval.models.checkpoint import Checkpoint, file_sha256, load_checkpoint, save_checkpoint
from snn_eval.run.ablate.plan import AblationCell
from snn_eval.run.load import load_network
from snn_eval.train.correct import Corrected, correct_network
from snn_eval.train.samples import Samples

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
        SuiteError: the network is the user's own, whose checkpoints cannot hold a correction.
        SnnEvalError: it cannot be corrected, or a file not be written.
    """
    path, facts = cell.folder / "corrected.pt", cell.folder / "corrected.json"
    sha256 = file_sha256(trained)
    with contextlib.suppress(OSError, ValidationError):
        kept = _Kept.model_validate_json(facts.read_bytes())
        if (kept.trained_sha256, kept.corrected_sha256) == (sha256, file_sha256(path)):
            return path, kept.correction
    made = _made(cell, trained, device)
    _save(path, made, load_checkpoint(trained))
    report = made.report
    correction = Correction(
        mode=report.mode,
        readout=report.readout,
        samples=report.samples,
        seconds=round(report.seconds, 3),
        parameters=report.parameters,
        before=list(report.before),
        after=list(report.after),
        kept_layers=list(report.kept_layers),
    )
    kept = _Kept(trained_sha256=sha256, corrected_sha256=file_sha256(path), correction=correction)
    write_atomic(facts, kept.model_dump_json(indent=1) + "\n")
    return path, correction


def _made(cell: AblationCell, trained: Path, device: torch.device) -> Corrected:
    suite = cell.suite
    source = suite.data_source
    training, validation = (
        load_dataset(source, part or "", cell.options) for part in (suite.data.train, suite.data.validation)
    )
    samples = Samples(suite, training, validation)
    loaded = load_network(suite, trained, samples.example(), classes=len(training.classes), device=device)
    return correct_network(loaded.network, samples, suite.correct, seed=cell.replicate.value, device=device)


def _save(path: Path, made: Corrected, trained: Checkpoint) -> None:
    """Write the corrected network as one of ours; without any correction kept it is the trained one again."""
    if trained.arch is None or trained.config is None:
        raise SuiteError(
            "correct: expected one of our networks, a checkpoint of a network of your own holds weights only"
        )
    values = {"arch": trained.arch, "config": dict(trained.config), "layers": made.layers}
    weights = {key: value.detach().cpu().contiguous() for key, value in made.module.state_dict().items()}
    save_checkpoint(path, replace(trained, state_dict=weights, arch="corrected", config=values))

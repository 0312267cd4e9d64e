"""What a cell's record says before anything is measured, and whether a stored one was made the same way."""

from __future__ import annotations

import os
import platform
from datetime import UTC, datetime
from typing import Any

import torch

from snn_eval import env
from snn_eval.energy import with_tables
from snn_eval.record import Identity, Provenance, Record
from snn_eval.run.plan import Cell
from snn_eval.suite import Suite

__all__ = ["first_record", "same_conditions"]


def first_record(cell: Cell, device: torch.device, argv: tuple[str, ...]) -> Record:
    """The record of a cell that is about to be measured: identity and provenance, status ``partial``.

    Raises:
        InputError: an energy table cannot be used, or two different ones have the same name.
    """
    suite, source = cell.suite, env.source()
    identity = Identity(
        suite=suite.name,
        suite_version=suite.suite.version,
        model=cell.model,
        checkpoint_name=cell.checkpoint.name,
        checkpoint_sha256=cell.checkpoint_sha256,
        data_fingerprint=cell.data.fingerprint,
        split=cell.data.split,
        samples=cell.samples,
        time_steps=suite.input.time_steps,
        cell=cell.id,
    )
    provenance = Provenance(
        started=datetime.now(UTC).isoformat(timespec="seconds"),
        host=platform.node(),
        argv=[_without_folders(word) for word in argv],
        commit=source.commit,
        dirty=source.dirty,
        packages={"snn-eval": env.code_version(), **env.package_versions()},
        machine=env.machine(),
        threads=torch.get_num_threads(),
        device=_device_name(device),
        batch_size=suite.evaluate.batch_size,
        seed=suite.input.seed,
        config=_config(suite),
    )
    choice = None if cell.validation is None else cell.validation.choice(suite)
    return with_tables(Record(status="partial", identity=identity, provenance=provenance, exit=choice))


def same_conditions(stored: Record, wanted: Record, *, samples: bool = True) -> bool:
    """Whether counts of both may be put together: same cell, samples, code, packages, machine, device and threads.

    Args:
        stored: of a run there is.
        wanted: of the run to be made.
        samples: whether their number must be the same, too.
    """
    if stored.identity.cell != wanted.identity.cell:
        return False
    if samples and _samples(stored) != _samples(wanted):
        return False
    names = ("packages", "machine", "threads", "device", "batch_size", "seed")
    return all(getattr(stored.provenance, name) == getattr(wanted.provenance, name) for name in names)


def _samples(record: Record) -> tuple[int, int]:
    """Samples of the test part, and of the validation part where an exit is chosen on it."""
    return record.identity.samples, record.exit.samples if record.exit is not None else 0


def _config(suite: Suite) -> dict[str, Any]:
    """The suite as far as a reader of the numbers needs it: with published values only where there are any."""
    left_out = {"ablation", "axes", "components", "ablate", "train"} | (set() if suite.published else {"published"})
    config = suite.model_dump(mode="json", exclude=left_out)
    for section, keys in (("data", ("images", "arrays", "factory")), ("model", ("factory", "checkpoint"))):
        for key in keys:
            if config[section][key] is not None:
                config[section][key] = _without_folders(config[section][key])
    return config


def _device_name(device: torch.device) -> str:
    return f"{device} {torch.cuda.get_device_name(device)}" if device.type == "cuda" else str(device)


def _without_folders(word: str) -> str:
    """A path as its last part: where a file lay on somebody's machine is nobody's business."""
    return os.path.basename(word.rstrip(os.sep)) if os.path.isabs(word) else word

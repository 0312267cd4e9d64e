"""The folder of a training: what is kept after each epoch, and what an interrupted one is brought back from."""

from __future__ import annotations

import io
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from snn_eval.atomic import cannot_write, write_atomic
from snn_eval.errors import RunError
from snn_eval.models.checkpoint import Checkpoint, save_checkpoint
from snn_eval.suite import Suite
from snn_eval.train.build import Architecture
from snn_eval.train.log import Epoch, as_csv, best_of, write_events
from snn_eval.train.moving import MovingParts
from snn_eval.train.samples import Samples
from snn_eval.train.state import STATE_FILE, differences, flattened, read_state, write_state

__all__ = ["Keeper", "halved"]

_NOT_DECIDING = ("ablation", "axes", "components", "ablate", "published", "evaluate", "correct")


@dataclass(frozen=True, slots=True)
class Keeper:
    """Writes and reads the folder of one training."""

    folder: Path
    suite: Suite
    architecture: Architecture
    samples: Samples
    seed: int
    device: str

    @property
    def best(self) -> Path:
        """Weights of the epoch best on validation."""
        return self.folder / "best.pt"

    @property
    def last(self) -> Path:
        """Weights of the last epoch."""
        return self.folder / "last.pt"

    @property
    def log(self) -> Path:
        """One line for each epoch."""
        return self.folder / "log.csv"

    def resumed(self, moving: MovingParts) -> list[Epoch]:
        """Bring ``moving`` back to the last epoch kept here and return the log; nothing happens in an empty folder.

        Raises:
            RunError: the folder holds a training of another configuration, or a damaged one.
        """
        path = self.folder / STATE_FILE
        if not path.is_file():
            return []
        identity, epochs, parts = read_state(path)
        different = differences(identity, self.identity())
        if different:
            more = f" and {len(different) - 1} more" if len(different) > 1 else ""
            raise RunError(
                f"{self.folder} holds another training ({different[0]}{more}); "
                "give another --output, or --fresh to replace it"
            )
        moving.restore(parts)
        return epochs

    def begin(self) -> None:
        """Make the folder.

        Raises:
            RunError: it cannot be made.
        """
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise cannot_write(self.folder, error) from error

    def forget(self) -> None:
        """Remove state and curves of a training kept here, so that none goes on from it beside files of another one.

        Raises:
            RunError: it cannot be removed.
        """
        for path in (self.folder / STATE_FILE, *(self.folder / "events").glob("*.tfevents.*")):
            try:
                path.unlink(missing_ok=True)
            except OSError as error:
                raise cannot_write(path, error) from error

    def keep(self, epochs: list[Epoch], moving: MovingParts) -> None:
        """Write weights, log, curves and, last of all, the state from which the next epoch goes on.

        Raises:
            RunError: the folder cannot be written.
        """
        epoch = epochs[-1]
        if best_of(epochs) is epoch:
            self._save(moving, epoch, self.best)
        self._save(moving, epoch, self.last)
        write_atomic(self.log, as_csv(epochs))
        write_events(self.folder / "events", epoch)
        write_state(self.folder / STATE_FILE, self.identity(), epochs, moving.state())

    def identity(self) -> dict[str, Any]:
        """All that decides the outcome, dotted key -> plain value."""
        values = self.suite.model_dump(mode="json", exclude={*_NOT_DECIDING})
        values["model"].pop("checkpoint")
        values["train"].pop("seeds")
        values["suite"].pop("description")
        return flattened(
            {
                **values,
                "arch": self.architecture.name,
                "factory": self.architecture.source_sha256(),
                "training data": self.samples.training.fingerprint,
                "validation data": self.samples.validation.fingerprint,
                "seed": self.seed,
                "device": self.device,
            }
        )

    def _save(self, moving: MovingParts, epoch: Epoch, path: Path) -> None:
        weights = moving.weights if self.suite.train.stored == "float32" else halved(moving.weights)
        provenance = {  # nothing that changes from run to run: a seed gives the same file again
            "seed": self.seed,
            "epoch": epoch.epoch,
            "validation_accuracy": epoch.validation_accuracy,
            "validation_loss": epoch.validation_loss,
            "data_notes": list(self.samples.training.notes),
            "torch": str(torch.__version__),
            "suite": self.suite.model_dump(mode="json", exclude={"published"}),
        }
        if not self.architecture.is_ours:
            # a file of ours says by name which network it is; that of a user's own is only named by the user
            buffer = io.BytesIO()
            torch.save({"state_dict": weights, "provenance": provenance}, buffer)
            write_atomic(path, buffer.getvalue())
            return
        checkpoint = Checkpoint(
            state_dict=weights,
            arch=self.architecture.name,
            config=self.suite.model_dump(mode="json")["model"]["config"],
            time_steps=self.suite.input.time_steps,
            suite=self.suite.name,
            suite_version=self.suite.suite.version,
            provenance=provenance,
        )
        save_checkpoint(path, checkpoint)


def halved(weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The same with matrices and kernels rounded to float16; vectors (norms, biases) stay as they are."""
    return {key: value.half() if value.dim() > 1 else value for key, value in weights.items()}

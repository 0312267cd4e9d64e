"""The parts a network is trained and checked on, as encoded batches."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from snn_eval.data import ArrayDataset, DataOptions, load_dataset
from snn_eval.errors import DataError, SuiteError
from snn_eval.models.encoders import encode
from snn_eval.suite import Suite
from snn_eval.train.augment import augmented

__all__ = ["Samples", "load_samples"]


@dataclass(frozen=True, slots=True)
class Samples:
    """Training and validation part of a suite; the test part is not here."""

    suite: Suite
    training: ArrayDataset
    validation: ArrayDataset

    def example(self) -> Tensor:
        """Input of the first training samples, two or fewer."""
        return next(self._checked(self.training, 2))[0]

    def at(self, places: NDArray[np.int64]) -> tuple[Tensor, Tensor]:
        """Training samples at some places as they are, encoded as they would be measured, and their classes."""
        x = self._encoded(self.training.batch(places), self.training.id[places], self.suite.input.seed)
        return x, torch.from_numpy(self.training.target[places])

    def shuffled(self, epoch: int, generator: torch.Generator) -> Iterator[tuple[Tensor, Tensor]]:
        """Every training sample once, augmented and encoded, with its class; order and changes from ``generator``.

        A last batch smaller than ``batch_size`` is left out: batch norm would take its few samples as seriously as
        many. Encoders that draw do so anew in every epoch.
        """
        config, size = self.suite.train, self.suite.train.batch_size
        order = torch.randperm(len(self.training), generator=generator)
        for index in torch.split(order[: self.batches * size], size):
            places = index.numpy()
            x = augmented(self.training.batch(places), config, generator)
            seed = (self.suite.input.seed + epoch) % 2**63
            target = torch.from_numpy(self.training.target[places])
            yield self._encoded(x, self.training.id[places], seed), target

    @property
    def batches(self) -> int:
        """Number of batches of an epoch, at least 1."""
        return max(1, len(self.training) // self.suite.train.batch_size)

    def checked(self) -> Iterator[tuple[Tensor, Tensor]]:
        """The validation part in order, encoded as it would be measured."""
        return self._checked(self.validation, self.suite.train.batch_size)

    def _checked(self, part: ArrayDataset, size: int) -> Iterator[tuple[Tensor, Tensor]]:
        for chunk in part.chunks(size):
            yield self._encoded(chunk.x, chunk.id, self.suite.input.seed), torch.from_numpy(chunk.target)

    def _encoded(self, x: Tensor, ids: NDArray[np.int64], seed: int) -> Tensor:
        given = self.suite.input
        return encode(given.encoding, x, given.time_steps, ids, seed, **given.preparation)


def load_samples(suite: Suite, options: DataOptions | None) -> Samples:
    """Training and validation part.

    Raises:
        SuiteError: the suite names no validation part, or changes images where there are none.
        DataError: a part is missing or damaged, or has no sample.
    """
    if suite.data.validation is None:
        raise SuiteError(f"{suite.name}: expected data.validation to choose the best epoch on, found none")
    training, validation = (
        load_dataset(suite.data_source, part, options) for part in (suite.data.train, suite.data.validation)
    )
    for part in (training, validation):
        if not len(part):
            raise DataError(f"{suite.name}: expected samples in part {part.split}, found none")
    changes = suite.train.shift or suite.train.flip or suite.train.cutout
    if changes and len(training.sample_shape) != 3:
        shape = "×".join(map(str, training.sample_shape))
        raise SuiteError(f"{suite.name}: train.shift, flip and cutout expect images C×H×W, got samples of {shape}")
    return Samples(suite, training, validation)

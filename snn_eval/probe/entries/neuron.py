"""Spikes of one neuron layer: how many each sample makes at each step, and how many each neuron makes."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from snn_eval.models.network import SpikingLayer
from snn_eval.probe.counting import ValueCounter, can_be_job, can_be_plain, count_plain
from snn_eval.probe.entries.join import joined
from snn_eval.probe.entries.view import View
from snn_eval.probe.jobs import BINARY, Job
from snn_eval.probe.tally import BLOCK
from snn_eval.trace import NeuronLayer

__all__ = ["NeuronEntry"]

Int = NDArray[np.int64]

_FLUSH = 1 << 30
"""Column counts are kept in int32 until this many could have been added to one of them."""


@dataclass(slots=True)
class NeuronEntry:
    """Spikes of one neuron layer.

    Attributes:
        shape: neurons of one sample. size: their number.
        map_limit: above this many cells ``[T,*shape]`` the map per neuron is summed over T.
        columns, totals: spikes per neuron, in int32 since the last `_flush` and in int64 up to it.
        added: how often a neuron can have spiked since then.
        generation: another number once a job made before would no longer be right.
    """

    name: str
    layer: SpikingLayer
    steps: int
    view: View
    shape: tuple[int, ...]
    map_limit: int
    counter: ValueCounter
    spikes: Int | None = None
    done: list[Int] = field(default_factory=list)
    columns: NDArray[np.int32] | None = None
    totals: Int | None = None
    added: int = 0
    size: int = 0
    per_step_map: bool = True
    attributed: bool = True
    generation: int = 0
    spiking: bool = True
    _spare: Int | None = None

    def __post_init__(self) -> None:
        self.spiking = self.layer.neuron.has_threshold
        self.size = int(np.prod(self.shape, dtype=np.int64))
        self.per_step_map = self.steps * self.size <= self.map_limit
        self.attributed = self.view.layout is not None

    def begin(self, samples: int) -> None:
        """Start a chunk."""
        shape = (self.steps, samples if self.attributed else 1)
        if self._spare is None or self.spikes is not None or self._spare.shape != shape:
            self._spare = np.zeros(shape, np.int64)
            self.generation += 1
        self.spikes = self._spare
        self.added += samples * (1 if self.per_step_map else self.steps)
        if self.added >= _FLUSH:
            self._flush()
            self.added = samples

    def columns_at(self, step: slice) -> NDArray[np.int32]:
        """Column counts of these steps, to be added to."""
        if self.columns is None:
            self.columns = np.zeros((self.steps if self.per_step_map else 1, self.size), np.int32)
        if self.per_step_map:
            return self.columns[step]
        return np.lib.stride_tricks.as_strided(self.columns, (step.stop - step.start, self.size), (0, 4))

    def job(self, spikes: Tensor, samples: int, step: slice) -> Job | None:
        """How to count one call together with others; None if it must be counted alone."""
        if self.spikes is None or not (self.spiking and self.counter.plain and can_be_job(spikes)):
            return None
        shape = self.view.final(spikes)
        if shape is None or not (self.per_step_map or shape[0] == 1):
            return None
        columns = self.columns_at(step).ctypes.data
        return Job(
            BINARY, spikes.data_ptr(), *shape, samples, BLOCK, columns=columns, inputs=self.spikes[step].ctypes.data
        )

    def add(self, spikes: Tensor, samples: int, step: slice, columns_done: bool = False) -> None:
        """Count one call; ``columns_done``: its spikes per neuron have been added already."""
        if self.spikes is None or not self.spiking:
            return
        columns = None if columns_done else self.columns_at(step)
        shape = self.view.final(spikes)
        if columns is not None and shape is not None and self.counter.plain and can_be_plain(spikes):
            inputs = self.spikes[step]
            if count_plain(spikes, shape, samples, None, inputs, inputs, None, columns):
                return
            inputs[...] = 0
            columns = None  # counted before the proof failed
        plain = self.counter.plain
        counted = self.counter.count(self.view(spikes), samples if self.attributed else 1, None, columns)
        self.spikes[step] += counted.nonzero
        self.generation += self.counter.plain != plain

    def nonzero(self, step: slice) -> tuple[Int, Int] | None:
        """Spikes of the chunk at these steps and their sum, the same; None unless all of them were 1."""
        return None if self.spikes is None or not self.counter.plain else (self.spikes[step], self.spikes[step])

    def finish_chunk(self) -> None:
        """Keep the chunk's counts."""
        if self.spikes is not None:
            self.done.append(self.spikes.copy())
            self.spikes.fill(0)
            self.spikes = None

    def _flush(self) -> None:
        if self.totals is None:
            self.totals = np.zeros((self.steps if self.per_step_map else 1, self.size), np.int64)
        if self.columns is not None:
            self.totals += self.columns
            self.columns[:] = 0

    def take(self) -> NeuronLayer:
        """Everything counted since the last call."""
        self._flush()
        totals, self.totals, self.added = self.totals, None, 0
        done, self.done = self.done, []
        neuron = self.layer.neuron
        shape = (self.steps, *self.shape) if self.per_step_map else self.shape
        return NeuronLayer(
            name=self.name, spikes_TN=joined(done, not self.attributed),
            per_neuron=np.asarray(totals).reshape(shape), per_step_map=self.per_step_map, shape=self.shape,
            model=neuron.model, reset=neuron.reset, role=self.layer.role, states=neuron.states,
            mul=neuron.mul, add=neuron.add, compare=neuron.compare, has_threshold=neuron.has_threshold,
        )  # fmt: skip

"""The pass itself: experiments on the first chunk, then one forward run a chunk with every count taken on the way."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterable, Iterator
from itertools import zip_longest
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from snn_eval.data.chunk import Chunk
from snn_eval.errors import InputError, NetworkError, NothingCountedError, UnknownOperationError
from snn_eval.models.network import Network
from snn_eval.models.visible import refuse_invisible
from snn_eval.probe.experiments import Findings, calls_of, experiment
from snn_eval.probe.interception import Interception, different_calls
from snn_eval.probe.options import ProbeOptions
from snn_eval.probe.planning import Plan
from snn_eval.probe.readout import model_facts, pass_facts, summarise
from snn_eval.trace import Output, Samples, Trace

__all__ = ["Recorder", "record_trace"]

Int = NDArray[np.int64]


@contextlib.contextmanager
def _measuring() -> Iterator[None]:
    """No gradients, and attention in its visible form, for bare and recorded runs alike."""
    fast = torch.backends.mha.get_fastpath_enabled()
    torch.backends.mha.set_fastpath_enabled(False)
    try:
        with torch.no_grad():
            yield
    finally:
        torch.backends.mha.set_fastpath_enabled(fast)


class Recorder:
    """Records passes of one network: ``prepare`` on a first chunk, ``add`` each chunk, ``take`` what was counted.

    Example:
        >>> from torch import nn, ones
        >>> import numpy as np
        >>> from snn_eval.models.adapters import adapt
        >>> network = adapt(nn.Sequential(nn.Flatten(), nn.Linear(4, 3)), time_steps=1)
        >>> chunk = Chunk(0, np.arange(2), ones(2, 2, 2), np.zeros(2, np.int64))
        >>> trace = Recorder(network, ProbeOptions(batch_size=2)).record(chunk)
        >>> trace.synaptic[0].ops_VTN.sum(axis=0)
        array([[12, 12]])
    """

    def __init__(self, network: Network, options: ProbeOptions | None = None) -> None:
        refuse_invisible(network.module)
        self.network = network
        self.options = options or ProbeOptions()
        self._findings: Findings | None = None
        self._interception: Interception | None = None
        self._sample_shape: tuple[int, ...] | None = None
        self._chunks: list[tuple[Chunk, NDArray[np.float32]]] = []
        self._input_events: list[Int] = []
        self._bare_s: list[float] = []
        self._wall_s = 0.0
        self._failed = False

    # -- public -----------------------------------------------------------------------------------------------

    def prepare(self, chunk: Chunk) -> None:
        """Find out by experiment how the network folds time and sample, and what it must not do.

        Raises:
            NetworkError: state leaks between batches, or calls depend on the data.
            NothingCountedError: a spiking network without one synaptic operation.
            UnknownOperationError: under ``strict``, an operation without a rule.
        """
        with _measuring():
            self._findings = experiment(self.network, chunk.x, self.options)
        plan = self._findings.plan
        self._interception = Interception(self.network, plan)
        if not plan.synaptic and self.network.spiking_layers():
            raise NothingCountedError(
                "the network spikes, but not one synaptic operation was seen; expected linear, convolutional or matrix "
                "products in its forward pass. Custom kernels and compiled code are invisible: use the plain modules"
            )
        if self.options.strict and plan.unknown:
            names = ", ".join(f"{u.name} ({u.calls} calls, {u.elements} elements)" for u in plan.unknown)
            raise UnknownOperationError(f"operations without a rule (--strict): {names}")

    @property
    def notes(self) -> tuple[str, ...]:
        """What the experiments noticed."""
        return () if self._findings is None else self._findings.notes

    def add(self, chunk: Chunk) -> None:
        """Run the network on a chunk and count; prepares itself on the first one."""
        if self._interception is None:
            self.prepare(chunk)
        if self._interception is None:
            raise NetworkError("the recorder could not be prepared")
        self._check_shape(chunk)
        if self._failed:
            raise _not_whole()
        self._failed = True  # until this chunk is recorded
        plan = self._plan
        started = time.perf_counter()
        for entry in plan.entries:
            entry.begin(len(chunk))
        with _measuring():
            readout = self._interception.run(self._padded(chunk.x), len(chunk))
        for entry in plan.entries:
            entry.finish_chunk()
        if self.options.input_kind != "real":
            self._input_events.append(self._count_input(chunk.x))
        self._chunks.append((chunk, readout[:, : len(chunk)].to(torch.float32).cpu().numpy()))
        self._wall_s += time.perf_counter() - started
        self._failed = False

    def _check_shape(self, chunk: Chunk) -> None:
        axis, shape = self.network.sample_axis, tuple(chunk.x.shape)
        if not len(chunk):
            raise InputError(f"chunk {chunk.index}: expected samples, found none")
        if len(chunk) != shape[axis]:
            raise InputError(f"chunk {chunk.index}: {len(chunk)} ids, but {shape[axis]} samples in its input {shape}")
        one = shape[:axis] + shape[axis + 1 :]
        if self._sample_shape is None:
            self._sample_shape = one
        if one != self._sample_shape:
            raise InputError(
                f"chunk {chunk.index}: a sample has shape {one}, in the first chunk it had {self._sample_shape}; "
                "expected one shape for all (counts per position mean nothing otherwise)"
            )

    def verify(self, chunk: Chunk) -> None:
        """Look once more, after the last chunk: the same calls on its samples, the same values as in the beginning.

        Raises:
            NetworkError: the network makes other calls than in the first batch, or its state has changed.
        """
        plan = self._plan
        with _measuring():
            seen = calls_of(self.network, chunk.x)
            if seen != plan.seen:
                at = next((a or b for a, b in zip_longest(seen, plan.seen) if a != b), ("", "", ""))
                raise different_calls(at[2] or f"the neurons {at[1]}")
            if self._findings is not None:
                self._findings.check_unchanged(self.network)
            if self._interception is not None and not self._interception.sums_hold(self._padded(chunk.x), len(chunk)):
                raise different_calls("a residual sum")

    def time_bare(self, chunk: Chunk) -> None:
        """Time one forward run of a chunk without recording, in seconds per sample of a full batch."""
        x = self._padded(chunk.x)
        with _measuring():
            started = time.perf_counter()
            self.network.run(x)
            elapsed = time.perf_counter() - started
        self._bare_s.append(elapsed / max(x.shape[self.network.sample_axis], 1))

    def take(self) -> Trace:
        """Everything counted since the last call, as a trace."""
        plan, findings = self._plan, self._findings
        if not self._chunks or findings is None:
            raise NetworkError("no chunk has been recorded since the last trace was taken")
        if self._failed:
            raise _not_whole()
        layers = {entry.name: entry.take() for entry in plan.synaptic}
        neurons = tuple(entry.take() for entry in plan.neurons)
        trace = Trace(
            time_steps=self.network.time_steps,
            samples=self._sample_facts(),
            output=self._output(findings),
            synaptic=tuple(layers[name] for name in plan.order),
            neurons=neurons,
            elementwise=(*plan.elementwise, *(entry.take() for entry in plan.meetings)),
            unknown=tuple(plan.unknown),
            graph=tuple(plan.graph),
            model=model_facts(self.network, neurons),
            facts=pass_facts(
                self.network, self.options, findings.stochastic, tuple(self._bare_s), self._wall_s, findings.notes
            ),
            input_kind=self.options.input_kind,
            input_events_TN=np.concatenate(self._input_events, axis=-1) if self._input_events else None,
        )
        self._chunks, self._input_events, self._bare_s, self._wall_s = [], [], [], 0.0
        trace.check()
        return trace

    def record(self, chunk: Chunk) -> Trace:
        """``add`` one chunk and ``take`` its trace."""
        self.add(chunk)
        return self.take()

    @property
    def _plan(self) -> Plan:
        if self._findings is None:
            raise NetworkError("the recorder has not been prepared: call prepare(chunk) first")
        return self._findings.plan

    # -- facts ------------------------------------------------------------------------------------------------

    def _padded(self, x: Tensor) -> Tensor:
        """The chunk filled up to a whole batch with its own samples, so that arithmetic never differs."""
        axis = self.network.sample_axis
        missing = self.options.batch_size - x.shape[axis]
        if missing <= 0 or not self._plan.attributed:
            writes = self._findings is not None and self._findings.writes_input
            return x.clone() if writes else x  # the chunk stays what it was
        index = torch.arange(self.options.batch_size) % x.shape[axis]
        return x.index_select(axis, index.to(x.device))

    def _count_input(self, x: Tensor) -> Int:
        """Nonzero elements of the network's own input ``[T,N]`` (T = 1 for static input)."""
        axis = self.network.sample_axis
        rows = (x != 0).reshape(*x.shape[: axis + 1], -1).sum(dim=-1).cpu().numpy().astype(np.int64)
        return np.asarray(rows if axis == 1 else rows[None])

    def _sample_facts(self) -> Samples:
        chunks = [c for c, _ in self._chunks]
        ids = np.concatenate([c.id for c in chunks]).astype(np.int64)
        steps = self.network.time_steps

        def per_sample(get: Any, default: Any) -> Int:
            return np.concatenate([default(c) if get(c) is None else get(c) for c in chunks]).astype(np.int64)

        return Samples(
            id=ids,
            target=np.concatenate([c.target for c in chunks]).astype(np.int64),
            group_id=per_sample(lambda c: c.group_id, lambda c: c.id),
            valid_steps=per_sample(lambda c: c.valid_steps, lambda c: np.full(len(c), steps)),
            batch=np.concatenate([np.full(len(c), c.index) for c in chunks]).astype(np.int64),
            split=self.options.split,
        )

    def _output(self, findings: Findings) -> Output:
        readout = np.concatenate([r for _, r in self._chunks], axis=1)
        per_step = len(readout) == self.network.time_steps
        output = Output(
            readout_TNK=readout,
            kind="per-step" if per_step else "final",
            causal=findings.causal,
            not_causal_layer=findings.not_causal_layer if findings.causal == "no" else None,
            encoding_depends_on_time_steps=self.options.encoding_depends_on_time_steps,
        )
        return summarise(output, self._sample_facts().target) if readout.shape[2] > self.options.max_classes else output


def _not_whole() -> NetworkError:
    return NetworkError("an earlier chunk could not be recorded, and counts are not whole; begin with a new recorder")


def record_trace(network: Network, chunks: Iterable[Chunk], options: ProbeOptions | None = None) -> Trace:
    """One pass over a data set: prepare on the first chunk, record all, time a few bare, join.

    Raises:
        NetworkError: no chunk at all, and everything `Recorder.prepare` raises.
    """
    recorder = Recorder(network, options)
    timed = recorder.options.timed_chunks
    last = None
    for chunk in chunks:
        recorder.add(chunk)
        last = chunk
        if timed > 0:
            recorder.time_bare(chunk)
            timed -= 1
    if last is None:
        raise NetworkError("there is nothing to record; expected at least one chunk")
    recorder.verify(last)
    return recorder.take()

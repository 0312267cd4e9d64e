"""The pass itself: experiments on the first chunk, then one forward run a chunk with every count taken on the way."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from snn_eval.data import Chunk
from snn_eval.errors import NetworkError, NothingCountedError, UnknownOperationError
from snn_eval.models.network import Network, SpikingLayer
from snn_eval.probe.calls import COMPOSITES, RULES, Attention, NoRuleError, Pair, Part, Weighted, expand_composite
from snn_eval.probe.counting import Counted, Fan
from snn_eval.probe.elementwise import BINARY, operands_of_meeting
from snn_eval.probe.entries import ProductEntry, WeightedEntry
from snn_eval.probe.experiments import Findings, experiment, refuse_invisible
from snn_eval.probe.inventory import spikes_of
from snn_eval.probe.chunk import ProbeOptions
from snn_eval.probe.plan import Plan, PlannedPart
from snn_eval.probe.product import LevelSet, PairCounts, count_masked_pairs, count_pairs
from snn_eval.probe.readout import model_facts, pass_facts, summarise
from snn_eval.trace import Output, Samples, Trace, concatenate

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


@dataclass(slots=True)
class _Shared:
    """A neuron's output already counted for the layer expected to read it; held so that its memory stays its own."""

    spikes: Tensor
    address: int
    version: int
    entry: WeightedEntry
    fan: Fan
    counted: Counted

    def serves(self, x: Tensor, entry: WeightedEntry, fan: Fan) -> bool:
        """Whether ``x`` is that output, unchanged, and the weights are those it was counted for."""
        return (
            entry is self.entry
            and fan is self.fan
            and x.data_ptr() == self.address
            and x.numel() == self.spikes.numel()
            and x.is_contiguous()
            and not x.is_inference()
            and x._version == self.version
        )


class Recorder(TorchFunctionMode):
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
        super().__init__()
        refuse_invisible(network.module)
        self.network = network
        self.options = options or ProbeOptions()
        self._findings: Findings | None = None
        self._layers: dict[str, SpikingLayer] = {}
        self._call = self._meeting = 0
        self._spike_calls: dict[str, int] = {}
        self._samples = 0
        self._shared: _Shared | None = None
        self._inside = 0
        self._chunks: list[tuple[Chunk, NDArray[np.float32]]] = []
        self._input_events: list[Int] = []
        self._bare_s: list[float] = []
        self._wall_s = 0.0

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
            self._layers = dict(self.network.spiking_layers())
        plan = self._findings.plan
        if not plan.weighted and not plan.products and self._layers:
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
        if self._findings is None:
            self.prepare(chunk)
        plan = self._plan
        started = time.perf_counter()
        x, self._samples = self._padded(chunk.x), len(chunk)
        for entry in plan.entries:
            entry.begin(self._samples)
        self._call = self._meeting = 0
        self._spike_calls = dict.fromkeys(plan.spikes, 0)
        with _measuring(), self._hooks(), self:
            readout = self.network.run(x)
        self._shared = None
        self._check_complete()
        for entry in plan.entries:
            entry.finish_chunk()
        if self._findings is not None and self.options.input_kind != "real":
            self._input_events.append(self._count_input(chunk.x))
        self._chunks.append((chunk, readout[:, : self._samples].to(torch.float32).cpu().numpy()))
        self._wall_s += time.perf_counter() - started

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
        meetings = [
            replace(m.op, effective_TN=np.concatenate(m.done, axis=-1) if m.view.layout is not None else None)
            for m in plan.meetings
        ]
        for m in plan.meetings:
            m.done = []
        layers = {entry.name: entry.take() for entry in (*plan.weighted, *plan.products)}
        neurons = tuple(entry.take() for entry in plan.neurons)
        trace = Trace(
            time_steps=self.network.time_steps,
            samples=self._sample_facts(),
            output=self._output(findings),
            synaptic=tuple(layers[name] for name in plan.order),
            neurons=neurons,
            elementwise=(*plan.elementwise, *meetings),
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

    # -- what happens during a run ----------------------------------------------------------------------------

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        name = getattr(func, "__name__", "")
        if name in RULES:
            out = func(*args, **kwargs) if kwargs else func(*args)
            self._on_call(name, args, kwargs or {}, out)
            return out
        if name in BINARY and not self._inside:
            self._on_meeting(name, args)
        elif name in COMPOSITES:
            with self:
                return expand_composite(name, args, kwargs or {})
        return func(*args, **kwargs) if kwargs else func(*args)

    @property
    def _plan(self) -> Plan:
        if self._findings is None:
            raise NetworkError("the recorder has not been prepared: call prepare(chunk) first")
        return self._findings.plan

    def _on_call(self, name: str, args: Any, kwargs: Any, out: Any) -> None:
        try:
            parts = RULES[name](args, kwargs, out)
        except NoRuleError:
            return
        if not parts:
            return
        plan = self._plan
        if self._call >= len(plan.calls) or plan.calls[self._call][0] != name:
            raise self._different(name)
        planned = plan.calls[self._call][1]
        self._call += 1
        if len(parts) == 1 and isinstance(parts[0], Attention):
            self._count_attention(parts[0], planned)
            return
        for part, todo in zip(parts, planned, strict=True):
            self._count_part(part, todo)

    def _count_part(self, part: Part, todo: PlannedPart) -> None:
        entry = todo.entry
        if isinstance(entry, WeightedEntry) and isinstance(part, Weighted):
            shared = self._take_shared(part.x, entry, part)
            entry.add(part.x, part, self._samples, todo.step, shared)
        elif isinstance(entry, WeightedEntry) and isinstance(part, Pair):
            turned = Pair(part.b, part.a, part.labels_b, part.labels_a) if todo.swap else part
            entry.add(turned.a, turned, self._samples, todo.step, self._take_shared(turned.a, entry, turned))
        elif isinstance(entry, ProductEntry) and isinstance(part, Pair):
            a, b = (view(t) for view, t in zip(todo.views, (part.a, part.b), strict=True))
            entry.add(count_pairs(a, b, entry.levels_a, entry.levels_b), todo.step)

    def _count_attention(self, part: Attention, planned: tuple[PlannedPart, ...]) -> None:
        scores, values = planned
        query, key, value = (v(t) for v, t in zip(scores.views, (part.query, part.key, part.value), strict=True))
        length, width = part.query.shape[-2], part.key.shape[-2]
        if part.allowed is None:
            allowed = torch.ones(1, 1, 1, length, width, dtype=torch.bool).expand(*query.shape[:3], length, width)
        else:
            allowed = scores.views[0].mask(part.allowed, (*part.query.shape[:-2], length, width))
        if isinstance(scores.entry, ProductEntry):
            counts = count_masked_pairs(query, key, allowed, scores.entry.levels_a, scores.entry.levels_b)
            scores.entry.add(counts, scores.step)
        if isinstance(values.entry, ProductEntry):
            # Softmax weights are nonzero exactly where the mask lets a score through, and real.
            values.entry.levels_a.collapsed = True
            weights = scores.views[0].mask(part.weights(), (*part.query.shape[:-2], length, width))
            values.entry.add(_attention_values(allowed, weights, value, values.entry.levels_b), values.step)

    def _take_shared(self, x: Tensor, entry: WeightedEntry, part: Weighted | Pair) -> Counted | None:
        shared = self._shared
        if shared is None or entry is not shared.entry:
            return None
        if not shared.serves(x, entry, entry.fan_of(part)):
            return None
        self._shared = None
        return shared.counted

    def _on_meeting(self, name: str, args: Any) -> None:
        pair = operands_of_meeting(name, args)
        if pair is None:
            return
        plan = self._plan
        if self._meeting >= len(plan.binary):
            raise self._different(name)
        planned = plan.binary[self._meeting]
        self._meeting += 1
        if planned is not None:
            planned[0].add(*pair, self._samples, planned[1])

    def _different(self, name: str) -> NetworkError:
        return NetworkError(
            f"the network made other calls than in the first batch (at {name}); expected the same calls for every "
            "batch. Data-dependent control flow (early exit, skipping) cannot be measured as it is"
        )

    def _check_complete(self) -> None:
        plan = self._plan
        missing = self._call != len(plan.calls) or self._meeting != len(plan.binary)
        if missing or any(self._spike_calls[path] != len(calls) for path, calls in plan.spikes.items()):
            raise self._different("its end")

    # -- spiking layers ---------------------------------------------------------------------------------------

    @contextlib.contextmanager
    def _hooks(self) -> Iterator[None]:
        """Hooks on the spiking layers: their own arithmetic is hidden from the mode, their output is counted."""
        plan, handles = self._plan, []
        for path in plan.spikes:
            handles += self._hook(path, self._layers[path], path in plan.spiking_with_calls)
        try:
            yield
        finally:
            for handle in handles:
                handle.remove()

    def _hook(self, path: str, layer: SpikingLayer, visible: bool) -> list[Any]:
        calls = self._plan.spikes[path]
        guards: list[Any] = []

        def enter(_module: nn.Module, _inputs: Any) -> None:
            self._inside += 1
            if not visible:
                guard = torch._C.DisableTorchFunction()
                guard.__enter__()
                guards.append(guard)

        def leave(_module: nn.Module, _inputs: Any, output: Any) -> None:
            self._inside -= 1
            if guards:
                guards.pop().__exit__(None, None, None)
            if output is None:  # the module raised; its error is on its way
                return
            with torch._C.DisableTorchFunction():
                self._on_spikes(path, calls, spikes_of(output, layer))

        return [
            layer.module.register_forward_pre_hook(enter, prepend=True),
            layer.module.register_forward_hook(leave, always_call=True),
        ]

    def _on_spikes(self, path: str, calls: Any, spikes: Tensor) -> None:
        at = self._spike_calls[path]
        if at >= len(calls):
            raise self._different(f"the neurons {path}")
        self._spike_calls[path] = at + 1
        entry, step, reader = calls[at]
        if not entry.layer.neuron.has_threshold:
            return
        x = entry.view(spikes)
        samples = self._samples if entry.attributed else 1
        columns = entry.columns_at(step)
        if reader is None or reader.fan is None or spikes.is_inference() or x.data_ptr() != spikes.data_ptr():
            entry.add(entry.counter.count(x, samples, None, columns), step)
            return
        counted = reader.counter.count(x, samples, reader.fan, columns)
        entry.add(counted, step)
        self._shared = _Shared(spikes, x.data_ptr(), spikes._version, reader, reader.fan, counted)

    # -- facts ------------------------------------------------------------------------------------------------

    def _padded(self, x: Tensor) -> Tensor:
        """The chunk filled up to a whole batch with its own samples, so that arithmetic never differs."""
        axis = self.network.sample_axis
        missing = self.options.batch_size - x.shape[axis]
        if missing <= 0 or not self._plan.attributed:
            return x
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
            not_causal_layer=findings.plan.not_causal_layer if findings.causal == "no" else None,
            encoding_depends_on_time_steps=self.options.encoding_depends_on_time_steps,
        )
        return summarise(output, self._sample_facts().target) if readout.shape[2] > self.options.max_classes else output


def _attention_values(allowed: Tensor, weights: Tensor, value: Tensor, levels: LevelSet) -> PairCounts:
    """Pairs of an allowed score and a nonzero value: for each key, the queries it may serve times its nonzero values.

    All are ``[T,N,H,…]``: ``allowed`` and ``weights`` by query and key, ``value`` by key and feature.
    """
    known = levels.learn(value)
    values = value.to(torch.float64)
    serves = allowed.to(torch.float64).sum(dim=-2)
    masks = [values == level for level in known]
    other = values != 0
    for mask in masks:
        other = other & ~mask
    ops = [(serves * m.sum(dim=-1)).sum(dim=(2,)).sum(dim=-1).to(torch.int64).numpy() for m in (*masks, other)]
    inputs = allowed.sum(dim=(2, 3, 4)).numpy().astype(np.int64)[None]
    weighted = (weights.sum(dim=-2) * values.abs().sum(dim=-1)).sum(dim=(2, 3)).numpy()
    return PairCounts(inputs, np.stack(ops)[None], weighted, weights.sum(dim=(2, 3, 4)).numpy())


def record_trace(network: Network, chunks: Iterable[Chunk], options: ProbeOptions | None = None) -> Trace:
    """One pass over a data set: prepare on the first chunk, record all, time a few bare, join.

    Raises:
        NetworkError: no chunk at all, and everything `Recorder.prepare` raises.
    """
    recorder = Recorder(network, options)
    timed = recorder.options.timed_chunks
    parts = []
    for chunk in chunks:
        recorder.add(chunk)
        if timed > 0:
            recorder.time_bare(chunk)
            timed -= 1
    parts.append(recorder.take())
    return concatenate(parts)

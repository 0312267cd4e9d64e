"""A case as data, what brute force expects of it, and the comparison with a trace: exact, per step and sample."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import torch
from brute import Count
from intercept import capture, plain_kernels, to_numpy
from torch import Tensor, nn
from wrap import LocalNetwork, reset

from snn_eval.probe import Chunk, ProbeOptions
from snn_eval.trace import Trace

__all__ = ["Case", "Expected", "Reference", "chunks_of", "dyadic", "expected_of", "record_case", "spikes_of"]

StepCounts = list[Count]
Reference = Callable[[nn.Module, Tensor], list[StepCounts]]
"""(module, one sample) -> for each layer in order of execution the counts of each executed step."""


@dataclass(frozen=True)
class Case:
    """One network, its input, and how its calls lie in time.

    Attributes:
        module: makes the module (eval mode and dtype are set here). inputs: makes a batch of n samples.
        plan: for each captured call of one forward pass, in order: ``once`` (one execution for all steps), ``fold``
            (one execution holding all steps, time-major), ``loop`` (one call in each step). Default: all as driven.
        reference: counts written by hand, where interception does not show the operation as defined.
        drop_levels: layers (by position) whose input values come out of exp: compared by number, not by value.
        layers: how many layers there must be. may_be_unknown: naming the operation as unknown is an answer, too.
    """

    name: str
    module: Callable[[], nn.Module]
    inputs: Callable[[int], Tensor]
    time_steps: int = 1
    sample_axis: int = 0
    drive: Literal["whole", "loop"] = "whole"
    final: bool = False
    plan: tuple[Literal["once", "fold", "loop"], ...] = ()
    reference: Reference | None = None
    drop_levels: tuple[int, ...] = ()
    dtype: torch.dtype = torch.float32
    samples: int = 4
    batch_size: int = 3
    options: dict[str, Any] = field(default_factory=dict)
    caller: Literal["no_grad", "inference_mode", "grad"] = "grad"
    layers: int | None = None
    may_be_unknown: bool = False

    def network(self) -> LocalNetwork:
        torch.manual_seed(0)
        module = self.module().eval().to(self.dtype)
        return LocalNetwork(module, self.time_steps, self.sample_axis, self.drive, self.final)

    def data(self) -> Tensor:
        torch.manual_seed(1)
        x = self.inputs(self.samples)
        return x.to(self.dtype) if x.is_floating_point() else x


@dataclass(frozen=True)
class Expected:
    """Counts ``[layer][t][n]`` and spikes ``{layer: [T,N]}`` with per-neuron totals ``{layer: [T,*shape]}``."""

    layers: list[list[list[Count]]]
    spikes: dict[str, np.ndarray]
    per_neuron: dict[str, np.ndarray]


def dyadic(module: nn.Module, seed: int = 0) -> nn.Module:
    """Every parameter a nonzero multiple of 1/8 in [−1, 1]: sums are exact in any order of summation."""
    generator = torch.Generator().manual_seed(seed)
    for parameter in module.parameters():
        size = torch.randint(1, 9, parameter.shape, generator=generator)
        sign = torch.randint(0, 2, parameter.shape, generator=generator) * 2 - 1
        parameter.data = (size * sign / 8).to(parameter.dtype)
    return module


def _sample(case: Case, x: Tensor, n: int) -> Tensor:
    return x.narrow(case.sample_axis, n, 1)


def by_plan(calls: Sequence[Any], case: Case) -> list[StepCounts]:
    """Captured calls of one sample arranged as layers × executed steps."""
    default = "loop" if case.drive == "loop" else "fold"
    plan = case.plan or (default,) * (len(calls) // (case.time_steps if default == "loop" else 1))
    before = [i for i, p in enumerate(plan) if p != "loop" and "loop" in plan[i:]]
    loop = [i for i, p in enumerate(plan) if p == "loop"]
    after = [i for i in range(len(plan)) if i not in before and i not in loop]
    order = before + loop * case.time_steps + after
    if len(order) != len(calls):
        raise ValueError(f"{case.name}: plan {plan} means {len(order)} calls, captured {len(calls)}")
    layers: list[StepCounts] = [[] for _ in plan]
    for i, call in zip(order, calls, strict=True):
        cut = call.steps(case.time_steps) if plan[i] == "fold" and case.time_steps > 1 else [call]
        layers[i].extend(part.count() for part in cut)
    return layers


def spikes_of(network: LocalNetwork, x: Tensor) -> dict[str, np.ndarray]:
    """Nonzero outputs ``[T,*shape]`` of each spiking layer for one sample."""
    seen: dict[str, list[np.ndarray]] = {name: [] for name in network.spiking_layers()}
    hooks = []
    for name, layer in network.spiking_layers().items():

        def keep(_m: nn.Module, _a: Any, out: Any, name: str = name) -> None:
            seen[name].append(to_numpy(out if isinstance(out, Tensor) else out[0]) != 0)

        hooks.append(layer.module.register_forward_hook(keep))
    with torch.no_grad():
        network.run(x)
    for hook in hooks:
        hook.remove()
    return {name: _per_step(outputs, network.time_steps) for name, outputs in seen.items()}


def _per_step(outputs: list[np.ndarray], time_steps: int) -> np.ndarray:
    """``[T,*shape]`` from one output ``[T,1,*shape]``, ``[1,T,*shape]`` or ``[T,*shape]``, or from calls of
    ``[1,*shape]``; several calls a step add up."""
    if len(outputs) < time_steps:
        both = np.concatenate(outputs).astype(int)
        flat = both.shape[0] == time_steps and (both.ndim < 3 or both.shape[1] > 1)
        return both.reshape(time_steps, *both.shape[1 if flat else 2 :])
    by_step = np.concatenate(outputs).astype(int).reshape(time_steps, -1, *outputs[0].shape[1:])
    return np.asarray(by_step.sum(1))


def expected_of(case: Case) -> Expected:
    """Brute force over each sample alone (a sample must not depend on its neighbours)."""
    network, x = case.network(), case.data()
    columns, maps = [], []
    for n in range(case.samples):
        one = _sample(case, x, n)
        if case.reference is not None:
            reset(network.module)
            with torch.no_grad(), plain_kernels():
                columns.append(case.reference(network.module, one))
        else:
            columns.append(by_plan(capture(network.module, network.run, one), case))
        maps.append(spikes_of(network, one))
    layers = [[list(step) for step in zip(*layer, strict=True)] for layer in zip(*columns, strict=True)]
    names = list(network.spiking_layers())
    spikes = {k: np.stack([m[k].reshape(len(m[k]), -1).sum(1) for m in maps], 1) for k in names}
    return Expected(layers, spikes, {k: np.sum([m[k] for m in maps], axis=0) for k in names})


def chunks_of(case: Case, x: Tensor, batch_size: int | None = None) -> list[Chunk]:
    """The samples in chunks of ``batch_size``; the last one is smaller."""
    size = case.batch_size if batch_size is None else batch_size
    return [
        Chunk(i, np.arange(s, min(s + size, case.samples)), part, np.zeros(part.shape[case.sample_axis], np.int64))
        for i, (s, part) in enumerate(
            (s, x.narrow(case.sample_axis, s, min(size, case.samples - s))) for s in range(0, case.samples, size)
        )
    ]


def record_case(case: Case, **options: Any) -> Trace:
    """The probe's trace of the case."""
    from snn_eval.probe import record_trace

    merged = {"batch_size": case.batch_size, "timed_chunks": 0, **case.options, **options}
    callers = {"no_grad": torch.no_grad, "inference_mode": torch.inference_mode, "grad": torch.enable_grad}
    with callers[case.caller]():
        network, x = case.network(), case.data()
        size = int(merged["batch_size"])
        return record_trace(network, chunks_of(case, x, size), ProbeOptions(**merged))

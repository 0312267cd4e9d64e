"""Runs a NIR graph: nodes outside loops with all steps at once, loops step by step, input that stays the same once."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from functools import reduce

import numpy as np
import torch
from torch import Tensor, nn

from snn_eval.models.nir.neurons import Neuron
from snn_eval.models.nir.nodes import Delay
from snn_eval.models.nir.order import Stage
from snn_eval.models.nir.reading import Graph

__all__ = ["GraphNetwork"]


class _Sum(nn.Module):
    """What a node with several sources is given; a module, so that its additions are told from those of others."""

    def forward(self, *parts: Tensor) -> Tensor:
        """Sum of tensors of one shape."""
        return reduce(torch.add, parts)


class GraphNetwork(nn.Module):
    """A NIR graph as a network; each forward starts from rest.

    Static input ``[N,…]`` passes the nodes before the first neuron once and is held for ``time_steps`` steps; input
    ``[T,N,…]`` brings its own. The outcome is what reaches the graph's output, ``[T,N,…]`` (``[N,…]`` for static input
    of a graph without neurons and delays).
    """

    def __init__(
        self,
        graph: Graph,
        modules: Mapping[str, nn.Module],
        order: Sequence[Stage],
        input_shape: tuple[int, ...],
        time_steps: int,
    ) -> None:
        super().__init__()
        self.graph, self.order, self.input_shape, self.time_steps = graph, tuple(order), input_shape, time_steps
        self.sources = {name: graph.sources(name) for name in graph.nodes}
        self.paths = {name: _path(name, self, modules) for name in modules}
        for name, module in modules.items():
            self.add_module(self.paths[name], module)
        self.sums = {name: f"{self.paths.get(name, 'output')}/sum" for name in self.sources}
        for name, sources in self.sources.items():
            if len(sources) > 1:
                self.add_module(self.sums[name], _Sum())
        for stage in self.order:
            for name in stage.names if stage.loop else ():
                module = modules[name]
                if isinstance(module, Neuron | Delay):
                    module.one_step = True

    @property
    def outputs(self) -> int:
        """Values at the output for a sample and a step, as the graph's Output says."""
        return math.prod(int(size) for size in np.atleast_1d(self.graph.nodes[self.graph.output].output_type["output"]))

    def forward(self, x: Tensor) -> Tensor:
        """What reaches the output of the graph."""
        values = {self.graph.input: x}
        held = {self.graph.input} if self._is_static(x) else set()
        for stage in self.order:
            if stage.loop:
                values.update(self._loop(stage, values, held))
            else:
                values.update(self._chain(stage.names[0], values, held))
        return self._given(self.graph.output, self.sources[self.graph.output], values, held)

    def _is_static(self, x: Tensor) -> bool:
        axes = len(self.input_shape)
        if x.dim() not in (axes + 1, axes + 2) or tuple(x.shape[x.dim() - axes :]) != self.input_shape:
            given = list(x.shape[2:] if x.dim() > axes + 1 else x.shape[1:])
            raise RuntimeError(f"the graph's input is {list(self.input_shape)}, the data's samples are {given}")
        return x.dim() == axes + 1

    def _module(self, name: str) -> nn.Module:
        return self.get_submodule(self.paths[name])

    def _over_time(self, name: str, values: Mapping[str, Tensor], held: set[str]) -> Tensor:
        value = values[name]
        return value.unsqueeze(0).expand(self.time_steps, *value.shape) if name in held else value

    def _sum(self, name: str, parts: Sequence[Tensor]) -> Tensor:
        if len(parts) == 1:
            return parts[0]
        total: Tensor = self.get_submodule(self.sums[name])(*parts)
        return total

    def _given(self, name: str, sources: Sequence[str], values: Mapping[str, Tensor], held: set[str]) -> Tensor:
        """Sum of what some sources of a node gave: ``[N,…]`` where all of it is held, else ``[T,N,…]``."""
        static = held.issuperset(sources)
        return self._sum(name, [values[s] if static else self._over_time(s, values, held) for s in sources])

    def _chain(self, name: str, values: Mapping[str, Tensor], held: set[str]) -> dict[str, Tensor]:
        """Output of a node outside loops; ``held`` grows where it is the same at every step."""
        module, sources = self._module(name), self.sources[name]
        x, static = self._given(name, sources, values, held), held.issuperset(sources)
        if isinstance(module, Neuron | Delay):
            return {name: module(x.unsqueeze(0).expand(self.time_steps, *x.shape) if static else x)}
        if static:
            held.add(name)
        return {name: _run(module, x, name, folded=not static)}

    def _loop(self, stage: Stage, values: Mapping[str, Tensor], held: set[str]) -> dict[str, Tensor]:
        """Outputs ``[T,N,…]`` of the nodes of a loop that others read."""
        outside = {name: [s for s in self.sources[name] if s not in stage.names] for name in stage.names}
        given = {
            name: [self._over_time(s, values, held) for s in sources] for name, sources in outside.items() if sources
        }
        read = {s for name, sources in self.sources.items() if name not in stage.names for s in sources}
        outputs: dict[str, list[Tensor]] = {name: [] for name in stage.names if name in read}
        for name in stage.names:
            module = self._module(name)
            if isinstance(module, Neuron | Delay):
                module.reset()
        entry = next(iter(given.values()))[0]
        before = {a: entry.new_zeros(entry.shape[1], *self._shape(a)) for a, _ in stage.later}
        for t in range(len(entry)):
            now: dict[str, Tensor] = {}
            for name in stage.names:
                parts = [value[t] for value in given.get(name, ())]
                for source in self.sources[name]:
                    if source in stage.names:
                        parts.append(before[source] if (source, name) in stage.later else now[source])
                now[name] = _run(self._module(name), self._sum(name, parts), name, folded=False)
            for name, steps in outputs.items():
                steps.append(now[name])
            before = {name: now[name] for name in before}
        return {name: torch.stack(steps) for name, steps in outputs.items()}

    def _shape(self, name: str) -> tuple[int, ...]:
        module = self._module(name)
        assert isinstance(module, Neuron)  # only what neurons give arrives later
        return module.shape


def _run(module: nn.Module, x: Tensor, name: str, *, folded: bool) -> Tensor:
    """Output of a module on ``[B,…]``, or with ``folded`` on ``[T,N,…]`` with both axes made one."""
    try:
        out: Tensor = module(x.flatten(0, 1)).unflatten(0, x.shape[:2]) if folded else module(x)
    except RuntimeError as error:
        told = str(error).splitlines()[0]
        raise RuntimeError(told if told.startswith("node ") else f"node {name}: {told}") from error
    return out


def _path(name: str, module: nn.Module, others: Mapping[str, nn.Module]) -> str:
    """Name of a node as that of a submodule: no dots, no attribute of a module."""
    path = name.replace(".", "/")
    while hasattr(module, path) or (path != name and path in others):
        path += "_"
    return path

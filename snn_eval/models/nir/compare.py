"""Runs the same NIR graph in another simulator and names the first spike in which it and ours differ.

spikingjelly's importer (2.0) takes IF, LIF and CubaLIF (one value a layer), also in loops. snntorch's (1.0)
works for chains of Linear, Affine, LIF and CubaLIF: its IF leaks (beta 0.9) and returns a tuple that the next layer
cannot take, and nirtorch 2.6 cannot run its recurrent layers.
"""

from __future__ import annotations

import contextlib
import copy
import io
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor, nn

from snn_eval.errors import NetworkError
from snn_eval.models.nir.building import build_graph
from snn_eval.models.nir.neurons import Neuron
from snn_eval.models.nir.reading import Graph, flat_graph

__all__ = ["Difference", "Simulator", "first_difference"]

Simulator = Literal["spikingjelly", "snntorch"]


@dataclass(frozen=True, slots=True)
class Difference:
    """Where two simulators first differ: a neuron's output at one step of one sample."""

    layer: str
    step: int
    sample: int
    neuron: tuple[int, ...]
    ours: float
    theirs: float

    def __str__(self) -> str:
        where = f"layer {self.layer}, step {self.step}, sample {self.sample}, neuron {list(self.neuron)}"
        return f"{where}: {self.ours:g} here, {self.theirs:g} there"


def first_difference(graph: Any, x: Tensor, simulator: Simulator) -> Difference | None:
    """Compare the outputs of all neurons, step by step and within a step in the order of execution.

    Args:
        graph: of the package ``nir``, without sub-graphs.
        x: input ``[T,N,…]``.
        simulator: whose importer reads the graph.

    Returns:
        The first difference, or None where all outputs are equal.

    Raises:
        NetworkError: the simulator, or the package nirtorch, does not take the graph.
        CheckpointError: we do not.
    """
    flat = flat_graph(graph, "graph")
    ours = build_graph(flat, len(x))
    layers = {name: ours.get_submodule(ours.paths[name]) for stage in ours.order for name in stage.names}
    neurons = {name: module for name, module in layers.items() if isinstance(module, Neuron)}
    with _recorded(neurons) as here, torch.no_grad():
        ours(x)
    there = _theirs(graph, flat, x, simulator, list(neurons))
    own = {name: torch.cat(parts) if not neurons[name].one_step else torch.stack(parts) for name, parts in here.items()}
    for step in range(len(x)):
        for name in neurons:
            a, b = own[name][step], there[name][step].reshape(own[name][step].shape)
            if not torch.equal(a, b):
                sample, *neuron = map(int, (a != b).nonzero()[0])
                place = (sample, *neuron)
                return Difference(name, step, sample, tuple(neuron), float(a[place]), float(b[place]))
    return None


@contextlib.contextmanager
def _recorded(modules: Mapping[str, nn.Module]) -> Iterator[dict[str, list[Tensor]]]:
    """Outputs of some modules, a call each; the first where a module gives several."""
    outputs: dict[str, list[Tensor]] = {name: [] for name in modules}

    def hook(name: str) -> Callable[..., None]:
        return lambda _module, _inputs, out: outputs[name].append(out[0] if isinstance(out, tuple) else out)

    handles = [module.register_forward_hook(hook(name)) for name, module in modules.items()]
    try:
        yield outputs
    finally:
        for handle in handles:
            handle.remove()


def _theirs(graph: Any, flat: Graph, x: Tensor, simulator: Simulator, neurons: list[str]) -> dict[str, list[Tensor]]:
    """Outputs of the neurons in the other simulator, ``[N,…]`` a step."""
    try:
        with contextlib.redirect_stdout(io.StringIO()), torch.no_grad():
            module = _IMPORTERS[simulator](copy.deepcopy(graph), flat.dt)
            parts = {name: module.get_submodule(re.sub(r"\W", "_", name)) for name in neurons}
            with _recorded(parts) as outputs:
                state = None
                for x_t in x:
                    result = module(x_t) if state is None else module(x_t, state)
                    state = result[1] if isinstance(result, tuple) else None
    except ModuleNotFoundError as error:
        raise NetworkError(f"{simulator}: its NIR importer needs the package {error.name}: pip install it") from error
    except Exception as error:  # importers raise what they like for what they do not take
        told = (str(error) or type(error).__name__).splitlines()[0]
        raise NetworkError(f"{simulator} does not take this graph: {type(error).__name__}: {told}") from error
    return outputs


def _spikingjelly(graph: Any, dt: float) -> nn.Module:
    from spikingjelly.activation_based.nir_exchange import import_from_nir

    for node in graph.nodes.values():
        if type(node).__name__ == "IF" and (node.r == 1).all():
            node.r = node.r / dt  # spikingjelly writes 1/dt for the R we write as 1 a step
    module: nn.Module = import_from_nir(graph, dt=dt)
    return module


def _snntorch(graph: Any, dt: float) -> nn.Module:
    from snntorch.import_nir import import_from_nir

    if dt != 1e-4:
        raise ValueError(f"its time step is 1e-4 s, the graph's {dt:g} s")
    for node in graph.nodes.values():
        for name in {"stride", "padding", "dilation", "groups"} & set(vars(node)):
            setattr(node, name, _plain(getattr(node, name)))  # of numpy, as read from a file: torch does not take them
    module: nn.Module = import_from_nir(graph)
    return module


def _plain(value: Any) -> Any:
    """Numbers of Python for those of numpy; anything else as it is."""
    if isinstance(value, tuple):
        return tuple(map(_plain, value))
    if isinstance(value, np.ndarray):
        return tuple(value.tolist()) if value.ndim else value.item()
    return value.item() if isinstance(value, np.generic) else value


_IMPORTERS: Mapping[Simulator, Callable[[Any, float], nn.Module]] = {
    "spikingjelly": _spikingjelly,
    "snntorch": _snntorch,
}

"""The budget of a training: what the spikes of each layer can cost, found once, and what a batch spends beyond it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.modules.conv import _ConvNd

from snn_eval.data import Chunk
from snn_eval.errors import NetworkError, SnnEvalError
from snn_eval.probe import ProbeOptions, record_trace
from snn_eval.suite import TrainSection
from snn_eval.trace import Trace
from snn_eval.train.losses import firing_rate
from snn_eval.train.trainee import Trainee

__all__ = ["Budget", "budget_of", "operations_driven", "sum_of_weights"]


@dataclass(frozen=True, slots=True)
class Budget:
    """Penalty on what spikes cost: ``weight · max(0, share − limit)``.

    With ``operations`` the share is ``Σ_l r_l·D_l / Σ_l D_l``: r_l the firing rate of spiking layer l in the batch
    (mean over samples, neurons and the steps it executes), D_l its operations (:func:`operations_driven`), so 1 is a
    spike of every neuron at every step. Without, it is the share of neurons and steps with a spike,
    ``Σ r_l·n_l / Σ n_l``.
    """

    limit: float
    weight: float
    operations: Mapping[str, int] | None = None

    def share(self, spikes: Sequence[tuple[str, Tensor]]) -> Tensor:
        """Share of the possible cost that one pass spent.

        Args:
            spikes: every output of every spiking layer with the layer's path, ``[T,N,…]`` or one tensor per step.

        Returns:
            Scalar with gradient, 0 … 1.
        """
        if self.operations is None:
            return firing_rate(output for _, output in spikes)
        total = torch.zeros((), device=spikes[0][1].device)
        for name, operations in self.operations.items():
            rate = firing_rate(output for path, output in spikes if path == name)
            total = total + operations * rate
        return total / sum(self.operations.values())

    def penalty(self, spikes: Sequence[tuple[str, Tensor]]) -> Tensor:
        """What is added to the loss; 0 without gradient below the limit. Arguments as for :meth:`share`."""
        return self.weight * torch.relu(self.share(spikes) - self.limit)


def budget_of(trainee: Trainee, example: Tensor, config: TrainSection) -> Budget | None:
    """The budget a suite sets; None where it sets none.

    Args:
        trainee: the network.
        example: encoded input of a few samples.
        config: ``[train]``.

    Raises:
        NetworkError: ``budget_form = "operations"``, and which layers read the spikes cannot be told.
    """
    if not config.budget or not config.budget_weight:
        return None
    form = config.budget_form
    operations = operations_driven(trainee, example) if form == "operations" else None
    return Budget(config.budget, config.budget_weight, operations)


def operations_driven(trainee: Trainee, example: Tensor) -> dict[str, int]:
    """Operations D_l of one sample and step that each spiking layer drives if all its neurons fire, by module path.

    ``D_l = n_l · fanout_l = Σ_m dense_m`` over the layers m that read l, directly or through what has no weights (pool,
    norm, sum, dropout, reshaping), ``dense_m`` being the operations of m for one sample and step with no zero skipped
    and border taps left out. So ``fanout_l``, the weights that one spike meets, is ``Σ_m dense_m / n_l``: behind an
    average pool of k × k, which keeps every spike, as behind a maximum pool, which lets one of k² pass, a neuron has
    1/k² of the operations of the pooled position it stands for. A layer read together with others (a residual sum, a
    concatenation) is given all operations of the reader. Independent of the weights' values.

    Raises:
        NetworkError: a trace of the network cannot be recorded, or no weighted layer is seen to read a spiking one.
    """
    samples = example.shape[trainee.network.sample_axis]
    chunk = Chunk(0, np.arange(samples), example.to(trainee.device), np.zeros(samples, np.int64))
    was_training = trainee.module.training
    trainee.module.eval()
    try:
        with torch.random.fork_rng(devices=[trainee.device] if trainee.device.type == "cuda" else []):
            trace = record_trace(trainee.network, [chunk], ProbeOptions(batch_size=samples, timed_chunks=0))
    except SnnEvalError as error:
        raise NetworkError(_cannot(str(error))) from error
    finally:
        trainee.module.train(was_training)
        trainee.network.framework.reset(trainee.module)
    driven = _driven(trace)
    if not driven:
        raise NetworkError(_cannot("no weighted layer is seen to read a spiking one"))
    return driven


def _driven(trace: Trace) -> dict[str, int]:
    """Operations of the layers that read each spiking layer, found along the trace's graph."""
    dense = {layer.name: layer.dense_ops for layer in trace.synaptic}
    spiking = {layer.name for layer in trace.neurons if layer.has_threshold}
    neurons = {layer.name for layer in trace.neurons}
    shared = sorted(dense.keys() & {op.name for op in trace.elementwise if op.kind != "recurrent_gate"})
    if shared:
        raise NetworkError(_cannot(f"{shared[0]} computes with weights and without, and what reads what is not seen"))
    readers: dict[str, list[str]] = {}
    for producer, consumer in trace.graph:
        readers.setdefault(producer, []).append(consumer)
    driven: dict[str, int] = {}
    for name in sorted(spiking):
        found, waiting = {name}, [name]
        while waiting:
            following = [node for node in readers.get(waiting.pop(), []) if node not in found]
            found.update(following)
            waiting += [node for node in following if node not in dense and node not in neurons]
        operations = sum(dense[node] for node in found if node in dense)
        if operations:
            path = name.partition("#")[0]  # a second call per step of the same module
            driven[path] = driven.get(path, 0) + operations
    return driven


def _cannot(cause: str) -> str:
    return f'train.budget: {cause}; use train.budget_form="spikes", which needs no operations'


def sum_of_weights(module: nn.Module) -> Tensor:
    """Σ|w| over the weights of all convolutions and linear layers, each once; biases left out. Scalar with gradient."""
    weights = {id(part.weight): part.weight for part in module.modules() if isinstance(part, _ConvNd | nn.Linear)}
    if not weights:
        return torch.zeros(())
    return torch.stack([weight.abs().sum(dtype=torch.float32) for weight in weights.values()]).sum()

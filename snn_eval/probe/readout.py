"""Facts kept beside the counts: a summary of large readouts, the model's size, how the pass was made."""

from __future__ import annotations

import functools
import platform
import resource
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import torch
from numpy.typing import NDArray

from snn_eval.env import package_versions
from snn_eval.errors import CountError
from snn_eval.models.network import Network
from snn_eval.probe.options import ProbeOptions
from snn_eval.trace import ModelFacts, NeuronLayer, Output, OutputSummary, PassFacts

__all__ = ["model_facts", "pass_facts", "summarise"]


def summarise(output: Output, target: NDArray[np.int64]) -> Output:
    """Replace a readout of many classes by its summary over the mean of steps ≤ t.

    Raises:
        CountError: the output holds no readout.
    """
    if output.readout_TNK is None:
        raise CountError("no readout to summarise")
    values = output.readout_TNK.astype(np.float64)
    mean = np.cumsum(values, axis=0) / np.arange(1, len(values) + 1)[:, None, None]
    top5 = np.argsort(-mean, axis=2, kind="stable")[:, :, :5].astype(np.int64)
    shifted = mean - mean.max(axis=2, keepdims=True)
    probability = np.exp(shifted)
    probability /= probability.sum(axis=2, keepdims=True)
    log = np.log(np.clip(probability, np.finfo(np.float64).tiny, None))
    index = np.broadcast_to(target[None, :, None], (*mean.shape[:2], 1))
    summary = OutputSummary(
        top5_TN5=top5,
        target_value_TN=np.take_along_axis(mean, index, axis=2)[:, :, 0].astype(np.float32),
        entropy_TN=(-(probability * log).sum(axis=2)).astype(np.float32),
        max_probability_TN=probability.max(axis=2).astype(np.float32),
    )
    return replace(output, readout_TNK=None, summary=summary, classes=values.shape[2])


def model_facts(network: Network, neurons: Sequence[NeuronLayer]) -> ModelFacts:
    """Size of the network; buffers that hold neuron state are left out of ``buffer_bytes``."""
    parameters = list(network.module.parameters())
    stateful = {id(layer.module) for layer in network.spiking_layers().values()}
    buffers = [
        b for m in network.module.modules() if id(m) not in stateful for b in m.buffers(recurse=False) if b is not None
    ]
    bytes_each = max((p.element_size() for p in parameters), default=4)
    return ModelFacts(
        parameter_count=sum(p.numel() for p in parameters),
        parameter_bytes=sum(p.numel() * p.element_size() for p in parameters),
        buffer_bytes=sum(b.numel() * b.element_size() for b in buffers),
        nonzero_parameters=sum(int(torch.count_nonzero(p)) for p in parameters),
        state_bytes=sum(n.neurons * n.states * bytes_each for n in neurons),
        name=type(network.module).__name__,
    )


def pass_facts(
    network: Network,
    options: ProbeOptions,
    stochastic: bool,
    bare_s: tuple[float, ...],
    wall_s: float,
    notes: tuple[str, ...],
) -> PassFacts:
    """How the pass was made."""
    first = next(iter(network.module.parameters()), None)
    return PassFacts(
        batch_size=options.batch_size,
        dtype=str(torch.get_default_dtype() if first is None else first.dtype).removeprefix("torch."),
        device="cpu" if first is None else first.device.type,
        threads=torch.get_num_threads(),
        packages=dict(_versions()),
        machine=f"{platform.system()} {platform.machine()}",
        stochastic=stochastic,
        bare_forward_s=bare_s,
        wall_s=wall_s,
        peak_memory_bytes=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
        notes=notes,
    )


@functools.cache
def _versions() -> dict[str, str]:
    """Versions of what decides how a forward pass computes."""
    return package_versions(("torch", "numpy", "numba", "spikingjelly", "snntorch", "norse", "sinabs"))

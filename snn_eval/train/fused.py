"""Runs layers of neurons in one autograd node for all steps while a network is trained; their values do not change."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import numpy as np
import torch
from spikingjelly.activation_based import neuron as sj
from spikingjelly.activation_based import surrogate
from torch import Tensor, nn

from snn_eval.models.dynamic_lif import DynamicLIF
from snn_eval.train import kernels
from snn_eval.train.dynamic_fused import run_dynamic
from snn_eval.train.flat import dense, flat, flat_steps, laid_out_as, like, single

__all__ = ["can_fuse", "fused", "run_fused"]


class _AllSteps(torch.autograd.Function):
    """Spikes ``[T,N,…]`` of currents ``[T,N,…]``; keeps only the currents for the way back."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, values: kernels.Neuron) -> Tensor:
        currents = dense(x)
        ctx.save_for_backward(currents)
        ctx.values = values
        spikes = like(currents)
        kernels.forward(*flat_steps(single(currents)), flat(spikes), x[0].numel(), values)
        return spikes.to(x.dtype)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        (currents,) = ctx.saved_tensors
        out = like(currents)
        given = laid_out_as(out, gradients[0])
        steps = flat_steps(single(currents))
        kernels.backward(flat(given), *steps, flat(out), currents[0].numel(), ctx.values)
        return out.to(currents.dtype), None


def can_fuse(module: Any) -> bool:
    """Whether a module is a :class:`DynamicLIF`, or SpikingJelly's IF or LIF with values the kernels know."""
    if type(module) is DynamicLIF:
        return True
    return type(module) in (sj.IFNode, sj.LIFNode) and all(
        (
            module.step_mode == "m",
            module.v_reset in (None, 0.0),
            not module.store_v_seq,
            type(module.surrogate_function) is surrogate.ATan and module.surrogate_function.spiking,
        )
    )


def run_fused(node: Any, x_seq: Tensor) -> Tensor:
    """Spikes of a neuron that :func:`can_fuse`, from membranes at 0; equal to the neuron's own bit for bit.

    Args:
        node: gives threshold, τ, reset, what is learned, and the width of the surrogate gradient.
        x_seq: currents ``[T,N,…]`` on the CPU. Arithmetic is float32; the spikes have the dtype of the currents.
    """
    if isinstance(node, DynamicLIF) and any(value is not None for value in node.learned()):
        return run_dynamic(node, x_seq)
    alpha = node.surrogate_function.alpha
    values = kernels.Neuron(
        threshold=np.float32(node.v_threshold),
        tau=np.float32(getattr(node, "tau", np.inf)),
        decays=bool(getattr(node, "decay_input", False)),
        hard=node.v_reset is not None,
        detached=bool(node.detach_reset),
        slope=np.float32(math.pi / 2 * alpha),
        height=np.float32(alpha / 2),
    )
    spikes: Tensor = _AllSteps.apply(x_seq, values)
    return spikes


@contextmanager
def fused(module: nn.Module, names: Collection[str]) -> Iterator[None]:
    """While inside, the neurons of that name take all their steps in one node.

    Args:
        module: the network, on the CPU.
        names: paths of neurons that :func:`can_fuse` and are called once between two resets, so that each call begins
            at rest.
    """
    parts: list[Any] = [module.get_submodule(name) for name in names]
    for part in parts:
        part.multi_step_forward = partial(run_fused, part)
    try:
        yield
    finally:
        for part in parts:
            del part.multi_step_forward

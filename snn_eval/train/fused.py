"""Runs layers of neurons in one autograd node for all steps while a network is trained; their values do not change."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from spikingjelly.activation_based import neuron as sj
from spikingjelly.activation_based import surrogate
from torch import Tensor, nn

from snn_eval.train import kernels

__all__ = ["can_fuse", "fused", "run_fused"]


class _AllSteps(torch.autograd.Function):
    """Spikes ``[T,N,…]`` of currents ``[T,N,…]``; keeps only the currents for the way back."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, values: kernels.Neuron) -> Tensor:
        currents = _dense(x)
        ctx.save_for_backward(currents)
        ctx.values = values
        spikes = _like(currents)
        kernels.forward(*_flat_steps(_single(currents)), _flat(spikes), x[0].numel(), values)
        return spikes.to(x.dtype)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        (currents,) = ctx.saved_tensors
        out = _like(currents)
        given = gradients[0].to(torch.float32)
        if given.stride() != out.stride():
            given = _like(currents).copy_(given)
        steps = _flat_steps(_single(currents))
        kernels.backward(_flat(given), *steps, _flat(out), currents[0].numel(), ctx.values)
        return out.to(currents.dtype), None


def can_fuse(module: Any) -> bool:
    """Whether a module is one of SpikingJelly's IF or LIF neurons with values the kernels know."""
    return type(module) in (sj.IFNode, sj.LIFNode) and all(
        (
            module.step_mode == "m",
            module.v_reset in (None, 0.0),
            not module.store_v_seq,
            not getattr(module, "decay_input", False),
            type(module.surrogate_function) is surrogate.ATan and module.surrogate_function.spiking,
        )
    )


def run_fused(node: Any, x_seq: Tensor) -> Tensor:
    """Spikes of a neuron that :func:`can_fuse`, from membranes at 0; equal to the neuron's own bit for bit.

    Args:
        node: gives threshold, τ, reset and width of the surrogate gradient.
        x_seq: currents ``[T,N,…]`` on the CPU. Arithmetic is float32; the spikes have the dtype of the currents.
    """
    alpha = node.surrogate_function.alpha
    values = kernels.Neuron(
        threshold=np.float32(node.v_threshold),
        tau=np.float32(getattr(node, "tau", np.inf)),
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


def _dense(x: Tensor) -> Tensor:
    """``x`` itself where every step lies in memory without gaps, its axes in any order, or is held; else a copy."""
    first = x[0]
    whole = first.is_contiguous() or (first.dim() == 4 and first.is_contiguous(memory_format=torch.channels_last))
    return x if whole and (len(x) == 1 or x.stride(0) in (0, first.numel())) else x.contiguous()


def _like(x: Tensor) -> Tensor:
    """An empty float32 tensor, all steps apart, each with the layout of ``x``'s."""
    return torch.empty_strided(x.shape, (x[0].numel(), *x.stride()[1:]), dtype=torch.float32)


def _single(x: Tensor) -> Tensor:
    """The same in float32; a held current stays one step in memory."""
    if x.dtype == torch.float32:
        return x
    return x.to(torch.float32) if x.stride(0) else x[0].to(torch.float32).expand(x.shape)


def _flat_steps(x: Tensor) -> tuple[NDArray[Any], int]:
    """All values in the order of memory, and how far apart two steps lie."""
    held = x.stride(0) == 0
    return _flat(x[0] if held else x), 0 if held else x[0].numel()


def _flat(x: Tensor) -> NDArray[Any]:
    values: NDArray[Any] = x.detach().as_strided((x.numel(),), (1,)).numpy()
    return values

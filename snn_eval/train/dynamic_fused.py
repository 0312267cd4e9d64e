"""A layer of :class:`DynamicLIF` in one autograd node for all steps, with gradients of what it learns."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import torch
from torch import Tensor

from snn_eval.models.dynamic_lif import DynamicLIF, Learned
from snn_eval.train.dynamic_backward import backward
from snn_eval.train.dynamic_kernels import Dynamic, forward
from snn_eval.train.flat import dense, flat, flat_steps, laid_out_as, like, single

__all__ = ["run_dynamic"]


class _DynamicSteps(torch.autograd.Function):
    """Spikes ``[T,N,…]`` of currents ``[T,N,…]`` and learned values; keeps only the currents for the way back."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, node: DynamicLIF, *learned: Tensor | None) -> Tensor:
        currents = dense(x)
        ctx.save_for_backward(currents)
        ctx.values = _values(node, Learned(*learned), gradients=True)
        ctx.learned = [None if value is None else value.dtype for value in learned]
        spikes = like(currents)
        values = _values(node, Learned(*learned), gradients=False)
        forward(*flat_steps(single(currents)), flat(spikes), x[0].numel(), values)
        return spikes.to(x.dtype)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        (currents,) = ctx.saved_tensors
        out = like(currents)
        given = laid_out_as(out, gradients[0])
        steps = flat_steps(single(currents))
        sums = backward(flat(given), *steps, flat(out), currents[0].numel(), ctx.values)
        learned = (
            None if dtype is None else torch.tensor(total, dtype=dtype)
            for dtype, total in zip(ctx.learned, sums, strict=True)
        )
        return out.to(currents.dtype), None, *learned


def run_dynamic(node: DynamicLIF, x_seq: Tensor) -> Tensor:
    """Spikes of the node, equal to its own bit for bit.

    Args:
        node: with a switch on; gives values and what is learned.
        x_seq: currents ``[T,N,…]`` on the CPU. Arithmetic is float32; the spikes have the dtype of the currents.
    """
    spikes: Tensor = _DynamicSteps.apply(x_seq, node, *node.learned())
    return spikes


def _values(node: DynamicLIF, learned: Learned, *, gradients: bool) -> Dynamic:
    """Values for the kernels; the way back runs parts whose values are 0, too, for their gradients."""
    threshold, beta, leak_a, leak_b, tau1 = (np.float32(0 if value is None else value.item()) for value in learned)
    alpha = node.surrogate_function.alpha
    return Dynamic(
        threshold=threshold if node.adaptive else np.float32(node.v_threshold),
        beta=beta,
        rho=np.float32(node.rho),
        rest=np.float32(1 - node.rho),
        tau=np.float32(node.tau),
        leak=np.float32(node.leak0) + leak_a,
        leak_b=leak_b,
        tau1=tau1,
        adaptive=node.adaptive if gradients else bool(beta),
        synaptic=node.synaptic if gradients else bool(tau1),
        leaky=node.state_leak,
        moved=bool(leak_a or leak_b),
        hard=node.v_reset is not None,
        slope=np.float32(math.pi / 2 * alpha),
        height=np.float32(alpha / 2),
    )

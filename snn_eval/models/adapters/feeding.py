"""How a module is called for each feed, and the experiment that tells which feed a network wants."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from snn_eval.errors import NetworkError
from snn_eval.models.adapters.experiment import WRONG_INPUT, as_readout, recorded, reduced

if TYPE_CHECKING:
    from snn_eval.models.adapters.base import AdaptedNetwork, Feed

__all__ = ["choose_feed", "readout_of"]


def readout_of(network: AdaptedNetwork, x: Tensor) -> Tensor:
    """Call the module as its feed says; its readout ``[T,N,K]`` or ``[1,N,K]``.

    Args:
        network: whose feed is known.
        x: ``[N,…]`` (sample axis 0) or ``[T,N,…]`` (sample axis 1).

    Raises:
        NetworkError: the readout has an unexpected shape.
    """
    samples, index = x.shape[network.sample_axis], network.output_index
    network.framework.samples(network.module, samples)
    if network.feed == "steps":
        call = network.framework.stepping(network.module)
        steps = x if network.sample_axis == 1 else (x for _ in range(network.time_steps))
        outputs = [as_readout(call(x_t), index, 1, samples) for x_t in steps]
        if any(output.shape != outputs[0].shape for output in outputs):
            raise NetworkError("readout: its shape changes from step to step; expected [N,K] at every step")
        return reduced(torch.cat(outputs), network.readout)
    output = network.module(_arranged(network, x, network.feed or "whole"))
    samples_first = network.feed in ("batch-first", "flat")
    readout = as_readout(output, index, network.time_steps, samples, samples_first=samples_first)
    return reduced(readout, network.readout)


def _arranged(network: AdaptedNetwork, x: Tensor, feed: Feed) -> Tensor:
    """All steps in one tensor, in the feed's order of axes; a copy where static input is repeated, as the module may
    write to it."""
    steps, static = network.time_steps, network.sample_axis == 0
    if feed == "sequence" and static:
        return x.unsqueeze(0).repeat(steps, *(1 for _ in x.shape))
    if feed in ("batch-first", "flat"):
        x = x.unsqueeze(1).repeat(1, steps, *(1 for _ in x.shape[1:])) if static else x.transpose(0, 1).contiguous()
        return x.flatten(0, 1) if feed == "flat" else x
    return x


def choose_feed(network: AdaptedNetwork, layers: Mapping[str, nn.Module], sample: Tensor) -> Feed:
    """Decide how the module is called, by calling it and counting steps in its neurons.

    A module that runs time itself makes each neuron take T steps; one that does not, takes one step or, fed with the
    wrong kind of input, fails or mistakes samples for steps. N is chosen different from T so that this shows.
    Without neurons there are no steps to count: the module is called once where that gives a readout of every sample.
    """
    samples = 2 if network.time_steps != 2 else 3
    x = sample.repeat_interleave(samples, dim=network.sample_axis)
    if not layers:
        return "whole" if network.sample_axis == 0 or _gives_a_readout(network, x) else "steps"
    if network.framework.feeds:
        return next((feed for feed in network.framework.feeds if _takes_all_steps(network, layers, x, feed)), "steps")
    multi_step = network.framework.multi_step(network.module)
    if multi_step and network.sample_axis == 1:
        return "sequence"
    # static input that comes out with T entries first was unrolled inside; a sequence comes out so in any case
    first_axis_is_time = multi_step or network.sample_axis == 0
    shapes = _tried(network, layers, x, "whole")
    taken = {_steps(calls, network.time_steps, multi_step, first_axis_is_time) for calls in shapes.values()}
    if taken and min(taken) == network.time_steps:
        return "whole"
    return "sequence" if multi_step else _loop_inside(network, layers, x)


def _loop_inside(network: AdaptedNetwork, layers: Mapping[str, nn.Module], x: Tensor) -> Feed:
    """For neurons that take one step: the order of axes over which the module loops by itself, else ``steps``."""
    orders: tuple[Feed, ...] = ("sequence", "batch-first") if network.sample_axis == 0 else ("batch-first",)
    for feed in orders if network.time_steps > 1 else ():
        shapes = _tried(network, layers, x, feed)
        if shapes and min(map(len, shapes.values())) == network.time_steps:
            return feed
    return "steps"


def _tried(
    network: AdaptedNetwork, layers: Mapping[str, nn.Module], x: Tensor, feed: Feed
) -> dict[str, list[torch.Size]]:
    """Shapes of the spikes of every layer in one call; nothing where the module does not take such an input."""
    with recorded(network, layers) as shapes:
        network.framework.reset(network.module)
        network.framework.samples(network.module, x.shape[network.sample_axis])
        try:
            network.module(_arranged(network, x, feed))
        except WRONG_INPUT:
            shapes.clear()
        finally:
            network.framework.reset(network.module)
    return shapes


def _takes_all_steps(network: AdaptedNetwork, layers: Mapping[str, nn.Module], x: Tensor, feed: Feed) -> bool:
    """Whether every neuron that is called sees each step of each sample once, and the readout is of every sample."""
    samples, steps_of = x.shape[network.sample_axis], network.framework.steps
    shapes = _tried(network, layers, x, feed)
    seen = {sum(steps_of(layers[name], shape, samples) for shape in calls) for name, calls in shapes.items()}
    if seen != {network.time_steps}:
        return False
    before, network.feed = network.feed, feed
    try:
        readout_of(network, x)
    except (*WRONG_INPUT, NetworkError):
        return False
    finally:
        network.feed = before
        network.framework.reset(network.module)
    return True


def _gives_a_readout(network: AdaptedNetwork, x: Tensor) -> bool:
    """Whether the module takes ``x`` as it is and returns a readout of every sample."""
    try:
        as_readout(network.module(x), network.output_index, network.time_steps, x.shape[network.sample_axis])
    except (*WRONG_INPUT, NetworkError):
        return False
    finally:
        network.framework.reset(network.module)
    return True


def _steps(calls: list[torch.Size], time_steps: int, multi_step: bool, first_axis_is_time: bool) -> int:
    """Steps a layer took: its calls, or the length of the first axis where one call holds all steps."""
    if len(calls) > 1 or not calls[0]:
        return len(calls)
    held = calls[0][0]
    return held if multi_step or (first_axis_is_time and held == time_steps) else 1

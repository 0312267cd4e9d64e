"""snnTorch: which modules are neurons, how their hidden state is reset, and which take all steps at once."""

from __future__ import annotations

import functools
from typing import Any

import snntorch
import torch
from torch import Tensor, nn

from snn_eval.models.adapters.base import Framework
from snn_eval.models.adapters.snntorch_facts import neuron_facts

__all__ = ["SNNTORCH"]


def _there(*names: str) -> tuple[type[Any], ...]:
    """Classes of these names; snntorch 0.9 lacks some."""
    return tuple(getattr(snntorch, name) for name in names if hasattr(snntorch, name))


_ALL_STEPS = _there("LeakyParallel", "StateLeaky", "AssociativeLeaky")
_DELTA = _there("DeltaLeaky")
_STATES = ("mem", "syn", "syn_exc", "syn_inh", "spk")


def _reset(network: nn.Module) -> None:
    """Empty the hidden state of every neuron of this network.

    ``snntorch.utils.reset`` is not used: it looks at direct children only, reaches neurons of other networks through
    the class, and fails for ``DeltaLeaky``. An empty state is what a new neuron has; it takes its input's shape on
    the next call.
    """
    for module in network.modules():
        if isinstance(module, _DELTA):
            module.reset_mem()
        elif isinstance(module, snntorch.SpikingNeuron):
            for name in _STATES:
                state = getattr(module, name, None)
                if isinstance(state, Tensor):
                    setattr(module, name, torch.zeros(0, dtype=state.dtype, device=state.device))


def _multi_step(network: nn.Module) -> bool:
    neurons = [module for module in network.modules() if neuron_facts(module) is not None]
    return bool(neurons) and all(isinstance(module, _ALL_STEPS) for module in neurons)


def _prepare(network: nn.Module) -> None:
    """Evaluate the recurrent part of a neuron that resets to zero once a step.

    snnTorch writes ``f(x) − reset·f(x)`` with ``f`` called twice, so its recurrent layer would count twice for one use.
    The replacement has the same value, bit for bit.
    """
    for module in network.modules():
        recurrent = isinstance(module, snntorch.RLeaky | snntorch.RSynaptic | snntorch.SLSTM | snntorch.SConv2dLSTM)
        if recurrent and getattr(module.state_function, "__name__", "") == "_base_zero":
            once = functools.partial(_base_zero, module)
            setattr(module, "state_function", functools.update_wrapper(once, _base_zero))  # noqa: B010


def _base_zero(module: Any, x: Tensor) -> Tensor | tuple[Tensor, Tensor]:
    charged = module._base_state_function(x)
    if isinstance(charged, Tensor):
        result: Tensor = charged - module.reset * charged
        return result
    syn, mem = charged
    return syn, mem - mem * module.reset


SNNTORCH = Framework("snntorch", neuron_facts, _reset, _multi_step, prepare=_prepare)
"""snnTorch 1 (and 0.9): neurons by class, reset by emptying their state, feed by experiment."""

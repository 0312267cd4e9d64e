"""Facts of sinabs' neuron classes: what one update costs, read from the formulas of sinabs 3.1.

Operations are counted as for SpikingJelly's: the cheapest exact form, constants folded, a hard reset a conditional
write (nothing), a soft reset one addition, charged at every step. ``SingleSpike`` is one comparison; ``MultiSpike``
and ``MaxSpike`` divide by the threshold (a multiplication, none by 1), round (counted as a comparison) and compare
with 0.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from sinabs import activation, layers
from torch import nn

from snn_eval.models.adapters.base import NeuronFacts, unknown_neuron
from snn_eval.models.network import NeuronModel

__all__ = ["neuron_facts"]


@dataclass(frozen=True, slots=True)
class _Cost:
    mul: int = 0
    add: int = 0
    compare: int = 0

    def __add__(self, other: _Cost) -> _Cost:
        return _Cost(self.mul + other.mul, self.add + other.add, self.compare + other.compare)


def _is_one(value: Any) -> bool:
    return bool((torch.as_tensor(value) == 1).all())


def _charge(node: Any) -> _Cost:
    """``i ← α_syn·(i + x)`` where there is a synaptic state; ``v ← i + α·(v − i)`` normalised, else ``α·v + i``."""
    synaptic = _Cost(1, 1) if node.alpha_syn_calculated is not None else _Cost()
    if isinstance(node, layers.IAF | layers.IAFRecurrent):
        return synaptic + _Cost(0, 1)
    return synaptic + (_Cost(1, 2) if node.norm_input else _Cost(1, 1))


def _fire(node: Any) -> tuple[_Cost, bool] | None:
    """Cost of finding the spikes, and whether there may be several at once; None for a function without a rule."""
    many = _Cost(0 if _is_one(_threshold(node)) else 1, 0, 2)
    if node.spike_fn is activation.SingleSpike:
        return _Cost(compare=1), False
    if node.spike_fn is activation.MultiSpike:
        return many, True
    if isinstance(node.spike_fn, activation.MaxSpike):
        return many + _Cost(compare=int(node.spike_fn.max_num_spikes_per_bin is not None)), True
    return None


def _threshold(node: Any) -> Any:
    return node.b0 if isinstance(node, layers.ALIF) else node.spike_threshold


def _reset(node: Any, many: bool) -> tuple[_Cost, str] | None:
    """Cost and name of what happens after a spike; None for a function without a rule."""
    how = node.reset_fn
    if isinstance(how, activation.MembraneSubtract):
        amount = _threshold(node) if how.subtract_value is None else how.subtract_value
        adaptive = isinstance(node, layers.ALIF) and how.subtract_value is None
        return _Cost(int(many and (adaptive or not _is_one(amount))), 1), "soft"
    if isinstance(how, activation.MembraneReset):
        return _Cost(add=int(how.reset_value != 0)), "hard"  # sinabs adds the value to every neuron
    return None


def _spiking(model: str, states: int, more: _Cost = _Cost()) -> Callable[[Any], NeuronFacts]:
    def rule(node: Any) -> NeuronFacts:
        if node.spike_fn is None:
            return _integrator(node)
        fired = _fire(node)
        reset = None if fired is None else _reset(node, fired[1])
        if fired is None or reset is None:
            which = "spike_fn" if fired is None else "reset_fn"
            return unknown_neuron(f"no rule for its {which}")
        synaptic = int(node.alpha_syn_calculated is not None)
        total = _charge(node) + fired[0] + reset[0] + _clip(node) + more
        if isinstance(node, layers.ALIF):
            total += _Cost(2 + int(fired[1]), 2)  # b0 + scale·b; α·b + (1 − α)·s
        return _facts(("cuba-" if synaptic else "") + model, reset[1], states + synaptic, total)

    return rule


def _integrator(node: Any) -> NeuronFacts:
    return _facts("li", "none", 1, _charge(node) + _clip(node), spikes=False)


def _clip(node: Any) -> _Cost:
    return _Cost(compare=int(node.min_v_mem is not None))


def _facts(model: str, reset: str, states: int, cost: _Cost, *, spikes: bool = True) -> NeuronFacts:
    return NeuronFacts(NeuronModel(model, reset, states, cost.mul, cost.add, cost.compare, has_threshold=spikes))


_JOINED = _Cost(add=1)
"""What comes back through ``rec_connect`` (a layer of its own) joins the input."""

_RULES: dict[type, Callable[[Any], NeuronFacts]] = {
    layers.IAFRecurrent: _spiking("rif", 2, _JOINED),
    layers.LIFRecurrent: _spiking("rlif", 2, _JOINED),
    layers.ALIFRecurrent: _spiking("ralif", 3, _JOINED),
    layers.IAF: _spiking("if", 1),
    layers.ExpLeak: _integrator,
    layers.LIF: _spiking("lif", 1),
    layers.ALIF: _spiking("alif", 2),
}


def neuron_facts(module: nn.Module) -> NeuronFacts | None:
    """Facts of a sinabs neuron; None for a module that is none.

    A subclass has the facts of its nearest known class unless it overrides the update; then it is unknown.
    """
    classes = type(module).__mro__
    known = next((cls for cls in classes if cls in _RULES), None)
    if known is None:
        return unknown_neuron("no rule for this class") if isinstance(module, layers.StatefulLayer) else None
    facts = _RULES[known](module)
    for cls in classes[: classes.index(known)]:
        if "forward" in vars(cls) and not cls.__module__.startswith("sinabs."):
            reason = facts.unknown or f"overrides forward of {known.__name__}"
            return unknown_neuron(reason, has_threshold=facts.neuron.has_threshold)
    return facts

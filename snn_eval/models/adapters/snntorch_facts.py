"""Facts of snnTorch's neuron classes: what one update costs, read from the formulas of snntorch 1.0 (and 0.9).

Operations are counted as for SpikingJelly's: the cheapest exact form, constants folded, firing one comparison, a reset
to zero a conditional write (nothing), a reset by subtraction one addition, charged at every step. The reset looks at
the membrane of the step before, whose comparison was made there. The recurrent matrices of ``RLeaky`` and ``RSynaptic``
are layers of their own; only the addition of their output is counted here.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import snntorch
from torch import nn

from snn_eval.models.adapters.base import NeuronFacts, unknown_neuron
from snn_eval.models.network import NeuronModel

__all__ = ["neuron_facts"]

Rule = Callable[[Any], NeuronFacts]

_RESETS = {"_base_sub": "soft", "_base_zero": "hard", "_base_int": "none"}


def _known(node: Any, model: str, mul: int, add: int, *, states: int, soft_add: int = 1) -> NeuronFacts:
    """Facts of a step-wise neuron: charge, its reset, and the options every class shares."""
    if node.state_quant:
        return unknown_neuron("state_quant quantises the state by a function of the user's")
    # the bound function decides, not the buffer beside it, which a checkpoint may have overwritten
    reset = _RESETS.get(getattr(node.state_function, "__name__", ""))
    if reset is None:
        return unknown_neuron("its state function was replaced")
    add += soft_add if reset == "soft" else 0
    compare = 1 + int(bool(node.inhibition))  # inhibition compares once more to find the largest membrane
    if not getattr(node, "reset_delay", True) and reset != "none":
        # the reset is made up for at once: the membrane left over is compared again and corrected
        add, compare = add + 1, compare + 1
    return NeuronFacts(NeuronModel(model, reset, states, mul, add, compare))


def _leaky(node: Any) -> NeuronFacts:
    return _known(node, "lif", 1, 1, states=1)  # β·v + x


def _lapicque(node: Any) -> NeuronFacts:
    return _known(node, "lif", 2, 1, states=1)  # (Δt/C)·x + (1 − Δt/RC)·v


def _synaptic(node: Any) -> NeuronFacts:
    return _known(node, "synaptic", 2, 2, states=2)  # i ← α·i + x; v ← β·v + i


def _alpha(node: Any) -> NeuronFacts:
    # e ← α·e + x; h ← β·h − x; v ← τ·(e + h); subtracting resets e by the threshold and v by h
    return _known(node, "alpha", 3, 3, states=3, soft_add=2)


def _rleaky(node: Any) -> NeuronFacts:
    return _known(node, "rlif", 1, 2, states=2)  # β·v + x + (V·s of the step before)


def _rsynaptic(node: Any) -> NeuronFacts:
    return _known(node, "rsynaptic", 2, 3, states=3)


def _delta(node: Any) -> NeuronFacts:
    # v' = β·v + x fires where |v' − v| passes a threshold: a second addition; never reset; quantisers are not used
    return NeuronFacts(NeuronModel("delta-lif", "none", 1, 1, 2, 1))


def _unknown(reason: str, *, has_threshold: bool = True) -> Rule:
    return lambda _: unknown_neuron(reason, has_threshold=has_threshold)


def _executed(model: str, states: int) -> Rule:
    """Gates and fused layers cost what they are seen to execute."""

    def rule(node: Any) -> NeuronFacts:
        reset = _RESETS.get(getattr(getattr(node, "state_function", None), "__name__", ""), "none")
        return NeuronFacts(NeuronModel(model, reset, states, 0, 0, 0, counted="calls"))

    return rule


def _convolved(node: Any) -> NeuronFacts:
    return unknown_neuron("unrolls its leak as a convolution over all steps", has_threshold=bool(node.output))


def _associative(node: Any) -> NeuronFacts:
    return unknown_neuron("an associative memory of products and exponentials", has_threshold=not node.use_q_projection)


_BY_NAME: dict[str, Rule] = {
    "Leaky": _leaky,
    "Lapicque": _lapicque,
    "Synaptic": _synaptic,
    "Alpha": _alpha,
    "RLeaky": _rleaky,
    "RSynaptic": _rsynaptic,
    "DeltaLeaky": _delta,
    "SLSTM": _executed("slstm", 2),
    "SConv2dLSTM": _executed("sconv2dlstm", 2),
    "LeakyParallel": _executed("lif-parallel", 1),
    "StateLeaky": _convolved,
    "LinearLeaky": _convolved,
    "AssociativeLeaky": _associative,
    "LIF": _unknown("no rule for this class"),
    "SpikingNeuron": _unknown("no rule for this class"),
}
_RULES: dict[type, Rule] = {getattr(snntorch, name): rule for name, rule in _BY_NAME.items() if hasattr(snntorch, name)}
"""Of the classes there are: snntorch 0.9 lacks some."""

_PACKAGE = "snntorch._neurons."
_HELPERS = ("RecurrentOneToOne",)
_UPDATE_METHODS = frozenset(
    {"forward", "fire", "fire_inhibition", "mem_reset", "_base_state_function", *_RESETS, "_base_state_reset_zero"}
)


def neuron_facts(module: nn.Module) -> NeuronFacts | None:
    """Facts of an snnTorch neuron; None for a module that is none.

    A subclass has the facts of its nearest known class unless it overrides the update; then it is unknown.
    """
    classes = type(module).__mro__
    known = next((cls for cls in classes if cls in _RULES), None)
    if known is None:
        foreign = type(module).__module__.startswith(_PACKAGE) and type(module).__name__ not in _HELPERS
        return unknown_neuron("no rule for this class") if foreign else None
    facts = _RULES[known](module)
    for cls in classes[: classes.index(known)]:
        changed = sorted(_UPDATE_METHODS & set(vars(cls)))
        if changed:
            reason = facts.unknown or f"overrides {changed[0]} of {known.__name__}"
            return unknown_neuron(reason, has_threshold=facts.neuron.has_threshold)
    return facts

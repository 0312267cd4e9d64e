"""Facts of SpikingJelly's neuron classes: what one update costs, read from the formulas of spikingjelly 2.0.

How operations are counted: the cheapest exact form of the update per neuron and step. Constants (1/τ, thresholds, sums
of parameters) are folded beforehand; firing is one comparison; a hard reset is a conditional write (nothing), a soft
reset one conditional subtraction, charged at every step; a product with a binary spike is a selection (nothing). A
class whose update needs anything but multiplications, additions and comparisons (exp, sigmoid, the user's function) is
unknown.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from spikingjelly.activation_based import neuron as sj
from torch import nn

from snn_eval.models.adapters.base import NeuronFacts, unknown_neuron
from snn_eval.models.network import NeuronModel

__all__ = ["neuron_facts"]

Rule = Callable[[Any], NeuronFacts]

_UPDATE_METHODS = frozenset(
    {
        "forward",
        "single_step_forward",
        "multi_step_forward",
        "single_step_functional_forward",
        "multi_step_functional_forward",
        "neuronal_charge",
        "neuronal_fire",
        "neuronal_reset",
        "neuronal_adaptation",
        "_run_table",
        "_after_spike",
    }
)


def _soft(node: Any) -> bool:
    return getattr(node, "v_reset", None) is None


def _resting(node: Any) -> int:
    """One addition where the membrane decays to a value other than 0."""
    return int(getattr(node, "v_reset", None) not in (None, 0.0))


def _known(
    node: Any, model: str, mul: int, add: int, *, compare: int = 1, states: int = 1, reset: str | None = None
) -> NeuronFacts:
    """Facts of a spiking neuron: charge (``mul``, ``add``), ``compare``, and the subtraction of a soft reset."""
    soft = _soft(node) if reset is None else reset == "soft"
    reset = reset or ("soft" if soft else "hard")
    return NeuronFacts(NeuronModel(model, reset, states, mul, add + int(soft), compare))


def _if(node: Any) -> NeuronFacts:
    return _known(node, "if", 0, 1)  # v + x


def _leak(node: Any) -> tuple[int, int]:
    """Multiplications and additions of a leaky charge.

    Decaying input: ``v + (x − v + v_reset)/τ`` (1 mul, 2 add, 1 more for a ``v_reset`` other than 0);
    else ``(1 − 1/τ)·v + x + v_reset/τ`` (1 mul, 1 add, 1 more likewise).
    """
    return 1, (2 if node.decay_input else 1) + _resting(node)


def _lif(node: Any) -> NeuronFacts:
    return _known(node, "lif", *_leak(node))


def _plif(node: Any) -> NeuronFacts:
    return _known(node, "plif", *_leak(node))  # a learned τ is a constant after training


def _klif(node: Any) -> NeuronFacts:
    mul, add = _leak(node)
    # v ← relu(k·v): one product and one comparison more; scale_reset divides by k again
    return _known(node, "klif", mul + 1 + int(node.scale_reset), add, compare=2)


def _ilif(node: Any) -> NeuronFacts:
    # (1 − 1/τ)·v + x; a count of 0…D found by D comparisons; the reset subtracts that multiple of the threshold
    return _known(node, "ilif", 1, 1, compare=int(node.surrogate_function.max_spike_count), reset="soft")


def _cuba(node: Any) -> NeuronFacts:
    return _known(node, "cuba-lif", 2, 2, states=2)  # c ← d_c·c + x; v ← d_v·v + c


def _izhikevich(node: Any) -> NeuronFacts:
    # v + (x + a0·(v − v_rest)·(v − v_c) − w)/τ: 3 mul, 5 add; w + (a·(v − v_rest) − w)/τ_w + b·s: 2 mul, 4 add
    return _known(node, "izhikevich", 5, 9, states=2)


def _qif(node: Any) -> NeuronFacts:
    return _known(node, "qif", 3, 4)  # v + (x + a0·(v − v_rest)·(v − v_c))/τ


def _raf(node: Any) -> NeuronFacts:
    return _known(node, "raf", 4, 3, states=2)  # a rotation of (u, v) with decay, plus x


def _ternary_if(node: Any) -> NeuronFacts:
    return _known(node, "ternary-if", 0, 1, compare=2)


def _ternary_lif(node: Any) -> NeuronFacts:
    return _known(node, "ternary-lif", *_leak(node), compare=2)


def _mpbn(node: Any) -> NeuronFacts:
    if node.normalize_residual:
        return unknown_neuron("normalises the residual membrane, whose cost depends on the values")
    mul, add = _leak(node)
    normed = int(not isinstance(node.vbn, nn.Identity))  # one product and one sum per membrane; 0 once folded
    return _known(node, "mpbn-lif", mul + normed, add + normed)


def _gated(node: Any) -> NeuronFacts:
    # A·v − B + C·x: 2 mul, 2 add; − s·(γ·A·v) − s·D: 1 mul, 2 add; A, B, C, D folded per channel
    return _known(node, "glif", 3, 4, states=2, reset="gated")


def _stbif(node: Any) -> NeuronFacts:
    # q + x/θ: 1 mul, 1 add; q and its running sum corrected: 2 add; two bounds on each: 4 comparisons
    return _known(node, "st-bif", 1, 3, compare=4, states=2, reset="bipolar")


def _dsr_if(node: Any) -> NeuronFacts:
    return _known(node, "if", 0, 1, reset="soft")  # emits θ·s


def _dsr_lif(node: Any) -> NeuronFacts:
    return _known(node, "lif", 2, 1, reset="soft")  # β·v + (1 − β)·x; emits θ·s/Δt


def _psn(node: Any) -> NeuronFacts:
    return _known(node, "psn", node.T, node.T, states=node.T, reset="none")  # a row of W·x + b: T products, T sums


def _sliding_psn(node: Any) -> NeuronFacts:
    return _known(node, "sliding-psn", node.k, node.k, states=node.k, reset="none")


def _non_spiking(model: str, mul: int, add: int) -> Rule:
    decoding = {"max-mem": (0, 1), "max-abs-mem": (0, 2), "mean-mem": (1, 0)}  # (add, compare) per step

    def facts(node: Any) -> NeuronFacts:
        if getattr(node, "is_training", False):
            return unknown_neuron("adds noise (is_training is set)", has_threshold=False)
        more_add, compare = decoding.get(node.decode or "", (0, 0))
        return NeuronFacts(NeuronModel(model, "none", 1, mul, add + more_add, compare, has_threshold=False))

    return facts


def _connected(charge: Rule) -> Rule:
    """One addition more: the neuron's convolution of its last spikes joins the input (that convolution is a layer)."""

    def facts(node: Any) -> NeuronFacts:
        own = charge(node).neuron
        return NeuronFacts(NeuronModel(own.model, own.reset, own.states, own.mul, own.add + 1, own.compare))

    return facts


def _decaying(node: Any) -> NeuronFacts:
    return _known(node, "lif", 1, 1)  # d_v·v + x


def _noisy(charge: Rule) -> Rule:
    def facts(node: Any) -> NeuronFacts:
        return (
            unknown_neuron("adds noise to input and spikes (is_training is set)") if node.is_training else charge(node)
        )

    return facts


def _unknown(reason: str, *, has_threshold: bool = True) -> Rule:
    return lambda _: unknown_neuron(reason, has_threshold=has_threshold)


def _few_spike(node: Any) -> NeuronFacts:
    # one step mode returns the weighted sum of K inner spikes: a graded value, no spike
    return unknown_neuron("runs K inner steps with weighted spikes", has_threshold=node.step_mode == "m")


_BY_NAME: dict[str, Rule] = {
    "SimpleIFNode": _if,
    "IFNode": _if,
    "HalfThresholdIFNode": _if,
    "ActivationAwareIFNode": _if,  # its offset is folded into the threshold
    "SimpleLIFNode": _lif,
    "LIFNode": _lif,
    "OTTTLIFNode": _lif,  # the trace is for training only
    "SLTTLIFNode": _lif,
    "ParametricLIFNode": _plif,
    "KLIFNode": _klif,
    "ILIFNode": _ilif,
    "CUBALIFNode": _cuba,
    "IzhikevichNode": _izhikevich,
    "QIFNode": _qif,
    "RAFNode": _raf,
    "TernaryIFNode": _ternary_if,
    "TernaryLIFNode": _ternary_lif,
    "MPBNLIFNode": _mpbn,
    "GatedLIFNode": _gated,
    "STBIFNode": _stbif,
    "DSRIFNode": _dsr_if,
    "DSRLIFNode": _dsr_lif,
    "PSN": _psn,
    "SlidingPSN": _sliding_psn,
    "ILCIFNode": _connected(_if),
    "ILCLIFNode": _connected(_decaying),
    "ILCCUBALIFNode": _connected(_cuba),
    "NoisyCUBALIFNode": _noisy(_cuba),
    "NoisyILCCUBALIFNode": _noisy(_connected(_cuba)),
    "NonSpikingIFNode": _non_spiking("if", 0, 1),
    "NonSpikingLIFNode": _non_spiking("lif", 1, 2),
    "NoisyNonSpikingIFNode": _non_spiking("if", 0, 1),
    "EIFNode": _unknown("its charge needs exp"),
    "ComplementaryLIFNode": _unknown("its update needs a sigmoid"),
    "LIAFNode": _unknown("emits the graded value of a function of the user's", has_threshold=False),
    "MaskedPSN": _unknown("its cost per step depends on the step"),
    "FewSpikeNode": _few_spike,
    "FlexSN": _unknown("its update is a function of the user's"),
    "BaseNode": _unknown("no rule for this class"),
    "SimpleBaseNode": _unknown("no rule for this class"),
    "NonSpikingBaseNode": _unknown("no rule for this class", has_threshold=False),
    "ILCBaseNode": _unknown("no rule for this class"),
    "NoisyBaseNode": _unknown("no rule for this class"),
    "NoisyNonSpikingBaseNode": _unknown("no rule for this class", has_threshold=False),
}
_RULES: dict[type, Rule] = {getattr(sj, name): rule for name, rule in _BY_NAME.items() if hasattr(sj, name)}
"""Of the classes there are: versions before 2.0 lack some."""


def neuron_facts(module: nn.Module) -> NeuronFacts | None:
    """Facts of a SpikingJelly neuron; None for a module that is none.

    A subclass has the facts of its nearest known class unless it overrides the update; then it is unknown.
    """
    classes = type(module).__mro__
    known = next((cls for cls in classes if cls in _RULES), None)
    if known is None:
        return None
    facts = _RULES[known](module)
    for cls in classes[: classes.index(known)]:
        changed = sorted(_UPDATE_METHODS & set(vars(cls)))
        if changed:
            reason = facts.unknown or f"overrides {changed[0]} of {known.__name__}"
            return unknown_neuron(reason, has_threshold=facts.neuron.has_threshold)
    if not getattr(getattr(module, "surrogate_function", None), "spiking", True):
        return unknown_neuron("its surrogate is not in spiking mode: it emits graded values", has_threshold=False)
    levels = getattr(getattr(module, "surrogate_function", None), "max_spike_count", None)
    if levels is not None and not isinstance(module, sj.ILIFNode):
        return unknown_neuron("fires counts through its surrogate; only ILIFNode has a rule for that")
    return facts

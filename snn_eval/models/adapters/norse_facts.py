"""Facts of norse's neuron classes: what one update costs, read from the formulas of norse 1.1.

Operations are counted as for SpikingJelly's: the cheapest exact form, constants folded, firing one comparison, a hard
reset a conditional write (nothing), an addition to what spiked one addition, charged at every step. Classes that hold
their weights themselves (recurrent ones), and those that need an exponential, cost what they are seen to execute: so
their products are layers.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import norse.torch as snn
import torch
from norse.torch.functional.reset import reset_subtract, reset_value
from norse.torch.module import coba_lif, iaf, izhikevich, lif_adex_refrac, lif_correlation, lif_ex, lif_mc, lif_refrac
from norse.torch.module import leaky_integrator as li
from norse.torch.module import leaky_integrator_box as li_box
from norse.torch.module import lif_mc_refrac as mc_refrac
from norse.torch.module.snn import SNN, SNNCell, SNNRecurrent, SNNRecurrentCell
from torch import nn

from snn_eval.models.adapters.base import NeuronFacts, unknown_neuron
from snn_eval.models.network import NeuronModel

__all__ = ["ALL_STEPS", "neuron_facts"]

Rule = Callable[[Any], NeuronFacts]

ALL_STEPS = (SNN, SNNRecurrent)
"""Base classes of layers that take all steps ``[T,N,…]`` in one call; cells take one."""

_CUSTOM = frozenset({"forward"})


def _known(
    model: str, mul: int, add: int, *, states: int, compare: int = 1, reset: str = "hard", spikes: bool = True
) -> NeuronFacts:
    return NeuronFacts(NeuronModel(model, reset, states, mul, add, compare, has_threshold=spikes))


def _resting(parameters: Any) -> int:
    """One addition where the membrane decays to a value other than 0."""
    return int(bool((torch.as_tensor(parameters.v_leak) != 0).any()))


def _if(node: Any) -> NeuronFacts:
    return _known("if", 0, 1, states=1)  # v + x


def _lif(node: Any) -> NeuronFacts:
    # i + x; v + (i − v + v_leak)·dt/τ_mem; (1 − dt/τ_syn)·i
    return _known("cuba-lif", 2, 3 + _resting(node.p), states=2)


def _lif_box(node: Any) -> NeuronFacts:
    resets = {reset_value: "hard", reset_subtract: "soft"}
    reset = resets.get(node.p.reset_method)
    if reset is None:
        return unknown_neuron("its reset is a function of the user's")
    soft = int(reset == "soft")
    return _known("lif", 1, 2 + _resting(node.p) + soft, states=1, reset=reset)  # v + (x − v + v_leak)·dt/τ


def _li(node: Any) -> NeuronFacts:
    return _known("cuba-li", 2, 3 + _resting(node.p), states=2, compare=0, reset="none", spikes=False)


def _li_box(node: Any) -> NeuronFacts:
    return _known("li", 1, 2 + _resting(node.p), states=1, compare=0, reset="none", spikes=False)


def _lif_refrac(node: Any) -> NeuronFacts:
    # as LIF; in a refractory period v and z are selected, the counter goes down by one and not below 0
    return _known("cuba-lif-refrac", 2, 4 + _resting(node.p.lif), states=3, compare=3)


def _lsnn(node: Any) -> NeuronFacts:
    # v + (i − v + v_leak)·dt/τ_mem; (1 − dt/τ_syn)·i + x; (1 − dt/τ_b)·b + v_th·dt/τ_b, and β more after a spike
    return _known("lsnn", 3, 5 + _resting(node.p), states=3)


def _izhikevich(node: Any) -> NeuronFacts:
    # with c = τ_inv·dt: v·(c·sq·v + 1 + c·mn) + c·(x − u) + c·bias; (1 − c·a)·u + c·a·b·v, and d more after a spike
    return _known("izhikevich", 5, 6, states=2)


def _executed(model: str, states: int, *, spikes: bool = True) -> Rule:
    reset = "hard" if spikes else "none"
    facts = NeuronFacts(NeuronModel(model, reset, states, 0, 0, 0, has_threshold=spikes, counted="calls"))
    return lambda _: facts


_RULES: dict[type, Rule] = {
    snn.LIFCell: _lif,
    snn.LIF: _lif,
    snn.LIFBoxCell: _lif_box,
    iaf.IAFCell: _if,
    iaf.IAF: _if,
    li.LICell: _li,
    li.LI: _li,
    li_box.LIBoxCell: _li_box,
    lif_refrac.LIFRefracCell: _lif_refrac,
    snn.LSNNCell: _lsnn,
    snn.LSNN: _lsnn,
    izhikevich.IzhikevichCell: _izhikevich,
    izhikevich.Izhikevich: _izhikevich,
    li.LILinearCell: _executed("cuba-li", 2, spikes=False),
    **dict.fromkeys((snn.LIFRecurrentCell, snn.LIFRecurrent), _executed("cuba-rlif", 3)),
    **dict.fromkeys((snn.LSNNRecurrentCell, snn.LSNNRecurrent), _executed("rlsnn", 4)),
    **dict.fromkeys((lif_refrac.LIFRefracRecurrentCell, lif_refrac.LIFRefracRecurrent), _executed("rlif-refrac", 4)),
    **dict.fromkeys((izhikevich.IzhikevichRecurrentCell, izhikevich.IzhikevichRecurrent), _executed("rizhikevich", 3)),
    **dict.fromkeys((lif_ex.LIFExCell, lif_ex.LIFEx), _executed("lif-ex", 2)),
    **dict.fromkeys((lif_ex.LIFExRecurrentCell, lif_ex.LIFExRecurrent), _executed("rlif-ex", 3)),
    **dict.fromkeys((snn.LIFAdExCell, snn.LIFAdEx), _executed("lif-adex", 3)),
    **dict.fromkeys((snn.LIFAdExRecurrentCell, snn.LIFAdExRecurrent), _executed("rlif-adex", 4)),
    lif_adex_refrac.LIFAdExRefracCell: _executed("lif-adex-refrac", 4),
    lif_adex_refrac.LIFAdExRefracRecurrentCell: _executed("rlif-adex-refrac", 5),
    lif_adex_refrac.LIFAdExRefracRecurrent: _executed("rlif-adex-refrac", 5),
    lif_mc.LIFMCRecurrentCell: _executed("rlif-mc", 3),
    mc_refrac.LIFMCRefracRecurrentCell: _executed("rlif-mc-refrac", 4),
    coba_lif.CobaLIFCell: _executed("coba-lif", 4),
}
_WITHOUT_RULE = (SNNCell, SNNRecurrentCell, SNN, SNNRecurrent, lif_correlation.LIFCorrelation)


def neuron_facts(module: nn.Module) -> NeuronFacts | None:
    """Facts of a norse neuron; None for a module that is none.

    A subclass has the facts of its nearest known class unless it overrides the update; then it is unknown, as is a
    neuron whose ``activation`` is not norse's own.
    """
    classes = type(module).__mro__
    known = next((cls for cls in classes if cls in _RULES), None)
    if known is None:
        return _unknown("no rule for this class") if isinstance(module, _WITHOUT_RULE) else None
    spikes = (facts := _RULES[known](module)).neuron.has_threshold
    for cls in classes[: classes.index(known)]:
        if _CUSTOM & set(vars(cls)):
            return _unknown(f"overrides forward of {known.__name__}", spikes)
    activation = getattr(module, "activation", None)
    if activation is not None and not activation.__module__.startswith("norse."):
        return _unknown("its activation is a function of the user's", spikes)
    return facts


def _unknown(reason: str, spikes: bool = True) -> NeuronFacts:
    """As :func:`unknown_neuron`, but products that the module makes itself are layers: its weights may be its own."""
    neuron = NeuronModel("unknown", "unknown", 0, 0, 0, 0, has_threshold=spikes, counted="calls")
    return NeuronFacts(neuron, reason)

"""Neurons of the reference networks, by glossary name: one dictionary, built on spikingjelly and one of our own."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any, Literal

from spikingjelly.activation_based import neuron as sj
from spikingjelly.activation_based import surrogate
from torch import nn

from snn_eval.errors import SuiteError
from snn_eval.models.dynamic_lif import LEAKS, LOWEST_THRESHOLD, DynamicLIF

__all__ = ["NEURONS", "NeuronConfig", "build_neuron"]


@dataclass(frozen=True, slots=True)
class NeuronConfig:
    """A spiking neuron of a reference network.

    Attributes:
        name: key of :data:`NEURONS`.
        reset: ``hard`` sets the membrane to 0 after a spike, ``soft`` subtracts the threshold.
        v_threshold: membrane at which it fires.
        tau: membrane time constant in steps (``lif``, ``dynamic-lif``, and the start of ``plif``); > 1.
        adaptive: the threshold rises with the neuron's own spikes (this and what follows: ``dynamic-lif`` only).
        rho: what is left of their trace after a step, within [0, 1).
        beta: how far the trace raises the threshold at first; 0 or more.
        state_leak: the leak depends on the membrane.
        synaptic: a synaptic state filters the current.
    """

    name: str = "if"
    reset: Literal["hard", "soft"] = "hard"
    v_threshold: float = 1.0
    tau: float = 2.0
    adaptive: bool = False
    rho: float = 0.9
    beta: float = 0.1
    state_leak: bool = False
    synaptic: bool = False

    def plain(self) -> dict[str, Any]:
        """The same as plain types, for a checkpoint."""
        return asdict(self)


def _shared(config: NeuronConfig) -> dict[str, Any]:
    return {
        "v_threshold": float(config.v_threshold),
        "v_reset": 0.0 if config.reset == "hard" else None,
        "surrogate_function": surrogate.ATan(),
        "detach_reset": True,
        "step_mode": "m",
    }


NEURONS: dict[str, Callable[[NeuronConfig], nn.Module]] = {
    "if": lambda config: sj.IFNode(**_shared(config)),
    "lif": lambda config: sj.LIFNode(tau=float(config.tau), decay_input=False, **_shared(config)),
    "plif": lambda config: sj.ParametricLIFNode(init_tau=float(config.tau), decay_input=False, **_shared(config)),
    "dynamic-lif": lambda config: DynamicLIF(**{key: value for key, value in asdict(config).items() if key != "name"}),
    "relu": lambda _config: nn.ReLU(),
}
"""Glossary name -> constructor. The input of ``lif`` and ``plif`` does not decay: ``v ← (1 − 1/τ)·v + x``; that of
``dynamic-lif`` does: ``v ← v + (x − v)/τ``. ``relu`` is no spiking neuron: with one time step it makes the ANN that
:func:`snn_eval.models.convert.converted` turns into a spiking network."""

_SWITCHES = ("adaptive", "state_leak", "synaptic")


def build_neuron(config: NeuronConfig) -> nn.Module:
    """A multi-step neuron layer, ``[T,N,…] -> [T,N,…]`` of 0 and 1, with an arctangent surrogate gradient.

    Raises:
        SuiteError: the name is none of :data:`NEURONS`, a value is out of range, or the neuron has no such switch.
    """
    if config.name not in NEURONS:
        raise SuiteError(f"neuron: expected one of {', '.join(NEURONS)}, got {config.name!r}")
    if config.reset not in ("hard", "soft"):
        raise SuiteError(f"neuron reset: expected hard or soft, got {config.reset!r}")
    if not config.v_threshold > 0 or not config.tau > 1:
        raise SuiteError(f"neuron: expected v_threshold > 0 and tau > 1, got {config.v_threshold} and {config.tau}")
    _check_switches(config)
    return NEURONS[config.name](config)


def _check_switches(config: NeuronConfig) -> None:
    for name in _SWITCHES:
        value = getattr(config, name)
        if not isinstance(value, bool):
            raise SuiteError(f"neuron {name}: expected true or false, got {value!r}")
        if value and config.name != "dynamic-lif":
            raise SuiteError(
                f"neuron {name}: a switch of dynamic-lif, {config.name} has none; use name = 'dynamic-lif'"
            )
    if not 0 <= config.rho < 1 or not 0 <= config.beta < math.inf:
        raise SuiteError(
            f"neuron: expected rho within [0, 1) and beta of 0 or more, got {config.rho} and {config.beta}"
        )
    if config.adaptive and config.v_threshold < LOWEST_THRESHOLD:
        raise SuiteError(f"neuron: expected v_threshold ≥ {LOWEST_THRESHOLD} with adaptive, got {config.v_threshold}")
    if config.state_leak and not LEAKS[0] <= 1 - 1 / config.tau <= LEAKS[1]:
        raise SuiteError(f"neuron: expected tau within 4/3 and 100 with state_leak, got {config.tau}")

"""Neurons of the reference networks, by glossary name: one dictionary, built on spikingjelly."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any, Literal

from spikingjelly.activation_based import neuron as sj
from spikingjelly.activation_based import surrogate
from torch import nn

from snn_eval.errors import SuiteError

__all__ = ["NEURONS", "NeuronConfig", "build_neuron"]


@dataclass(frozen=True, slots=True)
class NeuronConfig:
    """A spiking neuron of a reference network.

    Attributes:
        name: key of :data:`NEURONS`.
        reset: ``hard`` sets the membrane to 0 after a spike, ``soft`` subtracts the threshold.
        v_threshold: membrane at which it fires.
        tau: membrane time constant in steps (``lif``, and the start of ``plif``); > 1.
    """

    name: str = "if"
    reset: Literal["hard", "soft"] = "hard"
    v_threshold: float = 1.0
    tau: float = 2.0

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
}
"""Glossary name -> constructor. Leaky charges do not decay the input: ``v ← (1 − 1/τ)·v + x``."""


def build_neuron(config: NeuronConfig) -> nn.Module:
    """A multi-step neuron layer, ``[T,N,…] -> [T,N,…]`` of 0 and 1, with an arctangent surrogate gradient.

    Raises:
        SuiteError: the name is none of :data:`NEURONS`, or a value is out of range.
    """
    if config.name not in NEURONS:
        raise SuiteError(f"neuron: expected one of {', '.join(NEURONS)}, got {config.name!r}")
    if config.reset not in ("hard", "soft"):
        raise SuiteError(f"neuron reset: expected hard or soft, got {config.reset!r}")
    if not config.v_threshold > 0 or not config.tau > 1:
        raise SuiteError(f"neuron: expected v_threshold > 0 and tau > 1, got {config.v_threshold} and {config.tau}")
    return NEURONS[config.name](config)

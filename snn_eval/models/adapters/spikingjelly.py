"""SpikingJelly: which modules are neurons, how state is reset, and which networks are bound to one T."""

from __future__ import annotations

from spikingjelly.activation_based import functional
from spikingjelly.activation_based import neuron as sj
from torch import nn

from snn_eval.errors import NetworkError
from snn_eval.models.adapters.base import Framework
from snn_eval.models.adapters.spikingjelly_facts import neuron_facts

__all__ = ["SPIKINGJELLY"]


def _there(*names: str) -> tuple[type[nn.Module], ...]:
    """Classes of these names; versions before 2.0 lack some."""
    return tuple(getattr(sj, name) for name in names if hasattr(sj, name))


_NOISY = ("NoisyBaseNode", "NoisyNonSpikingBaseNode")
_FIXED = _there("PSN", "MaskedPSN", "GatedLIFNode", *_NOISY)
_MULTI_STEP_ONLY = _there("PSN", "ILCBaseNode", "NonSpikingBaseNode", *_NOISY)


def _multi_step(network: nn.Module) -> bool:
    """Whether the neurons take ``[T,N,…]`` in one call (``step_mode`` 'm').

    Raises:
        NetworkError: some do and some do not.
    """
    modes = {
        name: _takes_sequences(network, name)
        for name, module in network.named_modules()
        if neuron_facts(module) is not None
    }
    if len(set(modes.values())) > 1:
        single = next(name for name, multi in modes.items() if not multi)
        multi = next(name for name, multi in modes.items() if multi)
        raise NetworkError(
            f"step_mode: {single} is single-step and {multi} is multi-step; call functional.set_step_mode or give feed="
        )
    return any(modes.values())


def _takes_sequences(network: nn.Module, name: str) -> bool:
    """Whether a neuron, or a container that runs it step by step, takes all steps at once."""
    parts = name.split(".") if name else []
    line = [network.get_submodule(".".join(parts[:depth])) for depth in range(len(parts) + 1)]
    return any(isinstance(module, _MULTI_STEP_ONLY) or getattr(module, "step_mode", "s") == "m" for module in line)


def _fixes_time_steps(network: nn.Module) -> str | None:
    return next((name for name, module in network.named_modules() if isinstance(module, _FIXED)), None)


SPIKINGJELLY = Framework("spikingjelly", neuron_facts, functional.reset_net, _multi_step, _fixes_time_steps)
"""SpikingJelly 2: neurons by class, reset by ``functional.reset_net``, feed by ``step_mode`` and experiment."""

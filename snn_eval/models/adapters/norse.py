"""norse: which modules are neurons, which take all steps at once, and how their states are handed on."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

from torch import Tensor, nn

from snn_eval.errors import NetworkError
from snn_eval.models.adapters.base import Framework
from snn_eval.models.adapters.norse_facts import ALL_STEPS, neuron_facts

__all__ = ["NORSE"]


def _reset(network: nn.Module) -> None:
    """Nothing: norse's modules keep no state, they return it and are given it."""


def _multi_step(network: nn.Module) -> bool:
    """Whether the neurons take ``[T,N,…]`` in one call: layers do, cells take one step (``Lift`` gives them all).

    Raises:
        NetworkError: some do and some do not.
    """
    modes: dict[bool, str] = {}
    for name, module in network.named_modules():
        if neuron_facts(module) is not None:
            modes.setdefault(_takes_sequences(network, name), name)
    if len(modes) > 1:
        raise NetworkError(
            f"norse: {modes[False]} takes one step and {modes[True]} takes all; use cells or layers only, or give feed="
        )
    return modes.keys() == {True}


def _takes_sequences(network: nn.Module, name: str) -> bool:
    parts = name.split(".") if name else []
    line = [network.get_submodule(".".join(parts[:depth])) for depth in range(len(parts) + 1)]
    return any(isinstance(module, ALL_STEPS) or type(module).__name__ == "Lift" for module in line)


def _stepping(network: nn.Module) -> Callable[[Tensor], Any]:
    """Calls the network step by step and hands on the state it returns, if its forward takes one."""
    if "state" not in inspect.signature(network.forward).parameters:
        return network
    state: Any = None

    def call(x: Tensor) -> Any:
        nonlocal state
        output = network(x, state)
        if not (isinstance(output, tuple) and len(output) == 2):
            raise NetworkError("norse: expected (output, state) of a network that takes a state, got another value")
        readout, state = output
        return readout

    return call


NORSE = Framework("norse", neuron_facts, _reset, _multi_step, stepping=_stepping)
"""norse 1: neurons by class, states handed on from step to step, feed by experiment."""

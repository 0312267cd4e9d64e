"""Spiking modules of a user's own, which say of themselves what they are; they work beside those of any framework.

A class says so in one attribute, and is set back by its own ``reset``::

    class Neuron(nn.Module):
        neuron_model = {"model": "lif", "states": 1}

        def reset(self): ...
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from difflib import get_close_matches
from typing import Any

from torch import nn

from snn_eval.errors import NetworkError
from snn_eval.models.adapters.base import Framework, NeuronFacts
from snn_eval.models.network import NeuronModel

__all__ = ["ATTRIBUTE", "with_declared"]

ATTRIBUTE = "neuron_model"

_COSTS = ("mul", "add", "compare")
_KINDS: dict[str, tuple[type, ...]] = {
    "model": (str,),
    "states": (int,),
    "reset": (str,),
    **dict.fromkeys(_COSTS, (int,)),
    "has_threshold": (bool,),
    "output_index": (int,),
    "multi_step": (bool,),
}


def with_declared(framework: Framework, module: nn.Module) -> Framework:
    """The framework, and beside it the modules of ``module`` that declare a ``neuron_model``.

    What a module declares goes before what the framework knows of it: ``model`` and ``states`` (numbers kept for each
    neuron) are needed; ``mul``, ``add`` and ``compare`` are the operations of one update of one neuron, and where none
    of them is given an update costs what it is seen to execute. ``reset`` names what happens after a spike,
    ``multi_step`` says that the module takes ``[T,N,…]`` at once, ``has_threshold`` False that it never spikes,
    ``output_index`` where the spikes stand in a tuple.

    Raises:
        NetworkError: an unknown key, a wrong value, or neurons that take one step beside others that take all.
    """
    own = {
        id(part): (_facts(type(part).__name__, getattr(part, ATTRIBUTE)), part)
        for part in module.modules()
        if isinstance(getattr(part, ATTRIBUTE, None), Mapping)
    }
    if not own:
        return framework
    multi_step = {bool(getattr(part, ATTRIBUTE).get("multi_step", False)) for _, part in own.values()}
    if any(id(part) not in own and framework.facts(part) is not None for part in module.modules()):
        multi_step.add(framework.multi_step(module))
    if len(multi_step) > 1:
        raise NetworkError(f"{ATTRIBUTE}: expected neurons that all take one step or all take [T,N,…], got both")

    def facts(part: nn.Module) -> NeuronFacts | None:
        return own[id(part)][0] if id(part) in own else framework.facts(part)

    def reset(network: nn.Module) -> None:
        framework.reset(network)
        for part in network.modules():
            back = getattr(part, "reset", None)
            if id(part) in own and callable(back):
                back()

    return replace(framework, facts=facts, reset=reset, multi_step=lambda _: True in multi_step)


def _facts(name: str, declared: Mapping[str, Any]) -> NeuronFacts:
    for key, value in declared.items():
        if key not in _KINDS:
            near = get_close_matches(str(key), _KINDS, n=1)
            hint = f"; did you mean {near[0]!r}?" if near else f"; there are: {', '.join(_KINDS)}"
            raise NetworkError(f"{name}.{ATTRIBUTE}: unknown key {key!r}{hint}")
        expected = _KINDS[key]
        if not isinstance(value, expected) or (bool not in expected and isinstance(value, bool)):
            raise NetworkError(f"{name}.{ATTRIBUTE}: {key}: expected {expected[0].__name__}, got {value!r}")
        if isinstance(value, int) and value < 0:
            raise NetworkError(f"{name}.{ATTRIBUTE}: {key}: expected 0 or more, got {value}")
    missing = [key for key in ("model", "states") if key not in declared]
    if missing:
        raise NetworkError(f"{name}.{ATTRIBUTE}: expected {missing[0]!r}, found none")
    costs = {key: declared.get(key, 0) for key in _COSTS}
    stated = any(key in declared for key in _COSTS)
    return NeuronFacts(
        NeuronModel(
            declared["model"],
            declared.get("reset", "own"),
            declared["states"],
            **costs,
            has_threshold=declared.get("has_threshold", True),
            output_index=declared.get("output_index", 0),
            counted="facts" if stated else "calls",
        )
    )

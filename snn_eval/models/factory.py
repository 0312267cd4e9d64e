"""Networks and neurons of a user's own: what ``file.py:function`` or ``file.py:Class`` makes of a suite's values."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Collection, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from torch import nn

from snn_eval.errors import SnnEvalError, SuiteError
from snn_eval.models.user import load_component
from snn_eval.models.user_sources import own_neurons, place_of

__all__ = ["MakeLayer", "user_network", "user_neuron", "with_own_neurons"]

MakeLayer = Callable[[Mapping[str, Any]], nn.Module]
"""Values of a neuron's class -> one layer of them."""


def user_network(name: str, time_steps: int, config: Mapping[str, Any], folder: Path | None = None) -> nn.Module:
    """The module a user's factory returns.

    Args:
        name: ``file.py:function``.
        time_steps: T, passed on where the factory takes ``time_steps``.
        config: keyword arguments of the factory.
        folder: what a relative path starts from; by default the current folder.

    Raises:
        SuiteError: no such function, it fails, or returns something else.
    """
    factory = load_component(name, folder)
    values = dict(config)
    parameters = inspect.signature(factory).parameters
    if "time_steps" in parameters or any(p.kind is p.VAR_KEYWORD for p in parameters.values()):
        values["time_steps"] = time_steps
    return _made(name, factory, values, what="a network")


def user_neuron(name: str, folder: Path | None = None) -> MakeLayer:
    """What makes layers of a user's neurons, ``[T,N,…] -> [T,N,…]`` from rest, given values of their class.

    Args:
        name: ``file.py:Class``.
        folder: what a relative path starts from; by default the current folder.

    Raises:
        SuiteError: no such class; when a layer is made: it fails, or is no module.
    """
    return partial(_made, name, load_component(name, folder), what="a layer of neurons")


def with_own_neurons(config: Mapping[str, Any], folder: Path | None, own: Collection[str]) -> dict[str, Any]:
    """The values of one of our networks with what makes a user's neurons in place of their name.

    Args:
        config: values, as :func:`snn_eval.models.user_sources.own_neurons` reads them.
        folder: of the suite; a path that is not there starts from the current folder.
        own: names whose files may be run, because a suite or a command names them.

    Raises:
        SuiteError: a name that is not among them, or no such class.
    """
    values = dict(config)
    for name in own_neurons({"neuron": config.get("neuron")}):
        if name not in own:
            raise SuiteError(
                f"neuron {name!r}: only the checkpoint names this file, which is therefore not run; name it in the "
                "suite (model.config.neuron.name)"
            )
        values["neuron"] = {**config["neuron"], "name": user_neuron(name, place_of(name, folder))}
    if isinstance(config.get("config"), Mapping):
        values["config"] = with_own_neurons(config["config"], folder, own)
    return values


def _made(name: str, make: Callable[..., Any], values: Mapping[str, Any], *, what: str) -> nn.Module:
    """The module it returns."""
    try:
        module = make(**values)
    except SnnEvalError:
        raise
    except (Exception, SystemExit) as error:  # the user's code raises what it likes
        cause = (str(error) or type(error).__name__).splitlines()[0][:200]
        raise SuiteError(f"{name}: expected {what}, got {type(error).__name__}: {cause}") from error
    if not isinstance(module, nn.Module):
        raise SuiteError(f"{name}: expected a torch.nn.Module, got {type(module).__name__}")
    return module

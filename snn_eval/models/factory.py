"""Networks and neurons of a user's own: what ``file.py:function`` or ``file.py:Class`` makes of a suite's values."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from torch import nn

from snn_eval.errors import SnnEvalError, SuiteError
from snn_eval.models.user import load_component

__all__ = ["user_network", "user_neuron"]


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
    return _made(name, factory, values, "a network")


def user_neuron(name: str, values: Mapping[str, Any]) -> nn.Module:
    """One layer of a user's neurons, ``[T,N,…] -> [T,N,…]``, from rest; its class says ``neuron_model`` of itself.

    Args:
        name: ``file.py:Class``; a relative path starts from the current folder.
        values: keyword arguments of the class.

    Raises:
        SuiteError: no such class, it fails, or is no module.
    """
    return _made(name, load_component(name), values, "a layer of neurons")


def _made(name: str, make: Callable[..., Any], values: Mapping[str, Any], what: str) -> nn.Module:
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

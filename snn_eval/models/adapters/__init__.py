"""Adapters: one per framework, each turns a module into a Network; what the module contains tells which."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from typing import Literal, get_args

from torch import Tensor, nn

from snn_eval.errors import NetworkError
from snn_eval.models.adapters.base import AdaptedNetwork, Feed, Framework, Readout, Role
from snn_eval.models.adapters.declared import with_declared
from snn_eval.models.adapters.plain import plain_framework
from snn_eval.models.network import NeuronModel

__all__ = ["AdaptedNetwork", "Feed", "Framework", "FrameworkName", "Readout", "adapt", "framework_of"]

FrameworkName = Literal["spikingjelly", "snntorch", "norse", "sinabs", "plain"]


def adapt(
    module: nn.Module,
    time_steps: int,
    *,
    sample_axis: int = 0,
    framework: FrameworkName | None = None,
    example: Tensor | None = None,
    feed: Feed | None = None,
    output_index: int = 0,
    readout: Readout = "mean",
    time_steps_attribute: str | None = None,
    roles: Mapping[str, Role] | None = None,
    neurons: Mapping[type[nn.Module] | str, NeuronModel] | None = None,
    reset: Callable[[nn.Module], None] | None = None,
    multi_step: bool = False,
) -> AdaptedNetwork:
    """Make a module measurable: in eval mode (set on the module itself), run without gradients, reset before a run.

    Args:
        module: the network.
        time_steps: T, 1 for an ANN.
        sample_axis: 0 for static input ``[N,…]``, 1 for time-first input ``[T,N,…]``.
        framework: where its neurons come from; by default found from their classes.
        example: any input of :meth:`run`; its first sample is used at once to find how time is run and which layer is
            the readout (otherwise the first run does it).
        feed: how the module is called, see :data:`Feed`; where all steps are given at once, static input is repeated.
            By default found by experiment.
        output_index: position of the readout where the module returns a tuple.
        readout: what of the steps' outputs decides, see :data:`Readout`.
        time_steps_attribute: attribute of the module that holds T, for networks that run time themselves.
        roles: roles other than hidden and output (``gate``, ``encoder``), by module path.
        neurons, reset, multi_step: only for ``plain``, see :func:`snn_eval.models.adapters.plain.plain_framework`.

    Raises:
        NetworkError: TorchScript, DataParallel or a compiled module; frameworks mixed; a name that names nothing.

    Example:
        >>> from torch import nn, ones
        >>> network = adapt(nn.Sequential(nn.Flatten(), nn.Linear(4, 2)), time_steps=1)
        >>> network.run(ones(3, 2, 2)).shape
        torch.Size([1, 3, 2])
    """
    chosen = framework_of(module, framework, neurons, reset, multi_step)
    network = AdaptedNetwork(
        module, time_steps, sample_axis, chosen, feed, output_index, readout, time_steps_attribute, dict(roles or {})
    )
    if example is not None:
        network.observe(example)
    return network


def framework_of(
    module: nn.Module,
    name: FrameworkName | None = None,
    neurons: Mapping[type[nn.Module] | str, NeuronModel] | None = None,
    reset: Callable[[nn.Module], None] | None = None,
    multi_step: bool = False,
) -> Framework:
    """How to find the neurons of a module and reset its state, without changing it; arguments as for :func:`adapt`.

    Modules that say of themselves what they are (:mod:`snn_eval.models.adapters.declared`) are found whatever the
    framework is.

    Raises:
        NetworkError: neurons of several frameworks, an unknown name, or a neuron that names no module.
    """
    if neurons:
        return _named(module, name, neurons, reset, multi_step)
    return with_declared(_named(module, name, {}, reset, multi_step), module)


def _named(
    module: nn.Module,
    name: FrameworkName | None,
    neurons: Mapping[type[nn.Module] | str, NeuronModel],
    reset: Callable[[nn.Module], None] | None,
    multi_step: bool,
) -> Framework:
    if name is None:
        present = {} if neurons else _frameworks_present(module)
        if len(present) > 1:
            raise NetworkError(f"neurons of {' and '.join(sorted(present))} in one network; give framework=")
        if present:
            return next(iter(present.values()))
        name = "plain"
    if name == "plain":
        return plain_framework(module, neurons, reset, multi_step=multi_step)
    if name not in get_args(FrameworkName):
        names = ", ".join(get_args(FrameworkName))
        raise NetworkError(f"framework: expected one of {names}, got {name!r}")
    return _imported(name)


def _imported(name: str) -> Framework:
    """The framework of that name; its package is imported.

    Raises:
        NetworkError: it is not installed.
    """
    try:
        found: Framework = getattr(importlib.import_module(f"{__name__}.{name}"), name.upper())
    except ModuleNotFoundError as error:
        raise NetworkError(
            f"framework: {name} needs the package {error.name}; install it: pip install {name}"
        ) from error
    return found


def _frameworks_present(module: nn.Module) -> dict[str, Framework]:
    """Frameworks with a neuron in the network; a framework is imported only if one of its classes is there."""
    packages = {cls.__module__.partition(".")[0] for part in module.modules() for cls in type(part).__mro__}
    found = {name: _imported(name) for name in get_args(FrameworkName) if name != "plain" and name in packages}
    return {
        name: framework
        for name, framework in found.items()
        if any(framework.facts(part) is not None for part in module.modules())
    }

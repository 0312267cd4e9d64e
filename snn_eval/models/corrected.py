"""A network whose neurons get a corrected current: how a correction is held, stored and built again."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from snn_eval.errors import SuiteError

__all__ = ["CorrectedNeuron", "CurrentCorrection", "attach", "corrected_network", "corrections", "start_current"]


class CurrentCorrection(nn.Module):
    """``current'[t] = gain_c · current[t] + c[t]`` for a current ``[T,N,C,…]``: ``c`` for each step and channel.

    ``bias`` holds the rows of c from the first step to the last one that is corrected, ``[steps,C]``. Steps beyond them
    get nothing, in a longer run too: what is corrected is the transient from rest, which is over by then; a row held
    on would shift the steady state, which no row was made for. A run of fewer steps takes the first rows, so that it is
    the prefix of a longer one. ``gain`` is ``[C]``. A gain of exactly 1 and rows of exactly 0 are not executed.

    What is counted: an addition for each neuron and each of the first ``steps``, a multiplication for each neuron and
    step where there is a gain (which :mod:`snn_eval.train.correct` puts into the norm before the neurons, where there
    is one, and which is free there).

    Args:
        channels: C.
        steps: rows of ``bias``; 0 for none.
        gain: whether there is one.
    """

    bias: nn.Parameter | None
    gain: nn.Parameter | None

    def __init__(self, channels: int, steps: int, *, gain: bool = False) -> None:
        super().__init__()
        self.register_parameter("bias", nn.Parameter(torch.zeros(steps, channels)) if steps else None)
        self.register_parameter("gain", nn.Parameter(torch.ones(channels)) if gain else None)

    def forward(self, current: Tensor) -> Tensor:
        """The corrected current, of the same shape and type."""
        rest = (1,) * (current.dim() - 3)
        if self.gain is not None and (
            self.gain.requires_grad or not torch.equal(self.gain, torch.ones_like(self.gain))
        ):
            current = current * self.gain.to(current.dtype).view(-1, *rest)
        if self.bias is None or not (self.bias.requires_grad or bool(self.bias.any())):
            return current
        rows = functional.pad(self.bias, (0, 0, 0, len(current) - len(self.bias)))  # cut where there are more of them
        return current + rows.to(current.dtype).view(len(current), 1, -1, *rest)

    @property
    def leading_steps(self) -> int:
        """Rows of the bias: the probe counts no addition of the zeros behind them."""
        return 0 if self.bias is None else len(self.bias)

    @property
    def plain(self) -> dict[str, Any]:
        """What builds one of the same shape; ``channels`` 0 where nothing is corrected."""
        some: nn.Parameter | None = self.gain if self.bias is None else self.bias
        channels = 0 if some is None else some.shape[-1]
        return {
            "channels": channels,
            "steps": self.leading_steps,
            "gain": self.gain is not None,
        }


class CorrectedNeuron(nn.Module):
    """Neurons and, before them, what corrects their current."""

    def __init__(self, correction: CurrentCorrection, neuron: nn.Module) -> None:
        super().__init__()
        self.correction, self.neuron = correction, neuron

    def forward(self, current: Tensor) -> Any:
        """What the neurons make of the corrected current."""
        return self.neuron(self.correction(current))


def corrections(module: nn.Module) -> dict[str, CurrentCorrection]:
    """Every correction in a network, by the path its neurons had without it."""
    return {path: part.correction for path, part in module.named_modules() if isinstance(part, CorrectedNeuron)}


def attach(module: nn.Module, layers: Mapping[str, Mapping[str, Any]]) -> None:
    """Put corrections that do nothing yet before the neurons at some paths of ``module``, in place.

    Args:
        module: whose neurons take all steps at once, ``[T,N,C,…]``.
        layers: path -> ``channels``, ``steps`` and ``gain`` of :class:`CurrentCorrection`.

    Raises:
        SuiteError: nothing is at that path, it is the whole network, or the layers are no such table.
    """
    if not isinstance(layers, Mapping) or not all(isinstance(values, Mapping) for values in layers.values()):
        raise SuiteError("corrected: expected a table of channels, steps and gain for each layer, got something else")
    for path, values in layers.items():
        parent, _, name = path.rpartition(".")
        try:
            holder, neuron = module.get_submodule(parent), module.get_submodule(path)
        except AttributeError as error:
            raise SuiteError(f"corrected: expected neurons at {path}, found none; it is of another network") from error
        if not name:
            raise SuiteError("corrected: expected neurons inside a network, got the neurons alone")
        device = next((weight.device for weight in module.parameters()), torch.device("cpu"))
        setattr(holder, name, CorrectedNeuron(CurrentCorrection(**values).to(device), neuron))


def corrected_network(
    time_steps: int, *, arch: str, config: Mapping[str, Any], layers: Mapping[str, Mapping[str, Any]]
) -> nn.Module:
    """One of our networks with corrections, which its state dict gives values: ``PATH.correction.bias`` and ``.gain``.

    Args:
        time_steps: T.
        arch, config: of the network without corrections, see :func:`snn_eval.models.networks.build_network`.
        layers: see :func:`attach`.

    Raises:
        SuiteError: an unknown network, value or layer.
    """
    from snn_eval.models.networks import build_network  # which names this architecture

    if ":" in arch:
        raise SuiteError(f"corrected: the network is one of your own, {arch}; name it again with --arch")
    module = build_network(arch, time_steps, config)
    attach(module, layers)
    return module


def start_current(neuron: nn.Module, potential: Tensor) -> Tensor:
    """What must be added to the first current so that neurons at rest begin as if at a start ``potential`` v0.

    The first charge of each is linear in what is there before it::

        if            v0 + x                    = 0 + (x + v0)
        lif, decayed  v0 + (x − v0)/τ           = 0 + (x + (τ − 1)·v0)/τ
        lif, plif     (1 − 1/τ)·v0 + x          = 0 + (x + (1 − 1/τ)·v0)

    so v0 is the current v0, ``(τ − 1)·v0`` or ``(1 − 1/τ)·v0`` of the first step, exactly, and a start potential needs
    no state of its own. (A synaptic state or a leak that depends on the membrane make it an approximation.)

    Raises:
        SuiteError: neurons without such a charge.
    """
    from spikingjelly.activation_based import neuron as sj

    if isinstance(neuron, sj.IFNode):
        return potential
    if isinstance(neuron, sj.ParametricLIFNode):
        tau = 1 / neuron.w.detach().sigmoid()
    elif hasattr(neuron, "tau") and hasattr(neuron, "decay_input"):
        tau = torch.as_tensor(neuron.tau).to(potential)
    else:
        raise SuiteError(f"start potential: expected IF or LIF neurons, got {type(neuron).__name__}")
    factor: Tensor = tau - 1 if neuron.decay_input else 1 - 1 / tau
    return potential * factor

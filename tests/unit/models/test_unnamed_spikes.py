"""A neuron of the user's own that nobody named is not silently taken for a layer of an ANN."""

from __future__ import annotations

import torch
from spikingjelly.activation_based import neuron
from torch import Tensor, nn

from snn_eval.models.adapters import adapt
from snn_eval.models.adapters.unnamed import unnamed_spikes

X = torch.linspace(-1, 2, 8).reshape(2, 4)


class Step(nn.Module):
    """A threshold: 1 from 0.5 on, else 0."""

    def forward(self, x: Tensor) -> Tensor:
        return (x >= 0.5).float()


class Named(Step):
    """The same, which says what it is."""

    neuron_model = {"model": "step", "states": 0}  # noqa: RUF012


class Block(nn.Module):
    """Something of the user's own around a layer."""

    def __init__(self, inside: nn.Module) -> None:
        super().__init__()
        self.inside = inside

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.inside(x)
        return out


def found(*modules: nn.Module) -> str:
    return unnamed_spikes(adapt(nn.Sequential(*modules, nn.Linear(4, 3)), 1), X)


def test_the_innermost_module_is_named() -> None:
    line = found(Block(Step()), Step())
    assert line.startswith("2 modules (Step) give only 0 and 1 and are not known to spike: ")
    assert "neuron_model" in line


def test_what_is_known_or_gives_other_values_is_not() -> None:
    assert found(nn.ReLU()) == ""
    assert found(Named()) == ""
    assert found(Block(neuron.IFNode())) == ""
    assert found(Block(nn.ReLU())) == ""  # gives 2

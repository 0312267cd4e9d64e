"""Networks of no framework through the adapter: named neurons, a reset of the user's, and networks without spikes."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from snn_eval.errors import NetworkError
from snn_eval.models.adapters import adapt
from snn_eval.models.network import NeuronModel
from snn_eval.probe import Chunk, ProbeOptions, record_trace

FIRE = NeuronModel("if", "hard", states=1, mul=0, add=1, compare=1)
X = torch.rand(3, 4, generator=torch.Generator().manual_seed(0))


class Fire(nn.Module):
    """Integrate and fire, kept in a plain attribute."""

    def __init__(self) -> None:
        super().__init__()
        self.v: Tensor | float = 0.0

    def forward(self, x: Tensor) -> Tensor:
        charged = self.v + x
        spikes = (charged >= 1).to(x.dtype)
        self.v = charged * (1 - spikes)
        return spikes


def reset(network: nn.Module) -> None:
    for part in network.modules():
        if isinstance(part, Fire):
            part.v = 0.0


def small() -> nn.Sequential:
    network = nn.Sequential(nn.Linear(4, 4, bias=False), Fire(), nn.Linear(4, 2, bias=False), Fire())
    nn.init.constant_(network[0].weight, 0.2)
    nn.init.constant_(network[2].weight, 0.2)
    return network


@pytest.mark.parametrize("neurons", [{Fire: FIRE}, {"1": FIRE, "3": FIRE}])
def test_neurons_by_class_or_path(neurons: Any) -> None:
    network = adapt(small(), 6, neurons=neurons, reset=reset, example=X)
    assert {name: found.role for name, found in network.spiking_layers().items()} == {"1": "hidden", "3": "output"}
    assert all(found.neuron == FIRE for found in network.spiking_layers().values())
    assert network.unknown_neurons() == {}
    first = network.run(X)
    assert first.shape == (6, 3, 2)
    assert first.sum() > 0
    assert torch.equal(network.run(X), first)


def test_a_path_wins_over_a_class() -> None:
    other = NeuronModel("lif", "soft", states=1, mul=1, add=2, compare=1)
    network = adapt(small(), 2, neurons={"1": other, Fire: FIRE}, reset=reset, example=X)
    assert [found.neuron.model for found in network.spiking_layers().values()] == ["lif", "if"]


def test_output_index_of_a_neuron_that_returns_a_tuple() -> None:
    class Both(Fire):
        def forward(self, x: Tensor) -> Any:
            return torch.as_tensor(self.v), super().forward(x)

    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.fc, self.fire = nn.Linear(4, 2), Both()

        def forward(self, x: Tensor) -> Tensor:
            spikes: Tensor = self.fire(self.fc(x))[1]
            return spikes

    second = NeuronModel("if", "hard", 1, 0, 1, 1, output_index=1)
    network = adapt(Net(), 3, neurons={Both: second}, reset=reset, example=X)
    assert network.spiking_layers()["fire"].role == "output"


def test_ann() -> None:
    module = nn.Sequential(nn.Linear(4, 5), nn.ReLU(), nn.Linear(5, 2))
    network = adapt(module, 1)
    assert network.spiking_layers() == {}
    assert network.feed is None
    assert network.run(X).shape == (1, 3, 2)
    assert network.feed == "whole"
    assert torch.equal(network.run(X)[0], module(X))


def test_multi_step_neurons_of_the_user() -> None:
    class Threshold(nn.Module):
        def forward(self, x_TNC: Tensor) -> Tensor:
            return (x_TNC.cumsum(0) >= 1).to(x_TNC.dtype)

    module = nn.Sequential(nn.Linear(4, 2, bias=False), Threshold())
    network = adapt(module, 5, neurons={Threshold: FIRE}, multi_step=True, example=X)
    assert network.feed == "sequence"
    assert network.run(X).shape == (5, 3, 2)


@pytest.mark.parametrize("neurons", [{"9": FIRE}, {nn.Conv2d: FIRE}])
def test_neurons_that_are_not_there(neurons: Any) -> None:
    with pytest.raises(NetworkError, match="names no module of the network"):
        adapt(small(), 2, neurons=neurons)


def test_two_frameworks_in_one_network() -> None:
    import snntorch
    from spikingjelly.activation_based import neuron

    with pytest.raises(NetworkError, match="neurons of snntorch and spikingjelly in one network"):
        adapt(nn.Sequential(neuron.IFNode(), snntorch.Leaky(0.9)), 2)


class Loop(nn.Module):
    """Runs time itself, with spikes of its own that no adapter knows."""

    def __init__(self) -> None:
        super().__init__()
        self.inner = nn.Linear(4, 2)

    def forward(self, x: Tensor) -> Tensor:
        return torch.stack([(self.inner(x) > t / 8).float() for t in range(6)]).mean(0)


def test_without_neurons_static_input_is_given_once() -> None:
    for module in (Loop(), nn.Linear(4, 2)):  # T calls would be T times the operations, and all the same
        network = adapt(module, 6)
        assert network.run(X).shape == (1, 3, 2)
        assert network.feed == "whole"


class Cell(nn.Module):
    """A recurrent cell over the steps of its input ``[T,N,F]``."""

    def __init__(self) -> None:
        super().__init__()
        self.cell = nn.GRUCell(4, 2)

    def forward(self, x: Tensor) -> Tensor:
        states: list[Tensor] = []
        for x_t in x:
            states.append(self.cell(x_t, states[-1] if states else None))
        return torch.stack(states)


@pytest.mark.parametrize(
    ("module", "feed"), [(Cell(), "whole"), (nn.Sequential(nn.Flatten(), nn.Linear(4, 2)), "steps")]
)
def test_without_neurons_a_sequence_is_given_as_the_module_takes_it(module: nn.Module, feed: str) -> None:
    network = adapt(module, 5, sample_axis=1)
    assert network.run(X.repeat(5, 1, 1)).shape == (5, 3, 2)
    assert network.feed == feed


class Enabling(nn.Module):
    """Turns gradients on by itself, as code written for attacks or explanations does."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = nn.Linear(4, 4), nn.Linear(4, 2)

    def forward(self, x: Tensor) -> Tensor:
        with torch.enable_grad():
            hidden = torch.relu(self.first(x))
        readout: Tensor = self.second(hidden)
        return readout


def test_a_network_that_enables_gradients_is_measured_and_left_trainable() -> None:
    module = Enabling()
    chunk = Chunk(0, np.arange(3), X, np.zeros(3, np.int64))
    trace = record_trace(adapt(module, 1), [chunk], ProbeOptions(batch_size=3, timed_chunks=0))
    assert trace.synaptic[0].ops_VTN.sum() == 3 * 4 * 4  # no pixel of X and no weight is zero
    assert all(weight.requires_grad for weight in module.parameters())

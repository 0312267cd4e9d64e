"""What is told of a trained network's neurons and codings: their own numbers, and nothing of its weights."""

from __future__ import annotations

from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from snn_eval.models.adapters import adapt
from snn_eval.models.corrected import attach
from snn_eval.models.layered import LayeredNet
from snn_eval.models.learned import learned_values

NEURON = {"name": "dynamic-lif", "reset": "soft", "adaptive": True, "state_leak": True, "synaptic": True}


class Own(nn.Module):
    """A neuron of one's own with a gate, whose weights are none of its few numbers."""

    neuron_model: ClassVar[dict[str, Any]] = {"model": "own", "states": 1, "multi_step": True}

    def __init__(self) -> None:
        super().__init__()
        self.slope = nn.Parameter(torch.tensor([0.1, 0.2]))
        self.many = nn.Parameter(torch.zeros(65))
        self.gate = nn.Linear(2, 2)
        self.inner = nn.ParameterDict({"rate": nn.Parameter(torch.tensor(3.0))})

    def forward(self, x_TN: Tensor) -> Tensor:
        return x_TN


def small_net(coding: str) -> LayeredNet:
    return LayeredNet(3, in_shape=(1, 8, 8), layers=("2C3", "AP2", "FC10"), neuron=NEURON, coding=coding)


def test_neurons_and_codings_tell_their_numbers_and_weights_are_left_out() -> None:
    net = small_net("gain")
    with torch.no_grad():
        net.layers[0].coding.k.copy_(torch.tensor([0.5, 0.0, -0.25]))
        net.layers[0].neuron.threshold.fill_(0.01)  # counts as its bound
        net.layers[0].neuron.tau1.fill_(0.3)
    attach(net, {"layers.0.neuron": {"channels": 2, "steps": 3, "gain": True}})
    assert learned_values(adapt(net, 3)) == {
        "layers.0.coding.k": [0.5, 0.0, -0.25],
        "layers.0.neuron.threshold": [0.1],
        "layers.0.neuron.beta": [0.1],
        "layers.0.neuron.leak_a": [0.0],
        "layers.0.neuron.leak_b": [0.0],
        "layers.0.neuron.tau1": [0.3],
    }


def test_a_gain_of_each_channel_is_told_step_by_step_and_attention_without_its_kernels() -> None:
    assert learned_values(adapt(small_net("channel-gain"), 3))["layers.0.coding.k"] == [0.0] * 6
    names = [name for name in learned_values(adapt(small_net("attention"), 3)) if ".coding." in name]
    assert names == ["layers.0.coding.squeeze", "layers.0.coding.expand"]


def test_a_neuron_of_ones_own_tells_its_numbers_but_no_weights_and_no_maps() -> None:
    found = learned_values(adapt(nn.Sequential(nn.Linear(2, 2), Own()), 3))
    assert found == {"1.slope": [0.1, 0.2], "1.inner.rate": [3.0]}

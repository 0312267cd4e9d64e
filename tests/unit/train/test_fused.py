"""Neurons run in one node for all steps: equal to SpikingJelly's own bit for bit, forwards and backwards."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from spikingjelly.activation_based import neuron as sj
from spikingjelly.activation_based import surrogate
from torch import Tensor, nn

from snn_eval.models.adapters import adapt
from snn_eval.models.networks import build_network
from snn_eval.train.fused import can_fuse, run_fused
from snn_eval.train.trainee import Trainee

NODES = {
    "if": (sj.IFNode, {}),
    "lif-2": (sj.LIFNode, {"tau": 2.0, "decay_input": False}),
    "decayed-2": (sj.LIFNode, {"tau": 2.0, "decay_input": True}),
    "decayed-1.7": (sj.LIFNode, {"tau": 1.7, "decay_input": True}),
    "lif-1.7": (sj.LIFNode, {"tau": 1.7, "decay_input": False}),
}


def node(name: str, **values: Any) -> Any:
    cls, own = NODES[name]
    shared = {"surrogate_function": surrogate.ATan(1.5), "detach_reset": True, "step_mode": "m", "v_threshold": 0.9}
    return cls(**{**own, **shared, **values})


def currents(held: bool, channels_last: bool) -> Tensor:
    x = torch.randn(1 if held else 5, 3, 4, 7, 9, generator=torch.Generator().manual_seed(0))
    if channels_last:
        x = x.flatten(0, 1).contiguous(memory_format=torch.channels_last).unflatten(0, x.shape[:2])
    return x.expand(5, *x.shape[1:]).requires_grad_(True)


@pytest.mark.parametrize("held", [False, True])
@pytest.mark.parametrize("channels_last", [False, True])
@pytest.mark.parametrize("reset", [0.0, None])
@pytest.mark.parametrize("name", NODES)
def test_equal_to_spikingjelly(name: str, reset: float | None, channels_last: bool, held: bool) -> None:
    x = currents(held, channels_last)
    neuron = node(name, v_reset=reset)
    assert can_fuse(neuron)
    expected = neuron(x)
    found = run_fused(neuron, x)
    weight = torch.randn(expected.shape, generator=torch.Generator().manual_seed(1))
    assert torch.equal(found, expected)
    assert 0 < found.mean() < 1
    assert torch.equal(*(torch.autograd.grad(spikes, x, weight)[0] for spikes in (found, expected)))


@pytest.mark.parametrize("reset", [0.0, None])
@pytest.mark.parametrize("name", NODES)
def test_gradients_through_the_reset(name: str, reset: float | None) -> None:
    x = currents(held=False, channels_last=False)
    neuron = node(name, v_reset=reset, detach_reset=False)
    assert can_fuse(neuron)
    expected, found = neuron(x), run_fused(neuron, x)
    weight = torch.randn(expected.shape, generator=torch.Generator().manual_seed(1))
    detached = run_fused(node(name, v_reset=reset), x)
    right, ours, other = (torch.autograd.grad(spikes, x, weight)[0] for spikes in (expected, found, detached))
    torch.testing.assert_close(ours, right, rtol=1e-5, atol=1e-6)
    assert not torch.allclose(other, right, rtol=1e-2, atol=1e-2)


@pytest.mark.parametrize("size", [1, 1023, 1024, 1025])
def test_layers_that_do_not_fill_a_block(size: int) -> None:
    x = torch.randn(3, size, generator=torch.Generator().manual_seed(2), requires_grad=True)
    neuron = node("if")
    expected, found = neuron(x), run_fused(neuron, x)
    assert torch.equal(found, expected)
    assert torch.equal(*(torch.autograd.grad(spikes.sum(), x)[0] for spikes in (found, expected)))


def test_currents_of_any_layout() -> None:
    x = torch.randn(6, 4, 5, generator=torch.Generator().manual_seed(3)).permute(1, 2, 0).requires_grad_(True)
    neuron = node("lif-2")
    expected, found = neuron(x), run_fused(neuron, x)
    assert torch.equal(found, expected)
    gradients = (torch.autograd.grad((spikes * x.detach()).sum(), x)[0] for spikes in (found, expected))
    assert torch.equal(*gradients)


def test_half_precision_keeps_membranes_in_float32() -> None:
    x = torch.randn(5, 300, generator=torch.Generator().manual_seed(4)).bfloat16().requires_grad_(True)
    found = run_fused(node("if"), x)
    assert found.dtype == torch.bfloat16
    assert torch.equal(found.float(), node("if")(x.detach().float()))
    assert torch.autograd.grad(found.sum(), x)[0].dtype == torch.bfloat16


class _Louder(sj.IFNode):
    """A neuron of the user's."""


@pytest.mark.parametrize(
    "other",
    [
        nn.ReLU(),
        node("if", step_mode="s"),
        node("if", v_reset=-0.1),
        node("if", surrogate_function=surrogate.Sigmoid()),
        node("if", store_v_seq=True),
        _Louder(surrogate_function=surrogate.ATan(), detach_reset=True, step_mode="m"),
        sj.ParametricLIFNode(surrogate_function=surrogate.ATan(), detach_reset=True, step_mode="m"),
    ],
)
def test_what_the_kernels_do_not_know_is_left_alone(other: nn.Module) -> None:
    assert not can_fuse(other)


def trainee(module: nn.Module, x: Tensor) -> Trainee:
    return Trainee(adapt(module, 4, feed="whole"), x, 10, torch.device("cpu"))


def test_the_reference_network_is_fused_while_it_is_trained() -> None:
    x = torch.rand(6, 1, 8, 8, generator=torch.Generator().manual_seed(0))
    torch.manual_seed(0)
    found = trainee(build_network("spiking-conv-net", 4, {}), x)
    assert found.fusible == {"stem.neuron", "blocks.0.neuron"}
    plain = found.readout(x)
    with found.fused():
        fused = found.readout(x)
    assert torch.equal(fused, plain)
    assert "AllSteps" in _functions(fused)
    assert "AllSteps" not in _functions(found.readout(x))


def test_a_neuron_called_twice_is_left_alone() -> None:
    class Twice(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.linear, self.neuron, self.other = nn.Linear(5, 10), node("if"), node("if")

        def forward(self, x: Tensor) -> Tensor:
            current = self.linear(x).expand(4, len(x), 10)
            return torch.as_tensor(self.neuron(self.other(self.neuron(current))))

    assert trainee(Twice(), torch.rand(6, 5)).fusible == {"other"}


def _functions(output: Tensor) -> str:
    """Names of all autograd nodes behind a tensor."""
    names, waiting = [], [output.grad_fn]
    while waiting:
        here = waiting.pop()
        if here is not None:
            names.append(type(here).__name__)
            waiting += [before for before, _ in here.next_functions]
    return " ".join(names)

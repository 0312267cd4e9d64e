"""The dynamic neuron in one node for all steps: spikes equal to its own bit for bit, gradients equal to autograd's."""

from __future__ import annotations

import copy
import itertools
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from snn_eval.models.adapters import adapt
from snn_eval.models.dynamic_lif import DynamicLIF
from snn_eval.models.networks import build_network
from snn_eval.models.neurons import NeuronConfig, build_neuron
from snn_eval.train.dynamic_kernels import BLOCK
from snn_eval.train.fused import can_fuse, run_fused
from snn_eval.train.trainee import Trainee

SWITCHES = ("adaptive", "state_leak", "synaptic")
SUBSETS = [dict(zip(SWITCHES, on, strict=True)) for on in itertools.product((False, True), repeat=3)]
ALL = SUBSETS[-1]
VALUES = {
    "zero": {"beta": 0.0},
    "small": {"threshold": 0.8, "beta": 0.4, "leak_a": 0.1, "leak_b": 0.2, "tau1": 0.3},
    "clamped": {"threshold": 0.05, "beta": 0.9, "leak_a": -0.1, "leak_b": 0.9, "tau1": 1.2},
    "partly": {"beta": 0.0, "leak_a": 0.0, "leak_b": -0.3, "tau1": -0.1},
}


def node(values: str, **config: Any) -> DynamicLIF:
    made = build_neuron(NeuronConfig("dynamic-lif", **{"reset": "soft", "v_threshold": 0.9, **config}))
    assert isinstance(made, DynamicLIF)
    with torch.no_grad():
        for name, parameter in made.named_parameters():
            if name in VALUES[values]:
                parameter.fill_(VALUES[values][name])
    return made


def normal(*shape: int, seed: int = 0) -> Tensor:
    return 1.5 * torch.randn(shape, generator=torch.Generator().manual_seed(seed)) + 0.3


def same(neuron: DynamicLIF, x: Tensor) -> Tensor:
    """Spikes of both ways, which must be equal, and so must all gradients."""
    x = x.detach().requires_grad_()
    own, fused = neuron(x), run_fused(neuron, x)
    weight = normal(*own.shape, seed=7).to(own.dtype)
    assert torch.equal(fused, own)
    wanted = [x, *neuron.parameters()]
    expected, found = (torch.autograd.grad((out * weight).sum(), wanted) for out in (own, fused))
    torch.testing.assert_close(found[0], expected[0], rtol=1e-4, atol=1e-5)
    for name, ours, right in zip(dict(neuron.named_parameters()), found[1:], expected[1:], strict=True):
        assert ours.dtype == right.dtype
        scale = max(1.0, x.numel() ** 0.5)  # a sum over all neurons and steps, whose terms cancel
        torch.testing.assert_close(ours, right, rtol=1e-4, atol=2e-6 * scale, msg=f"{name}: {ours} {right}")
    return fused.detach()


@pytest.mark.parametrize("values", VALUES)
@pytest.mark.parametrize("reset", ["soft", "hard"])
@pytest.mark.parametrize("switches", SUBSETS)
def test_equal_to_the_module(switches: dict[str, bool], reset: str, values: str) -> None:
    neuron = node(values, reset=reset, tau=1.7, rho=0.8, **switches)
    assert can_fuse(neuron)
    assert 0.02 < same(neuron, normal(7, 3, 40, 11)).mean() < 0.7


@pytest.mark.parametrize("size", [1, BLOCK - 1, BLOCK, BLOCK + 1])
def test_layers_that_do_not_fill_a_block_of_the_dynamic_kernel(size: int) -> None:
    same(node("small", **ALL), normal(4, 1, size))


@pytest.mark.parametrize("held", [False, True])
@pytest.mark.parametrize("layout", ["contiguous", "channels-last", "any"])
@pytest.mark.parametrize("switches", [SUBSETS[0], ALL])
def test_currents_in_any_layout(switches: dict[str, bool], layout: str, held: bool) -> None:
    x = normal(1 if held else 5, 3, 4, 7, 9)
    if layout == "channels-last":
        x = x.flatten(0, 1).contiguous(memory_format=torch.channels_last).unflatten(0, x.shape[:2])
    elif layout == "any":
        x = x.transpose(2, 4).contiguous().transpose(2, 4)
    leaf = x.requires_grad_()
    neuron = node("small", **switches)
    own, fused = (run(leaf.expand(5, *leaf.shape[1:])) for run in (neuron, lambda x: run_fused(neuron, x)))
    assert torch.equal(fused, own)
    weight = normal(*own.shape, seed=3)
    found, expected = (torch.autograd.grad((out * weight).sum(), leaf)[0] for out in (fused, own))
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("switches", SUBSETS)
def test_half_precision_currents(switches: dict[str, bool]) -> None:
    neuron = node("small", **switches)
    x = normal(5, 2, 300).bfloat16().requires_grad_()
    held = normal(1, 2, 300).bfloat16().expand(5, 2, 300)
    spikes = run_fused(neuron, x)
    assert spikes.dtype == torch.bfloat16
    assert torch.equal(spikes, neuron(x))
    assert torch.equal(run_fused(neuron, held), neuron(held))
    gradients = torch.autograd.grad(spikes.sum(), [x, *neuron.parameters()])
    single = x.detach().float().requires_grad_()
    expected = torch.autograd.grad(run_fused(neuron, single).sum(), [single, *neuron.parameters()])
    assert gradients[0].dtype == torch.bfloat16
    assert torch.equal(gradients[0], expected[0].bfloat16())
    assert gradients[1:] == expected[1:]


def test_gradients_of_learned_values_are_summed_in_float64() -> None:
    neuron, x = node("small", **ALL), normal(4, 200_000)
    found = torch.autograd.grad(run_fused(neuron, x).sum(), list(neuron.parameters()))
    double = copy.deepcopy(neuron).double()
    spikes = double(x.double())
    assert (spikes != run_fused(neuron, x)).sum() < 20  # membranes within one rounding of θ
    expected = torch.autograd.grad(spikes.sum(), list(double.parameters()))
    for ours, right in zip(found, expected, strict=True):
        assert ours.item() == pytest.approx(right.item(), rel=1e-4)


class _Other(DynamicLIF):
    """A neuron of the user's."""


def test_a_subclass_is_left_alone() -> None:
    assert can_fuse(DynamicLIF())
    assert not can_fuse(_Other())


def trainee(module: nn.Module, x: Tensor) -> Trainee:
    return Trainee(adapt(module, 4, feed="whole"), x, 10, torch.device("cpu"))


def reference(**neuron: Any) -> nn.Module:
    torch.manual_seed(0)
    return build_network("spiking-conv-net", 4, {"neuron": {"name": "dynamic-lif", "v_threshold": 0.3, **neuron}})


@pytest.mark.parametrize("amp", [False, True])
@pytest.mark.parametrize("switches", [SUBSETS[0], ALL])
def test_a_reference_network_learns_the_same_fused(switches: dict[str, bool], amp: bool) -> None:
    x = torch.rand(6, 1, 8, 8, generator=torch.Generator().manual_seed(0))
    made = reference(**switches)
    runs = {}
    for way in ("plain", "fused"):
        found = trainee(copy.deepcopy(made), x)
        assert found.fusible == {"stem.neuron", "blocks.0.neuron"}
        found.module.train()
        with torch.autocast("cpu", torch.bfloat16, enabled=amp):
            if way == "fused":
                with found.fused():
                    readout = found.readout(x)
            else:
                readout = found.readout(x)
        (readout * normal(*readout.shape)).sum().backward()
        runs[way] = readout, {name: part.grad for name, part in found.module.named_parameters()}
    assert torch.equal(runs["fused"][0], runs["plain"][0])
    for name, right in runs["plain"][1].items():
        ours = runs["fused"][1][name]
        assert right is not None, name
        assert (right != 0).any(), name
        torch.testing.assert_close(ours, right, rtol=2e-2 if amp else 1e-3, atol=2e-2 if amp else 1e-4, msg=name)

"""The network of residual blocks: its connect functions, its size, the identity, and the arithmetic of a stage."""

from __future__ import annotations

from itertools import product
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from snn_eval.errors import NetworkError, SuiteError
from snn_eval.models.adapters import adapt
from snn_eval.models.connect import CONNECTS
from snn_eval.models.networks import build_network
from snn_eval.models.seven_block import ResidualBlock, SevenBlockNet

FRAMES = torch.randint(0, 3, (3, 2, 2, 8, 8), generator=torch.Generator().manual_seed(1)).float()
NEURON = {"name": "lif", "reset": "soft", "v_threshold": 0.4, "tau": 2.0}
SMALL = {"in_shape": [2, 8, 8], "channels": [4, 4, 6], "classes": 5, "neuron": NEURON}

TRUTH = {"add": "0112", "and": "0001", "iand": "0100", "or": "0111", "xor": "0110"}
"""Outcome for (a, b) = (0,0), (0,1), (1,0), (1,1)."""
SLOPES: dict[str, tuple[Any, Any]] = {
    "add": (lambda _a, _b: 1, lambda _a, _b: 1),
    "and": (lambda _a, b: b, lambda a, _b: a),
    "iand": (lambda _a, b: -b, lambda a, _b: 1 - a),
    "or": (lambda _a, b: 1 - b, lambda a, _b: 1 - a),
    "xor": (lambda _a, b: 1 - 2 * b, lambda a, _b: 1 - 2 * a),
}


def network(**config: Any) -> SevenBlockNet:
    torch.manual_seed(0)
    module = build_network("seven-block-net", 3, {**SMALL, **config})
    assert isinstance(module, SevenBlockNet)
    return module


@pytest.mark.parametrize("name", CONNECTS)
def test_connect_functions_and_their_gradients(name: str) -> None:
    for (a, b), expected in zip(product((0.0, 1.0), repeat=2), TRUTH[name], strict=True):
        x, y = (torch.tensor(value, requires_grad=True) for value in (a, b))
        out = CONNECTS[name](x, y)
        out.backward()
        assert out.item() == int(expected)
        assert (x.grad, y.grad) == tuple(slope(a, b) for slope in SLOPES[name])


@pytest.mark.parametrize("name", CONNECTS)
def test_a_block_whose_branch_is_silent_changes_nothing(name: str) -> None:
    (block,) = (part for part in network(channels=[2], connect=name).modules() if isinstance(part, ResidualBlock))
    for value in (block.second.norm.weight, block.second.norm.bias):
        nn.init.zeros_(value)
    spikes = (FRAMES > 1).float()
    assert torch.equal(block(spikes), torch.zeros_like(spikes) if name == "and" else spikes)


def test_seven_stages_leave_one_pixel_of_128() -> None:
    module = build_network("seven-block-net", 10, {"neuron": NEURON})
    weights = 2 * 32 + 7 * 2 * 32 * 32 * 9 + 32 * 11
    assert sum(p.numel() for p in module.parameters()) == weights + 15 * 2 * 32 + 11
    assert module(torch.zeros(1, 1, 2, 128, 128)).shape == (1, 1, 11)
    six = {"channels": [64, 64, 64, 64, 128, 128, 128], "classes": 10, "neuron": NEURON}
    changed = [path for path, part in build_network("seven-block-net", 4, six).named_modules() if "conv" in path]
    assert len(changed) == 7 * 2 + 2  # and a 1×1 convolution where channels change


def test_names_and_shapes() -> None:
    module = network()
    assert module(FRAMES).shape == (3, 2, 5)
    assert module.readout.in_features == 6
    layers = ["0.neuron", *(f"{i}.{part}.neuron" for i in (1, 3) for part in ("first", "second"))]
    layers += ["5.neuron", "6.first.neuron", "6.second.neuron"]
    adapted = adapt(module.eval(), 3, sample_axis=1, example=FRAMES)
    assert list(adapted.spiking_layers()) == [f"stages.{name}" for name in layers]


def lif(current: Tensor) -> Tensor:
    """Spikes by the formula: v ← v/2 + x, one where v ≥ 0.4, which is then subtracted."""
    v, spikes = torch.zeros_like(current[0]), []
    for x in current:
        v = v / 2 + x
        spikes.append((v >= 0.4).float())
        v = v - 0.4 * spikes[-1]
    return torch.stack(spikes)


@pytest.mark.parametrize("name", CONNECTS)
def test_equals_a_stage_written_out(name: str) -> None:
    module = network(channels=[4], connect=name).eval()
    for part in module.modules():
        if isinstance(part, nn.BatchNorm2d):
            part.running_var.fill_(0.2)
            nn.init.uniform_(part.bias, -0.1, 0.3)
    widened, block = module.stages[0], module.stages[1]

    def fired(part: Any, x: Tensor, padding: int) -> Tensor:
        y = F.conv2d(x.flatten(0, 1), part.conv.weight, padding=padding)
        norm = part.norm
        y = F.batch_norm(y, norm.running_mean, norm.running_var, norm.weight, norm.bias)
        return lif(y.unflatten(0, x.shape[:2]))

    with torch.no_grad():
        b = fired(widened, FRAMES, 0)
        a = fired(block.second, fired(block.first, b, 1), 1)  # type: ignore[union-attr]
        joined = torch.tensor([int(digit) for digit in TRUTH[name]])[(2 * a + b).long()]
        pooled = torch.stack([F.max_pool2d(step.float(), 2) for step in joined])
        expected = F.linear(pooled.flatten(2), module.readout.weight, module.readout.bias)
        assert torch.allclose(module(FRAMES), expected, atol=1e-5)
    assert {0.0, 1.0} <= set(a.unique().tolist())


@pytest.mark.parametrize("coding", ["none", "temporal-conv"])
def test_every_parameter_gets_a_gradient_and_steps_do_not_look_ahead(coding: str) -> None:
    module = network(coding=coding, neuron={"name": "dynamic-lif", "v_threshold": 0.4}).train()
    module(FRAMES).square().sum().backward()
    assert all(p.grad is not None and bool(p.grad.any()) for p in module.parameters())
    module.eval()
    with torch.no_grad():
        assert torch.allclose(module(FRAMES[:2]), module(FRAMES)[:2], atol=1e-6)


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"in_shape": [2, 8, 7]}, r"8 pixels or more for 3 stages, got \[2, 8, 7\]"),
        ({"in_shape": [8, 8]}, "in_shape: expected channels, height and width"),
        ({"channels": []}, r"channels: expected numbers of 1 or more, got \[\]"),
        ({"connect": "ADD"}, "connect: expected one of add, and, iand, or, xor, got 'ADD'"),
        ({"coding": "gain"}, "coding: expected one of none, temporal-conv, got 'gain'"),
        ({"depth": 3}, "seven-block-net does not take these values"),
    ],
)
def test_wrong_values_are_named(config: dict[str, Any], message: str) -> None:
    with pytest.raises(SuiteError, match=message):
        network(**config)


def test_images_are_refused() -> None:
    with pytest.raises(NetworkError, match=r"expected event frames \[T,N,C,H,W\], got shape \(2, 2, 8, 8\)"):
        network()(FRAMES[0])

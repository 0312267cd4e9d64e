"""Networks written as layers: shapes, parameters, arithmetic against the same written out, and every wrong layer."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from snn_eval.errors import NetworkError, SuiteError
from snn_eval.models.adapters import adapt
from snn_eval.models.networks import build_network

X = torch.rand(5, 2, 12, 12, generator=torch.Generator().manual_seed(0))
FRAMES = torch.randint(0, 3, (4, 5, 2, 12, 12), generator=torch.Generator().manual_seed(1)).float()
LAYERS = ["6C5s2", "AP2", "8C3g2", "FC12", "FC10"]
NEURON = {"name": "lif", "reset": "soft", "v_threshold": 0.4, "tau": 2.0}


def network(time_steps: int = 4, **config: Any) -> nn.Module:
    torch.manual_seed(0)
    values = {"in_shape": [2, 12, 12], "layers": LAYERS, "neuron": NEURON, **config}
    return build_network("layered-net", time_steps, values).eval()


def test_shapes_parameters_and_names() -> None:
    module = network()
    # 12 -> (12 + 4 - 5) // 2 + 1 = 6 -> 3 -> 3; weights, then 2 values a channel of the norms, then the readout's bias
    weights = 6 * 2 * 5 * 5 + 8 * 3 * 3 * 3 + 12 * (8 * 3 * 3) + 10 * 12
    assert sum(p.numel() for p in module.parameters()) == weights + 2 * (6 + 8 + 12) + 10
    assert module(X).shape == module(FRAMES).shape == (4, 5, 10)
    assert {name for name, _ in module.named_parameters()} == {
        *(f"layers.0.{name}" for name in ("conv.weight", "norm.weight", "norm.bias")),
        *(f"layers.2.{name}" for name in ("conv.weight", "norm.weight", "norm.bias")),
        *(f"layers.3.{name}" for name in ("linear.weight", "norm.weight", "norm.bias")),
        "readout.weight",
        "readout.bias",
    }
    assert list(adapt(module, 4, example=X).spiking_layers()) == [
        "layers.0.neuron",
        "layers.2.neuron",
        "layers.3.neuron",
    ]


def lif(currents: list[Tensor]) -> list[Tensor]:
    """Spikes by the formula: v ← v/2 + x, one where v ≥ 0.4, which is then subtracted."""
    v, spikes = torch.zeros_like(currents[0]), []
    for x in currents:
        v = v / 2 + x
        spikes.append((v >= 0.4).float())
        v = v - 0.4 * spikes[-1]
    return spikes


def written_out(module: Any, steps: list[Tensor]) -> Tensor:
    """The same network step by step, with padding, norms in eval mode and no held current."""

    def normed(x: Tensor, norm: Any) -> Tensor:
        return F.batch_norm(x, norm.running_mean, norm.running_var, norm.weight, norm.bias)

    first, second, full = module.layers[0], module.layers[2], module.layers[3]
    x = lif([normed(F.conv2d(x, first.conv.weight, stride=2, padding=2), first.norm) for x in steps])
    x = [F.avg_pool2d(spikes, 2) for spikes in x]
    x = lif([normed(F.conv2d(spikes, second.conv.weight, padding=1, groups=2), second.norm) for spikes in x])
    x = lif([normed(F.linear(spikes.flatten(1), full.linear.weight), full.norm) for spikes in x])
    return torch.stack([F.linear(spikes, module.readout.weight, module.readout.bias) for spikes in x])


@pytest.mark.parametrize("x", [X, FRAMES], ids=["image", "frames"])
def test_equals_the_network_written_out(x: Tensor) -> None:
    module = network()
    for part in module.modules():
        if isinstance(part, nn.BatchNorm1d | nn.BatchNorm2d):
            part.running_var.fill_(0.05)
            nn.init.uniform_(part.bias, -0.1, 0.3)
    with torch.no_grad():
        readout = module(x)
        expected = written_out(module, list(FRAMES) if x is FRAMES else [X] * 4)
    assert readout.std() > 0.01
    assert torch.allclose(readout, expected, atol=1e-5)


def test_an_image_is_convolved_once_and_frames_at_every_step() -> None:
    module = network()
    shapes: list[torch.Size] = []
    module.layers[0].conv.register_forward_hook(lambda _m, _i, out: shapes.append(out.shape))  # type: ignore[union-attr]
    held: list[int] = []
    module.layers[0].neuron.register_forward_pre_hook(lambda _m, args: held.append(args[0].stride(0)))  # type: ignore[union-attr]
    module(X)
    module(FRAMES)
    assert shapes == [(5, 6, 6, 6), (4 * 5, 6, 6, 6)]
    assert held[0] == 0
    assert held[1] > 0


def test_averages_of_spikes_are_quarters() -> None:
    module = network()
    seen: list[Tensor] = []
    module.layers[2].conv.register_forward_pre_hook(lambda _m, args: seen.append(args[0]))  # type: ignore[union-attr]
    with torch.no_grad():
        module(X)
    values = set(seen[0].unique().tolist())
    assert values <= {0, 0.25, 0.5, 0.75, 1}
    assert len(values) > 2


def test_padding_dilation_and_maximum() -> None:
    valid = network(layers=["4C3d2", "MP2", "FC10"], padding="valid")
    assert valid.readout.in_features == 4 * 4 * 4  # 12 - 2·2 = 8 -> 4
    same = network(layers=["4C3d2", "MP2", "FC10"])
    assert same.readout.in_features == 4 * 6 * 6
    assert (same.layers[0].conv.padding, same.layers[0].conv.dilation) == ((2, 2), (2, 2))  # type: ignore[union-attr,index]
    assert same(X).shape == (4, 5, 10)


def test_every_pixel_connected_first() -> None:
    module = network(layers=["FC7", "FC10"])
    assert sum(p.numel() for p in module.parameters()) == 2 * 12 * 12 * 7 + 2 * 7 + 7 * 10 + 10
    assert module(X).shape == module(FRAMES).shape == (4, 5, 10)


def test_every_parameter_gets_a_gradient() -> None:
    module = network().train()
    module(X).square().sum().backward()
    assert all(p.grad is not None and bool(p.grad.any()) for p in module.parameters())


def test_other_numbers_of_steps() -> None:
    adapted = adapt(network(), 4, example=X)
    for steps in (2, 6):
        other = adapted.with_time_steps(steps)
        assert other is not None
        assert torch.equal(other.run(X)[:2], adapted.run(X)[:2])


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"layers": ["6C3", "12D3", "FC10"]}, r"layers\[1\] '12D3': expected <channels>C<kernel>"),
        ({"layers": ["6C3 ", "FC10"]}, r"layers\[0\] '6C3 ': expected <channels>C<kernel>"),
        ({"layers": ["6C3d2s2", "FC10"]}, r"layers\[0\] '6C3d2s2': expected"),
        ({"layers": ["6C0", "FC10"]}, r"layers\[0\] '6C0': expected numbers of 1 or more"),
        ({"layers": ["6C3g4", "FC10"]}, r"groups that divide its 2 input and 6 output channels, got 4"),
        ({"layers": ["6C3", "AP13", "FC10"]}, r"layers\[1\] 'AP13': too large for its input of 12×12 pixels"),
        ({"layers": ["6C13", "FC10"], "padding": "valid"}, r"'6C13': too large for its input of 12×12 pixels"),
        ({"layers": ["FC5", "AP2", "FC10"]}, r"layers\[1\] 'AP2': expected FC behind FC, which leaves no image"),
        ({"layers": ["AP2", "FC5", "FC10"]}, r"layers\[0\] 'AP2': expected a layer with neurons first, C or FC"),
        ({"layers": ["6C3", "AP2"]}, r"expected FC<classes> as the last one, the readout, got 'AP2'"),
        ({"layers": ["6C3", "FC0"]}, r"expected FC<classes> as the last one, the readout, got 'FC0'"),
        ({"layers": ["FC10"]}, r"expected a list of a layer with neurons and more, got \['FC10'\]"),
        ({"layers": "6C3"}, r"expected a list of a layer with neurons and more, got '6C3'"),
        ({"padding": "half"}, r"padding: expected same or valid, got 'half'"),
        ({"in_shape": [12, 12]}, r"in_shape: expected channels, height and width of 1 or more, got \[12, 12\]"),
        (
            {"coding": "gains"},
            r"coding: expected one of none, gain, channel-gain, attention, temporal-conv, got 'gains'",
        ),
        ({"coding": "attention", "layers": ["FC5", "FC10"]}, r"coding attention: expected C as the first layer"),
        ({"neuron": {"name": "lfi"}}, r"neuron: expected one of if, lif, plif"),
        ({"neuron": {"taw": 2}}, r"layered-net does not take these values"),
        ({"layer": []}, r"layered-net does not take these values"),
    ],
)
def test_what_cannot_be_built_is_one_line(config: dict[str, Any], message: str) -> None:
    with pytest.raises(SuiteError, match=message) as caught:
        network(**config)
    assert "\n" not in str(caught.value)


def test_flat_input_is_refused() -> None:
    with pytest.raises(NetworkError, match=r"expected \[N,C,H,W\] or \[T,N,C,H,W\], got shape \(5, 288\)"):
        network()(X.flatten(1))

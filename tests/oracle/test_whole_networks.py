"""Whole networks as people use them: each layer's operations of every step and sample equal a count at aten level."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from intercept import Call, capture
from numpy.typing import NDArray
from torch import Tensor, nn

from snn_eval.models.adapters import adapt
from snn_eval.probe import Chunk, ProbeOptions, record_trace

pytest.importorskip("spikingjelly")
snntorch = pytest.importorskip("snntorch")

from spikingjelly.activation_based import functional, neuron  # noqa: E402
from spikingjelly.activation_based.model import sew_resnet, spiking_vgg  # noqa: E402

CONVOLUTIONS = {1: F.conv1d, 2: F.conv2d, 3: F.conv3d}


def operations(call: Call) -> NDArray[np.int64]:
    """Pairs of a nonzero input and the nonzero weights it meets, for each row of the call: masks multiplied."""
    x, w = (torch.from_numpy((part != 0).astype(np.float64)) for part in (call.x, call.w))
    if call.kind == "conv":
        assert call.geometry is not None
        g = call.geometry
        met = CONVOLUTIONS[x.dim() - 2](x, w, None, g.stride, g.padding, g.dilation, g.groups)
    else:
        met = x @ w if call.kind == "product" else x @ w.T
    return np.rint(met.flatten(1).sum(1).numpy()).astype(np.int64)


def expected(calls: list[Call], layers: int, steps: int, samples: int) -> list[NDArray[np.int64]]:
    """``[T,N]`` of each layer: one call that holds all steps, or one call a step in a loop."""
    rows = [operations(call) for call in calls]
    by_layer = [rows[i::layers] for i in range(layers)] if len(rows) == layers * steps else [[row] for row in rows]
    return [np.concatenate(parts).reshape(steps, samples, -1).sum(-1) for parts in by_layer]


def lively(network: nn.Module) -> nn.Module:
    """Norms moved so that spikes get through many layers."""
    for part in network.modules():
        if isinstance(part, nn.BatchNorm2d):
            part.running_mean.normal_(0, 0.2)
            part.running_var.uniform_(0.3, 1)
            part.bias.data.uniform_(-0.2, 0.8)
    return network


def sew(connection: str, step_mode: str = "m") -> nn.Module:
    network = sew_resnet.sew_resnet18(cnf=connection, spiking_neuron=neuron.IFNode, num_classes=10)
    functional.set_step_mode(network, step_mode)
    return lively(network)


def vgg() -> nn.Module:
    network = lively(spiking_vgg.spiking_vgg11_bn(spiking_neuron=neuron.LIFNode, num_classes=10).features)
    functional.set_step_mode(network, "m")
    return nn.Sequential(network, Head())


class Head(nn.Module):
    """Mean over space, ``[T,N,C,H,W] -> [T,N,K]``."""

    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(512, 10)

    def forward(self, x: Tensor) -> Tensor:
        readout: Tensor = self.fc(x.mean((3, 4)).flatten(0, 1)).unflatten(0, x.shape[:2])
        return readout


class Tutorial(nn.Module):
    """snnTorch's way: a loop over steps with membranes handed on, events in, pools between."""

    def __init__(self) -> None:
        super().__init__()
        self.c1, self.c2, self.fc = nn.Conv2d(2, 6, 3), nn.Conv2d(6, 8, 3, groups=2), nn.Linear(32, 10)
        self.l1, self.l2, self.l3 = (snntorch.Leaky(beta=0.9, threshold=0.3) for _ in range(3))

    def forward(self, x: Tensor) -> Tensor:
        m1, m2, m3 = (layer.reset_mem() for layer in (self.l1, self.l2, self.l3))
        steps = []
        for x_t in x:
            s1, m1 = self.l1(F.max_pool2d(self.c1(x_t), 2), m1)
            s2, m2 = self.l2(self.c2(s1), m2)
            s3, m3 = self.l3(self.fc(F.avg_pool2d(s2, 2).flatten(1)), m3)
            steps.append(s3)
        return torch.stack(steps)


class SpikingAttention(nn.Module):
    """A Spikformer block: spiking queries, keys and values, no softmax, residual sums."""

    def __init__(self) -> None:
        super().__init__()
        self.time_steps = 3
        self.embed = nn.Conv2d(3, 16, 3, stride=2, padding=1)
        self.q, self.k, self.v, self.p = (nn.Linear(16, 16, bias=False) for _ in range(4))
        self.head = nn.Linear(16, 10)
        self.fire = nn.ModuleList(neuron.LIFNode(step_mode="m", v_threshold=0.05) for _ in range(6))

    def forward(self, x: Tensor) -> Tensor:
        t, n = self.time_steps, x.shape[0]
        current = self.embed(x.repeat(t, 1, 1, 1)).flatten(2).transpose(1, 2).unflatten(0, (t, n))
        x = self.fire[0](current)
        linear = (self.q, self.k, self.v)
        heads = [self.fire[1 + i](layer(x)).unflatten(-1, (2, 8)).transpose(2, 3) for i, layer in enumerate(linear)]
        q, k, v = heads
        mixed = self.fire[4](((q @ k.transpose(-1, -2)) @ v * 0.25).transpose(2, 3).flatten(3))
        x = x + self.fire[5](self.p(mixed))
        readout: Tensor = self.head(x.mean(2))
        return readout


class GatedLoop(nn.Module):
    """No spikes: a recurrent cell over frames."""

    def __init__(self) -> None:
        super().__init__()
        self.inner, self.out = nn.Linear(4, 6), nn.Linear(6, 10)

    def forward(self, x: Tensor) -> Tensor:
        return torch.stack([self.out(torch.relu(self.inner(x_t))) for x_t in x])


IMAGES = (3, 32, 32)
NETWORKS: dict[str, tuple[Callable[[], nn.Module], tuple[int, ...], int, bool]] = {
    "sew-resnet-18-add": (lambda: sew("ADD"), IMAGES, 2, False),
    "sew-resnet-18-iand": (lambda: sew("IAND"), IMAGES, 2, False),
    "sew-resnet-18-single-step": (lambda: sew("ADD", "s"), IMAGES, 2, False),
    "sew-resnet-18-events": (lambda: sew("ADD"), IMAGES, 3, True),
    "spiking-vgg-11": (vgg, IMAGES, 2, False),
    "snntorch-tutorial-events": (Tutorial, (2, 14, 14), 4, True),
    "spiking-attention": (SpikingAttention, (3, 8, 8), 3, False),
    "plain-loop": (GatedLoop, (4,), 5, True),
}


@pytest.mark.parametrize("name", NETWORKS)
def test_every_layer_step_and_sample(name: str) -> None:
    make, shape, steps, events = NETWORKS[name]
    torch.manual_seed(0)
    module, samples = make(), 2
    x = torch.poisson(torch.rand(steps, samples, *shape)) if events else torch.rand(samples, *shape)
    network = adapt(module, steps, sample_axis=int(events), example=x)
    chunk = Chunk(0, np.arange(samples), x, np.zeros(samples, np.int64))
    options = ProbeOptions(batch_size=samples, timed_chunks=0, input_kind="counts" if events else "real")
    trace = record_trace(network, [chunk], options)
    calls = capture(module, network.run, x)
    want = expected(calls, len(trace.synaptic), steps, samples)
    assert trace.unknown == ()
    assert len(want) == len(trace.synaptic)
    for layer, ops in zip(trace.synaptic, want, strict=True):
        found = layer.ops_VTN.reshape(-1, *layer.ops_VTN.shape[-2:]).sum(0)
        np.testing.assert_array_equal(found, ops, layer.name)

"""The three networks every speed is measured on: random weights, seed 0, batch norm calibrated so that neurons fire."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType

import snntorch
import torch
from spikingjelly.activation_based import functional, layer, neuron
from spikingjelly.activation_based.model import sew_resnet
from torch import Tensor, nn

from snn_eval.models.adapters import adapt
from snn_eval.models.network import Network

__all__ = ["NETWORKS", "Case", "build"]


@dataclass(frozen=True, slots=True)
class Case:
    """A network ready to be measured, its one batch, and a line that says what it is."""

    name: str
    title: str
    network: Network
    x: Tensor

    def small(self) -> Case:
        """The same network with one sample."""
        return replace(self, x=self.x.narrow(self.network.sample_axis, 0, 1))


class ConvLeaky(nn.Module):
    """snnTorch's convolutional tutorial network: a time loop over single steps; readout: output spikes ``[T,N,10]``."""

    def __init__(self, time_steps: int) -> None:
        super().__init__()
        self.time_steps = time_steps
        self.conv1 = nn.Conv2d(1, 12, 5)
        self.lif1 = snntorch.Leaky(beta=0.9, threshold=0.5)
        self.conv2 = nn.Conv2d(12, 64, 5)
        self.lif2 = snntorch.Leaky(beta=0.9, threshold=0.5)
        self.fc = nn.Linear(1024, 10)
        self.lif3 = snntorch.Leaky(beta=0.9)
        self.pool = nn.MaxPool2d(2)

    def forward(self, x: Tensor) -> Tensor:
        mem1, mem2, mem3 = self.lif1.init_leaky(), self.lif2.init_leaky(), self.lif3.init_leaky()
        spikes = []
        for _ in range(self.time_steps):
            spk1, mem1 = self.lif1(self.pool(self.conv1(x)), mem1)
            spk2, mem2 = self.lif2(self.pool(self.conv2(spk1)), mem2)
            spk3, mem3 = self.lif3(self.fc(spk2.flatten(1)), mem3)
            spikes.append(spk3)
        return torch.stack(spikes)


def _calibrate(net: nn.Module, x: Tensor, time_steps: int, passes: int, momentum: float) -> nn.Module:
    """Move the statistics of batch norm towards the batch's own, so that random weights make neurons fire."""
    for module in net.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.momentum = momentum
    net.train()
    with torch.no_grad():
        for _ in range(passes):
            functional.reset_net(net)
            net(x.expand(time_steps, *x.shape))
    return net


def _sparse(*shape: int) -> Tensor:
    """Uniform values, 20 % of them nonzero."""
    return torch.rand(shape) * (torch.rand(shape) < 0.2)


def mnist_sj() -> Case:
    """spikingjelly, multi-step, T = 8: two convolutions with batch norm, two linear layers, IF neurons."""
    net = nn.Sequential(
        *(layer.Conv2d(1, 32, 3, padding=1, bias=False), layer.BatchNorm2d(32), neuron.IFNode(), layer.MaxPool2d(2)),
        *(layer.Conv2d(32, 32, 3, padding=1, bias=False), layer.BatchNorm2d(32), neuron.IFNode(), layer.MaxPool2d(2)),
        *(layer.Flatten(), layer.Linear(1568, 256, bias=False), neuron.IFNode()),
        *(layer.Linear(256, 10, bias=False), neuron.IFNode()),
    )
    functional.set_step_mode(net, "m")
    with torch.no_grad():
        for module in net:
            if isinstance(module, nn.Linear):
                module.weight.mul_(3)
    x = _sparse(64, 1, 28, 28)
    return Case("mnist-sj", "MNIST SJ T8 B64", adapt(_calibrate(net, x, 8, passes=3, momentum=0.1), 8, example=x), x)


def snntorch_t25() -> Case:
    """snnTorch, time loop, T = 25: two convolutions, one linear layer, Leaky neurons."""
    net = ConvLeaky(25)
    with torch.no_grad():
        net.conv1.weight.mul_(3)
        net.conv2.weight.mul_(2)
    x = 3 * _sparse(64, 1, 28, 28)
    return Case("snntorch-t25", "snnTorch T25 B64", adapt(net, 25, example=x), x)


def sew_r18() -> Case:
    """spikingjelly's SEW-ResNet-18 with residual ADD, IF neurons, 100 classes, multi-step, T = 4."""
    net = sew_resnet.sew_resnet18(cnf="ADD", spiking_neuron=neuron.IFNode, num_classes=100)
    functional.set_step_mode(net, "m")
    x = torch.randn(8, 3, 64, 64)
    return Case("sew-r18", "SEW-R18 64×64 T4 B8", adapt(_calibrate(net, x, 4, passes=6, momentum=0.5), 4, example=x), x)


NETWORKS: Mapping[str, Callable[[], Case]] = MappingProxyType(
    {"sew-r18": sew_r18, "snntorch-t25": snntorch_t25, "mnist-sj": mnist_sj}
)
"""The networks, by the name the command line takes."""


def build(name: str) -> Case:
    """Build one network, always the same."""
    torch.manual_seed(0)
    return NETWORKS[name]()

"""Cases: small networks of spikingjelly in both step modes; left out where it is not installed."""

from __future__ import annotations

import importlib.util
from typing import Any

import torch
from case import Case, dyadic
from inputs import counts, image, over_time
from torch import Tensor, nn

__all__ = ["CASES"]

T = 4


def balanced(module: nn.Module) -> nn.Module:
    """Dyadic weights; batch norms with an offset that no sum of inputs meets, so that no neuron sits at threshold."""
    dyadic(module)
    for bn in module.modules():
        if isinstance(bn, nn.modules.batchnorm._BatchNorm):
            bn.running_mean.fill_(-0.4375)  # type: ignore[union-attr]
            bn.running_var.fill_(1 - bn.eps)  # type: ignore[union-attr]
            bn.weight.data.fill_(1)
            bn.bias.data.fill_(0.0371)
    return module


class SpikingJelly(nn.Module):
    """conv, batch norm, neuron, pool, linear, neuron, in either step mode, with an ADD residual on demand."""

    def __init__(self, neuron: str, step_mode: str, residual: bool = False, static: bool = False) -> None:
        super().__init__()
        from spikingjelly.activation_based import functional, layer
        from spikingjelly.activation_based import neuron as neurons

        def spiking() -> nn.Module:
            return getattr(neurons, neuron)()

        self.time_steps, self.residual, self.static, self.mode = T, residual, static, step_mode
        self.stem = nn.Sequential(layer.Conv2d(2, 4, 3, padding=1, bias=False), layer.BatchNorm2d(4), spiking())
        self.block = nn.Sequential(layer.Conv2d(4, 4, 3, padding=1, bias=False), layer.BatchNorm2d(4), spiking())
        self.pool = layer.MaxPool2d(2, 2)
        self.head = nn.Sequential(layer.Flatten(), layer.Linear(36, 5), spiking())
        functional.set_step_mode(self, step_mode)
        balanced(self)
        for module in self.modules():  # learnable time constants stay as they were made
            if hasattr(module, "w") and isinstance(module.w, nn.Parameter):
                module.w.data.fill_(0.0)

    def step(self, x: Tensor) -> Tensor:
        y = self.stem(x)
        y = self.block(y) + y if self.residual else self.block(y)
        return self.head(self.pool(y))

    def forward(self, x: Tensor) -> Tensor:
        if self.static:
            x = x.unsqueeze(0).repeat(self.time_steps, 1, 1, 1, 1)
        if self.mode == "m":
            return self.step(x)
        return torch.stack([self.step(frame) for frame in x])


def spikingjelly_cases() -> list[Case]:
    cases = []
    for mode in ("s", "m"):
        plan: dict[str, Any] = {"plan": ("loop",) * 3} if mode == "s" else {}
        for neuron in ("IFNode", "LIFNode", "ParametricLIFNode"):
            cases.append(
                Case(
                    f"spikingjelly_{neuron}_{mode}",
                    lambda neuron=neuron, mode=mode: SpikingJelly(neuron, mode),
                    over_time(T, counts(2, 6, 6)),
                    time_steps=T,
                    sample_axis=1,
                    layers=3,
                    **plan,
                )
            )
        cases.append(
            Case(
                f"spikingjelly_residual_static_{mode}",
                lambda mode=mode: SpikingJelly("IFNode", mode, residual=True, static=True),
                image(2, 6, 6),
                time_steps=T,
                layers=3,
                dtype=torch.float64,
                **plan,
            )
        )
    return cases


CASES = spikingjelly_cases() if importlib.util.find_spec("spikingjelly") else []

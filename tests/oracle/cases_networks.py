"""Cases: small spiking networks: driven from outside, shared layers, functions only, counts above 2³¹."""

from __future__ import annotations

from collections import Counter

import torch
import torch.nn.functional as F
from brute import Count
from case import Case, dyadic
from inputs import binary, counts, over_time
from torch import Tensor, nn
from wrap import Spike

__all__ = ["CASES", "Driven"]


class Driven(nn.Module):
    """One step of a network; whoever calls it makes time."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Conv2d(2, 3, 3, stride=2), Spike(), nn.Flatten(), nn.Linear(3, 4), Spike())
        dyadic(self, seed=1)

    def forward(self, x: Tensor) -> Tensor:
        return self.layers(x)


class Shared(nn.Module):
    """The same layers called twice in each step."""

    def __init__(self) -> None:
        super().__init__()
        self.fc, self.s1, self.s2 = nn.Linear(6, 6), Spike(), Spike()
        self.time_steps = 3
        dyadic(self)

    def forward(self, x: Tensor) -> Tensor:
        return torch.stack([self.s2(self.fc(self.s1(self.fc(x)))) for _ in range(self.time_steps)])


class TernaryNet(nn.Module):
    """Spikes of height ±0.5."""

    def __init__(self) -> None:
        super().__init__()
        self.a, self.up, self.down, self.b = nn.Linear(6, 8), Spike(), Spike(), nn.Linear(8, 3)
        self.time_steps = 3
        dyadic(self)

    def forward(self, x: Tensor) -> Tensor:
        steps = []
        for _ in range(self.time_steps):
            y = self.a(x)
            steps.append(self.b((self.up(y) - self.down(-y)) * 0.5))
        return torch.stack(steps)


class Functional(nn.Module):
    """No layer is a module: parameters and functions only."""

    def __init__(self) -> None:
        super().__init__()
        self.w1, self.w2 = nn.Parameter(torch.zeros(8, 6)), nn.Parameter(torch.zeros(8, 3))
        self.s = Spike()
        self.time_steps = 3
        dyadic(self)

    def forward(self, x: Tensor) -> Tensor:
        return torch.stack([self.s(F.linear(x, self.w1)) @ self.w2 for _ in range(self.time_steps)])


class Mixed(Functional):
    """One layer a module, one a function: hooks alone would miss half."""

    def __init__(self) -> None:
        super().__init__()
        self.fc = dyadic(nn.Linear(6, 8))

    def forward(self, x: Tensor) -> Tensor:
        return torch.stack([self.s(self.fc(x)) @ self.w2 for _ in range(self.time_steps)])


class Big(nn.Module):
    """Counts above 2³¹ in one step of one sample: 129 tokens of 4096 spikes meet 4096 weights each."""

    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(4096, 4096, bias=False)
        self.fc.weight.data.fill_(1)

    def forward(self, x: Tensor) -> Tensor:
        return self.fc(x.expand(-1, 129, 4096)).sum((1, 2))[:, None]


def big_reference(_m: nn.Module, _x: Tensor) -> list[list[Count]]:
    n, ops = 129 * 4096, 129 * 4096 * 4096
    return [
        [Count(Counter({1.0: n}), Counter({1.0: ops}), Counter({1.0: ops}), float(ops), float(n), ops, ops, n, 1, 1)]
    ]


CASES = [
    Case("driven_from_outside_static", Driven, binary(2, 4, 4), time_steps=3, drive="loop", layers=2),
    Case(
        "driven_from_outside_frames",
        Driven,
        over_time(3, counts(2, 4, 4)),
        time_steps=3,
        drive="loop",
        sample_axis=1,
        layers=2,
    ),
    Case("shared_layers_in_loop", Shared, binary(6), time_steps=3, plan=("loop", "loop"), layers=2),
    Case("ternary_half_spikes", TernaryNet, binary(6), time_steps=3, plan=("loop", "loop"), layers=2),
    Case("functional_network", Functional, binary(6), time_steps=3, plan=("loop", "loop"), layers=2),
    Case("modules_and_functions", Mixed, binary(6), time_steps=3, plan=("loop", "loop"), layers=2),
    Case(
        "counts_above_2_31",
        Big,
        lambda n: torch.ones(n, 1, 1),
        reference=big_reference,
        samples=2,
        batch_size=1,
        layers=1,
    ),
]

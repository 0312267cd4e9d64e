"""Cases: small networks of snntorch, every neuron class with a rule; left out where it is not installed."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from brute import Count, linear_scatter
from case import Case, dyadic
from inputs import binary, counts, image, over_time
from intercept import to_numpy
from torch import Tensor, nn
from wrap import reset

__all__ = ["CASES"]

T = 4


class SnnTorch(nn.Module):
    """Time loop over a static image or frames; neurons keep their state (``init_hidden``) or are handed it."""

    def __init__(self, make: Callable[[], nn.Module], frames: bool = False) -> None:
        super().__init__()
        import snntorch as snn

        self.time_steps, self.frames = T, frames
        self.conv, self.pool, self.lif1 = nn.Conv2d(2, 4, 3), nn.MaxPool2d(2), make()
        self.fc, self.lif2 = nn.Linear(16, 5), snn.Leaky(beta=0.5, init_hidden=True)
        dyadic(self)

    def forward(self, x: Tensor) -> Tensor:
        spikes = []
        for t in range(self.time_steps):
            s = self.lif1(self.pool(self.conv(x[t] if self.frames else x)))
            spikes.append(self.lif2(self.fc(s.flatten(1))))
        return torch.stack(spikes)


class SnnTorchStates(nn.Module):
    """The style of snntorch's tutorials: states are returned and passed on."""

    def __init__(self) -> None:
        super().__init__()
        import snntorch as snn

        self.time_steps = T
        self.fc1, self.lif1 = nn.Linear(8, 6), snn.Leaky(beta=0.5, threshold=0.5)
        self.fc2, self.lif2 = nn.Linear(6, 3), snn.Synaptic(alpha=0.75, beta=0.5)
        dyadic(self)

    def forward(self, x: Tensor) -> Tensor:
        mem1 = self.lif1.reset_mem()
        syn2, mem2 = self.lif2.reset_mem()
        steps = []
        for _ in range(self.time_steps):
            s1, mem1 = self.lif1(self.fc1(x), mem1)
            s2, syn2, mem2 = self.lif2(self.fc2(s1), syn2, mem2)
            steps.append(s2)
        return torch.stack(steps)


class SnnTorchRecurrent(nn.Module):
    """A recurrent neuron between two linear layers; its feedback is a layer of its own."""

    def __init__(self, make: Callable[[], nn.Module]) -> None:
        super().__init__()
        self.time_steps = T
        self.fc1, self.rec, self.fc2 = nn.Linear(8, 6), make(), nn.Linear(6, 3)
        dyadic(self)

    def forward(self, x: Tensor) -> Tensor:
        return torch.stack([self.fc2(self.rec(self.fc1(x))) for _ in range(self.time_steps)])


class SnnTorchConvRecurrent(nn.Module):
    """Convolutional feedback."""

    def __init__(self, make: Callable[[], nn.Module]) -> None:
        super().__init__()
        self.time_steps = T
        self.conv, self.rec, self.fc = nn.Conv2d(2, 3, 3), make(), nn.Linear(48, 3)
        dyadic(self)

    def forward(self, x: Tensor) -> Tensor:
        return torch.stack([self.fc(self.rec(self.conv(x)).flatten(1)) for _ in range(self.time_steps)])


def slstm_reference(module: nn.Module, x: Tensor) -> list[list[Count]]:
    """linear, the cell's input and recurrent matrices, linear: operands as the modules receive them."""
    layers: list[list[Count]] = [[], [], [], []]

    def linear(at: int) -> Callable[..., None]:
        return lambda m, args: layers[at].append(linear_scatter(to_numpy(args[0]), to_numpy(m.weight)))

    def cell(m: nn.Module, args: tuple[Any, ...]) -> None:
        h = args[1][0]
        layers[1].append(linear_scatter(to_numpy(args[0]), to_numpy(m.weight_ih)))  # type: ignore[arg-type]
        layers[2].append(linear_scatter(np.array(to_numpy(h)), to_numpy(m.weight_hh)))  # type: ignore[arg-type]

    hooks = [
        module.fc1.register_forward_pre_hook(linear(0)),  # type: ignore[union-attr]
        module.rec.lstm_cell.register_forward_pre_hook(cell),  # type: ignore[union-attr]
        module.fc2.register_forward_pre_hook(linear(3)),  # type: ignore[union-attr]
    ]
    reset(module)
    module(x)
    for hook in hooks:
        hook.remove()
    return layers


def snntorch_cases() -> list[Case]:
    import snntorch as snn

    def plain(name: str, make: Callable[[], nn.Module]) -> Case:
        plan = ("loop", "loop")
        return Case(f"snntorch_{name}", lambda: SnnTorch(make), image(2, 6, 6), time_steps=T, plan=plan, layers=2)

    def recurrent(name: str, make: Callable[[], nn.Module], calls: int = 3) -> Case:
        module, x = (lambda: SnnTorchRecurrent(make)), binary(8)
        return Case(f"snntorch_{name}", module, x, time_steps=T, plan=("loop",) * calls, layers=calls)

    hidden = {"init_hidden": True}
    return [
        plain("Leaky", lambda: snn.Leaky(beta=0.5, threshold=0.5, **hidden)),
        plain("Leaky_reset_zero", lambda: snn.Leaky(beta=0.5, reset_mechanism="zero", **hidden)),
        plain("Leaky_no_reset", lambda: snn.Leaky(beta=0.5, reset_mechanism="none", **hidden)),
        plain("Leaky_graded", lambda: snn.Leaky(beta=0.5, graded_spikes_factor=0.5, **hidden)),
        plain("Synaptic", lambda: snn.Synaptic(alpha=0.75, beta=0.5, **hidden)),
        plain("Lapicque", lambda: snn.Lapicque(beta=0.5, **hidden)),
        plain("Alpha", lambda: snn.Alpha(alpha=0.75, beta=0.5, **hidden)),
        Case(
            "snntorch_Leaky_frames",
            lambda: SnnTorch(lambda: snn.Leaky(beta=0.5, init_hidden=True), frames=True),
            over_time(T, counts(2, 6, 6)),
            time_steps=T,
            sample_axis=1,
            plan=("loop", "loop"),
            layers=2,
            options={"input_kind": "counts"},
        ),
        Case("snntorch_states_passed", SnnTorchStates, binary(8), time_steps=T, plan=("loop", "loop"), layers=2),
        recurrent("RLeaky_linear", lambda: snn.RLeaky(beta=0.5, linear_features=6, **hidden)),
        recurrent(
            "RLeaky_reset_zero", lambda: snn.RLeaky(beta=0.5, linear_features=6, reset_mechanism="zero", **hidden), 4
        ),
        recurrent("RSynaptic_linear", lambda: snn.RSynaptic(alpha=0.75, beta=0.5, linear_features=6, **hidden)),
        Case(
            "snntorch_RLeaky_conv",
            lambda: SnnTorchConvRecurrent(lambda: snn.RLeaky(beta=0.5, conv2d_channels=3, kernel_size=3, **hidden)),
            image(2, 6, 6),
            time_steps=T,
            plan=("loop",) * 3,
            layers=3,
        ),
        Case(
            "snntorch_SConv2dLSTM",
            lambda: SnnTorchConvRecurrent(lambda: snn.SConv2dLSTM(3, 3, 3, threshold=0.1, **hidden)),
            binary(2, 6, 6),
            time_steps=T,
            plan=("loop",) * 3,
            drop_levels=(1,),
            layers=3,
        ),
        Case(
            "snntorch_SLSTM",
            lambda: SnnTorchRecurrent(lambda: snn.SLSTM(6, 6, threshold=0.1, **hidden)),
            binary(8),
            time_steps=T,
            reference=slstm_reference,
            drop_levels=(2,),
            layers=4,
        ),
    ]


CASES = snntorch_cases() if importlib.util.find_spec("snntorch") else []

"""Cases: one tensor with several readers, changed in place between them, viewed, copied; one neuron for two layers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import torch
from case import Case, dyadic
from inputs import binary
from torch import Tensor, nn
from wrap import Spike

__all__ = ["CASES"]

T = 3


class Steps(nn.Module):
    """One step, given as a function of the module and the input, repeated over time."""

    def __init__(self, step: Callable[[Steps, Tensor], Tensor], **parts: nn.Module) -> None:
        super().__init__()
        self.time_steps, self.step = T, step
        for name, part in parts.items():
            self.add_module(name, part)
        dyadic(self)

    def forward(self, x: Tensor) -> Tensor:
        return torch.stack([self.step(self, x) for _ in range(self.time_steps)])


def steps(
    name: str, step: Callable[[Steps, Tensor], Tensor], layers: int, parts: Callable[[], dict[str, nn.Module]]
) -> Case:
    """A network looping over a static input of 6 spikes."""
    plan = ("loop",) * layers
    return Case(name, lambda: Steps(step, **parts()), binary(6), time_steps=T, plan=plan, layers=layers)


def linears(*sizes: tuple[int, int]) -> Callable[[], dict[str, nn.Module]]:
    """Layers ``a``, ``b``, ``c``… and neurons ``s``, ``z``."""
    return lambda: {**{n: nn.Linear(*size) for n, size in zip("abcd", sizes, strict=False)}, "s": Spike(), "z": Spike()}


def changed_in_place(m: Steps, x: Tensor) -> Tensor:
    """Spikes halved in place after the neuron gave them."""
    s = m.s(m.a(x))
    s.mul_(0.5)
    return m.z(m.b(s))


def changed_between(m: Steps, x: Tensor) -> Tensor:
    """The first reader sees spikes, the second the same storage doubled."""
    s = m.s(m.a(x))
    y = m.b(s)
    s.mul_(2)
    return m.z(y + m.c(s))


def sparse_clock(m: Steps, x: Tensor) -> Tensor:
    """Spikes written into a buffer that is used again and again."""
    if not hasattr(m, "memory") or m.memory.shape[0] != len(x):
        m.memory = torch.empty(len(x), 8, dtype=x.dtype)
    m.memory.copy_(m.s(m.a(x)))
    return m.z(m.b(m.memory))


def strided(m: Steps, x: Tensor) -> Tensor:
    """Every second spike, as a view."""
    return m.z(m.b(m.s(m.a(x))[:, ::2]))


SHARED = [
    steps("spikes_changed_in_place", changed_in_place, 2, linears((6, 8), (8, 3))),
    steps("spikes_changed_between_readers", changed_between, 3, linears((6, 8), (8, 3), (8, 3))),
    steps("spikes_copied_into_a_buffer", sparse_clock, 2, linears((6, 8), (8, 3))),
    steps("spikes_strided", strided, 2, linears((6, 8), (4, 3))),
    steps("spikes_reversed", lambda m, x: m.z(m.b(m.s(m.a(x)).flip(1))), 2, linears((6, 8), (8, 3))),
    steps(
        "spikes_with_two_readers",
        lambda m, x: m.z(m.b(m.s(m.a(x)).clone()) + m.c(x)),
        3,
        linears((6, 8), (8, 3), (6, 3)),
    ),
    steps(
        "one_tensor_three_readers",
        lambda m, x: (lambda s: m.z(m.b(s) + m.c(s) + m.d(s)))(m.s(m.a(x))),
        4,
        linears((6, 8), (8, 3), (8, 3), (8, 3)),
    ),
    steps(
        "one_neuron_for_two_layers",
        lambda m, x: m.s(m.b(m.s(m.a(x)))),
        2,
        lambda: {"a": nn.Linear(6, 6), "b": nn.Linear(6, 6), "s": MemoryOfTwo()},
    ),
    steps(
        "layer_before_and_after_the_first_neuron",
        lambda m, x: m.z(m.b(m.s(m.a(x)) + m.s2(m.c(x)))),
        3,
        lambda: {**linears((6, 8), (8, 3), (6, 8))(), "s2": Spike()},
    ),
]


class MemoryOfTwo(Spike):
    """A neuron without memory, so that two layers can share it."""

    def forward(self, x: Tensor) -> Tensor:
        return (x >= self.threshold).to(x.dtype)


# tensors made under inference mode keep no version: a change in place leaves no mark on them
UNMARKED = [replace(c, name=f"{c.name}_inference_mode", caller="inference_mode") for c in SHARED[:4]]
CASES = [*SHARED, *UNMARKED]

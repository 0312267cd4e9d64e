"""Random small spiking networks: any layers, any way of folding time, any batch size, exact against brute force."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import torch
import torch.nn.functional as F
from case import Case, dyadic, expected_of, record_case
from compare import compare
from hypothesis import example, given
from hypothesis import strategies as st
from inputs import binary, counts, image, over_time, silent, ternary
from test_random import examples
from torch import Tensor, nn
from wrap import MultiSpike, Spike

KINDS = {"binary": binary, "counts": counts, "image": image, "silent": silent, "ternary": ternary}


@dataclass(frozen=True)
class Recipe:
    """What a random network is made of; ``fold`` says how calls hold time."""

    fold: Literal["loop", "frames", "time-first", "sample-first", "once", "driven"]
    first: Literal["conv", "linear", "depthwise"]
    middle: tuple[str, ...]
    threshold: float
    time_steps: int
    samples: int
    batch_size: int
    inputs: str
    dtype: torch.dtype
    seed: int

    @property
    def frames(self) -> bool:
        """Whether the input has a time axis."""
        return self.fold in ("frames", "time-first", "sample-first")


@st.composite
def recipes(draw: Any) -> Recipe:
    return Recipe(
        draw(st.sampled_from(("loop", "frames", "time-first", "sample-first", "once", "driven"))),
        draw(st.sampled_from(("conv", "linear", "depthwise"))),
        tuple(draw(st.lists(st.sampled_from(("linear", "residual", "half", "pool", "twice")), max_size=3))),
        draw(st.sampled_from((0.5, 1.0, 1.0, 4.0, 1e9))),
        draw(st.integers(1, 4)),
        draw(st.integers(1, 7)),
        draw(st.integers(1, 5)),
        draw(st.sampled_from(sorted(KINDS))),
        draw(st.sampled_from((torch.float32, torch.float64))),
        draw(st.integers(0, 10)),
    )


class Random(nn.Module):
    """A first layer on maps ``[2,4,4]``, then stages of 8 spikes each with its own neuron."""

    def __init__(self, recipe: Recipe) -> None:
        super().__init__()
        self.recipe = recipe
        if recipe.fold != "driven":
            self.time_steps = recipe.time_steps
        if recipe.first == "linear":
            self.first: nn.Module = nn.Linear(32, 8)
        else:
            self.first = nn.Conv2d(2, 2, 3, stride=2, padding=1, groups=2 if recipe.first == "depthwise" else 1)
        self.stages = nn.ModuleList(nn.Linear(4 if kind == "pool" else 8, 8) for kind in recipe.middle)
        multi = recipe.fold in ("time-first", "sample-first")
        neuron = MultiSpike if multi else Spike
        self.neurons = nn.ModuleList(neuron(recipe.threshold) for _ in range(len(recipe.middle) + 1))
        dyadic(self, recipe.seed)

    def first_layer(self, x: Tensor) -> Tensor:
        return self.first(x.flatten(1) if self.recipe.first == "linear" else x).flatten(1)

    def stage(self, i: int, s: Tensor) -> Tensor:
        """Layer i on spikes ``[rows,8]``."""
        kind, layer = self.recipe.middle[i], self.stages[i]
        if kind == "residual":
            return layer(s + s.roll(1, 1))
        if kind == "half":
            return layer(s * 0.5)
        if kind == "pool":
            return layer(F.avg_pool1d(s[:, None], 2)[:, 0])
        if kind == "twice":
            return layer(layer(s))
        return layer(s)

    def step(self, current: Tensor) -> Tensor:
        s = self.neurons[0](current)
        for i in range(len(self.stages)):
            s = self.neurons[i + 1](self.stage(i, s))
        return s

    def folded(self, x: Tensor) -> Tensor:
        t, n = x.shape[:2]
        first = self.recipe.fold == "time-first"

        def fold(y: Tensor) -> Tensor:
            return (y if first else y.transpose(0, 1)).flatten(0, 1)

        def unfold(y: Tensor) -> Tensor:
            return y.unflatten(0, (t, n)) if first else y.unflatten(0, (n, t)).transpose(0, 1)

        s = self.neurons[0](unfold(self.first_layer(fold(x))))
        for i in range(len(self.stages)):
            s = self.neurons[i + 1](unfold(self.stage(i, fold(s))))
        return s

    def forward(self, x: Tensor) -> Tensor:
        fold = self.recipe.fold
        if fold == "driven":
            return self.step(self.first_layer(x))
        if fold == "once":
            current = self.first_layer(x)
            return torch.stack([self.step(current) for _ in range(self.time_steps)])
        if fold == "loop":
            return torch.stack([self.step(self.first_layer(x)) for _ in range(self.time_steps)])
        if fold == "frames":
            return torch.stack([self.step(self.first_layer(frame)) for frame in x])
        return self.folded(x)


def case_of(recipe: Recipe) -> Case:
    make = KINDS[recipe.inputs](2, 4, 4)
    calls = sum(2 if kind == "twice" else 1 for kind in recipe.middle)
    plan: tuple[Any, ...] = ()
    if recipe.fold in ("loop", "frames", "driven"):
        plan = ("loop",) * (1 + calls)
    elif recipe.fold == "once":
        plan = ("once", *("loop",) * calls)
    return Case(
        "random",
        lambda: Random(recipe),
        over_time(recipe.time_steps, make) if recipe.frames else make,
        recipe.time_steps,
        1 if recipe.frames else 0,
        "loop" if recipe.fold == "driven" else "whole",
        plan=plan,
        dtype=recipe.dtype,
        samples=recipe.samples,
        batch_size=recipe.batch_size,
        layers=1 + calls,
    )


@examples(80)
@given(recipes())
@example(Recipe("sample-first", "conv", ("linear",), 1.0, 2, 6, 4, "image", torch.float32, 10))
def test_random_network(recipe: Recipe) -> None:
    case = case_of(recipe)
    compare(case, record_case(case), expected_of(case))

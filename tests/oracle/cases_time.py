"""Cases: small spiking networks of our own neurons, and every way in which time can lie in a call."""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F
from case import Case, dyadic
from inputs import binary, counts, image, over_time, real
from torch import Tensor, nn
from wrap import MultiSpike, Spike

__all__ = ["CASES", "Flow"]

T = 4


class Flow(nn.Module):
    """conv → spikes → linear → spikes, with ``forward`` given as a function of the module and the input."""

    def __init__(
        self, forward: Callable[[Flow, Tensor], Tensor], neuron: type[Spike] = Spike, threshold: float = 1.0
    ) -> None:
        super().__init__()
        self.time_steps = T
        self.flow = forward
        self.conv, self.s1 = nn.Conv2d(2, 3, 3, padding=1), neuron(threshold)
        self.fc, self.s2 = nn.Linear(48, 5), neuron(threshold)
        dyadic(self)

    def forward(self, x: Tensor) -> Tensor:
        return self.flow(self, x)

    def head(self, s: Tensor) -> Tensor:
        return self.s2(self.fc(s.flatten(1)))


def loop(step: Callable[[Flow, Tensor], Tensor], over_input: bool = False) -> Callable[[Flow, Tensor], Tensor]:
    """The step repeated; on each frame of the input where it has time."""

    def forward(m: Flow, x: Tensor) -> Tensor:
        return torch.stack([step(m, x[t] if over_input else x) for t in range(m.time_steps)])

    return forward


def single_step(m: Flow, x: Tensor) -> Tensor:
    return m.head(m.s1(m.conv(x)))


def once_then_loop(m: Flow, x: Tensor) -> Tensor:
    """The image is convolved once; the neurons integrate it T times."""
    current = m.conv(x)
    return torch.stack([m.head(m.s1(current)) for _ in range(m.time_steps)])


def folded(m: Flow, x: Tensor) -> Tensor:
    """``[T,N,…]`` with both axes folded for each layer: row t·N + n."""
    t, n = x.shape[:2]
    s = m.s1(m.conv(x.flatten(0, 1)).unflatten(0, (t, n)))
    return m.s2(m.fc(s.flatten(2).flatten(0, 1)).unflatten(0, (t, n)))


def folded_sample_first(m: Flow, x: Tensor) -> Tensor:
    """The same folded as row n·T + t."""
    t, n = x.shape[:2]
    y = m.conv(x.transpose(0, 1).flatten(0, 1)).unflatten(0, (n, t)).transpose(0, 1)
    s = m.s1(y).transpose(0, 1).flatten(0, 1).flatten(1)
    return m.s2(m.fc(s).unflatten(0, (n, t)).transpose(0, 1))


def mixed_folds(m: Flow, x: Tensor) -> Tensor:
    """One layer time-first, the other sample-first."""
    t, n = x.shape[:2]
    s = m.s1(m.conv(x.flatten(0, 1)).unflatten(0, (t, n)))
    return m.s2(m.fc(s.flatten(2).transpose(0, 1).flatten(0, 1)).unflatten(0, (n, t)).transpose(0, 1))


def unfolded_linear(m: Flow, x: Tensor) -> Tensor:
    """The linear layer sees ``[T,N,F]`` as it is."""
    s = m.s1(m.conv(x.flatten(0, 1)).unflatten(0, x.shape[:2]))
    return m.s2(m.fc(s.flatten(2)))


def unfolded_linear_sample_first(m: Flow, x: Tensor) -> Tensor:
    """The linear layer sees ``[N,T,F]``."""
    s = m.s1(m.conv(x.flatten(0, 1)).unflatten(0, x.shape[:2]))
    return m.s2(m.fc(s.flatten(2).transpose(0, 1)).transpose(0, 1))


def repeated(m: Flow, x: Tensor) -> Tensor:
    """A static image repeated over time and folded."""
    return folded(m, x.unsqueeze(0).repeat(m.time_steps, *[1] * x.ndim))


def once_then_folded(m: Flow, x: Tensor) -> Tensor:
    """The image is convolved once, its output repeated; later layers are folded."""
    current = m.conv(x).unsqueeze(0).expand(m.time_steps, -1, -1, -1, -1)
    s = m.s1(current)
    return m.s2(m.fc(s.flatten(2).flatten(0, 1)).unflatten(0, s.shape[:2]))


def folded_then_loop(m: Flow, x: Tensor) -> Tensor:
    """First layer for all steps at once, then step by step."""
    current = m.conv(x.flatten(0, 1)).unflatten(0, x.shape[:2])
    return torch.stack([m.head(m.s1(step)) for step in current])


def residual_step(m: Flow, x: Tensor) -> Tensor:
    """Spikes added to shifted spikes: values 0, 1, 2."""
    s = m.s1(m.conv(x))
    return m.head(s + s.roll(1, 2))


def pooled_step(m: Flow, x: Tensor) -> Tensor:
    """Average pooling of spikes before the linear layer, then widened again."""
    s = m.s1(m.conv(x))
    return m.head(F.avg_pool2d(s, 2).repeat_interleave(2, 2).repeat_interleave(2, 3))


def final_only(m: Flow, x: Tensor) -> Tensor:
    return loop(single_step)(m, x).sum(0)


def flow(name: str, forward: Callable[[Flow, Tensor], Tensor], inputs: Callable[[int], Tensor], **more: object) -> Case:
    """A ``Flow`` run for T steps."""
    neuron = MultiSpike if more.pop("multi", False) else Spike
    threshold = more.pop("threshold", 1.0)
    settings: dict[str, object] = {"time_steps": T, "layers": 2, **more}
    return Case(name, lambda: Flow(forward, neuron, threshold), inputs, **settings)  # type: ignore[arg-type]


def blank_then_bright(dark: float) -> Callable[[int], Tensor]:
    """Frames where the first three samples (one chunk) make no neuron fire and later ones do."""

    def make(n: int) -> Tensor:
        x = MOVING(n)
        x[:, :3] *= dark
        x[:, 3:] *= 64
        return x

    return make


STATIC, MOVING = image(2, 4, 4), over_time(T, binary(2, 4, 4))
FIRST = {"sample_axis": 1}
TIME = [
    flow("loop_static_image", loop(single_step), STATIC, plan=("loop", "loop")),
    flow(
        "loop_static_spikes",
        loop(single_step),
        binary(2, 4, 4),
        plan=("loop", "loop"),
        options={"input_kind": "spikes"},
    ),
    flow("loop_over_frames", loop(single_step, True), MOVING, plan=("loop", "loop"), **FIRST),
    flow(
        "loop_over_count_frames",
        loop(single_step, True),
        over_time(T, counts(2, 4, 4)),
        plan=("loop", "loop"),
        options={"input_kind": "counts"},
        **FIRST,
    ),
    flow("once_then_loop", once_then_loop, STATIC, plan=("once", "loop")),
    flow("folded_time_first", folded, MOVING, multi=True, **FIRST),
    flow("folded_sample_first", folded_sample_first, MOVING, multi=True, **FIRST),
    flow("folded_both_orders", mixed_folds, MOVING, multi=True, **FIRST),
    flow("unfolded_linear", unfolded_linear, MOVING, multi=True, **FIRST),
    flow("unfolded_linear_sample_first", unfolded_linear_sample_first, MOVING, multi=True, **FIRST),
    flow("static_image_repeated", repeated, STATIC, multi=True),
    flow("once_then_folded", once_then_folded, STATIC, multi=True, plan=("once", "fold")),
    flow("folded_then_loop", folded_then_loop, MOVING, plan=("fold", "loop"), **FIRST),
    flow("residual_add_in_loop", loop(residual_step), STATIC, plan=("loop", "loop")),
    flow("average_pool_in_loop", loop(pooled_step), STATIC, plan=("loop", "loop")),
    flow("readout_only_final", final_only, STATIC, plan=("loop", "loop"), final=True),
    flow("silent_network", folded, MOVING, multi=True, threshold=1e9, **FIRST),
    flow("silent_network_sample_first", folded_sample_first, MOVING, multi=True, threshold=1e9, **FIRST),
    flow("silent_network_loop", loop(single_step), STATIC, plan=("loop", "loop"), threshold=1e9),
    *(
        flow(f"first_chunk_{what}_{order}", function, make, multi=True, samples=9, threshold=threshold, **FIRST)
        for what, make, threshold in (
            ("blank", blank_then_bright(0.0), 1.0),
            ("too_dark", blank_then_bright(1 / 64), 40.0),
        )
        for order, function in (("time_first", folded), ("sample_first", folded_sample_first), ("both", mixed_folds))
    ),
    flow("blank_input_folded", folded, over_time(T, lambda n: torch.zeros(n, 2, 4, 4)), multi=True, **FIRST),
    flow("batch_equals_steps", folded, MOVING, multi=True, samples=8, batch_size=T, **FIRST),
    flow("batch_equals_steps_sample_first", folded_sample_first, MOVING, multi=True, samples=8, batch_size=T, **FIRST),
    flow("batch_of_one", folded, MOVING, multi=True, samples=3, batch_size=1, **FIRST),
    flow("batch_of_one_sample_first", folded_sample_first, MOVING, multi=True, samples=3, batch_size=1, **FIRST),
    flow("one_sample_only", loop(single_step), STATIC, plan=("loop", "loop"), samples=1, batch_size=5),
    flow("smaller_last_batch", folded, MOVING, multi=True, samples=7, batch_size=5, **FIRST),
    flow("float64_network", loop(single_step), real(2, 4, 4), plan=("loop", "loop"), dtype=torch.float64),
    flow("bfloat16_network", loop(single_step), binary(2, 4, 4), plan=("loop", "loop"), dtype=torch.bfloat16),
    flow("no_grad_network", folded, MOVING, multi=True, caller="no_grad", **FIRST),
    flow("inference_mode_network", loop(single_step), STATIC, plan=("loop", "loop"), caller="inference_mode"),
    flow("inference_mode_folded", folded, MOVING, multi=True, caller="inference_mode", **FIRST),
]


CASES = TIME

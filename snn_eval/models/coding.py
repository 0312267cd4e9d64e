"""Dynamic coding of a network's input: what the first currents, or event frames, are changed by at each step."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from snn_eval.errors import NetworkError, SuiteError

__all__ = ["CODINGS", "FRAME_CODINGS", "ChannelGain", "CurrentAttention", "Gain", "TemporalConv", "build_coding"]


class Gain(nn.Module):
    """A gain a step: ``I[t] = c[t]·(1 + tanh(k_t))``, ``[T,N,…] -> [T,N,…]``.

    ``k`` ``[T]`` is learned and first 0. While all of it is exactly 0 the currents are returned as they came (where
    gradients are asked for they are multiplied by exactly 1). Fewer steps have the first values of ``k``, further ones
    the last.

    Args:
        time_steps: T.
    """

    def __init__(self, time_steps: int) -> None:
        super().__init__()
        self.k = nn.Parameter(torch.zeros(time_steps))

    def forward(self, current_TN: Tensor) -> Tensor:
        """Currents of all steps."""
        if not _executed(self.k):
            return current_TN
        k = _of_steps(self.k, len(current_TN))
        gain: Tensor = (1 + torch.tanh(k)).to(current_TN.dtype)
        return current_TN * gain.reshape(len(gain), 1, -1, *(1 for _ in current_TN.shape[3:]))


class ChannelGain(Gain):
    """The same with a gain for each channel: ``k`` is ``[T,C]``.

    Args:
        time_steps: T.
        channels: C.
    """

    def __init__(self, time_steps: int, channels: int) -> None:
        super().__init__(time_steps)
        self.k = nn.Parameter(torch.zeros(time_steps, channels))


class CurrentAttention(nn.Module):
    """Gated attention over time, channels and space: ``I[t] = c[t]·2σ(M[t]·N[t])``, ``[T,N,C,H,W] -> [T,N,C,H,W]``.

    ``M = W₂·relu(W₁·avg(c)) + W₂·relu(W₁·max(c))`` ``[T,N]``, with mean and maximum of each step over channels and
    space and W₁ ``[T/2,T]``; ``N = V₂ * relu(V₁ * c)`` with two convolutions of C channels. W₂ is first 0, so that the
    gate is first exactly 1. Every gate depends on all steps: what the network says after its first steps is not what
    it would say if it were run for those alone. A current held over time is convolved once.

    Args:
        time_steps: T, the most it can be run for.
        channels: C.
        kernel: of both convolutions, odd.

    Source:
        X. Qiu et al., "Gated Attention Coding for Training High-Performance and Efficient Spiking Neural Networks",
        AAAI 2024; there the gate σ(M·N) acts on the first spikes, which makes them graded, here on their currents.
    """

    def __init__(self, time_steps: int, channels: int, kernel: int = 3) -> None:
        super().__init__()
        hidden = max(1, time_steps // 2)
        self.squeeze = nn.Parameter(torch.empty(hidden, time_steps).uniform_(-1, 1) / time_steps**0.5)
        self.expand = nn.Parameter(torch.zeros(time_steps, hidden))
        self.first = nn.Conv2d(channels, channels, kernel, padding=kernel // 2, bias=False)
        self.second = nn.Conv2d(channels, channels, kernel, padding=kernel // 2, bias=False)

    def forward(self, current_TNCHW: Tensor) -> Tensor:
        """Currents of all steps.

        Raises:
            NetworkError: more steps than it has weights for.
        """
        steps = len(current_TNCHW)
        if steps > len(self.expand):
            raise NetworkError(f"coding attention: expected at most {len(self.expand)} time steps, got {steps}")
        held = current_TNCHW.stride(0) == 0
        shown = current_TNCHW[:1] if held else current_TNCHW
        space = self.second(torch.relu(self.first(shown.flatten(0, 1)))).unflatten(0, shown.shape[:2])
        mean, largest = shown.mean((2, 3, 4)), shown.amax((2, 3, 4))
        time = self._over_time(mean.expand(steps, -1)) + self._over_time(largest.expand(steps, -1))
        gate: Tensor = 2 * torch.sigmoid(time.reshape(steps, -1, 1, 1, 1) * space)
        return current_TNCHW * gate

    def _over_time(self, pooled_TN: Tensor) -> Tensor:
        """``W₂·relu(W₁·x)`` along time, written as products and sums: weights along time are no synapses."""
        steps = len(pooled_TN)
        hidden = torch.relu((self.squeeze[:, :steps, None] * pooled_TN).sum(1))
        return (self.expand[:steps, :, None] * hidden).sum(1)


class TemporalConv(nn.Module):
    """Depthwise causal convolution over time of event frames: ``y[t,c] = Σ_j w[c,j]·x[t − j,c]``, j = 0 … 4.

    ``[T,N,C,H,W] -> [T,N,C,H,W]``; w ``[C,5]`` is learned and first a delta, w[c,0] = 1. A tap that is exactly 0 (and
    the first one, where it is exactly 1) is not executed unless its gradient is asked for.

    Args:
        channels: C of the frames.
        kernel: number of taps.
    """

    def __init__(self, channels: int, kernel: int = 5) -> None:
        super().__init__()
        delta = torch.zeros(channels, kernel)
        delta[:, 0] = 1
        self.weight = nn.Parameter(delta)

    def forward(self, x_TNCHW: Tensor) -> Tensor:
        """Frames of all steps.

        Raises:
            NetworkError: an image, which has no steps.
        """
        if x_TNCHW.dim() != 5:
            raise NetworkError(
                "coding temporal-conv: expected event frames [T,N,C,H,W], got images; choose gain, channel-gain or none"
            )
        taps = self.weight.reshape(1, 1, len(self.weight), 1, 1, -1)
        y = x_TNCHW * taps[..., 0] if _executed(self.weight[:, 0] - 1, self.weight) else x_TNCHW
        for j in range(1, min(self.weight.shape[1], len(x_TNCHW))):
            if _executed(self.weight[:, j], self.weight):
                earlier = torch.cat([torch.zeros_like(x_TNCHW[:j]), x_TNCHW[:-j]])
                y = y + earlier * taps[..., j]
        return y


def _executed(value: Tensor, learned: Tensor | None = None) -> bool:
    """Whether a part takes place: it changes something, or its gradient is asked for."""
    learned = value if learned is None else learned
    return (torch.is_grad_enabled() and learned.requires_grad) or bool(value.detach().any())


def _of_steps(rows: Tensor, steps: int) -> Tensor:
    """The first rows, the last one repeated where there are not enough."""
    if steps <= len(rows):
        return rows[:steps]
    return torch.cat([rows, rows[-1:].expand(steps - len(rows), *rows.shape[1:])])


CODINGS: dict[str, Callable[[int, int], nn.Module]] = {
    "gain": lambda time_steps, _: Gain(time_steps),
    "channel-gain": ChannelGain,
    "attention": CurrentAttention,
    "temporal-conv": lambda _, channels: TemporalConv(channels),
}
"""Name in a suite -> constructor, given T and the channels of what it changes."""

FRAME_CODINGS = frozenset({"temporal-conv"})
"""Codings of the input itself; the others change the currents of the first layer."""


def build_coding(name: str, time_steps: int, channels: int) -> nn.Module | None:
    """A coding with fresh values; None for ``none``.

    Raises:
        SuiteError: an unknown name.
    """
    if name == "none":
        return None
    if name not in CODINGS:
        raise SuiteError(f"model: coding: expected one of none, {', '.join(CODINGS)}, got {name!r}")
    return CODINGS[name](time_steps, channels)

"""sinabs networks against brute force: time and samples in one axis, samples first, both, and recurrent layers."""

from __future__ import annotations

import pytest
from case import dyadic
from frameworks import FrameworkCase, exact
from inputs import binary, counts, image, over_time
from torch import Tensor, nn

layers = pytest.importorskip("sinabs.layers", reason="sinabs is not installed")
from sinabs.activation import SingleSpike  # noqa: E402

T = 5


def squeezed(channels: int, **size: int) -> nn.Module:
    """Convolutions on ``[N·T,…]``, as sinabs converts them; several spikes a step."""
    first = (nn.Conv2d(channels, 4, 3), layers.IAFSqueeze(**size), layers.SumPool2d(2))
    return nn.Sequential(*first, nn.Flatten(), nn.Linear(16, 3), layers.LIFSqueeze(tau_mem=4.0, **size))


def samples_first() -> nn.Module:
    """``[N,T,…]``; single spikes and an integrator."""
    lif = layers.LIF(tau_mem=2.0, tau_syn=2.0, spike_threshold=0.25, spike_fn=SingleSpike, min_v_mem=-1.0)
    return nn.Sequential(nn.Linear(8, 6), lif, nn.Linear(6, 3), layers.ExpLeak(tau_mem=2.0))


def recurrent() -> nn.Module:
    back = nn.Linear(6, 6, bias=False)
    neuron = layers.LIFRecurrent(tau_mem=2.0, rec_connect=back, spike_threshold=0.25, spike_fn=SingleSpike)
    return nn.Sequential(nn.Linear(8, 6), neuron, nn.Linear(6, 3))


class Mixed(nn.Module):
    """The user's forward takes ``[N,T,…]`` and folds it for the convolution."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.iaf, self.fc = nn.Conv2d(2, 4, 3), layers.IAFSqueeze(batch_size=1), nn.Linear(64, 3)
        self.out = layers.IAF()

    def forward(self, x: Tensor) -> Tensor:
        folded = self.iaf(self.conv(x.flatten(0, 1))).flatten(1)
        readout: Tensor = self.out(self.fc(folded).unflatten(0, x.shape[:2])).sum(1)
        return readout


def weights(module: nn.Module) -> nn.Module:
    """Synaptic weights of eighths; thresholds and time constants as they are."""
    for part in module.modules():
        if isinstance(part, nn.Conv2d | nn.Linear):
            dyadic(part)
    return module


def case(name: str, make: object, inputs: object, feed: str, plan: tuple[str, ...], **more: object) -> FrameworkCase:
    module = lambda: weights(make())  # type: ignore[operator] # noqa: E731
    return FrameworkCase(name, module, inputs, T, feed=feed, plan=plan, layers=len(plan), **more)  # type: ignore[arg-type]


MOVING = {"sample_axis": 1, "options": {"input_kind": "counts"}}
CASES = [
    case("flat", lambda: squeezed(2, batch_size=1), image(2, 6, 6), "flat", ("fold", "fold")),
    case(
        "events", lambda: squeezed(2, num_timesteps=9), over_time(T, counts(2, 6, 6)), "flat", ("fold",) * 2, **MOVING
    ),
    case("samples first", samples_first, over_time(T, binary(8)), "batch-first", ("fold", "fold"), **MOVING),
    case("samples first, static", samples_first, binary(8), "batch-first", ("fold", "fold")),
    case("recurrent", recurrent, over_time(T, binary(8)), "batch-first", ("fold", "loop", "fold"), **MOVING),
    case("mixed", Mixed, over_time(T, binary(2, 6, 6)), "batch-first", ("fold", "fold"), **MOVING),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_counts_are_those_of_brute_force(case: FrameworkCase) -> None:
    exact(case)

"""norse networks against brute force: cells and layers, states passed by the adapter or by the user, recurrent ones."""

from __future__ import annotations

import warnings

import pytest
import torch
from case import dyadic
from frameworks import FrameworkCase, exact
from inputs import binary, image, over_time
from torch import Tensor, nn

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # norse 1.1 scripts functions as it is imported
    snn = pytest.importorskip("norse.torch", reason="norse is not installed")

T = 5
EVENTS = over_time(T, binary(8))
COUNTED = {"input_kind": "counts"}
LIF = snn.LIFParameters(v_th=torch.tensor(0.05))
LSNN = snn.LSNNParameters(v_th=torch.tensor(0.02))


class Loop(nn.Module):
    """As in norse's tutorials: a loop in forward that hands the states on; a readout with weights of its own."""

    def __init__(self) -> None:
        super().__init__()
        self.fc, self.lif, self.readout = nn.Linear(8, 6), snn.LIFCell(LIF), snn.LILinearCell(6, 3)

    def forward(self, x: Tensor) -> Tensor:
        lif = readout = None
        steps = []
        for _ in range(T):
            spikes, lif = self.lif(self.fc(x), lif)
            voltage, readout = self.readout(spikes, readout)
            steps.append(voltage)
        return torch.stack(steps)


def cells() -> nn.Module:
    pool = (snn.LIFCell(LIF), nn.MaxPool2d(2), nn.Flatten())
    return snn.SequentialState(nn.Conv2d(2, 4, 3), *pool, nn.Linear(16, 5), snn.LSNNCell(LSNN))


def layers() -> nn.Module:
    return snn.SequentialState(snn.Lift(nn.Linear(8, 6)), snn.LIF(LIF), nn.Linear(6, 3), snn.LI())


def recurrent(make: str) -> nn.Module:
    neuron = {
        "LIFRecurrent": lambda: snn.LIFRecurrent(8, 6, LIF),
        "LIFRecurrentCell": lambda: snn.LIFRecurrentCell(8, 6, LIF),
        "LSNNRecurrent": lambda: snn.LSNNRecurrent(8, 6, LSNN),
    }[make]()
    return snn.SequentialState(neuron, nn.Linear(6, 3), snn.LICell() if make.endswith("Cell") else snn.LI())


def case(name: str, make: object, inputs: object, feed: str, plan: tuple[str, ...], **more: object) -> FrameworkCase:
    module = lambda: dyadic(make())  # type: ignore[operator] # noqa: E731
    return FrameworkCase(name, module, inputs, T, feed=feed, plan=plan, layers=len(plan), **more)  # type: ignore[arg-type]


MOVING = {"sample_axis": 1, "options": COUNTED}
CASES = [
    case("cells", cells, image(2, 6, 6), "steps", ("loop", "loop")),
    case("cells, events", cells, over_time(T, binary(2, 6, 6)), "steps", ("loop", "loop"), **MOVING),
    case("layers", layers, EVENTS, "sequence", ("loop", "fold"), **MOVING),
    case("layers, static", layers, binary(8), "sequence", ("loop", "fold")),
    case("loop", Loop, binary(8), "whole", ("loop", "loop")),
    *(
        case(name, lambda name=name: recurrent(name), EVENTS, feed, plan, **MOVING)
        for name, feed, plan in [
            ("LIFRecurrent", "sequence", ("loop", "loop", "fold")),
            ("LSNNRecurrent", "sequence", ("loop", "loop", "fold")),
            ("LIFRecurrentCell", "steps", ("loop", "loop", "loop")),
        ]
    ),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_counts_are_those_of_brute_force(case: FrameworkCase) -> None:
    exact(case)

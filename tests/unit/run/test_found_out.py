"""What is found out of a network is told in one line; a wrong guess shows; an ANN is run for one step."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import snntorch
import torch
from helpers.traces import trace_of
from numpy.typing import NDArray
from spikingjelly.activation_based import layer, neuron
from torch import nn

from snn_eval.models.adapters import adapt
from snn_eval.models.adapters.told import found_out
from snn_eval.record import Measurement
from snn_eval.run.doubts import doubts
from snn_eval.run.plan import Request, plan
from snn_eval.trace import Trace

CHANGE = "(--feed, --readout and --output-index change it)"


def told(module: nn.Module, time_steps: int, **options: str) -> str:
    network = adapt(module, time_steps, **options)  # type: ignore[arg-type]
    return found_out(network, len(network.run(torch.rand(2, 4))))


def test_a_network_called_once_a_step() -> None:
    module = nn.Sequential(nn.Linear(4, 3), snntorch.Leaky(beta=0.9, init_hidden=True))
    assert told(module, 5) == (
        "found out: spiking layers 1 × Leaky; called once a step; the states of snntorch's neurons emptied before each "
        f"batch; answer the spikes of 1 at each of 5 steps, their mean decides {CHANGE}"
    )


def test_a_network_called_once_with_all_steps() -> None:
    module = nn.Sequential(layer.Linear(4, 3, step_mode="m"), neuron.LIFNode(step_mode="m"), nn.Linear(3, 2))
    assert told(module, 5, readout="last") == (
        "found out: spiking layers 1 × LIFNode; called once with all steps [T,N,…]; reset by spikingjelly's reset_net "
        f"before each batch; answer numbers, the last of all steps {CHANGE}"
    )


def test_a_network_without_spikes() -> None:
    assert told(nn.Linear(4, 3), 1) == f"found out: no spiking layer; called once; answer numbers {CHANGE}"


def answering(given: NDArray[np.int64], target: NDArray[np.int64], classes: int) -> Trace:
    """A trace of one step whose samples are given these classes."""
    readout = np.eye(classes, dtype=np.float32)[None, given]
    return trace_of(time_steps=1, samples=len(given), readout=readout, target=target)


def accuracy(low: float, high: float) -> Measurement:
    return Measurement(metric="accuracy", value=(low + high) / 2, unit="1", interval=(low, high))


def test_one_class_for_all_samples() -> None:
    trace = answering(np.full(30, 2), np.arange(30) % 3, 3)
    (line,) = doubts(trace, [accuracy(0.2, 0.5)])
    assert line.startswith("each of the 30 samples is given class 2; ")
    assert "--normalize, --encoding, --time-steps, --readout" in line
    few = answering(np.full(19, 2), np.arange(19) % 3, 3)
    assert doubts(few, []) == []
    right = answering(np.full(30, 2), np.full(30, 2), 3)
    assert doubts(right, [accuracy(0.9, 1.0)]) == []


@pytest.mark.parametrize(
    ("low", "high", "doubted"),
    [(0.08, 0.12, True), (0.02, 0.09, True), (0.11, 0.14, False), (0.05, 0.6, False), (0.9, 0.95, False)],
)
def test_accuracy_at_chance(low: float, high: float, doubted: bool) -> None:
    lines = doubts(answering(np.arange(40) % 10, np.arange(40) % 10, 10), [accuracy(low, high)])
    assert [line.partition(";")[0] for line in lines] == ["accuracy is no better than chance, 1 of 10"] * doubted


NETWORKS = """
import torch
from torch import nn
from spikingjelly.activation_based import neuron

def ann(width=3):
    return nn.Sequential(nn.Flatten(), nn.Linear(64, width), nn.ReLU(), nn.Linear(width, 10))

def snn():
    return nn.Sequential(nn.Flatten(), nn.Linear(64, 10), neuron.IFNode())

class Loop(nn.Module):
    def __init__(self):
        super().__init__()
        self.last = nn.Linear(64, 10)

    def forward(self, x):
        return torch.stack([self.last(x.flatten(1)) for _ in range(8)])

def loop():
    return Loop()

def broken():
    raise ValueError("no")
"""


@pytest.mark.parametrize(
    ("function", "flags", "time_steps"),
    [
        ("ann", {}, 1),
        ("ann:width=5", {}, 1),
        ("ann", {"time_steps": 3}, 3),
        ("ann", {"encoding": "rate"}, 8),
        ("snn", {}, 8),
        ("loop", {}, 8),
        ("broken", {}, 8),
    ],
)
def test_an_ann_is_run_for_one_step(function: str, flags: dict[str, object], time_steps: int, tmp_path: Path) -> None:
    (tmp_path / "net.py").write_text(NETWORKS)
    torch.save({"w": torch.zeros(1)}, tmp_path / "w.pth")
    request = Request(models=(("digits", tmp_path / "w.pth"),), arch=f"{tmp_path / 'net.py'}:{function}", **flags)  # type: ignore[arg-type]
    (cell,) = plan(request)
    assert cell.suite.input.time_steps == time_steps
    assert ("no layer spikes and the network answers once: T = 1" in cell.notes) == (time_steps == 1)

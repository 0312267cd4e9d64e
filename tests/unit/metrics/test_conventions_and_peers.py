"""Conventions named after other people's counters give those counters' numbers on a network both can see."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from snn_eval.energy.work import totals
from snn_eval.metrics import operations
from snn_eval.models.adapters import adapt
from snn_eval.peers import cross_check
from snn_eval.probe import Chunk, ProbeOptions, record_trace
from snn_eval.trace import Trace

SAMPLES = 6


class Step(nn.Module):
    """Zeros and ``high``; neither peer counts it."""

    def __init__(self, high: float = 1.0) -> None:
        super().__init__()
        self.high = high

    def forward(self, x: Tensor) -> Tensor:
        return (x > 0.1).to(x.dtype) * self.high


class Quarters(nn.Module):
    """Values 0, ¼, ½, ¾, 1: an average pool of spikes, in one operation no peer counts."""

    def forward(self, x: Tensor) -> Tensor:
        return torch.round(torch.sigmoid(x) * 4) / 4


def _network(*between: nn.Module) -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(2, 4, 3, padding=1, bias=False), between[0],
        nn.Conv2d(4, 6, 3, stride=2, padding=1, groups=2, bias=False), between[1],
        nn.Conv2d(6, 6, 1, bias=False), between[2], nn.Flatten(),
        nn.Linear(6 * 4 * 4, 5, bias=False),
    ).eval()  # fmt: skip


def _record(network: nn.Module, x: Tensor) -> Trace:
    ids = np.arange(SAMPLES)
    chunks = [Chunk(i, ids[i : i + 2], x[i : i + 2], np.zeros(2, np.int64)) for i in range(0, SAMPLES, 2)]
    return record_trace(adapt(network, 1), chunks, ProbeOptions(batch_size=2, timed_chunks=0))


def _peer(name: str, network: nn.Module, x: Tensor) -> dict[str, int | float | None]:
    results = cross_check(network, x, [name])
    if results[0].version is None:
        pytest.skip(f"{name} is not installed")
    return {r.quantity: r.value for r in results}


CASES = {
    "spikes": (Step(), Step(), Step()),
    "half": (Step(0.5), Step(), Step(0.5)),
    "twos": (Step(2.0), Step(), Step()),
    "ternary or graded": (Step(-1.0), Quarters(), Step()),
}


@pytest.mark.parametrize("name", CASES)
def test_syops_counter_is_the_peers_number_on_one_batch(name: str) -> None:
    network, x = _network(*CASES[name]), torch.rand(SAMPLES, 2, 8, 8)
    theirs = _peer("syops", network, x)
    ours = totals(operations(_record(network, x), "syops-counter"))
    assert ours["ac"] == pytest.approx(theirs["ACs"], rel=1e-6)  # the peer's mean is float32
    assert ours["mac"] == pytest.approx(theirs["MACs"], rel=1e-6)


@pytest.mark.parametrize("name", CASES)
def test_per_layer_is_neurobenchs_number(name: str) -> None:
    """On one batch, where its decision per call is one per layer; counted in its numbers, ours over chunks."""
    network, x = _network(*CASES[name]), torch.rand(SAMPLES, 2, 8, 8)
    theirs = _peer("neurobench", network, x)
    trace = _record(network, x)
    ours = totals(operations(trace, "per-layer"))
    assert (ours["ac"], ours["mac"]) == (theirs["Effective_ACs"], theirs["Effective_MACs"])
    exact = totals(operations(trace, "exact"))
    assert exact["ac"] + exact["mac"] == ours["ac"] + ours["mac"]

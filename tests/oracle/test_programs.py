"""Exported programs against the networks they were made of: same operations and spikes, layer by layer, sample."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import snntorch
import torch
from spikingjelly.activation_based import functional, layer, neuron
from torch import Tensor, nn

from snn_eval.data.chunk import Chunk
from snn_eval.models.adapters import adapt
from snn_eval.models.exported.building import exported_network, missing
from snn_eval.probe import ProbeOptions, record_trace
from snn_eval.trace import Trace

STEPS = 4


class Loop(nn.Module):
    """snntorch neurons, their states handed on in a loop over the steps."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.norm, self.fc = nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.Linear(144, 10)
        self.first, self.second = snntorch.Leaky(beta=0.9), snntorch.Leaky(beta=0.5, reset_mechanism="zero")

    def forward(self, x: Tensor) -> Tensor:
        one, two, out = self.first.init_leaky(), self.second.init_leaky(), []
        for _ in range(STEPS):
            spikes, one = self.first(self.norm(self.conv(x)), one)
            spikes, two = self.second(self.fc(spikes.flatten(1)), two)
            out.append(spikes)
        return torch.stack(out)


class Residual(nn.Module):
    """An ANN with a sum of two activations."""

    def __init__(self) -> None:
        super().__init__()
        self.stem, self.inner, self.head = (
            nn.Conv2d(1, 4, 3, padding=1),
            nn.Conv2d(4, 4, 3, padding=1),
            nn.Linear(64, 5),
        )
        self.pool = nn.MaxPool2d(2)

    def forward(self, x: Tensor) -> Tensor:
        x = torch.relu(self.stem(x))
        x = torch.relu(x + self.inner(x))
        return self.head(self.pool(x).view(x.size(0), -1))


def perceptron() -> nn.Module:
    return nn.Sequential(nn.Flatten(), nn.Linear(64, 16), nn.ReLU(), nn.Linear(16, 10))


def multi_step() -> nn.Module:
    first = (layer.Conv2d(1, 4, 3, bias=False), neuron.LIFNode(tau=1.5), layer.MaxPool2d(2), layer.Flatten())
    network = nn.Sequential(*first, layer.Linear(36, 10), neuron.IFNode(v_reset=None))
    functional.set_step_mode(network, "m")
    return network


def lively(make: Callable[[], nn.Module]) -> nn.Module:
    """The network with weights that make its neurons fire."""
    torch.manual_seed(3)
    network = make().eval()
    with torch.no_grad():
        for weight in network.parameters():
            weight.copy_(8 * weight.abs() if weight.dim() == 2 else 3 * weight)
    return network


def exported(network: nn.Module, x: Tensor, path: Path, axis: int | None) -> Path:
    """The file of a network; ``axis`` of the samples where their number may change."""
    shapes = None if axis is None else ({axis: torch.export.Dim("batch")},)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        program = torch.export.export(network, (x,), dynamic_shapes=shapes)
        torch.export.save(program, path)
    return path


def trace_of(network: nn.Module, x: Tensor, sample_axis: int, steps: int) -> Trace:
    samples = x.shape[sample_axis]
    adapted = adapt(network, steps, sample_axis=sample_axis)
    parts = []
    for start in range(0, samples, 5):
        piece = x.narrow(sample_axis, start, min(5, samples - start))
        ids = np.arange(start, start + piece.shape[sample_axis])
        parts.append(Chunk(len(parts), ids, piece, ids % 5))
    return record_trace(adapted, parts, ProbeOptions(batch_size=5))


def assert_same_counts(a: Trace, b: Trace) -> None:
    assert [part.name for part in a.synaptic] == [part.name for part in b.synaptic]
    for one, other in zip(a.synaptic, b.synaptic, strict=True):
        assert np.array_equal(one.ops_VTN, other.ops_VTN), one.name
        assert one.dense_ops == other.dense_ops
    assert sum(int(part.ops_VTN.sum()) for part in a.synaptic) > 0
    assert [part.name for part in a.neurons] == [part.name for part in b.neurons]
    for one, other in zip(a.neurons, b.neurons, strict=True):
        assert np.array_equal(one.spikes_TN, other.spikes_TN), one.name
        assert one.spikes_TN.sum() > 0
    assert np.allclose(a.output.readout_TNK, b.output.readout_TNK, atol=1e-5)


CASES: dict[str, tuple[Callable[[], nn.Module], int]] = {
    "perceptron": (perceptron, 0),
    "residual": (Residual, 0),
    "snntorch": (Loop, 0),
    "spikingjelly": (multi_step, 1),
}


@pytest.mark.slow
@pytest.mark.parametrize("form", ["dynamic", "one sample"])
@pytest.mark.parametrize("name", CASES)
def test_counts_are_those_of_the_network(tmp_path: Path, name: str, form: str) -> None:
    make, axis = CASES[name]
    network = lively(make)
    steps = 1 if name in ("perceptron", "residual") else STEPS
    shape = (STEPS, 7, 1, 8, 8) if axis else (7, 1, 8, 8)
    x = torch.rand(shape).round(decimals=1)
    example = x.narrow(axis, 0, 1 if form == "one sample" else 2).contiguous()
    path = exported(network, example, tmp_path / "n.pt2", axis if form == "dynamic" else None)
    program = exported_network(path)
    assert_same_counts(trace_of(program, x, axis, steps), trace_of(network, x, axis, steps))
    assert missing(program) == ""


class Odd(nn.Module):
    """An operation no rule is known of, between two layers."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = nn.Linear(6, 5), nn.Linear(5, 3)

    def forward(self, x: Tensor) -> Tensor:
        return self.second(torch.erfinv(torch.tanh(self.first(x))))


def test_an_operation_without_a_rule_is_named_as_not_counted(tmp_path: Path) -> None:
    path = exported(Odd().eval(), torch.rand(2, 6), tmp_path / "n.pt2", 0)
    trace = trace_of(exported_network(path), torch.rand(7, 6), 0, 1)
    assert [(op.name, op.calls) for op in trace.unknown] == [("erfinv", 1)]
    assert [int(part.ops_VTN.sum()) for part in trace.synaptic] == [7 * 6 * 5, 7 * 5 * 3]

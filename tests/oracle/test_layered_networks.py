"""Networks written as layers are counted from around their modules, and as a count at aten level says."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from intercept import capture
from test_whole_networks import lively, operations
from torch import Tensor, nn

from snn_eval.models.adapters import adapt
from snn_eval.models.networks import build_network
from snn_eval.probe import Chunk, ProbeOptions, record_trace
from snn_eval.probe.interception import Interception
from snn_eval.trace import Trace

STEPS, SAMPLES = 4, 3
NEURON = {"name": "lif", "reset": "soft", "v_threshold": 0.3}
LAYERS = ["6C3", "AP2", "8C3g2", "MP2", "FC12", "FC5"]


def built(coding: str) -> nn.Module:
    torch.manual_seed(0)
    config = {"in_shape": [2, 10, 10], "layers": LAYERS, "neuron": NEURON, "coding": coding}
    module = lively(build_network("layered-net", STEPS, config))
    with torch.no_grad():
        for name, weight in module.named_parameters():
            if ".coding." in name or name.startswith("coding."):
                weight.normal_(0, 0.3)
    return module.eval()


def given(frames: bool) -> Tensor:
    torch.manual_seed(1)
    return torch.randint(0, 3, (STEPS, SAMPLES, 2, 10, 10)).float() if frames else torch.rand(SAMPLES, 2, 10, 10)


def recorded(module: nn.Module, x: Tensor) -> Trace:
    frames = x.dim() == 5
    network = adapt(module, STEPS, sample_axis=int(frames), example=x)
    options = ProbeOptions(batch_size=SAMPLES, input_kind="counts" if frames else "real", strict=True)
    return record_trace(network, [Chunk(0, np.arange(SAMPLES), x, np.zeros(SAMPLES, np.int64))], options)


@pytest.mark.parametrize(
    ("coding", "frames"),
    [
        *((coding, False) for coding in ("none", "gain", "channel-gain", "attention")),
        *((coding, True) for coding in ("none", "gain", "attention", "temporal-conv")),
    ],
)
def test_counts_equal_brute_force(coding: str, frames: bool) -> None:
    module, x = built(coding), given(frames)
    network = adapt(module, STEPS, sample_axis=int(frames), example=x)
    calls = capture(module, network.run, x)
    once = 0 if frames else 3 if coding == "attention" else 1  # calls made once for all steps
    expected = [operations(call).reshape(1 if i < once else STEPS, SAMPLES, -1).sum(-1) for i, call in enumerate(calls)]
    trace = recorded(module, x)
    found = [layer.ops_VTN.sum(0) for layer in trace.synaptic]
    assert len(found) == len(expected) == (6 if coding == "attention" else 4)
    assert all(np.array_equal(a, b) for a, b in zip(found, expected, strict=True))
    assert all(counts.sum() > 0 for counts in found)


@pytest.mark.parametrize("frames", [False, True])
@pytest.mark.parametrize("coding", ["none", "gain", "channel-gain"])
def test_no_function_mode_is_needed(coding: str, frames: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    entered: list[Interception] = []
    monkeypatch.setattr(Interception, "__enter__", entered.append)
    assert recorded(built(coding), given(frames)).output.causal == "yes"
    assert entered == []

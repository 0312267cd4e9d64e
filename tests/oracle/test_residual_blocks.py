"""Residual blocks are counted by level: sums of spikes as integers, closed connect functions as spikes alone."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from intercept import capture
from test_whole_networks import lively, operations

from snn_eval.models.adapters import adapt
from snn_eval.models.networks import build_network
from snn_eval.probe import Chunk, ProbeOptions, record_trace

STEPS, SAMPLES = 3, 2


@pytest.mark.parametrize(("connect", "driven"), [("add", {1.0, 2.0, 3.0}), ("or", {1.0}), ("iand", {1.0})])
def test_counts_of_every_level_equal_brute_force(connect: str, driven: set[float]) -> None:
    torch.manual_seed(0)
    neuron = {"name": "dynamic-lif", "reset": "soft", "v_threshold": 0.3, "adaptive": True, "state_leak": True}
    config = {"in_shape": [2, 8, 8], "channels": [4, 4], "classes": 5, "connect": connect, "neuron": neuron}
    module = lively(build_network("seven-block-net", STEPS, config)).eval()
    x = torch.randint(0, 3, (STEPS, SAMPLES, 2, 8, 8)).float()
    network = adapt(module, STEPS, sample_axis=1, example=x)
    calls = capture(module, network.run, x)
    options = ProbeOptions(batch_size=SAMPLES, input_kind="counts", strict=True)
    trace = record_trace(network, [Chunk(0, np.arange(SAMPLES), x, np.zeros(SAMPLES, np.int64))], options)
    assert len(calls) == len(trace.synaptic) == 1 + 2 * 2 + 1
    behind: set[float] = set()
    for call, found in zip(calls, trace.synaptic, strict=True):
        levels = [value for value in np.unique(call.x).tolist() if value]
        assert sorted(value for value in np.asarray(found.levels).tolist() if value) == levels
        for value in levels:
            brute = operations(replace(call, x=call.x == value)).reshape(STEPS, SAMPLES, -1).sum(-1)
            (place,) = np.flatnonzero(np.asarray(found.levels) == value)
            assert np.array_equal(found.ops_VTN[place], brute)
        behind |= set(levels) if call is not calls[0] else set()
    assert {1.0} < behind <= driven if len(driven) > 1 else behind == driven

from __future__ import annotations

from dataclasses import replace

import numpy as np
from helpers.traces import synaptic_layer, tiny_trace, trace_of

from snn_eval.metrics import measure
from snn_eval.trace import Trace


def _values(trace: Trace, *metrics: str) -> dict[tuple[str, str], float]:
    found, refused = measure(trace, metrics)
    assert not refused
    return {(m.metric, m.scope): m.value for m in found}


def test_activation_sparsity_is_zeros_of_spiking_layers() -> None:
    assert _values(tiny_trace(), "activation_sparsity") == {
        ("activation_sparsity", "network"): (90 - 18) / 90,
        ("activation_sparsity", "layer:lif1"): (48 - 9) / 48,
        ("activation_sparsity", "layer:lif2"): (24 - 6) / 24,
        ("activation_sparsity", "layer:out"): (18 - 3) / 18,
    }


def test_input_sparsity_leaves_the_own_input_out_of_the_network() -> None:
    hidden = 3 * 2 * (8 + 4 + 4)
    assert _values(tiny_trace(), "input_sparsity") == {
        ("input_sparsity", "network"): (hidden - 9 - 10 - 6) / hidden,
        ("input_sparsity", "layer:stem"): (3 * 8 - 16) / (3 * 8),
        ("input_sparsity", "layer:conv"): (48 - 9) / 48,
        ("input_sparsity", "layer:graded"): (24 - 10) / 24,
        ("input_sparsity", "layer:fc"): (24 - 6) / 24,
    }


def test_connection_sparsity_counts_a_module_once() -> None:
    trace = tiny_trace()
    weights, nonzero = 36 + 72 + 20 + 12, 36 + 54 + 20 + 12
    assert _values(trace, "connection_sparsity")["connection_sparsity", "network"] == (weights - nonzero) / weights
    again = replace(trace, synaptic=(*trace.synaptic, replace(trace.synaptic[1], name="conv#2")))
    assert _values(again, "connection_sparsity") == _values(trace, "connection_sparsity")
    bare = trace_of([synaptic_layer("x", np.ones((1, 1, 1)))], time_steps=1, samples=1)
    assert measure(bare, ["connection_sparsity"])[1]["connection_sparsity"].startswith(
        "connection sparsity needs a layer"
    )


def test_facts_of_the_network_and_the_pass() -> None:
    trace = tiny_trace()
    assert _values(
        trace, "parameters", "parameters_nonzero", "footprint", "state_bytes", "wall_time", "peak_memory"
    ) == {
        ("parameters", "network"): 500,
        ("parameters_nonzero", "network"): 450,
        ("footprint", "network"): 2000 + 80,
        ("state_bytes", "network"): 64,
        ("wall_time", "network"): 0.2,
    }
    read = replace(trace, facts=replace(trace.facts, peak_memory_bytes=12_345))
    assert _values(read, "peak_memory") == {("peak_memory", "network"): 12_345}
    kinds = {m.metric: m.kind for m in measure(read, ["peak_memory", "wall_time", "parameters"])[0]}
    assert kinds == {"peak_memory": "advisory", "wall_time": "advisory", "parameters": "exact"}
    untimed = replace(trace, facts=replace(trace.facts, bare_forward_s=()))
    assert "none was timed" in measure(untimed, ["wall_time"])[1]["wall_time"]

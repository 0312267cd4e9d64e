"""Spike counts and the LSFR family on hand-set spikes."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from helpers.traces import neuron_layer, random_trace, tiny_trace, trace_of

from snn_eval.errors import RefusedError
from snn_eval.metrics import firing_rates, measure, spikes_per_sample
from snn_eval.trace import Trace

LIF1 = [[1, 2, 0], [3, 1, 2]]  # spikes [T,N]
LIF2 = [[0, 1, 1], [1, 1, 2]]
OUT = [[1, 0, 0], [1, 1, 0]]


def _values(trace: Trace, *metrics: str) -> dict[tuple[str, str], float]:
    found, refused = measure(trace, metrics)
    assert not refused
    return {(m.metric, m.scope): m.value for m in found}


def test_spikes_by_role_and_layer() -> None:
    found = _values(
        tiny_trace(),
        "spike_count",
        "spike_count_hidden",
        "spike_count_output",
        "spike_count_gate",
        "spike_count_encoder",
    )
    assert found == {
        ("spike_count", "network"): (9 + 6 + 3) / 3,
        ("spike_count", "layer:lif1"): 9 / 3,
        ("spike_count", "layer:lif2"): 6 / 3,
        ("spike_count", "layer:out"): 3 / 3,
        ("spike_count", "layer:ia"): 3 / 3,
        ("spike_count_hidden", "network"): (9 + 6) / 3,
        ("spike_count_output", "network"): 3 / 3,
        ("spike_count_gate", "network"): 3 / 3,
    }  # the integrator without a threshold is nowhere; no encoder, no value


def test_distribution_over_samples() -> None:
    assert spikes_per_sample(tiny_trace()).tolist() == [1 + 3 + 0 + 1 + 1 + 1, 2 + 1 + 1 + 1 + 0 + 1, 0 + 2 + 1 + 2]
    spikes = np.zeros((1, 100, 100), np.int64)
    for i in range(100):
        spikes[0, i, :i] = 1  # sample i spikes i times
    trace = trace_of((), [neuron_layer("l", spikes)], time_steps=1, samples=100)
    names = ("spike_count_median", "spike_count_p95", "spike_count_p99", "spike_count_max")
    assert list(_values(trace, *names).values()) == [49, 94, 98, 99]


def test_spikes_by_class() -> None:
    trace = tiny_trace()
    trace = replace(trace, samples=replace(trace.samples, target=np.array([1, 1, 0])))
    assert _values(trace, "spike_count_by_class") == {
        ("spike_count", "class:0"): 5,
        ("spike_count", "class:1"): (7 + 6) / 2,
    }


def test_input_events_apart() -> None:
    assert measure(tiny_trace(), ["input_events"]) == ([], {})
    trace = tiny_trace(input_events_TN=np.array([[5, 6, 7], [1, 2, 3]]))
    assert _values(trace, "input_events") == {("input_events", "network"): (5 + 6 + 7 + 1 + 2 + 3) / 3}


def test_firing_rates() -> None:
    n = 3
    assert _values(tiny_trace(), "lsfr", "lasfr", "nsfr", "nasfr", "nasfr_gate", "nasfr_encoder") == {
        ("lsfr", "layer:lif1/step:1"): 3 / (n * 8),
        ("lsfr", "layer:lif1/step:2"): 6 / (n * 8),
        ("lsfr", "layer:lif2/step:1"): 2 / (n * 4),
        ("lsfr", "layer:lif2/step:2"): 4 / (n * 4),
        ("lsfr", "layer:out/step:1"): 1 / (n * 3),
        ("lsfr", "layer:out/step:2"): 2 / (n * 3),
        ("lsfr", "layer:ia/step:1"): 3 / (n * 2),
        ("lsfr", "layer:ia/step:2"): 0,
        ("lasfr", "layer:lif1"): 9 / (2 * n * 8),
        ("lasfr", "layer:lif2"): 6 / (2 * n * 4),
        ("lasfr", "layer:out"): 3 / (2 * n * 3),
        ("lasfr", "layer:ia"): 3 / (2 * n * 2),
        ("nsfr", "step:1"): (3 + 2 + 1) / (n * (8 + 4 + 3)),
        ("nsfr", "step:2"): (6 + 4 + 2) / (n * (8 + 4 + 3)),
        ("nasfr", "network"): 18 / (2 * n * (8 + 4 + 3)),
        ("nasfr_gate", "network"): 3 / (2 * n * 2),
    }


def test_only_valid_steps_are_chances_to_spike() -> None:
    trace = tiny_trace()
    short = replace(trace, samples=replace(trace.samples, valid_steps=np.array([2, 1, 1])))
    rates = {r.name: r for r in firing_rates(short)}
    assert rates["lif1"].chances_T.tolist() == [3 * 8, 1 * 8]
    assert rates["lif1"].spikes_T.tolist() == [1 + 2 + 0, 3]
    valid_spikes = (1 + 2 + 0 + 3) + (0 + 1 + 1 + 1) + (1 + 0 + 0 + 1)
    assert _values(short, "nasfr") == {("nasfr", "network"): valid_spikes / ((2 + 1 + 1) * (8 + 4 + 3))}


def test_layers_executed_once_count_one_step() -> None:
    once = neuron_layer("once", np.ones((1, 2, 5)))
    often = neuron_layer("often", np.zeros((4, 2, 3)))
    trace = trace_of((), [once, often], time_steps=4, samples=2)
    assert _values(trace, "nasfr") == {("nasfr", "network"): 10 / (1 * 2 * 5 + 4 * 2 * 3)}
    assert _values(trace, "nsfr") == {
        ("nsfr", "step:1"): 10 / (2 * (5 + 3)), ("nsfr", "step:2"): 0, ("nsfr", "step:3"): 0, ("nsfr", "step:4"): 0,
    }  # fmt: skip


def test_rates_agree_with_each_other() -> None:
    trace = random_trace(5, samples=30)
    found = _values(trace, "lasfr", "nasfr", "lsfr", "nsfr", "activation_sparsity")
    neurons = {layer.name: layer.neurons for layer in trace.neurons}
    weighted = sum(neurons[s.removeprefix("layer:")] * v for (m, s), v in found.items() if m == "lasfr")
    assert found["nasfr", "network"] == pytest.approx(weighted / sum(neurons.values()), rel=1e-12)
    assert found["nasfr", "network"] == pytest.approx(
        np.mean([v for (m, _), v in found.items() if m == "nsfr"]), rel=1e-12
    )
    assert found["activation_sparsity", "network"] == pytest.approx(1 - found["nasfr", "network"], rel=1e-12)
    for name in neurons:
        steps = [v for (m, s), v in found.items() if m == "lsfr" and s.startswith(f"layer:{name}/")]
        assert found["lasfr", f"layer:{name}"] == pytest.approx(np.mean(steps), rel=1e-12)


def test_silent_neurons_channels_layers() -> None:
    assert _values(tiny_trace(), "silent_neurons", "silent_channels", "silent_layers") == {
        ("silent_neurons", "network"): (5 + 2 + 1) / (8 + 4 + 3),
        ("silent_neurons", "layer:lif1"): 5 / 8,
        ("silent_neurons", "layer:lif2"): 2 / 4,
        ("silent_neurons", "layer:out"): 1 / 3,
        ("silent_channels", "network"): 1 / 2,  # of lif1 [2,2,2] the second; layers of one axis have no channels
        ("silent_channels", "layer:lif1"): 1 / 2,
        ("silent_layers", "network"): 0,
    }
    quiet = trace_of((), [neuron_layer("q", np.zeros((2, 1, 3, 2)))], time_steps=2, samples=1)
    assert _values(quiet, "silent_neurons", "silent_channels", "silent_layers")["silent_layers", "network"] == 1


def test_a_map_summed_over_steps_gives_the_same_silence() -> None:
    trace = tiny_trace()
    summed = tuple(replace(x, per_neuron=x.per_neuron.sum(axis=0), per_step_map=False) for x in trace.neurons)
    names = ("silent_neurons", "silent_channels")
    assert _values(replace(trace, neurons=summed), *names) == _values(trace, *names)


def test_networks_without_spikes_are_refused() -> None:
    trace = trace_of((), (), time_steps=1, samples=1)
    _, refused = measure(trace, ["nasfr", "nsfr", "silent_neurons", "activation_sparsity", "spike_count_median"])
    assert set(refused) == {"nasfr", "nsfr", "silent_neurons", "activation_sparsity", "spike_count_median"}
    assert refused["nasfr"] == "nasfr needs a spiking layer of role hidden or output, but the network has none"


def test_unattributed_layers_keep_totals() -> None:
    trace = tiny_trace()

    def summed(layer: Any) -> Any:
        return replace(layer, spikes_TN=layer.spikes_TN.sum(axis=1, keepdims=True))

    merged = replace(trace, neurons=tuple(summed(x) for x in trace.neurons))
    names = ("spike_count", "lsfr", "lasfr", "nsfr", "nasfr", "silent_neurons", "activation_sparsity")
    assert _values(merged, *names) == _values(trace, *names)
    with pytest.raises(RefusedError, match="layer lif1 has only the set's sum"):
        spikes_per_sample(merged)
    short = replace(merged, samples=replace(merged.samples, valid_steps=np.array([2, 1, 1])))
    with pytest.raises(RefusedError, match="firing rate over valid steps needs samples told apart"):
        firing_rates(short)

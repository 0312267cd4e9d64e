"""Cases whose network is the package's own adapter around a framework's module: the reference runs one sample alone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from case import Case, chunks_of, expected_of
from compare import compare

from snn_eval.models.adapters import AdaptedNetwork, Feed, adapt
from snn_eval.probe import ProbeOptions, record_trace

__all__ = ["FrameworkCase", "exact"]


@dataclass(frozen=True)
class FrameworkCase(Case):
    """A case driven as the adapter finds; ``feed`` is what it must find."""

    feed: Feed = "sequence"

    def network(self) -> Any:
        torch.manual_seed(0)
        return adapt(self.module(), self.time_steps, sample_axis=self.sample_axis, example=self.data())


def exact(case: FrameworkCase) -> None:
    """Every count equals brute force, in a batch of three and one of one; some neuron fires."""
    network: AdaptedNetwork = case.network()
    assert network.feed == case.feed
    first = network.run(case.data())
    assert torch.equal(network.run(case.data()), first), "state was left over"
    options = ProbeOptions(batch_size=case.batch_size, timed_chunks=0, **case.options)
    trace = record_trace(network, chunks_of(case, case.data()), options)
    want = expected_of(case)
    assert sum(int(neuron.spikes_TN.sum()) for neuron in trace.neurons) > 0
    for neuron in trace.neurons:
        if not neuron.has_threshold:  # an integrator never spikes, whatever it gives
            want.spikes[neuron.name], want.per_neuron[neuron.name] = neuron.spikes_TN * 0, neuron.per_neuron * 0
    compare(case, trace, want)

"""Where two traces differ is told by sample: nowhere in float64, and by name in float32, whatever the batch size."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from helpers.traces import tiny_trace

from snn_eval.data import load_dataset
from snn_eval.errors import CountError
from snn_eval.models.adapters import adapt
from snn_eval.models.checkpoint import load_checkpoint, load_weights
from snn_eval.models.manifest import shipped_checkpoint
from snn_eval.models.networks import build_network
from snn_eval.probe import Chunk, ProbeOptions, record_trace
from snn_eval.trace import Trace, differing_samples


def test_a_trace_does_not_differ_from_itself() -> None:
    assert differing_samples(tiny_trace(), tiny_trace()).tolist() == []


def test_one_spike_more_names_its_sample() -> None:
    trace = tiny_trace()
    spikes = trace.neurons[0].spikes_TN.copy()
    spikes[0, 1] += 1
    other = replace(trace, neurons=(replace(trace.neurons[0], spikes_TN=spikes), *trace.neurons[1:]))
    assert differing_samples(trace, other).tolist() == [trace.samples.id[1]]


def test_other_samples_are_refused() -> None:
    trace = tiny_trace()
    with pytest.raises(CountError, match="different samples"):
        differing_samples(trace, replace(trace, samples=replace(trace.samples, id=trace.samples.id + 1)))


def digits_trace(batch_size: int, dtype: torch.dtype, samples: int = 128) -> Trace:
    """The shipped network on its test images, in chunks of so many."""
    path, _ = shipped_checkpoint("digits-spiking-conv-net.pt")
    checkpoint = load_checkpoint(path)
    module = build_network(checkpoint.arch, checkpoint.time_steps, checkpoint.config)
    load_weights(module, checkpoint)
    module.to(dtype)
    chunks = [
        Chunk(c.index, c.id, c.x.to(dtype), c.target)
        for c in load_dataset("digits", "test").chunks(batch_size, samples)
    ]
    network = adapt(module, checkpoint.time_steps, example=chunks[0].x)
    return record_trace(network, chunks, ProbeOptions(batch_size=batch_size, timed_chunks=0))


@pytest.mark.parametrize("batch_size", [7, 128])
def test_batch_size_does_not_matter_in_float64(batch_size: int) -> None:
    alone = digits_trace(1, torch.float64, samples=32)
    assert differing_samples(alone, digits_trace(batch_size, torch.float64, samples=32)).tolist() == []


def test_what_batch_size_changes_in_float32_is_little_and_named() -> None:
    small, large = digits_trace(7, torch.float32), digits_trace(128, torch.float32)
    ids = differing_samples(small, large)
    print(f"float32, batch sizes 7 and 128: {len(ids)} of {len(small.samples)} samples differ: {ids.tolist()}")
    assert set(ids) <= set(small.samples.id)
    total = [sum(int(n.spikes_TN.sum()) for n in trace.neurons) for trace in (small, large)]
    assert abs(total[0] - total[1]) <= 1e-3 * total[0]
    assert np.array_equal(np.sort(small.samples.id), np.sort(large.samples.id))

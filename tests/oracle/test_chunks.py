"""The same numbers however the work is cut: repeated, in other orders, by several recorders, in other batch sizes."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from all_cases import ALL
from case import Case, chunks_of, record_case
from same import assert_same_trace

from snn_eval.probe import Chunk, ProbeOptions, Recorder
from snn_eval.trace import Trace, concatenate

NAMES = {
    "loop_static_image",
    "folded_time_first",
    "folded_sample_first",
    "once_then_loop",
    "modules_and_functions",
    "spikingjelly_LIFNode_m",
    "snntorch_Leaky",
}
CASES = [
    # snntorch's spikes are float32 whatever the weights are; these are dyadic, which is as good
    replace(c, dtype=torch.float32 if "snntorch" in c.name else torch.float64, samples=7, batch_size=2)
    for c in ALL
    if c.name in NAMES
]
each_case = pytest.mark.parametrize("case", CASES, ids=lambda c: c.name)


def by_recorder(case: Case, chunks: list[Chunk], first: Chunk) -> list[Trace]:
    """Parts of a recorder of its own, prepared on ``first``."""
    recorder = Recorder(case.network(), ProbeOptions(batch_size=case.batch_size, timed_chunks=0, **case.options))
    recorder.prepare(first)
    return [recorder.record(chunk) for chunk in chunks]


@each_case
def test_same_command_twice(case: Case) -> None:
    assert_same_trace(record_case(case), record_case(case))


@each_case
def test_any_order_of_chunks(case: Case) -> None:
    chunks = chunks_of(case, case.data())
    whole = record_case(case)
    backwards = by_recorder(case, chunks[::-1], chunks[0])
    assert_same_trace(whole, concatenate(backwards))
    assert_same_trace(whole, concatenate(backwards[::-1]))


@each_case
def test_several_recorders_each_prepared_on_its_own_first_chunk(case: Case) -> None:
    """As many processes do it; the last recorder begins with the smaller chunk."""
    chunks = chunks_of(case, case.data())
    parts = [part for own in (chunks[1:3], chunks[:1], chunks[3:]) for part in by_recorder(case, own, own[0])]
    assert_same_trace(record_case(case), concatenate(parts))


@each_case
def test_a_chunk_alone_is_a_part_of_the_whole(case: Case) -> None:
    """What ``--limit`` does: the first chunks are the first columns."""
    chunks = chunks_of(case, case.data())
    whole, limited = record_case(case), concatenate(by_recorder(case, chunks[:2], chunks[0]))
    for layer, part in zip(whole.synaptic, limited.synaptic, strict=True):
        n = part.ops_VTN.shape[-1]
        np.testing.assert_array_equal(layer.ops_VTN.sum(0)[..., :n], part.ops_VTN.sum(0))
    for neurons, part in zip(whole.neurons, limited.neurons, strict=True):
        np.testing.assert_array_equal(neurons.spikes_TN[:, : part.spikes_TN.shape[1]], part.spikes_TN)


@each_case
@pytest.mark.parametrize("batch_size", [1, 7, 256])
def test_batch_size_changes_nothing_in_float64(case: Case, batch_size: int) -> None:
    """Weights are dyadic as well, so sums do not depend on their order."""
    allowed = frozenset({"batch", "batch_size"})
    assert_same_trace(record_case(case), record_case(case, batch_size=batch_size), allowed)


@pytest.mark.parametrize("batch_size", [1, 7, 256])
def test_batch_size_changes_nothing_with_dyadic_weights_in_float32(batch_size: int) -> None:
    case = next(replace(c, dtype=torch.float32) for c in CASES if c.name == "folded_time_first")
    allowed = frozenset({"batch", "batch_size"})
    assert_same_trace(record_case(case), record_case(case, batch_size=batch_size), allowed)

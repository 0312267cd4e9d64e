"""What the first chunk cannot show must not be taken as shown: a blank first chunk changes no finding."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from all_cases import by_name
from case import Case, chunks_of, dyadic, record_case
from cases_time import MOVING, Flow, blank_then_bright, flow, folded, loop, single_step
from inputs import binary
from same import assert_same_trace
from torch import Tensor, nn

from snn_eval.errors import NetworkError
from snn_eval.probe import ProbeOptions, Recorder
from snn_eval.trace import concatenate

BLANK = blank_then_bright(0.0)


def test_a_blank_first_chunk_is_not_a_static_input() -> None:
    case = flow("blank", folded, BLANK, multi=True, sample_axis=1, samples=6)
    assert not record_case(case).synaptic[0].time_invariant
    case = flow("blank", loop(single_step, True), BLANK, sample_axis=1, samples=6)
    assert not record_case(case).synaptic[0].time_invariant


def test_a_blank_first_chunk_does_not_make_a_network_causal() -> None:
    def smoothed(m: Flow, x: Tensor) -> Tensor:
        current = m.conv(x.flatten(0, 1)).unflatten(0, x.shape[:2])
        return torch.stack([m.head(m.s1(step)) for step in current - current.mean(0)])

    assert record_case(flow("bright", smoothed, MOVING, sample_axis=1)).output.causal == "no"
    assert record_case(flow("blank", smoothed, BLANK, sample_axis=1, samples=6)).output.causal != "yes"


class Forgetful(nn.Module):
    """A neuron whose state no reset clears."""

    def __init__(self) -> None:
        super().__init__()
        self.time_steps, self.fc, self.v = 3, nn.Linear(8, 4, bias=False), 0.0
        dyadic(self)

    def forward(self, x: Tensor) -> Tensor:
        steps = []
        for _ in range(self.time_steps):
            self.v = self.v + self.fc(x).sum().item() / 8
            steps.append(self.fc(x) + self.v)
        return torch.stack(steps)


@pytest.mark.parametrize("blank", [False, True])
def test_state_that_only_later_chunks_fill_is_refused(blank: bool) -> None:
    def inputs(n: int) -> Tensor:
        x = binary(8)(n)
        x[:3] *= 0 if blank else 1
        return x

    with pytest.raises(NetworkError, match="state"):
        record_case(Case("forgetful", Forgetful, inputs, time_steps=3, samples=6))


@pytest.mark.parametrize("name", ["folded_time_first", "folded_sample_first", "loop_over_frames"])
def test_whichever_chunk_comes_first(name: str) -> None:
    """Recorders prepared on a blank and on a bright chunk find the same."""
    case = replace(by_name(name), inputs=BLANK, samples=9, batch_size=3)
    chunks = chunks_of(case, case.data())
    traces = []
    for first in chunks:
        recorder = Recorder(case.network(), ProbeOptions(batch_size=3, timed_chunks=0))
        recorder.prepare(first)
        traces.append(concatenate([recorder.record(chunk) for chunk in chunks]))
    assert_same_trace(traces[0], traces[1])
    assert_same_trace(traces[1], traces[2])

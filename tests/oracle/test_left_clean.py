"""The module is left as it was found, also after an error; recorders do not disturb each other."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from all_cases import by_name
from case import Case, chunks_of, record_case
from cases_calls import Apply
from inputs import binary
from torch import Tensor, nn

from snn_eval.probe import ProbeOptions, Recorder, record_trace


def hooks_of(module: nn.Module) -> int:
    return sum(len(m._forward_hooks) + len(m._forward_pre_hooks) for m in module.modules())


@pytest.mark.parametrize(
    "name", ["loop_static_image", "spikingjelly_LIFNode_m", "snntorch_Leaky", "prune_unstructured"]
)
def test_the_module_is_left_as_it_was(name: str) -> None:
    case = by_name(name)
    network, x = case.network(), case.data()
    with torch.no_grad():
        want = network.run(x)
    before, flags = hooks_of(network.module), [p.requires_grad for p in network.module.parameters()]
    weights = [p.detach().clone() for p in network.module.parameters()]
    record_trace(network, chunks_of(case, x), ProbeOptions(batch_size=3, timed_chunks=1, **case.options))
    assert hooks_of(network.module) == before
    assert [p.requires_grad for p in network.module.parameters()] == flags
    assert all(torch.equal(p, w) for p, w in zip(network.module.parameters(), weights, strict=True))
    assert all("forward" not in vars(m) for m in network.module.modules())
    with torch.no_grad():
        assert torch.equal(network.run(x), want)
    assert torch.nn.functional.linear is F.linear
    assert torch.is_grad_enabled()


def test_the_module_is_left_as_it_was_after_an_error() -> None:
    """An error of the network itself comes through, and nothing stays behind."""

    def fails(m: Apply, x: Tensor) -> Tensor:
        if x.max() > 5:
            raise RuntimeError("a fault of the network")
        return m.fc(x)

    def inputs(n: int) -> Tensor:
        x = binary(8)(n)
        x[-1, 0] = 9
        return x

    case = Case("fails", lambda: Apply(fails, {"fc": nn.Linear(8, 3)}), inputs, samples=5, batch_size=2)
    network, x = case.network(), case.data()
    with pytest.raises(RuntimeError, match="a fault of the network"):
        record_trace(network, chunks_of(case, x), ProbeOptions(batch_size=2, timed_chunks=0))
    assert hooks_of(network.module) == 0
    assert torch.backends.mha.get_fastpath_enabled()
    assert not torch.overrides._get_current_function_mode_stack()
    assert network.run(x[:2]).shape == (1, 2, 3)


def test_two_recorders_take_turns() -> None:
    """Two recordings of two networks, chunk by chunk in turn, do not disturb each other."""
    cases = [
        replace(by_name("loop_static_image"), samples=6, batch_size=2),
        replace(by_name("folded_time_first"), samples=6, batch_size=2),
    ]
    recorders = [Recorder(c.network(), ProbeOptions(batch_size=2, timed_chunks=0)) for c in cases]
    chunks = [chunks_of(c, c.data()) for c in cases]
    for i in range(3):
        for recorder, own in zip(recorders, chunks, strict=True):
            if i == 0:
                recorder.prepare(own[0])
            recorder.add(own[i])
    for case, recorder in zip(cases, recorders, strict=True):
        for got, want in zip(recorder.take().synaptic, record_case(case).synaptic, strict=True):
            np.testing.assert_array_equal(got.ops_VTN, want.ops_VTN)

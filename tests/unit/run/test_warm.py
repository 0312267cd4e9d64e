"""Warming up records real networks, so that the first run finds its kernels compiled."""

from __future__ import annotations

import pytest

from snn_eval.probe import record_trace as record
from snn_eval.run import warm


def test_warm_up_needs_every_kind_of_counting(monkeypatch: pytest.MonkeyPatch) -> None:
    traces = []
    monkeypatch.setattr(warm, "record_trace", lambda *a, **k: traces.append(record(*a, **k)))
    warm.warm_up()
    small, large = traces
    for trace in traces:
        by_name = {layer.name: layer for layer in trace.synaptic}
        assert by_name["stem"].source == "real"
        assert by_name["conv"].levels.tolist() == [1.0]
        assert by_name["sums"].levels.tolist() == [1.0, 2.0]
        assert any(op.effective_TN is not None for op in trace.elementwise)
    assert large.synaptic[0].inputs_per_step == 48 * 48
    assert small.synaptic[0].inputs_per_step == 8 * 8

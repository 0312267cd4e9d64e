"""The shipped checkpoint, through the command a user types, gives the measurements its manifest promises."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from snn_eval.models.manifest import load_manifest
from snn_eval.record import read_record


def test_expected_measurements_hold(snn_eval: Callable[..., Any]) -> None:
    answer = snn_eval("run", "--quiet")
    assert answer.code == 0, answer.err
    record = read_record(answer.last / "record.json")
    found = {
        m.metric: m.value
        for m in record.measurements
        if m.scope == "network" and m.convention in (None, "exact") and m.energy_model in (None, "horowitz-45nm-fp32")
    }
    (entry,) = load_manifest().values()
    expected = dict(entry.expected)
    assert record.identity.samples == expected.pop("samples")
    expected.pop("correct")
    assert found.pop("accuracy") == pytest.approx(expected.pop("accuracy"), abs=1.5 / 359)
    assert expected.keys() == {"spike_count", "nasfr", "ac", "mac", "mac_dense", "energy_synaptic", "energy_total"}
    for name, value in expected.items():
        assert found[name] == pytest.approx(value, rel=1e-3), name

"""Shipped checkpoints, through the command a user types, give the measurements their manifest promises.

All of them on their whole test parts: ``scripts/shipped``.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from snn_eval.models.expected import measured, missed
from snn_eval.models.manifest import load_manifest
from snn_eval.record import read_record

METRICS = {"accuracy", "spike_count", "nasfr", "ac", "mac", "mac_dense", "energy_synaptic", "energy_total"}
DIGITS = "digits-spiking-conv-net.pt"


def test_expected_measurements_hold(snn_eval: Callable[..., Any]) -> None:
    answer = snn_eval("run", "--quiet")
    assert answer.code == 0, answer.err
    entry, record = load_manifest()[DIGITS], read_record(answer.last / "record.json")
    assert entry.expected.keys() == METRICS | {"samples", "correct"}
    assert record.identity.samples == entry.expected["samples"]
    assert missed(entry, record) == []
    for name in METRICS - {"accuracy"}:
        assert measured(record)[name] == pytest.approx(entry.expected[name], rel=1e-3), name
    assert measured(record)["accuracy"] == pytest.approx(entry.expected["accuracy"], abs=1.5 / 359)


def test_what_does_not_hold_is_named(snn_eval: Callable[..., Any]) -> None:
    answer = snn_eval("run", "--quiet", "--limit", "40")
    record = read_record(answer.last / "record.json")
    values = {**measured(record), "samples": 40}
    values["correct"] = values["accuracy"] * 40

    def names(**factors: float) -> list[str]:
        promised = {key: values[key] * factor for key, factor in factors.items()}
        entry = load_manifest()[DIGITS].model_copy(update={"expected": promised})
        return [line.split(":")[0] for line in missed(entry, record)]

    assert names(ac=1.0009, mac=1.0, accuracy=1.03, samples=1) == []
    assert names(ac=1.0011, mac=1.0) == ["ac"]
    assert names(spike_count=0.998, energy_total=1.002) == ["spike_count", "energy_total"]
    # of 40 decisions two are more than one and a half
    assert names(accuracy=0.95, correct=0.95, samples=41 / 40) == ["accuracy", "correct", "samples"]

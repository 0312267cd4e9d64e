"""The suites of SNN_Eval's ablations: their rows, what each switches on, the networks, and the published values."""

from __future__ import annotations

import csv
from collections import Counter

import pytest
from helpers.shared import SHARED

from snn_eval.models.networks import build_network
from snn_eval.suite import Suite, ablation_rows, load_suite, suite_names

NAMES = [name for name in suite_names() if name.startswith("snn-eval-")]
DATASETS = {
    "snn-eval-mnist": "MNIST",
    "snn-eval-cifar-10": "CIFAR-10",
    "snn-eval-cifar-100": "CIFAR-100",
    "snn-eval-nmnist": "NMNIST",
    "snn-eval-cifar10-dvs": "CIFAR10-DVS",
    "snn-eval-dvs-gesture": "DVS-Gesture",
}
DC, DX, CO = "dynamic_coding", "dynamic_correction", "co_optimisation"
ROWS = {
    "B0": (),
    "B0 + early exit": (),
    "Dynamic Coding": (DC,),
    "Dynamic Correction": (DC, DX),
    "Co-Optimization": (DC, CO),
    "Co-Optimization without exit": (DC, CO),
    "Complete Component": (DC, DX, CO),
}
FACTORIAL = {
    "B0": (),
    "DC": (DC,),
    "DX": (DX,),
    "CO": (CO,),
    "DC + DX": (DC, DX),
    "DC + CO": (DC, CO),
    "DX + CO": (DX, CO),
}


def switches(suite: Suite) -> dict[str, bool]:
    """Which components a resolved suite really has."""
    config, neuron, train = suite.model.config, suite.model.config["neuron"], suite.train
    assert isinstance(neuron, dict)
    dc = {config.get("coding", "none") != "none", neuron.get("adaptive", False)}
    dx = {
        neuron.get("state_leak", False),
        neuron.get("synaptic", False),
        suite.correct.mode == "prefix",
        suite.correct.readout,
    }
    co = {train.tet == 0.5, train.budget == 0.05 and train.budget_weight == 0.1}
    assert len(dc) == len(dx) == len(co) == 1  # a component is on or off as a whole
    return {DC: dc.pop(), DX: dx.pop(), CO: co.pop()}


def test_there_is_one_for_each_data_set_that_is_known() -> None:
    assert set(NAMES) >= {*DATASETS, "snn-eval-digits", "snn-eval-fashion-mnist"}


@pytest.mark.parametrize("name", NAMES)
def test_rows_are_the_switches_they_are_named_after(name: str) -> None:
    suite = load_suite(name)
    expected = {**FACTORIAL, "Complete Component": (DC, DX, CO)} if name == "snn-eval-digits" else ROWS
    rows = ablation_rows(suite)
    assert [row.name for row in rows][:: len(rows) - 1] == ["B0", "Complete Component"]
    for row in rows:
        assert row.components == expected[row.name]
        assert switches(row.suite) == {name: name in row.components for name in (DC, DX, CO)}
        exits = (CO in row.components or "early exit" in row.name) and "without exit" not in row.name
        assert row.suite.evaluate.exit == ("confidence" if exits else "none")
    if name in ("snn-eval-mnist", "snn-eval-digits", "snn-eval-cifar10-dvs", "snn-eval-dvs-gesture"):
        assert {row.name for row in rows} == set(expected)
    assert suite.ablate.reference == "B0"


@pytest.mark.parametrize("name", NAMES)
def test_the_base_is_the_base_and_every_row_builds_its_network(name: str) -> None:
    rows = ablation_rows(load_suite(name))
    base = rows[0].suite
    assert base.model.config["neuron"] == {"name": "dynamic-lif", "tau": 2.0, "reset": "soft"}
    assert (base.train.tet, base.train.budget, base.correct.is_asked_for) == (0.0, 0.0, False)
    sizes = Counter()
    for row in rows:
        assert row.suite.model.arch is not None
        module = build_network(row.suite.model.arch, row.suite.input.time_steps, row.suite.model.config)
        sizes[row.name] = sum(weight.numel() for weight in module.parameters())
        neurons = sum(1 for path, _ in module.named_modules() if path.endswith("neuron"))
        learned = 2 * neurons * (DC in row.components) + 3 * neurons * (DX in row.components)
        if DC in row.components:
            steps, frames = row.suite.input.time_steps, row.suite.input.encoding == "event"
            learned += 5 * 2 if frames else steps  # five taps for each polarity, or a gain a step
        assert sizes[row.name] - sizes["B0"] == learned


@pytest.mark.skipif(not (SHARED.parent / "spec").is_dir(), reason="no published_results.csv in ../shared/spec")
@pytest.mark.parametrize("name", [name for name in DATASETS if name in NAMES])
def test_published_values_are_all_that_was_collected(name: str) -> None:
    with open(SHARED.parent / "spec" / "published_results.csv", encoding="utf-8", newline="") as file:
        rows = [row for row in csv.DictReader(file) if (row["system"], row["dataset"]) == ("SNN_Eval", DATASETS[name])]
    collected = {
        (row["variant"].partition(" (")[0], row["metric"], float(row["value"]), row["T"])
        for row in rows
        if row["metric"] != "time_steps"
    }
    shown = load_suite(name).published
    assert {(v.model.removeprefix("SNN_Eval, "), v.metric, v.value, str(v.time_steps)) for v in shown} == collected
    assert all("evaluation took" in v.note for v in shown if v.metric == "epoch")
    assert all("its network returned" in v.note for v in shown if v.metric in ("spikes_count", "total_spikes"))

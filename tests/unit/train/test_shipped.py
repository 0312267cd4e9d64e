"""The checkpoints that come with the project: unchanged, loadable without trust, and as good as their manifest says."""

from __future__ import annotations

import pytest
import torch

from snn_eval.data import load_dataset
from snn_eval.models.adapters import adapt
from snn_eval.models.checkpoint import load_checkpoint, load_weights
from snn_eval.models.manifest import load_manifest, shipped_checkpoint
from snn_eval.models.networks import build_network
from snn_eval.suite import load_suite, suite_names

MANIFEST = load_manifest()


def test_every_checkpoint_a_suite_names_is_shipped() -> None:
    named = {load_suite(name).model.checkpoint for name in suite_names()} - {None}
    assert named == set(MANIFEST)


@pytest.mark.parametrize("name", MANIFEST)
def test_checkpoint_is_what_the_manifest_says(name: str) -> None:
    path, entry = shipped_checkpoint(name)
    assert path.stat().st_size <= 200 * 1024
    stored = load_checkpoint(path)
    assert (stored.arch, stored.time_steps, stored.suite) == (entry.arch, entry.time_steps, entry.suite)
    assert (stored.suite_version, stored.provenance["seed"]) == (entry.suite_version, entry.seed)
    suite = load_suite(entry.suite)
    assert (suite.model.arch, suite.input.time_steps, suite.suite.version) == (
        entry.arch,
        entry.time_steps,
        entry.suite_version,
    )
    assert stored.config == suite.model.config
    module = build_network(entry.arch, entry.time_steps, dict(stored.config or {}))
    assert sum(weight.numel() for weight in module.parameters()) == entry.parameter_count


@pytest.mark.parametrize("name", MANIFEST)
def test_checkpoint_measures_what_the_manifest_expects(name: str) -> None:
    path, entry = shipped_checkpoint(name)
    stored = load_checkpoint(path)
    module = build_network(entry.arch, entry.time_steps, dict(stored.config or {}))
    load_weights(module, stored)
    data = load_dataset(load_suite(entry.suite).data.name, "test")
    network = adapt(module, entry.time_steps, example=torch.from_numpy(data.x[:1]))
    x, target = data.tensors()
    right = int((network.run(x).mean(0).argmax(1) == target).sum())
    assert len(data) == entry.expected["samples"]
    # a different machine may flip a spike near the threshold, and with it one decision
    assert abs(right - entry.expected["correct"]) <= 1
    assert entry.expected["accuracy"] == pytest.approx(entry.expected["correct"] / len(data))
    assert entry.expected["accuracy"] >= 0.97

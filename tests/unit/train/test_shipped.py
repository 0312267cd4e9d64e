"""The checkpoints that come with the project: unchanged, loadable without trust, and as good as their manifest says."""

from __future__ import annotations

import pytest
import torch
from helpers.shared import SHARED

from snn_eval.data import DataOptions, is_here, load_dataset
from snn_eval.models.adapters import adapt
from snn_eval.models.checkpoint import load_checkpoint, load_weights
from snn_eval.models.encoders import encode
from snn_eval.models.manifest import ShippedCheckpoint, load_manifest, shipped_checkpoint
from snn_eval.models.networks import build_network
from snn_eval.suite import Suite, ablation_rows, load_suite, suite_names

MANIFEST = load_manifest()
GOOD = {
    "digits": 0.97,
    "mnist": 0.99,
    "fashion-mnist": 0.9,
    "cifar-10": 0.7,
    "snn-eval-mnist": 0.99,
    "snn-eval-fashion-mnist": 0.87,
}


def suite_of(entry: ShippedCheckpoint) -> Suite:
    """The suite, or the row of it, that a checkpoint was made for."""
    suite = load_suite(entry.suite)
    return suite if entry.row is None else next(row.suite for row in ablation_rows(suite) if row.name == entry.row)


def test_every_checkpoint_a_suite_names_is_shipped() -> None:
    named = {load_suite(name).model.checkpoint for name in suite_names()} - {None}
    assert named <= set(MANIFEST)
    assert set(MANIFEST) - named == {name for name, entry in MANIFEST.items() if entry.row} - named


@pytest.mark.parametrize("name", MANIFEST)
def test_checkpoint_is_what_the_manifest_says(name: str) -> None:
    path, entry = shipped_checkpoint(name)
    assert path.stat().st_size <= 1024 * 1024
    stored = load_checkpoint(path)
    assert (stored.arch, stored.time_steps, stored.suite) == (entry.arch, entry.time_steps, entry.suite)
    assert (stored.suite_version, stored.provenance["seed"]) == (entry.suite_version, entry.seed)
    suite = suite_of(entry)
    assert (suite.input.time_steps, suite.suite.version) == (entry.time_steps, entry.suite_version)
    config = dict(stored.config or {})
    made = (entry.arch, config)
    if suite.correct.is_asked_for:
        assert entry.arch == "corrected"
        made = (config["arch"], config["config"])
    assert made == (suite.model.arch, suite.model.config)
    module = build_network(entry.arch, entry.time_steps, dict(stored.config or {}))
    assert sum(weight.numel() for weight in module.parameters()) == entry.parameter_count


@pytest.mark.parametrize("name", MANIFEST)
def test_checkpoint_is_as_good_as_the_manifest_says(name: str) -> None:
    path, entry = shipped_checkpoint(name)
    suite, options = load_suite(entry.suite), DataOptions(SHARED, download=False)
    if not is_here(suite.data_source, suite.data.test, options):
        pytest.skip(f"no data of {entry.suite} in {SHARED}")
    assert entry.expected["accuracy"] == pytest.approx(entry.expected["correct"] / entry.expected["samples"])
    assert entry.expected["accuracy"] >= GOOD[entry.suite]
    stored = load_checkpoint(path)
    module = build_network(entry.arch, entry.time_steps, dict(stored.config or {}))
    load_weights(module, stored)
    data = load_dataset(suite.data_source, suite.data.test, options)
    assert len(data) == entry.expected["samples"]
    (chunk, *_) = data.chunks(400)
    given = suite.input
    x = encode(given.encoding, chunk.x, given.time_steps, chunk.id, given.seed, mean=given.mean, std=given.std)
    right = int(
        (adapt(module, entry.time_steps, example=x).run(x).mean(0).argmax(1) == torch.tensor(chunk.target)).sum()
    )
    if len(chunk) == len(data):
        # a different machine may flip a spike near the threshold, and with it one decision
        assert abs(right - entry.expected["correct"]) <= 1
    expected = entry.expected["accuracy"]
    # five standard deviations of the share of right answers in this part of the data
    assert abs(right / len(chunk) - expected) <= 5 * (expected * (1 - expected) / len(chunk)) ** 0.5

"""The parts of a suite that say where samples come from, how they are scaled, and what others published."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import pytest
from helpers.shared import SHARED

from snn_eval.data import DATASETS
from snn_eval.errors import SuiteError
from snn_eval.suite import Suite, load_suite, suite_names, with_values

DIGITS = load_suite("digits")


def of(data: dict[str, Any]) -> Suite:
    return with_values(DIGITS, {f"data.{key}": value for key, value in ({"name": None} | data).items()})


def test_every_data_set_has_a_suite_and_every_suite_its_data_set() -> None:
    assert {load_suite(name).data.name for name in suite_names()} == set(DATASETS)
    for name in suite_names():
        data = load_suite(name).data
        assert data.name is not None
        assert {data.train, data.validation, data.test} == set(DATASETS[data.name].parts)


def test_the_source_says_what_the_suite_says() -> None:
    source = of({"images": "photos", "shares": {"test": 1.0}, "size": [8, 9], "classes": ["a", "b"]}).data_source
    assert (source.images, source.shares, source.size, source.classes) == ("photos", {"test": 1.0}, (8, 9), ("a", "b"))
    assert (source.name, source.arrays, source.factory, source.folder) == (None, None, None, None)


def test_relative_paths_start_from_the_file(tmp_path: Path) -> None:
    text = '[suite]\nname = "s"\nversion = 1\n[data]\narrays = "a.npz"\n[input]\nkind = "real"\ntime_steps = 1\n'
    (tmp_path / "mine.toml").write_text(text)
    suite = load_suite(tmp_path / "mine.toml")
    assert suite.data_source.path("a.npz") == tmp_path / "a.npz"
    changed = with_values(suite, {"input.time_steps": 2})
    assert changed.folder == tmp_path
    assert "folder" not in str(changed.model_dump())  # no value of the suite: it decides no number
    assert DIGITS.folder is None
    with pytest.raises(SuiteError, match="unknown key '_folder'"):
        with_values(suite, {"_folder": str(tmp_path)})


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ({}, "set: data: expected exactly one of name, images, arrays, factory, found none"),
        ({"images": "x", "arrays": "y"}, "data: expected exactly one of .*, found images, arrays"),
        (
            {"images": "x", "shares": {"test": 1.5}},
            "data.shares.test: input should be less than or equal to 1, got 1.5",
        ),
        ({"images": "x", "size": [3]}, "data.size.1: expected a value, found none"),
        ({"images": "x", "size": [3, 0]}, "data.size.1: input should be greater than or equal to 1, got 0"),
        ({"images": "x", "train": "test"}, "data: expected train, validation and test .*; got test, validation, test"),
        ({"images": "x", "validation": "test"}, "data: expected .* different parts, .*; got train, test, test"),
        ({"images": "x", "validation": "train"}, "data: expected .* different parts, .*; got train, train, test"),
        ({"image": "x"}, "unknown key 'data.image'; did you mean 'images'"),
    ],
)
def test_mistakes(data: dict[str, Any], message: str) -> None:
    with pytest.raises(SuiteError, match=message):
        of(data)


def test_one_number_or_one_for_each_channel() -> None:
    given = with_values(DIGITS, {"input.mean": 0.5, "input.std": [1, 2.5]}).input
    assert (given.mean, given.std) == ([0.5], [1.0, 2.5])
    assert (DIGITS.input.mean, DIGITS.input.std) == ([0.0], [1.0])
    for key, value, message in [
        ("mean", [], "input.mean: .*at least 1 item"),
        ("mean", "a", "input.mean: input should be a valid list, got 'a'"),
        ("std", 0, "input.std.0: input should be greater than 0, got 0"),
        ("std", [1, -1], "input.std.1: input should be greater than 0, got -1"),
        ("mean", float("inf"), "input.mean.0: input should be a finite number, got inf"),
    ]:
        with pytest.raises(SuiteError, match=message):
            with_values(DIGITS, {f"input.{key}": value})


def test_published_values_name_their_source_in_words() -> None:
    for name in suite_names():
        for value in load_suite(name).published:
            assert len(value.source) > 20
            assert "seed" not in value.source
            assert value.unit


PUBLISHED = SHARED.parent / "spec" / "published_results.csv"
NAMES = {
    "mnist": ("MNIST", "MNIST/Fashion-MNIST (one script)"),
    "fashion-mnist": ("Fashion-MNIST", "MNIST/Fashion-MNIST (one script)"),
    "cifar-10": ("CIFAR-10", "CIFAR10"),
    "cifar-100": ("CIFAR-100",),
}


@pytest.mark.skipif(not PUBLISHED.is_file(), reason=f"no {PUBLISHED.name} in {PUBLISHED.parent}")
@pytest.mark.parametrize("name", NAMES)
def test_published_values_are_those_that_were_collected(name: str) -> None:
    with open(PUBLISHED, encoding="utf-8", newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["dataset"] in NAMES[name]]
    collected = {(row["metric"], float(row["value"]), row["T"]) for row in rows if row["metric"] != "layer_firing_rate"}
    shown = load_suite(name).published
    assert {(v.metric, v.value, str(v.time_steps)) for v in shown} <= collected
    best = [row for row in rows if row["metric"] == "accuracy" and row["source"].startswith("seed")]
    assert {float(row["value"]) for row in best} <= {v.value for v in shown if v.metric == "accuracy"}

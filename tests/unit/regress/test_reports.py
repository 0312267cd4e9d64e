"""What a comparison looks like, in every format: golden files, 80 columns, the same bytes each time."""

from __future__ import annotations

import json
from collections.abc import Callable
from xml.etree import ElementTree as Xml

import pytest
from helpers.golden import assert_golden
from helpers.sides import accuracy, count, outcomes, side

from snn_eval.record import Measurement
from snn_eval.regress import (
    Comparison,
    Options,
    Side,
    compare,
    json_report,
    junit_report,
    markdown_report,
    parse_gates,
    text_report,
)
from snn_eval.report.grid import width

Write = Callable[..., str]
FORMATS: dict[str, Write] = {
    "txt": text_report,
    "md": markdown_report,
    "json": json_report,
    "xml": junit_report,
}
OPTIONS = Options()
MODEL = {"convention": "exact", "energy_model": "horowitz-45nm-fp32"}


def result(right: int, spikes: float, ac: float, wall_s: float, **changes: object) -> Side:
    n = 1000
    found = [
        accuracy(right, n),
        count("spike_count", spikes, "spike/sample"),
        count("nasfr", spikes / 1e4, "spike/neuron/step"),
        count("silent_layers", 0, "count"),
        count("ac", ac, convention="exact"),
        count("energy_total", ac * 0.9e-12, "J/sample", **MODEL),
        Measurement(metric="wall_time", value=wall_s, unit="s/sample", direction="lower", kind="advisory"),
    ]
    flags = [1] * right + [0] * (n - right)
    return side(found, outcomes(flags), **changes)


def cases() -> list[Comparison]:
    """One that regressed, one of other data under other conditions, one that was not measured."""
    base = result(960, 812.25, 20140, 1e-3)
    other = {"model": "deep-snn", "threads": 2}
    return compare(
        [
            (base, result(930, 852.25, 20140, 2e-3, checkpoint_sha256="ef" * 32)),
            (result(960, 812.25, 20140, 1e-3, model="deep-snn"), result(960, 812.5, 20100, 1e-3, **other)),
            (result(960, 1, 1, 1, model="other"), result(960, 1, 1, 1, model="other", data_fingerprint="ee" * 32)),
            (result(960, 1, 1, 1, model="gone"), None),
        ]
    )


@pytest.mark.parametrize("name", FORMATS)
def test_each_format_is_its_golden_file(name: str) -> None:
    assert_golden(f"compare.{name}", FORMATS[name](cases(), OPTIONS, ["mnist lenet"]))


@pytest.mark.parametrize("name", FORMATS)
def test_identical_records_give_identical_bytes(name: str) -> None:
    assert FORMATS[name](cases(), OPTIONS) == FORMATS[name](cases(), OPTIONS)


def test_text_fits_eighty_columns() -> None:
    assert max(map(width, text_report(cases(), OPTIONS, ["mnist lenet"]).splitlines())) <= 80


@pytest.mark.parametrize("write", [text_report, markdown_report])
def test_only_changed_leaves_out_what_is_the_same(write: Write) -> None:
    comparisons = cases()[1:2]
    assert "silent_layers" in write(comparisons, OPTIONS)
    text = write(comparisons, OPTIONS, only_changed=True)
    assert "spike_count" in text
    assert "silent_layers" not in text


def test_text_ends_with_the_outcome() -> None:
    assert text_report(cases(), OPTIONS).splitlines()[-1] == "FAILED: 10 of 19 gated metrics"
    assert text_report(cases()[1:2], OPTIONS).splitlines()[-1] == "passed: none of 6 gated metrics regressed"
    few = compare([(side([accuracy(9, 10)], outcomes([1] * 9 + [0])), side([accuracy(10, 10)], outcomes([1] * 10)))])
    assert text_report(few, OPTIONS).splitlines()[-1] == "passed: none of 1 gated metrics regressed; 1 inconclusive"


def test_limits_are_named() -> None:
    options = Options(gates=parse_gates(("ac:+1%", "accuracy:-0.5pp")))
    text = text_report(compare([(result(960, 1, 1, 1), result(960, 1, 1, 1))], options), options)
    assert "gate: ac:+1%, accuracy:-0.5pp; nothing else fails" in text


def test_json_holds_every_number() -> None:
    content = json.loads(json_report(cases(), OPTIONS))
    assert content["failed"] == 10
    metrics = {m["metric"]: m for m in content["comparisons"][0]["metrics"]}
    assert (metrics["accuracy"]["base"], metrics["accuracy"]["new"]) == (0.96, 0.93)
    assert metrics["accuracy"]["change"] == pytest.approx(-0.03)
    assert metrics["accuracy"]["p"] == 2.0**-30
    assert metrics["accuracy"]["interval"][0] < -0.03 < metrics["accuracy"]["interval"][1] < 0
    assert metrics["accuracy"]["detectable"] == 5 / 1000  # 2**-5 <= 0.05
    assert (metrics["wall_time"]["gated"], metrics["wall_time"]["verdict"]) == (False, "inconclusive")
    assert content["comparisons"][3]["new"] is None


def test_junit_counts_its_cases() -> None:
    root = Xml.fromstring(junit_report(cases(), OPTIONS, ["mnist lenet"]))
    suites = root.findall("testsuite")
    assert root.get("failures") == "10"
    assert [(s.get("tests"), s.get("failures"), s.get("skipped")) for s in suites] == [
        ("7", "3", "1"),
        ("7", "0", "1"),
        ("7", "6", "1"),
        ("1", "1", "0"),
        ("1", "0", "1"),
    ]
    failed = suites[0].findall("testcase/failure")
    assert failed[0].get("message", "").startswith("regressed: drop 3.00 pp > 0.5 pp: 30 lost, 0 gained of 1000")
    assert failed[1].text == "812.2 → 852.2 (+4.92 %)"

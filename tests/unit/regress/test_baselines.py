"""Baselines: small, the same bytes for the same result, without volatile facts, and old ones stay readable."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from helpers.golden import assert_golden
from helpers.records import small_record
from helpers.sides import accuracy, outcomes, side
from helpers.traces import random_trace, tiny_trace
from hypothesis import given
from hypothesis import strategies as st

from snn_eval.errors import GateError, InputError, RunError
from snn_eval.metrics import measure
from snn_eval.record import EnergyTable, Provenance
from snn_eval.regress import Side, baseline_name, compare, outcomes_of, read_baseline, write_baseline
from snn_eval.regress.baseline import BASELINE_VERSION, baseline_text, parse_baseline
from snn_eval.regress.outcomes import pack, unpack

GOLDEN = Path(__file__).parents[2] / "golden" / "baseline-v1.json"


def accepted() -> Side:
    """What the golden file holds."""
    right = [i % 11 != 0 for i in range(800)]
    found = outcomes(right, accuracy_top5=[1] * 800)
    return side([accuracy(sum(right), 800), *small_record().measurements[1:]], found, samples=800, notes=["a note"])


def test_the_present_layout_is_the_golden_file() -> None:
    assert_golden("baseline-v1.json", baseline_text(accepted()))


@pytest.mark.parametrize("version", range(1, BASELINE_VERSION + 1))
def test_every_layout_there_ever_was_is_read(version: int) -> None:
    found = read_baseline(GOLDEN.with_name(f"baseline-v{version}.json"))
    wanted = accepted()
    assert found.accepted
    assert found.record.identity == wanted.record.identity.model_copy(update={"cell": ""})
    assert found.outcomes is not None
    assert wanted.outcomes is not None
    assert (found.outcomes.unit, found.outcomes.n, found.outcomes.ids_sha256) == (
        wanted.outcomes.unit, 800, wanted.outcomes.ids_sha256,
    )  # fmt: skip
    for name, flags in wanted.outcomes.good.items():
        assert np.array_equal(found.outcomes.good[name], flags)
    kept = [m for m in wanted.record.measurements if m.kind != "advisory" and m.scope == "network"]
    assert {m.key: m for m in found.record.measurements} == {m.key: m for m in kept}
    assert not compare([(found, wanted)])[0].failed


def test_a_run_and_its_baseline_are_one_result() -> None:
    trace = random_trace(samples=50)
    measurements, refused = measure(trace)
    new = side(measurements, outcomes_of(trace), refused=refused)
    text = baseline_text(new)
    base = parse_baseline(text, "it")
    assert baseline_text(base) == text
    found = compare([(base, new)])[0]
    assert {row.verdict for row in found.rows} == {"pass"}
    assert not found.conditions


def test_nothing_that_changes_from_run_to_run_is_kept() -> None:
    facts = {
        "started": "2030-01-01", "wall_s": 9.0, "host": "someone", "argv": ["run", "secret.pt"], "commit": "f" * 40,
        "dirty": True,
    }  # fmt: skip
    packages = {"torch": "2.15.0", "numpy": "9", "snn-eval": "0.1.0+f"}
    config = {"data": {"name": "digits"}, "input": {"time_steps": 8}, "model": {"factory": "somewhere/net.py:f"}}
    one = accepted()
    changed = one.record.provenance.model_copy(update=facts | {"packages": packages, "config": config})
    other = Side(one.record.model_copy(update={"provenance": changed}), one.outcomes)
    assert baseline_text(other) == baseline_text(one)
    kept = set(json.loads(baseline_text(other))["record"]["provenance"])
    assert kept == {"batch_size", "config", "device", "dtype", "machine", "packages", "seed", "threads"}
    assert kept | facts.keys() | {"energy_tables"} == set(Provenance.model_fields)  # a new fact is decided on here


def test_an_energy_table_of_ones_own_is_kept() -> None:
    tables = {"chip": EnergyTable(sha256="a" * 64, content={"name": "chip"})}
    text = baseline_text(side(small_record().measurements, energy_tables=tables))
    assert parse_baseline(text, "it").record.provenance.energy_tables == tables


def test_the_order_of_measurements_does_not_show_and_one_changed_is_one_line() -> None:
    one = accepted()
    turned = Side(one.record.model_copy(update={"measurements": one.record.measurements[::-1]}), one.outcomes)
    assert baseline_text(turned) == baseline_text(one)
    first, *rest = one.record.measurements
    other = [first, rest[0].model_copy(update={"value": 1.0}), *rest[1:]]
    changed = baseline_text(Side(one.record.model_copy(update={"measurements": other}), one.outcomes)).splitlines()
    differs = [a for a, b in zip(baseline_text(one).splitlines(), changed, strict=True) if a != b]
    assert len(differs) == 2  # the measurement, and the seal


def test_a_changed_sample_is_one_changed_line() -> None:
    flags = [i % 11 != 0 for i in range(800)]
    a, b = pack(np.array(flags)), pack(np.array([not flags[0], *flags[1:]]))
    assert len(a) == 3  # 384 + 384 + 32 samples
    assert [x == y for x, y in zip(a, b, strict=True)] == [False, True, True]


@given(st.lists(st.booleans(), min_size=1, max_size=1000))
def test_packing_loses_nothing(flags: list[bool]) -> None:
    assert unpack(pack(np.array(flags)), len(flags)).tolist() == flags


def test_ten_thousand_samples_take_few_bytes() -> None:
    rng = np.random.default_rng(0)
    new = side(small_record().measurements, outcomes((rng.random(10_000) < 0.9).tolist()))
    assert len(baseline_text(new)) < 6_000


@pytest.mark.parametrize(
    ("lines", "cause"), [(["?"], "not base64"), (["gYA="], "2 bytes, expected 1"), (["gQ=="], "more than 7")]
)
def test_outcomes_that_are_not_are_refused(lines: list[str], cause: str) -> None:
    with pytest.raises(GateError, match=cause):
        unpack(lines, 7)


def edited(**changes: Any) -> str:
    return json.dumps(json.loads(GOLDEN.read_text(encoding="utf-8")) | changes)


@pytest.mark.parametrize(
    ("text", "cause"),
    [
        ("{", "is not JSON"),
        ("[" * 100_000, "is not JSON"),
        ('{"baseline_version": true}', "is not a baseline"),
        ("[]", "is not a baseline: expected a JSON object with baseline_version"),
        ("{}", "is not a baseline"),
        (edited(baseline_version=2), r"has baseline_version 2, expected one of \[1\]; update snn-eval"),
        (edited(outcomes=None), "was changed after it was saved"),
        (edited(seal=1), "is not a valid baseline: seal"),
        (GOLDEN.read_text(encoding="utf-8").replace("20140", "20139"), "was changed after it was saved"),
    ],
)
def test_what_is_no_baseline_is_refused_in_one_line(text: str, cause: str) -> None:
    with pytest.raises(InputError, match=cause) as caught:
        parse_baseline(text, "it.json")
    assert str(caught.value).startswith("it.json ")
    assert "\n" not in str(caught.value)


def test_a_missing_or_unreadable_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(RunError, match="no baseline at"):
        read_baseline(tmp_path / "none.json")
    (tmp_path / "binary.json").write_bytes(b"\xff\xfe")
    with pytest.raises(RunError, match="cannot read"):
        read_baseline(tmp_path / "binary.json")


def test_what_did_not_end_cannot_be_accepted(tmp_path: Path) -> None:
    with pytest.raises(GateError, match="a run that is failed cannot be a baseline"):
        write_baseline(tmp_path / "it.json", side([], status="failed", error="NaN"))
    assert list(tmp_path.iterdir()) == []


def test_names_say_suite_model_and_limit() -> None:
    assert baseline_name(side([], model="a b/c").record) == "digits-a-b-c"
    assert baseline_name(side([], samples=20, status="limited").record) == "digits-conv-snn-20"


def test_outcomes_are_of_samples_in_the_order_of_their_ids() -> None:
    found = outcomes_of(tiny_trace())
    assert (found.unit, found.n) == ("sample", 3)
    assert {name: flags.tolist() for name, flags in found.good.items()} == {
        "accuracy": [True, True, False],
        "never_correct": [True, True, False],  # three classes: no top five
    }


def test_outcomes_of_clips_are_of_recordings() -> None:
    from dataclasses import replace

    trace = tiny_trace()
    samples = replace(trace.samples, group_id=np.array([7, 7, 5]), target=np.array([0, 0, 2]))
    found = outcomes_of(replace(trace, samples=samples))
    # Recording 5 is sample 2, never right; recording 7 has one vote for class 0 and one for class 1: the smaller wins.
    assert (found.unit, found.n) == ("recording", 2)
    assert {name: flags.tolist() for name, flags in found.good.items()} == {"accuracy": [False, True]}
    assert found.ids_sha256 != outcomes_of(trace).ids_sha256


def test_outcomes_do_not_depend_on_the_order_of_the_trace() -> None:
    from dataclasses import replace

    trace = random_trace(samples=30)
    order = np.random.default_rng(0).permutation(30)
    samples = replace(
        trace.samples,
        **{name: getattr(trace.samples, name)[order] for name in ("id", "target", "group_id", "valid_steps", "batch")},
    )
    assert trace.output.readout_TNK is not None
    output = replace(trace.output, readout_TNK=trace.output.readout_TNK[:, order])
    one, other = outcomes_of(trace), outcomes_of(replace(trace, samples=samples, output=output))
    assert one.ids_sha256 == other.ids_sha256
    assert set(one.good) == {"accuracy", "accuracy_top5", "never_correct"}
    for name, flags in one.good.items():
        assert np.array_equal(flags, other.good[name])

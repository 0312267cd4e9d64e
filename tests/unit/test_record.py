"""Records on disk: canonical, lossless, one value for each key, and older schemas stay readable."""

from __future__ import annotations

import hashlib
import json
import math
from pathlib import Path

import pytest
from helpers.records import small_record
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from snn_eval.errors import RunError
from snn_eval.record import (
    SCHEMA_VERSION,
    ExitChoice,
    Measurement,
    Record,
    UnknownOperation,
    from_json,
    read_record,
    to_json,
    write_record,
)

GOLDEN = Path(__file__).parents[1] / "golden" / "record-v3.json"
TEXT = st.text(st.characters(codec="utf-8"), max_size=8)
NUMBERS = st.integers(-(2**63), 2**63) | st.floats(allow_nan=False, allow_infinity=False)
MEASUREMENTS = st.builds(
    Measurement,
    metric=TEXT,
    version=st.integers(1, 9),
    convention=st.none() | TEXT,
    energy_model=st.none() | TEXT,
    scope=TEXT,
    value=NUMBERS,
    unit=TEXT,
    n=st.none() | st.integers(0, 2**40),
    interval=st.none() | st.tuples(*[st.floats(allow_nan=False, allow_infinity=False)] * 2),
)
RECORDS = st.builds(
    small_record,
    status=st.sampled_from(["done", "partial", "failed", "limited"]),
    measurements=st.lists(MEASUREMENTS, max_size=5, unique_by=lambda m: m.key),
    unknown=st.lists(st.builds(UnknownOperation, name=TEXT, calls=st.integers(), elements=st.integers()), max_size=2),
    refused=st.dictionaries(TEXT, TEXT, max_size=2),
    notes=st.lists(TEXT, max_size=2),
    error=st.none() | TEXT,
    exit=st.none()
    | st.builds(
        ExitChoice,
        kind=st.sampled_from(["confidence", "entropy"]),
        tolerance=st.floats(0, 1),
        samples=st.integers(0, 2**40),
        data_fingerprint=TEXT,
        temperature=st.none() | st.floats(allow_nan=False, allow_infinity=False),
        threshold=st.none() | st.floats(allow_nan=False, allow_infinity=False),
    ),
)


@given(RECORDS)
def test_round_trip_is_lossless_and_canonical(record: Record) -> None:
    text = to_json(record)
    again = from_json(text)
    assert again == record
    assert [type(m.value) for m in again.measurements] == [type(m.value) for m in record.measurements]
    assert to_json(again) == text


def test_the_present_schema_is_the_golden_file() -> None:
    assert to_json(small_record()) == GOLDEN.read_text(encoding="utf-8")


@pytest.mark.parametrize("version", range(1, SCHEMA_VERSION + 1))
def test_every_schema_there_ever_was_is_read(version: int) -> None:
    assert read_record(GOLDEN.with_name(f"record-v{version}.json")) == small_record()


def test_the_order_keys_were_given_in_does_not_show() -> None:
    one = small_record(refused={"a": "1", "b": "2"})
    other = small_record(refused={"b": "2", "a": "1"})
    assert to_json(one) == to_json(other)


def test_an_integer_stays_one_and_a_float_keeps_every_bit() -> None:
    record = small_record(
        measurements=[
            Measurement(metric="ac", value=2**53 + 1, unit="op/sample"),
            Measurement(metric="nasfr", value=0.1 + 0.2, unit="spike/neuron/step"),
        ]
    )
    assert [m.value for m in from_json(to_json(record)).measurements] == [9007199254740993, 0.30000000000000004]


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_a_number_that_is_none_is_refused(value: float) -> None:
    with pytest.raises(ValidationError):
        Measurement(metric="nasfr", value=value, unit="1")


def test_two_values_for_one_key_are_refused() -> None:
    one = Measurement(metric="ac", convention="exact", value=1, unit="op/sample")
    with pytest.raises(ValidationError, match="given twice"):
        small_record(measurements=[one, one.model_copy(update={"value": 2})])
    small_record(measurements=[one, one.model_copy(update={"convention": "per-layer"})])


def test_write_and_read(tmp_path: Path) -> None:
    write_record(tmp_path / "record.json", small_record())
    assert read_record(tmp_path / "record.json") == small_record()
    assert [p.name for p in tmp_path.iterdir()] == ["record.json"]


def changed(**changes: object) -> str:
    """A record with other values, sealed as if it had been written so."""
    content = json.loads(to_json(small_record())) | changes
    del content["seal"]
    text = json.dumps(content, sort_keys=True, indent=1, ensure_ascii=False) + "\n"
    return json.dumps(content | {"seal": hashlib.sha256(text.encode()).hexdigest()})


@pytest.mark.parametrize(
    ("text", "cause"),
    [
        ("{", "is not JSON"),
        (to_json(small_record())[:-40], "is not JSON"),
        ("[]", "is not a record"),
        ("{}", "is not a record"),
        (changed(schema_version=4), r"has schema_version 4, expected one of \[1, 2, 3\]; update snn-eval"),
        (changed(schema_version=True), "is not a record"),
        (to_json(small_record()).replace("812.25", "812.75"), "was changed after it was written"),
        (to_json(small_record()).replace('"seal"', '"seam"'), "was changed after it was written"),
        (to_json(small_record()).replace("812.25", "1e999"), "restore it or run the evaluation again"),
        (to_json(small_record()).replace("812.25", "NaN"), "restore it or run the evaluation again"),
        ("[" * 100_000, "is not JSON"),
        (changed(surprise=1), "surprise: Extra inputs are not permitted"),
        (changed(status="fine"), "status: Input should be"),
        (changed(identity={}), "identity.suite: Field required"),
    ],
)
def test_what_is_not_a_record_is_refused_in_one_line(text: str, cause: str) -> None:
    with pytest.raises(RunError, match=cause) as caught:
        from_json(text, "run/record.json")
    assert str(caught.value).startswith("run/record.json ")
    assert "\n" not in str(caught.value)


def test_other_white_space_and_order_are_the_same_record() -> None:
    content = json.loads(to_json(small_record()))
    assert from_json(json.dumps(dict(reversed(content.items())))) == small_record()


def test_no_record_is_named_by_its_path(tmp_path: Path) -> None:
    with pytest.raises(RunError, match="no record at"):
        read_record(tmp_path / "record.json")
    with pytest.raises(RunError, match="cannot read"):
        read_record(tmp_path)

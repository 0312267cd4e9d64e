"""Tables of records: what papers print, what programs read, and nothing hidden."""

from __future__ import annotations

import csv
import io

import pytest
from helpers.golden import assert_golden
from helpers.records import layered_record, small_record
from helpers.traces import tiny_trace

from snn_eval.record import UnknownOperation
from snn_eval.report.columns import HEADLINE
from snn_eval.report.notes import notes
from snn_eval.report.tables import headline_text, table_csv, table_md


def test_csv_holds_every_digit_in_base_units() -> None:
    record = layered_record()
    (row,) = csv.DictReader(io.StringIO(table_csv([record])))
    assert float(row["accuracy"]) == 2 / 3
    assert (float(row["accuracy_low"]), float(row["accuracy_high"])) == (0.2077, 0.9385)
    assert float(row["ac"]) == 60.0 + 12.0 + 6.0
    assert float(row["energy_total"]) == 4e-10
    assert (row["convention"], row["energy_model"]) == ("exact", "horowitz-45nm-fp32")
    assert (row["status"], row["samples"], row["time_steps"]) == ("done", "3", "2")


def test_what_a_record_does_not_hold_is_empty_never_zero() -> None:
    bare = small_record(measurements=[])
    (row,) = csv.DictReader(io.StringIO(table_csv([bare])))
    assert [row[c.key] for c in HEADLINE[1:] if c.key != "time_steps"] == [""] * (len(HEADLINE) - 2)
    line = headline_text([bare]).split("\n")[3]
    assert line.split()[1:] == ["–", "8", *["–"] * (len(HEADLINE) - 3)]


def test_rows_keep_the_order_of_the_records() -> None:
    both = [layered_record(), small_record()]
    assert [row["model"] for row in csv.DictReader(io.StringIO(table_csv(both)))] == ["tiny", "conv-snn"]


def test_the_headline_names_convention_energy_model_and_interval() -> None:
    text = headline_text([layered_record()])
    assert "66.67 % [20.77, 93.85]" in text
    assert "Operations: convention exact; energy: model horowitz-45nm-fp32. Intervals: Wilson 95 %." in text


def test_the_suite_stands_beside_the_model_where_there_are_several() -> None:
    one = small_record()
    other = one.model_copy(update={"identity": one.identity.model_copy(update={"suite": "mnist"})})
    assert "suite" not in headline_text([one, one])
    heads, _, *rows = headline_text([one, other]).split("\n")[1:5]
    assert heads.split()[:3] == ["model", "suite", "accuracy"]
    assert [row.split()[:2] for row in rows] == [["conv-snn", "digits"], ["conv-snn", "mnist"]]
    assert "| conv-snn | mnist  |" in table_md([one, other])


def test_the_terminal_says_which_way_is_better() -> None:
    upper, lower = headline_text([small_record()]).split("\n")[:2]
    assert "accuracy ↑" in lower
    assert "AC ↓" in upper
    assert "T ↓" not in upper  # nothing measured
    assert "↑" not in table_md([small_record()])


@pytest.mark.parametrize("make", [lambda r: table_md([r]), lambda r: "\n".join(notes(r))], ids=["table.md", "notes"])
def test_nothing_is_hidden(make) -> None:  # type: ignore[no-untyped-def]
    record = small_record(
        status="limited",
        error="layer conv: NaN",
        unknown=[UnknownOperation(name="aten::fft", calls=2, elements=64)],
        refused={"accuracy_prefix": "layer norm2 sees later steps"},
        notes=["samples 3 and 7 are damaged"],
    )
    text = make(record)
    for part in (
        "limited: not all samples were measured",
        "error: layer conv: NaN",
        "not counted: aten::fft, 2 calls a pass, 64 elements",
        "refused: accuracy_prefix: layer norm2 sees later steps",
        "note: samples 3 and 7 are damaged",
    ):
        assert part in text


def test_one_reason_against_many_metrics_is_one_line() -> None:
    reason = "needs a spiking layer of role hidden or output, but the network has none"
    refused = {"nsfr": f"nsfr {reason}", "nasfr": f"nasfr {reason}", "silent_neurons": f"silent neurons {reason}"}
    other = {"accuracy_top5": "there are only three classes"}
    assert notes(small_record(unknown=[], refused=refused | other, notes=[])) == [
        "refused: accuracy_top5: there are only three classes",
        f"refused: nasfr, nsfr, silent_neurons: {reason}",
    ]


def test_a_clean_record_has_no_notes() -> None:
    assert notes(small_record(unknown=[], refused={}, notes=[])) == []


def test_table_csv_as_it_was() -> None:
    assert_golden("table.csv", table_csv([layered_record(), small_record()]))


def test_table_md_as_it_was() -> None:
    assert_golden("table.md", table_md([layered_record(), small_record()], [tiny_trace(), None]))


def test_headline_as_it_was() -> None:
    assert_golden("headline.txt", headline_text([layered_record(), small_record()]) + "\n")

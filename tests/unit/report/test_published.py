"""Published values: every digit with its source, at the end, and only where a suite names some."""

from __future__ import annotations

from helpers.records import small_record

from snn_eval.record import Record
from snn_eval.report.card import card
from snn_eval.report.tables import table_csv, table_md

NET = {"model": "A net", "unit": "%", "source": "B, 2020"}
VALUES = [
    NET | {"metric": "accuracy", "value": 97.55, "time_steps": 8, "note": ""},
    NET | {"metric": "accuracy", "value": 98.2, "time_steps": 20},
    NET | {"metric": "spikes", "value": 1804867.0, "unit": "spikes", "source": "log", "note": "all samples"},
]


def record(values: object = VALUES) -> Record:
    plain = small_record()
    config = plain.provenance.config | {"published": values}
    return plain.model_copy(update={"provenance": plain.provenance.model_copy(update={"config": config})})


def test_the_table_has_every_value_with_its_source() -> None:
    text = table_md([record()])
    section = text[text.index("**Published, as published; not measured here**") :]
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in section.splitlines() if "|" in line]
    assert rows[2:] == [
        ["A net", "accuracy", "8", "97.55 %", "B, 2020"],
        ["A net", "accuracy", "20", "98.2 %", "B, 2020"],
        ["A net", "spikes", "", "1,804,867 spikes", "log (all samples)"],
    ]
    assert text.endswith(section)


def test_models_of_one_suite_share_their_published_values() -> None:
    assert table_md([record(), record()]).count("97.55 %") == 1


def test_a_quantity_has_one_row_and_the_range_of_further_values() -> None:
    log = {"source": "log"}
    values = [
        *VALUES[:1],
        NET | {"metric": "epoch", "value": 35.0, "unit": "epochs"},
        NET | {"metric": "spikes", "value": 180.0, "unit": "10,000 spikes", "note": "of all samples"},
        VALUES[0] | log | {"value": 98.1},
        VALUES[0] | log | {"value": 97.55},
        VALUES[0] | log | {"value": 97.0},
        NET | log | {"metric": "spikes", "value": 181.5, "unit": "10,000 spikes"},
        VALUES[0] | {"model": "A net, pruned"},
    ]
    text = table_md([record(values)])
    section = text[text.index("**Published, as published; not measured here**") :]
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in section.splitlines() if "|" in line]
    assert rows[2:] == [
        ["A net", "accuracy", "8", "97.55 %", "B, 2020; elsewhere 97 … 98.1 %"],
        ["A net", "spikes", "", "180 × 10,000 spikes", "B, 2020 (of all samples); elsewhere 181.5 × 10,000 spikes"],
        ["A net, pruned", "accuracy", "8", "97.55 %", "B, 2020"],
    ]
    assert "accuracy 97 … 98.1 %; 3 values with their sources" in card(record(values))


def test_the_card_has_one_line() -> None:
    line = "  published, not measured here: accuracy 97.55 … 98.2 %; 3 values with their sources in table.md"
    assert line in card(record()).splitlines()
    assert "  published, not measured here: 1 value with its source" in card(record(VALUES[2:]))
    assert "accuracy 98.2 %; 1 value with its source" in card(record(VALUES[1:2]))


def test_without_published_values_nothing_is_said() -> None:
    plain = small_record()
    assert "published" not in (table_md([plain]) + card(plain)).lower()


def test_they_are_no_measurements_of_ours() -> None:
    assert table_csv([record()]) == table_csv([small_record()])


def test_what_is_no_published_value_is_left_out() -> None:
    odd = [3, {}, NET, NET | {"metric": "accuracy", "value": "98"}, None]
    assert table_md([record(odd)]) == table_md([small_record()])
    assert table_md([record("text")]) == table_md([small_record()])

"""Laying out rows: aligned text, Markdown, CSV."""

from __future__ import annotations

import csv
import io

from hypothesis import given
from hypothesis import strategies as st

from snn_eval.report.grid import aligned, comma_separated, markdown, width

TEXT = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Zl", "Zp"]), max_size=9)


def test_aligned_columns_and_headers_of_two_lines() -> None:
    table = aligned(["name", "AC\n(op)"], [["conv", "12"], ["f", "3"]], [False, True], indent=1)
    assert table.split("\n") == [
        "         AC",
        " name  (op)",
        " ────  ────",
        " conv    12",
        " f        3",
    ]


def test_wide_and_combining_characters_take_their_columns() -> None:
    assert [width("ab"), width("日本"), width("e\u0301")] == [2, 2 * 2, 1]


@given(st.lists(st.lists(TEXT, min_size=3, max_size=3), min_size=1, max_size=4))
def test_every_line_of_a_markdown_table_is_as_wide_as_the_others(rows: list[list[str]]) -> None:
    lines = markdown(["a", "b", "c"], rows, [False, True, True]).split("\n")
    assert len({width(line) for line in lines}) == 1
    assert len(lines) == 2 + len(rows)


def test_markdown_escapes_what_would_end_a_cell() -> None:
    assert markdown(["x"], [["a|b\nc"]], [False]).split("\n")[2] == "| a\\|b c |"


@given(st.lists(st.dictionaries(st.sampled_from("abcde"), TEXT, min_size=1), min_size=1, max_size=4))
def test_csv_reads_back(rows: list[dict[str, str]]) -> None:
    back = list(csv.DictReader(io.StringIO(comma_separated(rows), newline="")))
    keys = {key for row in rows for key in row}
    assert back == [{key: row.get(key, "") for key in back[0]} for row in rows]
    assert set(back[0]) == keys


def test_a_column_only_some_rows_have_stands_after_the_one_before_it() -> None:
    rows = [{"a": "1", "c": "2"}, {"a": "3", "a_low": "4", "c": "5"}]
    assert comma_separated(rows).split("\n")[0] == "a,a_low,c"

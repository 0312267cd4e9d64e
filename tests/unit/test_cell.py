"""Cells of an ablation are read as they were written, and which samples are right survives as text."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from snn_eval.cell import CellRecord, Replicate, packed, read_cell, unpacked, write_cell
from snn_eval.errors import RunError


@given(st.lists(st.booleans(), max_size=70))
def test_which_samples_are_right_survives(right: list[bool]) -> None:
    array = np.array(right, dtype=bool)
    assert unpacked(packed(array), len(array)).tolist() == right


@pytest.mark.parametrize("samples", [7, 0, 24])
def test_another_number_of_samples_is_told(samples: int) -> None:
    with pytest.raises(RunError, match=f"which of {samples} samples"):
        unpacked(packed(np.ones(16, bool)), samples)


def test_a_damaged_text_is_told() -> None:
    with pytest.raises(RunError, match="damaged"):
        unpacked("AAAA", 3)


def test_a_cell_is_read_as_written(tmp_path: Path) -> None:
    cell = CellRecord(
        suite="s", suite_version=1, row="B0", replicate=Replicate(value=2), status="failed", error="why", time_steps=8
    )
    write_cell(tmp_path / "cell.json", cell)
    assert read_cell(tmp_path / "cell.json") == cell


@pytest.mark.parametrize("text", ["", "{}", '{"schema_version": 2}'])
def test_what_is_no_cell_is_told(tmp_path: Path, text: str) -> None:
    (tmp_path / "cell.json").write_text(text)
    with pytest.raises(RunError, match=r"cell\.json: expected the record of an ablation's cell"):
        read_cell(tmp_path / "cell.json")
    with pytest.raises(RunError, match="expected the record"):
        read_cell(tmp_path / "none.json")

"""What is kept of cells: states, what a cell of other values leaves behind, what ``--fresh`` forgets."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from helpers.ablations import plan_of, suite_of

from snn_eval.run.ablate import AblationCell, forget, state_of, stored_cells
from snn_eval.run.ablate.state import begin, failed, keep
from snn_eval.suite import with_values


def first(tmp_path: Path, **values: object) -> AblationCell:
    return plan_of(with_values(suite_of(tmp_path), values), tmp_path / "out")[0]


def test_states_of_a_cell(tmp_path: Path) -> None:
    cell = first(tmp_path)
    assert state_of(cell) == "new"
    begin(cell)
    assert state_of(cell) == "unfinished"
    record = failed(cell, "why")
    keep(cell, record, "what it said as it died")
    assert state_of(cell) == "failed"
    assert stored_cells([cell]) == [record]
    assert (cell.folder / "errors.txt").read_text() == "what it said as it died\n"
    keep(cell, record.model_copy(update={"status": "done", "error": None}))
    assert state_of(cell) == "stored"
    assert not (cell.folder / "errors.txt").exists()
    (cell.folder / "cell.json").write_text("{")
    assert (state_of(cell), stored_cells([cell])) == ("unfinished", [])


def test_other_values_begin_in_an_empty_folder(tmp_path: Path) -> None:
    cell, other = first(tmp_path), first(tmp_path, **{"ablate.target": 0.9})
    begin(cell)
    keep(cell, failed(cell, "why"))
    begin(cell)
    assert (cell.folder / "cell.json").is_file()  # the same values go on
    assert (other.folder, state_of(other)) == (cell.folder, "new")
    begin(other)
    assert [path.name for path in other.folder.iterdir()] == ["values"]
    assert state_of(cell) == "new"


def test_fresh_forgets_cells_and_trainings_of_these_rows_only(tmp_path: Path) -> None:
    base, _, early, _, leak, _ = plan_of(suite_of(tmp_path), tmp_path / "out")
    for cell in (base, early, leak):
        begin(cell)
        cell.training.mkdir(parents=True, exist_ok=True)
        (cell.training / "state.pt").touch()
    forget([base, early])
    assert [state_of(cell) for cell in (base, early, leak)] == ["new", "new", "unfinished"]
    assert [cell.training.exists() for cell in (base, leak)] == [False, True]


def test_names_of_a_stored_cell_are_those_the_suite_has_now(tmp_path: Path) -> None:
    cell = first(tmp_path)
    begin(cell)
    keep(cell, failed(cell, "why"))
    renamed = replace(cell, row=replace(cell.row, name="New", components=("dynamic_coding",)))
    (record,) = stored_cells([renamed])
    assert (record.row, record.components) == ("New", ["dynamic_coding"])
    assert stored_cells([cell]) == [failed(cell, "why")]

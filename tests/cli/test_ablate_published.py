"""``snn-eval ablate --publish`` and ``--tables``: the committed form of finished cells, and its tables again."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from helpers.ablations import plan_of, suite_of
from helpers.cells import make_cell

from snn_eval.cell import CellRecord, read_cell
from snn_eval.report.ablation import files
from snn_eval.run.ablate import AblationCell
from snn_eval.run.ablate.state import begin, failed, keep

PUBLISHED = Path("reports/published/tiny")


def stored(cell: AblationCell) -> CellRecord:
    """A finished cell with made-up numbers."""
    begin(cell)
    made = make_cell(cell.row.name, cell.row.components, cell.replicate.value)
    record = made.model_copy(update={"suite": "tiny", "conditions": {"values": cell.values}})
    keep(cell, record)
    return record


@pytest.mark.slow
def test_finished_cells_are_published_and_their_tables_made_again(snn_eval: Callable[..., Any], tmp_path: Path) -> None:
    cells = plan_of(suite_of(tmp_path), tmp_path / "out")
    records = [stored(cell) for cell in cells]
    answer = snn_eval("ablate", "tiny.toml", "--output", "out", "--publish")
    assert (answer.code, answer.err, answer.last) == (0, "", PUBLISHED / "table.md")
    kept = [read_cell(path) for path in (PUBLISHED / "cells").glob("*.json")]
    assert len(kept) == 6
    assert all(record in records for record in kept)
    assert not list(PUBLISHED.rglob("*.pt"))
    pages = {path.name: path.read_bytes() for path in PUBLISHED.iterdir() if path.is_file()}
    assert {"table.md", "table.html", "inputs.json", "tradeoff.png", "claims.json"} <= set(pages)
    assert "claims.md" not in pages, "the claims are about other components"
    assert all(len(content) <= 150_000 for name, content in pages.items() if name.endswith(".png"))
    (PUBLISHED / "table.md").write_text("changed")
    (PUBLISHED / "claims.json").unlink()
    answer = snn_eval("ablate", "--tables", str(PUBLISHED))
    assert (answer.code, answer.last) == (0, PUBLISHED / "table.md")
    assert {path.name: path.read_bytes() for path in PUBLISHED.iterdir() if path.is_file()} == pages


def test_what_is_not_finished_is_not_published(snn_eval: Callable[..., Any], tmp_path: Path) -> None:
    cells = plan_of(suite_of(tmp_path), tmp_path / "out")
    for cell in cells[2:]:
        stored(cell)
    begin(cells[0])
    keep(cells[0], failed(cells[0], "its loss diverged"))
    answer = snn_eval("ablate", "tiny.toml", "--output", "out", "--publish")
    assert answer.code == 2
    assert "expected all 6 cells stored, got 2 that are not (B0, seed 0: failed; B0, seed 1: new)" in answer.err
    assert answer.err.count("\n") == 1
    assert not PUBLISHED.exists()


@pytest.mark.parametrize(
    "words",
    [
        ("tiny.toml", "--publish", "--quick"),
        ("tiny.toml", "--publish", "--set", "train.epochs=1"),
        ("tiny.toml", "--publish", "--dry-run"),
        ("tiny.toml", "--tables", "folder"),
        (),
    ],
)
def test_words_that_do_not_go_together(snn_eval: Callable[..., Any], words: tuple[str, ...], tmp_path: Path) -> None:
    suite_of(tmp_path)
    assert snn_eval("ablate", *words).code == 2
    assert not PUBLISHED.exists()


def test_a_folder_that_is_none_is_told(snn_eval: Callable[..., Any], tmp_path: Path) -> None:
    answer = snn_eval("ablate", "--tables", str(tmp_path))
    assert answer.code == 2
    assert "inputs.json: expected what the tables were made of" in answer.err


def test_a_large_page_stays_out_and_is_told(
    snn_eval: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files, "LARGEST_PAGE", 1000)
    monkeypatch.setattr("snn_eval.report.ablation.figures.draw", lambda *_: {})
    for cell in plan_of(suite_of(tmp_path), tmp_path / "out"):
        stored(cell)
    answer = snn_eval("ablate", "tiny.toml", "--output", "out", "--publish")
    assert answer.code == 0
    assert "table.html left out" in answer.err
    assert not (PUBLISHED / "table.html").exists()
    assert (PUBLISHED / "table.tex").exists()

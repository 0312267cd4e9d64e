"""Writes the tables of an ablation into a folder, and writes them again from the cells that are committed there."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from snn_eval.atomic import write_atomic
from snn_eval.cell import CellRecord, read_cell, write_cell
from snn_eval.errors import RunError
from snn_eval.report.ablation.build import document
from snn_eval.report.ablation.claim_files import claims, claims_json, claims_md
from snn_eval.report.ablation.claim_roles import stated
from snn_eval.report.ablation.controls import curves_csv
from snn_eval.report.ablation.effect_tables import effects_csv
from snn_eval.report.ablation.effects import Effects
from snn_eval.report.ablation.findings import Findings
from snn_eval.report.ablation.groups import grouped
from snn_eval.report.ablation.main_table import table_csv
from snn_eval.report.ablation.page import to_html
from snn_eval.report.ablation.text import to_latex, to_markdown

__all__ = ["CELLS", "INPUTS", "LARGEST_PAGE", "regenerate", "write_published", "write_tables"]

CELLS = "cells"
"""Folder of the cells' records beside committed tables."""

INPUTS = "inputs.json"
"""What tables are made of beside cells: order of rows, reference, published values."""

LARGEST_PAGE = 400_000
"""Bytes; a larger ``table.html`` is no part of the committed form: all it shows is in the other files."""


class _Inputs(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    reference: str | None = None
    quick: bool = False
    goal: float | None = None
    rows: list[str] = Field(default_factory=list)
    replicates: list[int] = Field(default_factory=list)
    order: list[tuple[str, dict[str, Any]]] = Field(default_factory=list)
    published: list[dict[str, Any]] = Field(default_factory=list)


def write_tables(
    cells: Sequence[CellRecord],
    folder: Path,
    *,
    reference: str | None,
    published: Sequence[Mapping[str, Any]],
    quick: bool = False,
    goal: float | None = None,
    rows: Sequence[str] = (),
    replicates: Sequence[int] = (),
) -> Path:
    """Write ``table.csv``, ``table.md``, ``table.tex``, ``table.html`` and what they show; equal cells, equal files.

    Args:
        cells: of one suite, in the order of its rows, failed ones among them.
        folder: to write to; made if it is not there.
        reference: name of the row others are compared with; None: the first one.
        published: values of the literature, as ``Suite.published`` has them (``model_dump()`` of each).
        quick: the cells are of shortened trainings, no results.
        goal: test accuracy that all components together are to reach; None: the target the cells' trainings had.
        rows: names of all rows of the suite in their order; one without cells is told as missing.
        replicates: seeds or folds asked for; one that a row has no cell of is told as missing.

    Returns:
        Path of ``table.md``.

    Raises:
        RunError: no cells, cells of several suites, two cells of one row and replicate, or the folder cannot be
            written.
    """
    _of_one_suite(cells)
    groups = grouped(cells, rows, replicates)
    inputs = _Inputs(
        reference=reference,
        quick=quick,
        goal=goal,
        rows=list(rows),
        replicates=list(replicates),
        order=[(group.row, dict(group.axes)) for group in groups],
        published=[dict(value) for value in published],
    )
    return _write(cells, folder, inputs)


def write_published(cells: Sequence[CellRecord], folder: Path, **values: Any) -> Path:
    """The form that is committed: :func:`write_tables`, and the records of the cells in ``cells/`` beside the tables.

    Records of cells that are not among ``cells`` are removed. A page larger than :data:`LARGEST_PAGE` is left out.
    ``values`` and what is raised: as there.
    """
    _of_one_suite(cells)
    records = {f"{_file_name(cell)}.json": cell for cell in cells}
    if len(records) < len(cells):
        raise RunError("expected one cell for each row, axes and replicate, got two of one name; remove one")
    (folder / CELLS).mkdir(parents=True, exist_ok=True)
    for old in (folder / CELLS).glob("*.json"):
        if old.name not in records:
            old.unlink()
    for name, cell in records.items():
        write_cell(folder / CELLS / name, cell)
    path = write_tables(cells, folder, **values)
    _without_large_page(folder)
    return path


def regenerate(folder: Path) -> Path:
    """Write the tables of ``folder`` again from ``cells/*.json`` and ``inputs.json`` alone, byte for byte.

    Raises:
        RunError: no cells or no inputs there, or damaged ones.
    """
    try:
        inputs = _Inputs.model_validate_json((folder / INPUTS).read_bytes())
    except (OSError, ValidationError) as error:
        first = str(error).splitlines()[0]
        raise RunError(f"{folder / INPUTS}: expected what the tables were made of, got {first}") from error
    path = _write([read_cell(path) for path in sorted((folder / CELLS).glob("*.json"))], folder, inputs)
    _without_large_page(folder)
    return path


def _without_large_page(folder: Path) -> None:
    page = folder / "table.html"
    if page.stat().st_size > LARGEST_PAGE:
        page.unlink()


def _write(cells: Sequence[CellRecord], folder: Path, inputs: _Inputs) -> Path:
    from snn_eval.report.ablation.figures import FIGURES, draw

    _of_one_suite(cells)
    folder.mkdir(parents=True, exist_ok=True)
    groups = grouped(cells, inputs.rows, inputs.replicates, inputs.order)
    effects, findings = Effects.of(groups), Findings.of(groups)
    found = stated(claims(groups, inputs.published, inputs.goal), groups, inputs.goal, quick=inputs.quick)
    images = draw(groups, effects)
    made = document(
        groups,
        cells,
        effects,
        found,
        findings,
        images,
        reference=inputs.reference,
        published=inputs.published,
        quick=inputs.quick,
    )
    files: dict[str, str | bytes] = {
        INPUTS: json.dumps(inputs.model_dump(mode="json"), indent=1, sort_keys=True, ensure_ascii=False) + "\n",
        "table.csv": table_csv(groups, inputs.reference),
        "curves.csv": curves_csv(groups),
        "effects.csv": effects_csv(effects, findings),
        "claims.json": claims_json(found, findings),
        "claims.md": claims_md(f"Claims: {made.title}", made.lead, found, findings) if found else "",
        "table.tex": to_latex(made),
        "table.html": to_html(made, images),
        **{name: images.get(name, b"") for name in FIGURES},
        "table.md": to_markdown(made),
    }
    for name, content in files.items():
        if content:
            write_atomic(folder / name, content)
        else:  # of an earlier table that had more to show
            (folder / name).unlink(missing_ok=True)
    return folder / "table.md"


def _of_one_suite(cells: Sequence[CellRecord]) -> None:
    suites = sorted({f"{cell.suite} v{cell.suite_version}" for cell in cells})
    if len(suites) != 1:
        raise RunError(f"expected cells of one suite, got {', '.join(suites) or 'none'}; run `snn-eval ablate` first")


def _file_name(cell: CellRecord) -> str:
    """Row, axes and replicate as one file name: ``complete-model.width=2-seed-0``."""
    axes = [f"{key}={value}" for key, value in cell.axes.items()]
    parts = [cell.row, *axes, cell.replicate.kind, str(cell.replicate.value)]
    return re.sub(r"[^\w.=+-]+", "_", "-".join(parts))

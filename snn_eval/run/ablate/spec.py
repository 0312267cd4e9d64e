"""A cell as one line of JSON, for the process that makes it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from snn_eval.cell import Replicate
from snn_eval.data import DataOptions
from snn_eval.run.ablate.plan import AblationCell
from snn_eval.suite import Row
from snn_eval.suite.values import validated

__all__ = ["from_line", "to_line"]


def to_line(cell: AblationCell) -> bytes:
    """All of a cell, with a line's end."""
    row, options, folder = cell.row, cell.options, cell.suite.folder
    values: dict[str, Any] = {
        "suite": row.suite.model_dump(mode="json", context="whole"),
        "suite_folder": None if folder is None else str(folder),
        "row": [row.name, list(row.components), dict(row.axes), row.note],
        "replicate": [cell.replicate.kind, cell.replicate.value],
        "folders": [str(cell.folder), str(cell.training)],
        "values": cell.values,
        "samples": cell.samples,
        "device": cell.device,
        "data": [None if options.folder is None else str(options.folder), options.partial, options.download],
    }
    return json.dumps(values).encode() + b"\n"


def from_line(line: bytes) -> AblationCell:
    """The cell that :func:`to_line` wrote.

    Raises:
        SuiteError: its values are none of this version.
    """
    values = json.loads(line)
    folder = values["suite_folder"]
    suite = validated(values["suite"], "cell", None if folder is None else Path(folder))
    name, components, axes, note = values["row"]
    kind, value = values["replicate"]
    data_folder, partial, download = values["data"]
    return AblationCell(
        Row(name, tuple(components), axes, suite, note),
        Replicate(kind=kind, value=value),
        Path(values["folders"][0]),
        Path(values["folders"][1]),
        values["values"],
        values["samples"],
        values["device"],
        DataOptions(None if data_folder is None else Path(data_folder), partial, download),
    )

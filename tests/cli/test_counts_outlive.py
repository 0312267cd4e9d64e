"""A number that cannot be derived fails the cell with its cause, and what was counted is kept."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from snn_eval.energy import tables
from snn_eval.record import read_record
from snn_eval.trace_file import read_trace


def test_a_missing_cost_keeps_the_trace(snn_eval: Callable[..., Any], tmp_path: Path) -> None:
    shipped = (Path(next(iter(tables.__path__))) / "horowitz-45nm-fp32.toml").read_text(encoding="utf-8")
    head, _, rest = shipped.replace("horowitz-45nm-fp32", "chip").partition("[costs.mac]")
    after = rest.partition("\n[")[2]
    (tmp_path / "chip.toml").write_text(head + "[" + after, encoding="utf-8")
    answer = snn_eval("run", "--limit", "8", "--energy", "chip.toml")
    assert answer.code == 3
    (folder,) = (tmp_path / "reports" / "runs").iterdir()
    record = read_record(folder / "record.json")
    assert record.status == "failed"
    assert record.error is not None
    assert "mac" in record.error
    assert "counts are kept in trace.h5" in record.error
    assert len(read_trace(folder / "trace.h5").samples) == 8
    assert not (folder / "parts").exists()

"""norse and sinabs as docs/checkpoints.md says: its networks, on the digits; skips where a package is not installed."""

from __future__ import annotations

import importlib
import re
import sys
import warnings
from pathlib import Path

import pytest
import torch
from cli.conftest import Command

from snn_eval.record import read_record

PAGE = Path(__file__).resolve().parents[2] / "docs" / "checkpoints.md"

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # norse 1.1 scripts functions as it is imported
    pytest.importorskip("norse.torch", reason="norse is not installed")


@pytest.mark.parametrize(
    ("function", "package", "told"),
    [
        ("cells", "norse", "spiking layers 1 × LIFCell, 1 × LICell; called once a step; no state kept"),
        ("squeezed", "sinabs", "spiking layers 2 × IAFSqueeze; called once with all steps [N·T,…]"),
    ],
)
def test_the_networks_of_the_page(
    function: str, package: str, told: str, snn_eval: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    code = re.findall(r"^```python\n(# nets\.py\n.*?)^```$", PAGE.read_text(encoding="utf-8"), re.M | re.DOTALL)[0]
    try:
        importlib.import_module(f"{package}.layers" if package == "sinabs" else package)
    except ModuleNotFoundError:
        pytest.skip(f"{package} is not installed")
    other = "sinabs" if package == "norse" else "norse"
    code = "\n".join(line for line in code.splitlines() if not line.startswith(f"import {other}."))
    Path("nets.py").write_text(code, encoding="utf-8")
    monkeypatch.syspath_prepend(".")
    monkeypatch.delitem(sys.modules, "nets", raising=False)
    torch.manual_seed(0)
    torch.save(getattr(importlib.import_module("nets"), function)().state_dict(), "weights.pt")
    monkeypatch.delitem(sys.modules, "nets")
    answer = snn_eval(
        "run", "--models", "digits", "weights.pt", "--arch", f"nets.py:{function}", "--limit", "9", "--quiet"
    )
    assert answer.code == 0, answer.err
    record = read_record(answer.last / "record.json")
    assert any(told in note for note in record.notes), record.notes
    assert any(m.metric == "energy_total" for m in record.measurements)

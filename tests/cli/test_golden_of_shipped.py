"""What ``show`` prints and ``table.md`` holds of the shipped checkpoints is what it was, number for number.

Another processor may round a sum otherwise and flip a spike, so numbers may differ by half a percent; words may not.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from helpers.shared import SHARED

from snn_eval.data import DataOptions, is_here
from snn_eval.models.manifest import load_manifest
from snn_eval.suite import load_suite

GOLDEN = Path(__file__).parents[1] / "golden" / "shipped"
NUMBER = re.compile(r"\d+(?:\.\d+)?(?:e[-+]?\d+)?")
SUITES = sorted({entry.suite for entry in load_manifest().values()})


@pytest.mark.slow
@pytest.mark.parametrize("name", SUITES)
def test_show_and_table(name: str, snn_eval: Callable[..., Any]) -> None:
    suite, options = load_suite(name), DataOptions(SHARED, download=False)
    if not is_here(suite.data_source, suite.data.test, options):
        pytest.skip(f"no data of {name} in {SHARED}")
    answer = snn_eval("run", "--suite", name, "--limit", "100", "--data-dir", str(SHARED), "--no-download", "--quiet")
    assert answer.code == 0, answer.err
    shown = snn_eval("show", str(answer.last)).out
    compare(f"{name}-show.txt", steady(shown.rsplit("\n\n", 1)[0]))
    compare(f"{name}-table.md", steady((answer.last / "table.md").read_text(encoding="utf-8")))


def steady(text: str) -> str:
    """Without what measures time or names the machine, and with single spaces."""
    lines = [line for line in text.splitlines() if not re.search(r"wall time|seconds|torch|threads", line)]
    return "\n".join(re.sub(r"[ ─-]{2,}", " ", line).strip() for line in lines) + "\n"


def compare(name: str, text: str) -> None:
    path = GOLDEN / name
    if os.environ.get("SNN_EVAL_WRITE_GOLDEN"):
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
    expected = path.read_text(encoding="utf-8")
    assert NUMBER.sub("#", text) == NUMBER.sub("#", expected)
    found, wanted = ([float(n) for n in NUMBER.findall(t)] for t in (text, expected))
    assert found == pytest.approx(wanted, rel=5e-3, abs=0.011)


def test_a_number_that_changed_is_seen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("test_golden_of_shipped.GOLDEN", tmp_path)
    (tmp_path / "a.txt").write_text("AC 36.24 kop\n", encoding="utf-8")
    compare("a.txt", "AC 36.25 kop\n")
    for wrong in ("AC 37.24 kop\n", "MAC 36.24 kop\n"):
        with pytest.raises(AssertionError):
            compare("a.txt", wrong)

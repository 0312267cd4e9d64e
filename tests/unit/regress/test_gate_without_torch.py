"""The gate runs where torch and the parts that run a network are missing: in a job that only compares."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from helpers.runs import stored_run
from helpers.traces import random_trace

SCRIPT = """
import sys

class Refuse:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in ("torch", "torchvision", "spikingjelly", "snntorch", "numba") or name in HIDDEN:
            raise ImportError(f"{name} was imported")

HIDDEN = {f"snn_eval.{part}" for part in ("run", "train", "probe", "models", "peers")}
sys.meta_path.insert(0, Refuse())

from snn_eval.cli import main

for words in (
    "baseline save first",
    "compare reports/baseline second --only-changed --format markdown",
    "baseline update second",
    "compare reports/baseline second --format junit --report result.xml",
    "baseline list",
    "history ac",
):
    try:
        main(words.split())
    except SystemExit as ended:
        print(f"{words}: {ended.code}")
"""


def test_baselines_comparisons_and_history_need_no_torch(tmp_path: Path) -> None:
    for seed, cell in enumerate(("first", "second")):
        run = stored_run(tmp_path / "reports/runs", random_trace(seed, samples=20))
        run.path.rename(run.path.with_name(f"{run.name}-{cell}"))
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT],
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[3]), "PYTHONIOENCODING": "utf-8"},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    codes = [line.rpartition(": ") for line in done.stdout.splitlines() if line.endswith((": 0", ": 1", ": 2"))]
    assert [(words.split()[:2], code) for words, _, code in codes] == [
        (["baseline", "save"], "0"),
        (["compare", "reports/baseline"], "1"),
        (["baseline", "update"], "0"),
        (["compare", "reports/baseline"], "0"),
        (["baseline", "list"], "0"),
        (["history", "ac"], "0"),
    ]
    assert (tmp_path / "result.xml").read_text(encoding="utf-8").startswith("<?xml")

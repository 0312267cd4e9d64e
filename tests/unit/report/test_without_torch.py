"""Whoever holds a run folder sees everything: reports work where torch and the parts that run a network are missing."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from helpers.records import layered_record
from helpers.traces import tiny_trace

from snn_eval.store import create_run

SCRIPT = """
import sys

class Refuse:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in ("torch", "torchvision", "spikingjelly", "snntorch", "numba") or name in HIDDEN:
            raise ImportError(f"{name} was imported")

HIDDEN = {f"snn_eval.{part}" for part in ("run", "train", "probe", "models", "data", "peers")}
sys.meta_path.insert(0, Refuse())

from pathlib import Path
from snn_eval.record import read_record
from snn_eval.report import card, headline_text, layers_csv, table_csv, table_md
from snn_eval.report.figures import draw
from snn_eval.store import find_run
from snn_eval.trace_file import read_trace

run = find_run(Path(sys.argv[1]))
record, trace = read_record(run.record), read_trace(run.trace)
assert len(draw(trace, record).files) == 8
for text in (table_csv([record]), table_md([record], [trace]), layers_csv(trace, record), headline_text([record])):
    assert text
print(card(record, trace))
"""


def test_everything_of_a_stored_run_is_shown_without_torch(tmp_path: Path) -> None:
    run = create_run(tmp_path, layered_record())
    run.finish(tiny_trace(), layered_record())
    root = Path(__file__).parents[3]
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, tmp_path],
        env={**os.environ, "PYTHONPATH": str(root), "PYTHONIOENCODING": "utf-8"},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("tiny on digits v1")

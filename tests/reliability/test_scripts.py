"""The scripts of docs/reliability.md in small: damage does no harm, and killed runs end as if undisturbed."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

fuzz = pytest.importorskip("scripts.reliability.fuzz", reason="scripts/ is only in a checkout, not in the package")
targets = pytest.importorskip("scripts.reliability.targets")
left = pytest.importorskip("scripts.reliability.left")

ROOT = Path(__file__).parents[2]


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # of libraries about what is in damaged files
@pytest.mark.parametrize("name", list(fuzz.SHARES))
def test_no_damaged_file_crashes_or_gives_a_wrong_number(name: str, tmp_path: Path) -> None:
    kind = targets.target(name)
    path = tmp_path / f"file{kind.ending}"
    path.write_bytes(kind.content)
    sound = kind.read(path)
    found = {}
    for at in range(20):
        path.write_bytes(fuzz.damaged(name, kind.content, kind.damages, 1, at))
        found[at] = fuzz.outcome(kind, sound, path)
    assert {at: words for at, (outcome, words) in found.items() if outcome not in fuzz.OUTCOMES[:3]} == {}
    assert any(outcome == "refused" for outcome, _ in found.values())


def test_a_finding_is_found(tmp_path: Path) -> None:
    """The judge itself: other numbers under the same hash, an error of our own, a line that is two."""
    path = tmp_path / "file"
    path.write_bytes(b"")
    sound = targets.Reading("1", "a")

    def judged(reading: object) -> str:
        def read(_: Path) -> object:
            if isinstance(reading, Exception):
                raise reading
            return reading

        outcome: str = fuzz.outcome(replace(targets.Target("x", "", b"", (), read)), sound, path)[0]
        return outcome

    from snn_eval.errors import RunError

    assert judged(targets.Reading("1", "b")) == "same"
    assert judged(targets.Reading("2", "b")) == "visible"
    assert judged(targets.Reading("2", "a")) == "wrong"
    assert judged(KeyError("x")) == "crash"
    assert judged(RunError("one line")) == "refused"
    assert judged(RunError("two\nlines")) == "crash"


def test_damaged_files_are_noticed(tmp_path: Path) -> None:
    (tmp_path / "trace.h5").write_bytes(b"half")
    (tmp_path / "table.csv").write_text("a,b\n1")
    (tmp_path / "energy.png").write_bytes(b"\x89PNG")
    (tmp_path / "whole.csv").write_text("a,b\n")
    (tmp_path / ".trace.h5.00.tmp").write_bytes(b"half")
    assert sorted(line.partition(":")[0] for line in left.unsound(tmp_path)) == ["energy.png", "table.csv", "trace.h5"]


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="processes are forked and looked at as Linux does")
def test_killed_runs_end_as_if_undisturbed() -> None:
    words = ["--times", "2", "--commands", "run"]
    done = subprocess.run(
        [sys.executable, "-m", "scripts.reliability.kills", *words],
        cwd=ROOT,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert int(done.stdout.split()[1]) >= 2

"""Full and read-only disks: one line, exit code 2, nothing half-written, and the next command goes on."""

from __future__ import annotations

import errno
import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from cli.conftest import Answer, Command

left = pytest.importorskip("scripts.reliability.left", reason="scripts/ is only in a checkout, not in the package")

TRAIN = ("train", "digits", "--epochs", "2", "--time-steps", "1", "--set", "model.config.channels=[2, 2]", "--quiet")

Disk = Callable[[str], None]


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[tuple[Path, Disk]]:
    """A small disk in memory, and a function that gives it other options (``size=…``, ``ro``)."""
    place = tmp_path / "disk"
    place.mkdir()

    def mount(*words: str) -> int:
        try:
            return subprocess.run(["mount", *words, str(place)], capture_output=True, check=False).returncode
        except OSError:
            return 1

    if mount("-t", "tmpfs", "-o", "size=8k", "tmpfs") != 0:
        pytest.skip("a file system in memory cannot be mounted here; it takes root")

    def options(text: str) -> None:
        assert mount("-o", f"remount,{text}") == 0

    yield place, options
    subprocess.run(["umount", str(place)], check=True)


@pytest.fixture
def no_figures(monkeypatch: pytest.MonkeyPatch) -> None:
    from snn_eval.report.figures import Drawn

    monkeypatch.setattr("snn_eval.run.files.draw", lambda trace, record: Drawn())


def run_words(small: Path) -> tuple[str, ...]:
    return ("run", "--models", "digits", str(small), "--time-steps", "2", "--quiet")


def refused(answer: Answer, words: str) -> None:
    assert (answer.code, answer.out) == (2, "")
    assert answer.err.startswith("snn-eval: cannot write ")
    assert words in answer.err
    assert answer.err.count("\n") == 1


def nothing_broken(folder: Path) -> None:
    assert left.unsound(folder) == []
    assert list(folder.rglob("*.tmp")) == []


@pytest.mark.slow
@pytest.mark.usefixtures("no_figures")
@pytest.mark.parametrize("size", [4, 36])
def test_a_run_on_a_full_disk(snn_eval: Command, small: Path, disk: tuple[Path, Disk], size: int) -> None:
    place, options = disk
    options(f"size={size}k")
    words = (*run_words(small), "--output", str(place / "runs"))
    refused(snn_eval(*words), "the disk is full; free space or choose another folder")
    nothing_broken(place)
    options("size=9m")
    assert snn_eval(*words).code == 0
    nothing_broken(place)
    assert snn_eval(*words[:-1], "sound").code == 0
    assert left.compare_runs(Path("sound"), place / "runs") == []


@pytest.mark.slow
@pytest.mark.parametrize("size", [4, 28])
def test_a_training_on_a_full_disk(snn_eval: Command, disk: tuple[Path, Disk], size: int) -> None:
    place, options = disk
    options(f"size={size}k")
    words = (*TRAIN, "--output", str(place / "trained"))
    refused(snn_eval(*words), "the disk is full; free space or choose another folder")
    nothing_broken(place)
    options("size=9m")
    assert snn_eval(*words).code == 0
    nothing_broken(place)
    assert snn_eval(*TRAIN, "--output", "sound").code == 0
    assert left.compare_trainings(Path("sound"), place / "trained") == []


@pytest.mark.slow
@pytest.mark.usefixtures("no_figures")
def test_a_read_only_disk(snn_eval: Command, small: Path, disk: tuple[Path, Disk]) -> None:
    place, options = disk
    options("size=9m")
    words = (*run_words(small), "--output", str(place / "runs"))
    ran = snn_eval(*words)
    options("ro")
    refused(snn_eval(*words, "--fresh"), str(place))
    refused(snn_eval(*TRAIN, "--output", str(place / "trained")), "the file system is read-only")
    shown = snn_eval("show", "--output", str(place / "runs"))
    assert (shown.code, shown.out) == (0, ran.out)
    assert snn_eval("show", "--recompute", "--output", str(place / "runs")).out == ran.out
    assert snn_eval("ls", "--output", str(place / "runs")).code == 0


class Full:
    """A disk that is full from the ``at``-th file on."""

    def __init__(self, at: int) -> None:
        self.at, self.files, self.fsync = at, 0, os.fsync

    def __call__(self, descriptor: int) -> None:
        if not os.path.isdir(f"/dev/fd/{descriptor}"):  # folders are brought to disk, too
            self.files += 1
            if self.files >= self.at:
                raise OSError(errno.ENOSPC, "No space left on device")
        self.fsync(descriptor)


@pytest.mark.slow
@pytest.mark.usefixtures("no_figures")
@pytest.mark.parametrize(
    ("words", "files", "compare"),
    [
        (("run", "--models", "digits", "small.pt", "--time-steps", "2", "--quiet"), 8, "compare_runs"),
        (TRAIN, 9, "compare_trainings"),
    ],
    ids=["run", "train"],
)
def test_a_disk_that_is_full_at_any_file(
    snn_eval: Command, small: Path, monkeypatch: pytest.MonkeyPatch, words: Any, files: int, compare: str
) -> None:
    Path("small.pt").write_bytes(small.read_bytes())
    whole = Full(10**6)
    with monkeypatch.context() as patch:
        patch.setattr("snn_eval.atomic.os.fsync", whole)
        assert snn_eval(*words, "--output", "sound").code == 0
    assert whole.files >= files  # a second epoch that is better writes one more
    for at in range(1, whole.files + 1):
        folder = Path(f"full-at-{at}")
        with monkeypatch.context() as patch:
            patch.setattr("snn_eval.atomic.os.fsync", Full(at))
            refused(snn_eval(*words, "--output", str(folder)), "the disk is full")
        nothing_broken(folder)
        assert snn_eval(*words, "--output", str(folder)).code == 0
        assert getattr(left, compare)(Path("sound"), folder) == []

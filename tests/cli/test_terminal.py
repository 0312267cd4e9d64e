"""What is printed fits its place: narrow terminals, few characters, a reader that went away, a full disk."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from helpers.records import layered_record
from helpers.traces import tiny_trace

from snn_eval.report.card import card
from snn_eval.report.grid import aligned, width
from snn_eval.report.tables import headline_text

ROOT = Path(__file__).resolve().parents[2]
FULL = Path("/dev/full")


def command(words: str, **changed: str) -> tuple[list[str], dict[str, str]]:
    return [sys.executable, "-m", "snn_eval", *words.split()], os.environ | {"PYTHONPATH": str(ROOT)} | changed


def test_a_wide_table_is_cut_into_several_that_begin_alike() -> None:
    heads, rows = ["name", "one", "two", "three"], [["a", "1", "22", "3"], ["bb", "4", "5", "6"]]
    right = [False, True, True, True]
    assert aligned(heads, rows, right, columns=80) == aligned(heads, rows, right)
    assert aligned(heads, rows, right, columns=15).split("\n") == [
        *("name  one  two", "────  ───  ───", "a       1   22", "bb      4    5"),
        "",
        *("name  three", "────  ─────", "a         3", "bb        6"),
    ]


@pytest.mark.parametrize("columns", [60, 72, 80, 100, 120])
def test_nothing_is_lost_on_a_narrow_terminal(columns: int) -> None:
    whole = card(layered_record(), tiny_trace())
    narrow = card(layered_record(), tiny_trace(), columns=columns)
    assert max(width(line) for line in narrow.split("\n")) <= columns
    numbers = [set(re.findall(r"\d[\d.]*", text)) for text in (whole, narrow)]
    assert numbers[0] == numbers[1]
    assert card(layered_record(), tiny_trace(), columns=200) == whole


def test_the_headline_is_cut_too() -> None:
    text = headline_text([layered_record()], 60)
    table = text.split("\n\nOperations")[0]
    assert max(width(line) for line in table.split("\n")) <= 60
    assert table.count("model") == table.count("\n\n") + 1


@pytest.mark.skipif(os.name == "nt", reason="pipes end otherwise there")
@pytest.mark.parametrize("words", ["ls metrics", "--help", "run --help"])
def test_a_reader_that_goes_away_is_no_fault(words: str) -> None:
    arguments, environment = command(words)
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run(arguments, stdout=writing, stderr=subprocess.PIPE, text=True, env=environment, check=False)
    os.close(writing)
    assert (done.returncode, done.stderr) == (141, "")


@pytest.mark.skipif(not FULL.exists(), reason="this system has no /dev/full")
def test_a_full_disk_is_one_line() -> None:
    arguments, environment = command("ls metrics")
    with FULL.open("w") as out:
        done = subprocess.run(arguments, stdout=out, stderr=subprocess.PIPE, text=True, env=environment, check=False)
    assert (done.returncode, done.stderr) == (2, "snn-eval: output: No space left on device\n")


@pytest.mark.parametrize("encoding", ["latin-1", "cp1252", "ascii", "utf-8"])
def test_other_encodings_lose_no_line(encoding: str) -> None:
    arguments, environment = command("ls metrics", PYTHONIOENCODING=encoding)
    done = subprocess.run(arguments, capture_output=True, env=environment, check=False)
    assert (done.returncode, done.stderr) == (0, b"")
    first = done.stdout.splitlines()[0].decode("utf-8" if encoding in ("utf-8", "ascii") else encoding)
    assert first.startswith("accuracy")
    assert ("↑" if encoding in ("utf-8", "ascii") else "(higher is better)") in first


@pytest.mark.skipif(os.name == "nt", reason="no pseudo-terminals there")
def test_a_terminal_of_sixty_columns(tmp_path: Path) -> None:
    import fcntl
    import pty
    import struct
    import termios

    arguments, environment = command(f"describe {ROOT / 'checkpoints' / 'digits-spiking-conv-net.pt'}", TERM="xterm")
    environment.pop("COLUMNS", None)
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 60, 0, 0))
    with subprocess.Popen(arguments, stdout=theirs, stdin=theirs, stderr=theirs, env=environment, cwd=tmp_path) as run:
        os.close(theirs)
        shown = b""
        while True:
            try:
                part = os.read(ours, 4096)
            except OSError:  # the other side is closed
                break
            if not part:
                break
            shown += part
    os.close(ours)
    assert run.returncode == 0
    lines = shown.decode().replace("\r", "").splitlines()
    path = str(ROOT)
    assert all(width(line) <= 60 or path in line for line in lines)
    assert any("18,564 in 14 tensors" in line for line in lines)

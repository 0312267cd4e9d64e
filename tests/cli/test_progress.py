"""Progress says how far it is, how long the rest takes, and nothing when quiet."""

from __future__ import annotations

import io

import pytest

from snn_eval.cli.progress import Bar, Lines, watching
from snn_eval.run.listener import Listener, Silent


def watch(listener: Listener) -> None:
    """A cell of 30 samples, 10 of them recorded before, the rest in two chunks."""
    listener.begin("digits", 30)
    listener.stage("recording")
    listener.skip(10)
    listener.advance(10)
    listener.advance(10)
    listener.warn("three samples are damaged")
    listener.end()


def test_lines_estimate_the_rest_from_this_run_alone(capsys: pytest.CaptureFixture[str]) -> None:
    clock = iter([0.0, 100.0, 108.0, 116.0])  # 10 samples in 8 s, 10 left
    watch(Lines(lambda: next(clock)))
    assert capsys.readouterr().err.splitlines() == [
        "snn-eval: digits: 30 samples",
        "snn-eval: digits: recording",
        "snn-eval: digits: going on, 10 of 30 samples were recorded before",
        "snn-eval: digits: 20/30 samples, 8 s left",
        "snn-eval: digits: 30/30 samples in 16.0 s",
        "snn-eval: three samples are damaged",
    ]


def test_lines_do_not_flood(capsys: pytest.CaptureFixture[str]) -> None:
    clock = iter([0.0, *(i * 0.01 for i in range(1, 101))])
    lines = Lines(lambda: next(clock))
    lines.begin("digits", 100)
    for _ in range(100):
        lines.advance(1)
    assert capsys.readouterr().err.splitlines() == [
        "snn-eval: digits: 100 samples",
        "snn-eval: digits: 100/100 samples in 1.0 s",
    ]


def test_bar_counts_samples() -> None:
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(file=io.StringIO(), width=100)) as progress:
        bar = Bar(progress)
        watch(bar)
        bar.advance(5)  # after the end: nobody's samples
        assert [(task.total, task.completed) for task in progress.tasks] == [(30, 30)]
        assert "damaged" in progress.console.file.getvalue()  # type: ignore[attr-defined]


def test_quiet_is_silent_and_a_pipe_gets_lines(capsys: pytest.CaptureFixture[str]) -> None:
    with watching(quiet=True) as listener:
        watch(listener)
    assert isinstance(listener, Silent)
    assert capsys.readouterr() == ("", "")
    with watching(quiet=False) as listener:
        assert isinstance(listener, Lines)


def test_a_terminal_gets_a_bar(monkeypatch: pytest.MonkeyPatch) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    screen = Terminal()
    monkeypatch.setattr("sys.stderr", screen)
    monkeypatch.setenv("TERM", "xterm")
    with watching(quiet=False) as listener:
        assert isinstance(listener, Bar)
        watch(listener)
    assert "30/30" in screen.getvalue()
    monkeypatch.setenv("TERM", "dumb")  # cannot redraw a line
    with watching(quiet=False) as listener:
        assert isinstance(listener, Lines)


@pytest.mark.parametrize("columns", [60, 80, 100, 140])
def test_a_bar_fits_its_terminal(columns: int, monkeypatch: pytest.MonkeyPatch) -> None:
    from snn_eval.cli.progress import _rich_progress

    monkeypatch.setenv("COLUMNS", str(columns))
    with _rich_progress() as progress:
        bar = Bar(progress)
        bar.begin("digits spiking-conv-net", 359)
        bar.advance(300)
        bar.stage("loading digits-spiking-conv-net.pt")
        with progress.console.capture() as shown:
            progress.console.print(progress.make_tasks_table(progress.tasks))
    line = shown.get().rstrip("\n")
    assert "\n" not in line
    assert "digits spiking-conv-net" in line
    assert "300/359" in line
    assert ("loading" in line) == (columns >= 80)

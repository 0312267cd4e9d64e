"""Kills ``snn-eval run`` and ``train`` at random moments: ``python -m scripts.reliability.kills``.

A child process works, is killed by SIGKILL after a random time, and another one goes on in the same folder, until one
ends by itself. What it leaves must equal what an undisturbed one leaves, bit for bit; every file must be sound after
every kill; nothing half-written may remain at the end. Children are forked from a process that has imported
everything, so that a moment drawn at random is one of the work and not of the start. Linux only.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import os
import random
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from scripts.reliability.left import compare_runs, compare_trainings, run_stage, train_stage, unsound

__all__ = ["Tally", "kill_many", "main"]

_MOST_KILLS_OF_ONE = 6


@dataclass(frozen=True, slots=True)
class Victim:
    """A command, how far it is by what its folder holds, and how what it leaves is compared."""

    words: tuple[str, ...]
    stage: Callable[[Path], str]
    compare: Callable[[Path, Path], list[str]]
    shares: tuple[float, ...] = (1.0,)
    """Of the whole time, moments are drawn from one of these: what comes early is as often met as what takes long."""


@dataclass
class Tally:
    """Kills by the stage they struck, works brought to their end, what was wrong."""

    stages: Counter[str] = field(default_factory=Counter)
    finished: int = 0
    wrong: list[str] = field(default_factory=list)

    @property
    def kills(self) -> int:
        """Processes killed before they ended."""
        return self.stages.total()


VICTIMS = {
    "run": Victim(("run", "--suite", "digits", "--batch-size", "8", "--quiet"), run_stage, compare_runs, (0.3, 1.0)),
    "train": Victim(
        ("train", "digits", "--epochs", "8", "--time-steps", "2", "--set", "model.config.channels=[4, 4]", "--quiet"),
        train_stage,
        compare_trainings,
    ),
}


def main(argv: Sequence[str] | None = None) -> int:
    """Kill, print what came of it, write the table where asked for."""
    parser = argparse.ArgumentParser(prog="python -m scripts.reliability.kills", description=__doc__)
    parser.add_argument("--times", type=int, default=50, help="kills of each command, at least")
    parser.add_argument("--seed", type=int, default=0, help="of the moments; the machine decides the rest")
    parser.add_argument("--commands", nargs="+", choices=list(VICTIMS), default=list(VICTIMS))
    parser.add_argument("--markdown", type=Path, help="write the table into the kills section of this page")
    options = parser.parse_args(argv)
    tallies = {name: kill_many(name, options.times, options.seed) for name in options.commands}
    for name, tally in tallies.items():
        print(f"{name}: {tally.kills} kills {dict(tally.stages)}, {tally.finished} brought to their end")
        print("\n".join(f"{name}: {line}" for line in tally.wrong), end="\n" if tally.wrong else "")
    if options.markdown:
        from benchmarks.document import replace_section

        replace_section(options.markdown, "kills", table(tallies, options.seed))
    return 1 if any(tally.wrong for tally in tallies.values()) else 0


def kill_many(name: str, times: int, seed: int) -> Tally:
    """Kill a command at least so many times."""
    victim, draw, tally = VICTIMS[name], random.Random(f"{seed}/{name}"), Tally()
    with tempfile.TemporaryDirectory() as place:
        _make_ready(victim, Path(place) / "ready")
        sound = Path(place) / "undisturbed"
        started = time.perf_counter()
        if _child(victim, sound, None) != 0:
            raise SystemExit(f"{name}: the undisturbed command failed")
        whole = time.perf_counter() - started
        while tally.kills < times:
            folder = Path(place) / f"disturbed-{tally.finished}"
            whole = _to_the_end(victim, folder, draw, whole, tally)
            tally.wrong += [f"{folder.name}: {line}" for line in victim.compare(sound, folder)]
            tally.finished += 1
    return tally


def _to_the_end(victim: Victim, folder: Path, draw: random.Random, whole: float, tally: Tally) -> float:
    """Kill and go on, until a process ends by itself; the seconds the whole work takes now, on a machine others use."""
    for kill in range(_MOST_KILLS_OF_ONE + 1):
        last = kill == _MOST_KILLS_OF_ONE
        started = time.perf_counter()
        code = _child(victim, folder, None if last else draw.uniform(0, whole * draw.choice(victim.shares)))
        tally.wrong += [f"{folder.name}: after kill {kill}: {line}" for line in unsound(folder)]
        if code != -signal.SIGKILL:
            if code != 0:
                tally.wrong.append(f"{folder.name}: going on after kill {kill} ended with {code}")
            return min(whole, time.perf_counter() - started) if kill == 0 else whole
        tally.stages[victim.stage(folder)] += 1
    raise AssertionError("the last one is not killed")


def _make_ready(victim: Victim, folder: Path) -> None:
    """Do the work once in this process, with one thread: whatever is imported and compiled once is so for children."""
    import torch

    from snn_eval.cli import app

    torch.set_num_threads(1)
    with contextlib.suppress(SystemExit), contextlib.redirect_stdout(io.StringIO()):
        app.main([*victim.words, "--output", str(folder)])
    if len(list(Path("/proc/self/task").iterdir())) > 1:
        raise SystemExit("expected a process of one thread to fork; set OMP_NUM_THREADS=1")


def _child(victim: Victim, folder: Path, seconds: float | None) -> int:
    """Exit code of a process that works in ``folder`` and is killed after so many seconds."""
    process = os.fork()
    if process == 0:
        _work([*victim.words, "--output", str(folder)])
    if seconds is not None:
        end = time.perf_counter() + seconds
        while time.perf_counter() < end:
            if os.waitid(os.P_PID, process, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None:
                break
            time.sleep(min(0.002, max(end - time.perf_counter(), 0)))
        with contextlib.suppress(ProcessLookupError):
            os.kill(process, signal.SIGKILL)
    return os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])


def _work(words: list[str]) -> None:
    """Run the command in this process and end it; parts are written often, so that kills meet them."""
    from functools import partial

    from snn_eval.cli import app
    from snn_eval.run import passes

    code: Any = 1
    try:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, 1)
        passes.PartWriter = partial(passes.PartWriter, interval_s=0.02)  # type: ignore[misc, assignment]
        app.main(words)
    except SystemExit as end:
        code = end.code
    finally:
        os._exit(code if isinstance(code, int) else 1)


def table(tallies: dict[str, Tally], seed: int) -> str:
    """The table of the page."""
    from benchmarks.document import table as markdown

    rows = [
        [f"`{name}`", str(t.kills), "; ".join(f"{stage}: {count}" for stage, count in t.stages.most_common()),
         str(t.finished), str(len(t.wrong))]
        for name, t in tallies.items()
    ]  # fmt: skip
    heads = ["command", "kills", "what there was", "brought to their end", "differences, damaged or left-over files"]
    return f"Seed {seed}.\n\n{markdown(heads, rows)}"


if __name__ == "__main__":
    sys.exit(main())

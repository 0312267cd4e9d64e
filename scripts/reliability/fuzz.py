"""Reads thousands of damaged files: ``python -m scripts.reliability.fuzz``; results: docs/reliability.md.

Each file must be refused in one line, give the numbers of the sound one, or give others and be known by another hash.
Each kind of file has a process of its own, with a limit of memory and of seconds a file: what stops it is a finding.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import resource
import select
import subprocess
import sys
import tempfile
import traceback
import warnings
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

__all__ = ["OUTCOMES", "damaged", "main", "outcome"]

OUTCOMES = ("refused", "same", "visible", "wrong", "crash", "hang")
"""Refused in one line (no memory for it is one, too); same numbers; others under another hash; the rest: findings."""

SHARES = {
    "checkpoint": 14, "weights": 9, "old-weights": 6, "suite": 17, "record": 16, "trace": 14, "energy-table": 9,
    "manifest": 3, "training-state": 3, "official": 2, "idx": 2, "idx-gz": 2, "npz": 3, "hdf5": 3, "image": 2,
    "cifar": 3,
}  # fmt: skip
SECONDS = 20.0
_MEMORY_BYTES = 3 * 2**30  # beyond what the process has after the sound file


def main(argv: Sequence[str] | None = None) -> int:
    """Fuzz, print a line for each kind of file and each finding, write the table where asked for."""
    options = _parse(argv)
    if options.worker:
        _work(options.worker, options.seed, options.first, options.files, options.keep)
        return 0
    counts: dict[str, Counter[str]] = {}
    findings: list[str] = []
    for name in options.kinds:
        number = options.files * SHARES[name] // sum(SHARES.values()) + 1
        counts[name] = Counter()
        for at, found, words in _outcomes(name, options.seed, number, options.keep):
            counts[name][found] += 1
            if found in OUTCOMES[3:]:
                findings.append(f"{name} {options.seed}:{at}: {found}: {words}")
                print(findings[-1], flush=True)
        print(f"{name}: {number} files, {dict(counts[name])}", flush=True)
    if options.markdown:
        from benchmarks.document import replace_section

        replace_section(options.markdown, "fuzz", table(counts, options.seed))
    return 1 if findings else 0


def _parse(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m scripts.reliability.fuzz", description=__doc__)
    parser.add_argument("--files", type=int, default=12_000, help="damaged files in all")
    parser.add_argument("--seed", type=int, default=0, help="of all damage; the same seed gives the same files")
    parser.add_argument("--kinds", nargs="+", choices=list(SHARES), default=list(SHARES))
    parser.add_argument("--markdown", type=Path, help="write the table into the fuzz section of this page")
    parser.add_argument("--keep", type=Path, help="keep files that are findings in this folder")
    parser.add_argument("--worker", help=argparse.SUPPRESS)
    parser.add_argument("--first", type=int, default=0, help=argparse.SUPPRESS)
    return parser.parse_args(argv)


def damaged(name: str, content: bytes, damages: Sequence[Any], seed: int, at: int) -> bytes:
    """File number ``at`` of a kind under a seed; it differs from the sound one."""
    draw = random.Random(f"{seed}/{name}/{at}")
    while True:
        out: bytes = draw.choice(damages)(content, draw)
        if out != content:
            return out


def outcome(kind: Any, sound: Any, path: Path) -> tuple[str, str]:
    """What came of reading one damaged file, and a few words."""
    import click

    from snn_eval.cli.app import _out_of_memory
    from snn_eval.errors import SnnEvalError

    try:
        reading = kind.read(path)
    except (SnnEvalError, click.ClickException) as error:
        words = error.format_message() if isinstance(error, click.ClickException) else str(error)
        return ("refused", "") if words and "\n" not in words else ("crash", f"not one line: {words!r}")
    except Exception as error:
        if isinstance(error, MemoryError | RuntimeError) and _out_of_memory(error):
            return "refused", "not enough memory"
        place = traceback.extract_tb(error.__traceback__)[-1]
        return "crash", f"{type(error).__name__}: {error} ({Path(place.filename).name}:{place.lineno})"[:300]
    if reading.numbers == sound.numbers:
        return "same", ""
    return ("visible", "") if reading.identity != sound.identity else ("wrong", "other numbers, the same identity")


def _work(name: str, seed: int, first: int, files: int, keep: Path | None) -> None:
    """Read files ``first`` … and print an outcome for each as a line of JSON."""
    from scripts.reliability.targets import target

    warnings.simplefilter("ignore")
    kind = target(name)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"file{kind.ending}"
        path.write_bytes(kind.content)
        sound = kind.read(path)
        _say({"at": -1})
        limit = _address_space() + _MEMORY_BYTES
        resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
        for at in range(first, files):
            path.write_bytes(damaged(name, kind.content, kind.damages, seed, at))
            if keep is not None:  # before it is read: it may end the process
                keep.mkdir(parents=True, exist_ok=True)
                kept = keep / f"{name}-{seed}-{at}{kind.ending}"
                kept.write_bytes(path.read_bytes())
            found, words = outcome(kind, sound, path)
            if keep is not None and found in OUTCOMES[:3]:
                kept.unlink()
            _say({"at": at, "found": found, "words": words})
    os._exit(0)  # what torch does at the end of a process is not what is looked at


def _address_space() -> int:
    return int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()


def _say(values: dict[str, Any]) -> None:
    print(json.dumps(values), flush=True)


def _outcomes(name: str, seed: int, files: int, keep: Path | None) -> Iterator[tuple[int, str, str]]:
    """An outcome for each file; a process that dies or stands still is a finding, and another one goes on after it."""
    at = 0
    while at < files:
        words = ["--worker", name, "--seed", str(seed), "--first", str(at), "--files", str(files)]
        words += ["--keep", str(keep)] if keep is not None else []
        command = [sys.executable, "-m", "scripts.reliability.fuzz", *words]
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, bufsize=1) as run:
            for answer in _lines(run):
                if answer.get("at") == -1:
                    continue
                if "found" not in answer:
                    yield at, answer["stopped"], f"the process ended with {run.poll()}"
                    at += 1
                    break
                yield at, answer["found"], answer["words"]
                at += 1


def _lines(run: subprocess.Popen[str]) -> Iterator[dict[str, Any]]:
    """What a worker says, then how it stopped if that was before its time."""
    assert run.stdout is not None
    begun = False
    while True:
        ready, _, _ = select.select([run.stdout], [], [], SECONDS if begun else 300)
        line = run.stdout.readline() if ready else ""
        if not line:
            run.kill()
            if run.wait() == 0:
                return
            if not begun:
                raise SystemExit("a sound file could not be read; run the worker by hand")
            yield {"stopped": "crash" if ready else "hang"}
            return
        begun = True
        yield json.loads(line)


def table(counts: dict[str, Counter[str]], seed: int) -> str:
    """The table of the page."""
    from benchmarks.document import table as markdown

    rows = [[name, str(found.total()), *(str(found[o]) for o in OUTCOMES)] for name, found in counts.items()]
    whole: Counter[str] = sum(counts.values(), Counter())
    rows.append(["**all**", f"**{whole.total()}**", *(f"**{whole[o]}**" for o in OUTCOMES)])
    heads = ["kind of file", "files", "refused", "same numbers", "another hash", *OUTCOMES[3:]]
    return f"Seed {seed}.\n\n{markdown(heads, rows)}"


if __name__ == "__main__":
    sys.exit(main())

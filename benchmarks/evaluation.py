"""Samples a second of ``snn-eval run``, bare and recorded, by checkpoint: ``python -m benchmarks.evaluation``."""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path
from time import perf_counter

import torch

from benchmarks.document import conditions, replace_section, table
from benchmarks.timing import Overhead, compare, overhead_of
from benchmarks.variants import same_conditions
from snn_eval.errors import CheckpointError, DataError
from snn_eval.models.manifest import load_manifest
from snn_eval.run.execute import chunks_of, execute, prepared
from snn_eval.run.listener import Silent
from snn_eval.run.plan import Cell, Request, plan

PACKAGES = ("torch", "numba", "spikingjelly")


@dataclass(frozen=True, slots=True)
class Result:
    """One checkpoint: samples and steps, what recording adds to its forward runs, seconds of a whole run."""

    checkpoint: str
    suite: str
    samples: int
    batch_size: int
    time_steps: int
    timed_samples: int
    overhead: Overhead
    whole_s: float

    @property
    def bare_per_s(self) -> float:
        """Samples a second of the network alone."""
        return self.timed_samples / self.overhead.bare_s

    @property
    def recorded_per_s(self) -> float:
        """Samples a second with everything recorded."""
        return self.bare_per_s / (1 + self.overhead.wall.median)


def main(argv: Sequence[str] | None = None) -> int:
    """Measure, print the table, write what was asked for."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.evaluation", description=__doc__)
    parser.add_argument("--data-dir", type=Path, help="folder the data lie in")
    parser.add_argument("--pairs", type=int, default=15, help="groups A B B A for each checkpoint")
    parser.add_argument("--chunks", type=int, default=8, help="chunks of samples in each timed run, at most")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads(), help="threads of every run")
    parser.add_argument("--checkpoints", nargs="+", choices=list(load_manifest()), default=list(load_manifest()))
    parser.add_argument("--json", type=Path, help="write all numbers to this file")
    parser.add_argument("--markdown", type=Path, help="write the table into the evaluation section of this page")
    options = parser.parse_args(argv)
    with same_conditions(options.threads):
        results = [_measure(cell, options.pairs, options.chunks) for cell in _cells(options)]
    if not results:
        print("no checkpoint whose data are here; give --data-dir", file=sys.stderr)
        return 2
    text = f"{conditions(options.threads, PACKAGES)}\n\n{markdown(results)}"
    print(text)
    if options.json:
        options.json.write_text(json.dumps([asdict(result) for result in results], indent=1) + "\n", encoding="utf-8")
    if options.markdown:
        replace_section(options.markdown, "evaluation", text)
    return 0


def _cells(options: argparse.Namespace) -> Iterable[Cell]:
    """The suites' own test sets; a checkpoint whose data are not here is named and left out."""
    for name in options.checkpoints:
        suite = load_manifest()[name].suite
        try:
            (cell,) = plan(Request(suites=(suite,), data_dir=options.data_dir, download=False))
        except (CheckpointError, DataError) as error:
            print(f"{name}: left out: {error}", file=sys.stderr)
            continue
        if cell.checkpoint.name == name:
            yield cell
        else:
            print(f"{name}: left out: the suite {suite} measures {cell.checkpoint.name}", file=sys.stderr)


def _measure(cell: Cell, pairs: int, most_chunks: int) -> Result:
    device = torch.device("cpu")
    started = perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        execute(cell, Path(folder), Silent())
    whole_s = perf_counter() - started
    loaded, recorder = prepared(cell, device, Silent())
    size = cell.suite.evaluate.batch_size
    chunks = [chunk for chunk in islice(chunks_of(cell, device), most_chunks) if len(chunk) == size]

    def bare() -> None:
        for chunk in chunks:
            loaded.network.run(chunk.x)

    def recorded() -> None:
        for chunk in chunks:
            recorder.add(chunk)
        recorder.take()

    found = compare(bare, {"recorded": recorded}, {"recorded": pairs})["recorded"]
    return Result(
        cell.checkpoint.name, cell.suite.name, cell.samples, size, cell.suite.input.time_steps,
        len(chunks) * size, overhead_of(found), whole_s,
    )  # fmt: skip


def markdown(results: Sequence[Result]) -> str:
    """The table of the page."""
    rows = [
        [
            f"`{r.checkpoint}`",
            f"{r.time_steps}",
            f"{r.batch_size}",
            f"{r.bare_per_s:,.0f}",
            f"{r.recorded_per_s:,.0f}",
            f"{100 * r.overhead.wall.median:+.1f} % [{100 * r.overhead.wall.q1:+.1f}, {100 * r.overhead.wall.q3:+.1f}]",
            f"{r.whole_s:.1f} s",
            f"{r.samples:,}",
        ]
        for r in results
    ]
    heads = [
        "checkpoint",
        "T",
        "batch",
        "bare, samples/s",
        "recorded, samples/s",
        "recording adds",
        "whole run",
        "samples",
    ]
    return table(heads, rows)


if __name__ == "__main__":
    sys.exit(main())

"""What recording everything costs, beside the bare forward and the peers: ``python -m benchmarks.overhead``."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from time import perf_counter

import torch

from benchmarks.document import conditions, replace_section, table
from benchmarks.memory import Memory, measure_in_fresh_process
from benchmarks.networks import NETWORKS, Case, build
from benchmarks.timing import Overhead, Spread, Work, compare, overhead_of
from benchmarks.variants import VARIANTS, same_conditions

PACKAGES = ("torch", "numba", "spikingjelly", "snntorch", "neurobench", "syops")
OURS = ("bare", "snn_eval", "snn_eval-trace")
_CLOCKS = {"wall": "time", "cpu": "CPU time of all threads"}


@dataclass
class Result:
    """Everything measured on one network; a variant that could not run has its reason in ``failed``."""

    network: str
    title: str
    threads: int
    overhead: dict[str, Overhead] = field(default_factory=dict)
    prepare_s: dict[str, float] = field(default_factory=dict)
    memory: dict[str, Memory] = field(default_factory=dict)
    failed: dict[str, str] = field(default_factory=dict)


def main(argv: Sequence[str] | None = None) -> int:
    """Measure, print the tables, write what was asked for."""
    options = _parse(argv)
    results = [_measure(name, options) for name in options.networks]
    text = markdown(results, options.threads, options.clock)
    print(text)
    if options.json:
        options.json.write_text(json.dumps([asdict(result) for result in results], indent=1) + "\n", encoding="utf-8")
    if options.markdown:
        replace_section(options.markdown, "overhead", text)
    return 0


def _parse(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.overhead", description=__doc__)
    parser.add_argument("--pairs", type=int, default=25, help="groups A B B A for the control and for snn_eval")
    parser.add_argument("--peer-pairs", type=int, default=7, help="groups A B B A for each peer")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads(), help="threads of every run")
    parser.add_argument("--networks", nargs="+", choices=list(NETWORKS), default=list(NETWORKS))
    parser.add_argument("--variants", nargs="+", choices=list(VARIANTS), default=list(VARIANTS))
    parser.add_argument("--clock", choices=["wall", "cpu"], default="wall", help="cpu: for a machine others use too")
    parser.add_argument("--no-memory", action="store_true", help="leave out the peak memory (a fresh process each)")
    parser.add_argument("--json", type=Path, help="write all numbers to this file")
    parser.add_argument("--markdown", type=Path, help="write the tables into the overhead section of this page")
    return parser.parse_args(argv)


def _measure(network: str, options: argparse.Namespace) -> Result:
    case = build(network)
    result = Result(network, case.title, options.threads)
    _say(f"{case.title}: timing")
    with same_conditions(options.threads):
        works = _prepare(case, options.variants, result)
        pairs = {name: options.pairs if name in OURS else options.peer_pairs for name in works}
        ratios = compare(VARIANTS["bare"].prepare(case), works, pairs)
    result.overhead = {name: overhead_of(values) for name, values in ratios.items()}
    for name in () if options.no_memory else works:
        _say(f"{case.title}: memory of {name}")
        answer = measure_in_fresh_process(network, name, options.threads)
        if isinstance(answer, Memory):
            result.memory[name] = answer
        else:
            result.failed[f"memory of {name}"] = answer
    return result


def _prepare(case: Case, variants: Sequence[str], result: Result) -> dict[str, Work]:
    """Get each variant ready and run it once; one that raises is left out and named."""
    works: dict[str, Work] = {}
    for name in variants:
        start = perf_counter()
        try:
            work = VARIANTS[name].prepare(case)
            result.prepare_s[name] = perf_counter() - start
            work()
        except Exception as problem:  # a peer that cannot run is a result, named in the table
            result.failed[name] = " ".join(f"{type(problem).__name__}: {problem}".split())
        else:
            works[name] = work
    return works


def markdown(results: Sequence[Result], threads: int, clock: str) -> str:
    """The tables of the page: time, then memory, then what could not run."""
    names = [name for name in VARIANTS if any(name in r.overhead or name in r.failed for r in results)]
    bare = {r.network: f"{1e3 * next(iter(r.overhead.values())).bare_s:.0f} ms" for r in results}
    header = ["", *(f"{r.title} ({bare[r.network]})" for r in results), "what it counts"]
    time_rows = [
        [VARIANTS[n].title, *(_time_cell(r.overhead.get(n), clock) for r in results), VARIANTS[n].counts] for n in names
    ]
    parts = [
        conditions(threads, PACKAGES),
        f"Added {_CLOCKS[clock]}, median of paired ratios [quartiles]:",
        table(header, time_rows),
    ]
    if any(r.memory for r in results):
        rows = [[VARIANTS[n].title, *(_memory_cell(r.memory.get(n)) for r in results)] for n in names]
        parts += ["Peak memory above start, a fresh process each:", table(["", *(r.title for r in results)], rows)]
    once = [_once(r) for r in results if "snn_eval" in r.prepare_s]
    if once:
        parts.append(f"Preparing snn_eval, once per network and not in the tables: {', '.join(once)}.")
    parts += [f"* {r.title}, {name}: {reason}" for r in results for name, reason in r.failed.items()]
    return "\n\n".join(parts)


def _time_cell(overhead: Overhead | None, clock: str) -> str:
    if overhead is None:
        return "failed"
    return _percent(overhead.wall if clock == "wall" else overhead.cpu)


def _percent(spread: Spread) -> str:
    return f"{100 * spread.median:+.1f} % [{100 * spread.q1:+.1f}, {100 * spread.q3:+.1f}]"


def _memory_cell(memory: Memory | None) -> str:
    return "–" if memory is None else f"{memory.above_start / 2**20:.0f} MiB"


def _once(result: Result) -> str:
    memory = result.memory.get("snn_eval")
    needed = "" if memory is None else f", {memory.preparing_above_start / 2**20:.0f} MiB"
    return f"{result.prepare_s['snn_eval']:.2f} s{needed} ({result.title})"


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())

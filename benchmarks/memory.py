"""Peak memory of one variant, in a fresh process: ``python -m benchmarks.memory NETWORK VARIANT THREADS``."""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

__all__ = ["Memory", "measure_in_fresh_process"]

RUNS = 3
# glibc then gives each large block back at once: what is resident is what is alive, not what was once.
_ALLOCATOR = {"MALLOC_MMAP_THRESHOLD_": "65536"}
_STATUS = Path("/proc/self/status")
_RESET = Path("/proc/self/clear_refs")


@dataclass(frozen=True, slots=True)
class Memory:
    """Resident bytes before the first full pass, and the highest they were while preparing and while running."""

    start: int
    preparing: int
    peak: int

    @property
    def above_start(self) -> int:
        """Bytes the runs needed at once."""
        return self.peak - self.start

    @property
    def preparing_above_start(self) -> int:
        """Bytes the preparation, done once, needed at once."""
        return self.preparing - self.start


def measure_in_fresh_process(network: str, variant: str, threads: int) -> Memory | str:
    """Memory of a variant's preparation and of ``RUNS`` runs, or why there is none, in one line."""
    command = [sys.executable, "-m", "benchmarks.memory", network, variant, str(threads)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env={**os.environ, **_ALLOCATOR})
    if done.returncode != 0:
        return (done.stderr.strip().splitlines() or [f"exit code {done.returncode}"])[-1]
    return Memory(**json.loads(done.stdout.splitlines()[-1]))


def _field(name: str) -> int:
    """A field of the process's status, in bytes."""
    line = next(line for line in _STATUS.read_text().splitlines() if line.startswith(name + ":"))
    return int(line.split()[1]) * 1024


def _mark_start() -> int:
    """Make the high-water mark start from here where the system can; return the resident bytes."""
    if not _STATUS.exists():
        return _peak()
    _RESET.write_text("5")
    return _field("VmRSS")


def _peak() -> int:
    """Highest resident bytes: since the mark on Linux, since the start of the process elsewhere."""
    if _STATUS.exists():
        return _field("VmHWM")
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def _main(network: str, variant: str, threads: str) -> None:
    from benchmarks.networks import build
    from benchmarks.variants import VARIANTS, same_conditions

    case = build(network)
    with same_conditions(int(threads)):
        # A small run first: imports, compiled kernels and thread pools are not the network's memory.
        small = case.small()
        VARIANTS[variant].prepare(small)()
        start = _mark_start()
        work = VARIANTS[variant].prepare(case)
        preparing = _peak()
        _mark_start()
        for _ in range(RUNS):
            work()
    print(json.dumps({"start": start, "preparing": preparing, "peak": _peak()}))


if __name__ == "__main__":
    _main(*sys.argv[1:])

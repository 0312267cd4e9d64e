"""Paired timing: every ratio compares runs that stand next to each other in one process, so slow drift cancels."""

from __future__ import annotations

import gc
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from statistics import median, quantiles
from time import perf_counter, process_time

__all__ = ["Overhead", "Ratio", "Spread", "Work", "compare", "overhead_of"]

Work = Callable[[], object]

WARM_UP = 2


@dataclass(frozen=True, slots=True)
class Ratio:
    """Time of a variant ÷ time of the bare forward in one group of runs: by the wall clock and in CPU seconds."""

    wall: float
    cpu: float
    bare_s: float


@dataclass(frozen=True, slots=True)
class Spread:
    """Median and quartiles."""

    median: float
    q1: float
    q3: float


@dataclass(frozen=True, slots=True)
class Overhead:
    """What a variant adds to the bare forward, as a share of it (0.03 is 3 %)."""

    wall: Spread
    cpu: Spread
    pairs: int
    bare_s: float


def compare(bare: Work, variants: Mapping[str, Work], pairs: Mapping[str, int]) -> dict[str, list[Ratio]]:
    """Time each variant against ``bare`` in groups A B B A, the groups of all variants interleaved.

    Args:
        bare: the work everything is compared to (A).
        variants: the work to compare (B), by name.
        pairs: number of groups of each variant.

    Returns:
        One ratio per group: (B + B) ÷ (A + A).
    """
    for work in (bare, *variants.values()):
        for _ in range(WARM_UP):
            work()
    # What exists by now lives as long as the process: without this the collector walks through it at random moments.
    gc.collect()
    gc.freeze()
    rounds = max(pairs.values())
    ratios: dict[str, list[Ratio]] = {name: [] for name in variants}
    for index in range(rounds):
        for name, work in variants.items():
            if _takes_part(index, pairs[name], rounds):
                ratios[name].append(_group(bare, work))
    gc.unfreeze()
    return ratios


def overhead_of(ratios: list[Ratio]) -> Overhead:
    """Median and quartiles of what the variant adds."""
    return Overhead(
        wall=_spread([r.wall - 1 for r in ratios]),
        cpu=_spread([r.cpu - 1 for r in ratios]),
        pairs=len(ratios),
        bare_s=median(r.bare_s for r in ratios),
    )


def _takes_part(index: int, pairs: int, rounds: int) -> bool:
    """Spread ``pairs`` groups evenly over ``rounds``."""
    return index * pairs // rounds != (index - 1) * pairs // rounds


def _group(bare: Work, work: Work) -> Ratio:
    bare()  # untimed: whatever ran before has left its own data in the caches
    first, b1, b2, last = _time(bare), _time(work), _time(work), _time(bare)
    wall = (b1[0] + b2[0]) / (first[0] + last[0])
    cpu = (b1[1] + b2[1]) / (first[1] + last[1])
    return Ratio(wall, cpu, (first[0] + last[0]) / 2)


def _time(work: Work) -> tuple[float, float]:
    wall, cpu = perf_counter(), process_time()
    work()
    return perf_counter() - wall, process_time() - cpu


def _spread(values: list[float]) -> Spread:
    if len(values) < 2:
        return Spread(values[0], values[0], values[0])
    q1, middle, q3 = quantiles(values, n=4, method="inclusive")
    return Spread(middle, q1, q3)

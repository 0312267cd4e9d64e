"""How a call folds time and sample into the axes of its tensors: found by experiment, never guessed.

Three facts about an operand decide: which axis grows with the number of samples, which grows with the number of steps,
and which slices change when one sample is replaced.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from snn_eval.probe.inventory import Operand

__all__ = ["Layout", "Observations", "infer_layout"]

Factor = int | Literal["T", "N"]


def _size(factor: Factor, time_steps: int, samples: int) -> int:
    if factor == "T":
        return time_steps
    return samples if factor == "N" else factor


@dataclass(frozen=True, slots=True)
class Layout:
    """Factors of each axis, outermost first: ``"T"``, ``"N"`` or a size.

    ``sample`` / ``time``: whether such a factor exists. ``assumed``: nothing changed in the experiments, so the
    order of factors within an axis is the usual one, not a proven one. ``ambiguous``: other orders would fit
    the shapes as well. ``leaks``: replacing a sample changed others.
    """

    axes: tuple[tuple[Factor, ...], ...]
    assumed: bool = False
    leaks: bool = False
    ambiguous: bool = False

    @property
    def sample(self) -> bool:
        """Whether samples can be told apart."""
        return any("N" in axis for axis in self.axes)

    @property
    def time(self) -> bool:
        """Whether the tensor holds all steps."""
        return any("T" in axis for axis in self.axes)

    def sizes(self, time_steps: int, samples: int) -> tuple[int, ...]:
        """Factor sizes of all axes, in order."""
        return tuple(_size(f, time_steps, samples) for axis in self.axes for f in axis)

    def order(self) -> tuple[int, ...]:
        """Permutation of the factors that brings time first, then sample, then the rest as they are."""
        flat = [f for axis in self.axes for f in axis]
        lead = [flat.index(f) for f in ("T", "N") if f in flat]
        return (*lead, *(i for i in range(len(flat)) if i not in lead))

    def per_sample(self) -> tuple[int, ...]:
        """Shape of one sample in one step: axes without time and sample (an axis that was only those is gone)."""
        shape = []
        for axis in self.axes:
            rest = [f for f in axis if isinstance(f, int)]
            if rest:
                shape.append(int(np.prod(rest)))
        return tuple(shape)

    @property
    def in_order(self) -> bool:
        """Whether the memory order is already time, sample, rest."""
        order = self.order()
        return order == tuple(range(len(order)))


@dataclass(frozen=True, slots=True)
class Observations:
    """The same operand in several runs.

    ``base`` with n samples, ``wider`` with more, ``shorter`` with one step less (None where T cannot be set), each of
    ``changed`` with sample 0 replaced; ``looped``: its call is made again at each step.
    """

    base: Operand
    wider: Operand
    shorter: Operand | None
    changed: Sequence[Operand]
    samples: int
    samples_wider: int
    time_steps: int
    looped: bool


def infer_layout(seen: Observations) -> Layout | None:
    """Layout of an operand; None where more than one axis grows with the samples, or none fits.

    A layout without an ``"N"`` factor means the operand does not depend on how many samples there are.
    """
    shape = seen.base.shape
    if len(seen.wider.shape) != len(shape):
        return None
    grows = [k for k in range(len(shape)) if seen.wider.shape[k] != shape[k]]
    if not grows:
        return Layout(tuple((s,) for s in shape))
    if len(grows) > 1 or shape[grows[0]] * seen.samples_wider != seen.wider.shape[grows[0]] * seen.samples:
        return None
    sample_axis = grows[0]
    time_axis = _time_axis(seen, sample_axis)
    best: tuple[tuple[int, int, int], Layout] | None = None
    candidates = list(_candidates(seen, sample_axis, time_axis))
    for preference, axes in enumerate(candidates):
        outside, inside = _changes(seen, axes, sample_axis)
        layout = Layout(axes, assumed=inside == 0, leaks=outside > 0, ambiguous=len(candidates) > 1)
        score = (outside, _time_mismatch(seen, layout), preference)
        if best is None or score < best[0]:
            best = (score, layout)
    if best is None or (best[1].assumed and best[1].leaks):
        return None  # where sample 0 should be nothing changed, elsewhere something did: samples in another order
    return best[1]


def _time_axis(seen: Observations, sample_axis: int) -> int | None:
    """The axis that holds the steps, if any: the one that shrinks with T, or by its size where T cannot be set."""
    shape, steps = seen.base.shape, seen.time_steps
    if steps == 1:
        return 0 if sample_axis == 1 and shape[0] == 1 else None
    if seen.looped:
        return None
    if seen.shorter is not None:
        if len(seen.shorter.shape) != len(shape):
            return None
        fits = [k for k in range(len(shape)) if seen.shorter.shape[k] * steps == shape[k] * (steps - 1)]
        return fits[0] if fits else None
    if shape[sample_axis] % (seen.samples * steps) == 0:
        return sample_axis
    near = [k for k in range(min(2, len(shape))) if k != sample_axis and shape[k] == steps]
    return near[0] if near else None


def _candidates(
    seen: Observations, sample_axis: int, time_axis: int | None
) -> Iterator[tuple[tuple[Factor, ...], ...]]:
    """Possible factorisations, the most usual first."""
    shape, steps, n = seen.base.shape, seen.time_steps, seen.samples
    plain: list[tuple[Factor, ...]] = [(s,) for s in shape]
    if time_axis is not None and time_axis != sample_axis:
        rest = shape[time_axis] // steps
        plain[time_axis] = ("T",) if rest == 1 else ("T", rest)
    fold = shape[sample_axis] // n
    if time_axis == sample_axis:
        rest = fold // steps
        options = [f for outer in _divisors(rest) for f in _with_time(outer, rest // outer)]
    else:
        options = [_factors(outer, "N", fold // outer) for outer in _divisors(fold)]
    for option in options:
        axes = list(plain)
        axes[sample_axis] = option
        yield tuple(axes)


def _with_time(outer: int, inner: int) -> list[tuple[Factor, ...]]:
    options: list[tuple[Factor, ...]]
    options = [("T", outer, "N", inner), (outer, "T", "N", inner), (outer, "N", "T", inner), (outer, "N", inner, "T")]
    return list(dict.fromkeys(_factors(*o) for o in options))


def _factors(*factors: Factor) -> tuple[Factor, ...]:
    return tuple(f for f in factors if f != 1)


def _divisors(n: int) -> list[int]:
    return [d for d in range(1, n + 1) if n % d == 0]


def _grid(
    axes: tuple[tuple[Factor, ...], ...], axis: int, steps: int, samples: int
) -> tuple[NDArray[np.int64], list[Factor]]:
    """Indices of one axis arranged by its factors."""
    factors = list(axes[axis]) or [1]
    sizes = [_size(f, steps, samples) for f in factors]
    return np.arange(int(np.prod(sizes))).reshape(sizes), factors


def _changes(seen: Observations, axes: tuple[tuple[Factor, ...], ...], axis: int) -> tuple[int, int]:
    """Slices that changed outside of, and inside, the replaced sample."""
    grid, factors = _grid(axes, axis, seen.time_steps, seen.samples)
    own = np.zeros(grid.size, bool)
    own[np.take(grid, 0, axis=factors.index("N")).reshape(-1)] = True
    differs = np.zeros(grid.size, bool)
    for other in seen.changed:
        if other.shape == seen.base.shape and seen.base.digests:
            differs |= ~_close(seen.base.digests[axis], other.digests[axis])
    return int((differs & ~own).sum()), int((differs & own).sum())


def _time_mismatch(seen: Observations, layout: Layout) -> int:
    """Slices of the first T-1 steps that are not what they were in the run with T-1 steps."""
    base, shorter = seen.base, seen.shorter
    axis = next((k for k, factors in enumerate(layout.axes) if "T" in factors), None)
    if axis is None or shorter is None or len(shorter.shape) != len(base.shape) or not base.digests:
        return 0
    long, factors = _grid(layout.axes, axis, seen.time_steps, seen.samples)
    short, _ = _grid(layout.axes, axis, seen.time_steps - 1, seen.samples)
    if short.size != shorter.shape[axis]:
        return 0
    kept = np.take(long, range(seen.time_steps - 1), axis=factors.index("T"))
    return int((~_close(base.digests[axis][kept.reshape(-1)], shorter.digests[axis][short.reshape(-1)])).sum())


def _close(a: NDArray[np.float64], b: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Equal but for the order in which a digest was summed."""
    with np.errstate(invalid="ignore"):
        return np.abs(a - b) <= 1e-9 * (1 + np.abs(a))

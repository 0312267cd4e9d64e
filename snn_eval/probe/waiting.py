"""Counts that wait: a few tensors are held and counted together, where it is known that nothing changes them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from snn_eval.errors import NetworkError
from snn_eval.probe.jobs import Job, work_off

__all__ = ["Held", "Waiting"]

_LIMIT = 1 << 20
"""Elements held before they are counted (4 MiB): more would no longer lie in a cache."""


@dataclass(slots=True)
class Held:
    """A tensor, the job that counts it, and how to count it alone should the job find other values than expected.

    ``keeps``: whatever the job has addresses of. ``counted``: None while it waits, then whether the job did count it.
    """

    x: Tensor
    job: Job
    keeps: Any
    alone: list[Callable[[], None]]
    counted: bool | None = None
    version: int = -1

    def __post_init__(self) -> None:
        self.version = -1 if self.x.is_inference() else self.x._version


class Waiting:
    """Tensors waiting to be counted; ``fills``: the entries they fill, which must not change their arrays meanwhile."""

    def __init__(self) -> None:
        self._held: list[Held] = []
        self._elements = 0
        self.fills: set[int] = set()

    def put(self, held: Held, entries: Iterable[object], steady: bool) -> None:
        """Hold a tensor; count it and all that wait if it may be changed (not ``steady``) or they get too large."""
        self._held.append(held)
        self.fills.update(map(id, entries))
        self._elements += held.x.numel()
        if not steady or self._elements > _LIMIT:
            self.settle()

    def settle_for(self, entry: object) -> None:
        """Count what waits if some of it fills this entry."""
        if id(entry) in self.fills:
            self.settle()

    def settle(self) -> None:
        """Count everything that waits.

        Raises:
            NetworkError: a tensor was changed in place, which it was not on the first batch.
        """
        held, self._held = self._held, []
        self._elements = 0
        self.fills.clear()
        if not held:
            return
        for one in held:
            if one.version >= 0 and one.x._version != one.version:
                raise NetworkError(
                    "a layer's input or a neuron's output was changed in place after its use, which it was not on the "
                    "first batch. Data-dependent control flow cannot be measured as it is"
                )
        for one, against in zip(held, work_off([one.job for one in held]), strict=True):
            one.counted = against == 0
            if not one.counted:
                for count in one.alone:
                    count()

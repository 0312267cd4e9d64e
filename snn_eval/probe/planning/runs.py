"""The observed runs a plan is made from, and what follows from comparing them alone."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from snn_eval.errors import NetworkError
from snn_eval.probe.inventory import Event, Inventory

__all__ = ["Runs"]


@dataclass(frozen=True, slots=True)
class Runs:
    """Inventories of the same network on different inputs.

    ``base`` and each of ``changed`` (sample 0 replaced) have ``samples`` samples, ``wider`` has ``samples_wider``,
    ``shorter`` one step less (None where T cannot be set).
    """

    base: Inventory
    wider: Inventory
    shorter: Inventory | None
    changed: Sequence[Inventory]
    samples: int
    samples_wider: int

    def check_same_calls(self) -> None:
        """Whether all runs of T steps made the same calls.

        Raises:
            NetworkError: they did not.
        """
        want = [event.identity for event in self.base.events]
        for other in (self.wider, *self.changed):
            got = [event.identity for event in other.events]
            if got == want:
                continue
            differ = (i for i, (a, b) in enumerate(zip(want, got, strict=False)) if a != b)
            at = next(differ, min(len(want), len(got)))
            _, module, function = want[at] if at < len(want) else got[at]
            place = f"{function or 'the neurons'} in '{module or 'the network itself'}'"
            raise NetworkError(
                f"the network's calls depend on its input or its number of samples (first at {place}); expected "
                "the same calls every time. Data-dependent control flow (early exit, …) cannot be measured as it is"
            )

    def per_sample(self, index: int, count: Callable[[Event], int]) -> int:
        """What one sample more adds to a count of a call."""
        more = count(self.wider.events[index]) - count(self.base.events[index])
        return more // (self.samples_wider - self.samples)

"""Meetings of residual sums that follow from other counts: derived chunk by chunk, and checked against looking."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from snn_eval.probe.planning import Plan
from snn_eval.probe.planning.plan import PlannedSum

__all__ = ["Sums"]


class Sums:
    """The sums of a plan; ``look`` runs the network on the chunk once more and counts their meetings."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._checked = False

    def begin(self, samples: int) -> None:
        """Start a chunk of what is counted for the sums' sake."""
        for calls in self._plan.witnesses.values():
            for planned in calls:
                if planned is not None:
                    planned.entry.begin(samples)

    def follow(self, look: Callable[[], None]) -> None:
        """Derive the meetings of every sum; of the first chunk they are counted, too, and must be the same.

        Where some do not follow (a negative or unexpected value) they are counted, and from then on the mode looks at
        every sum where it is made.
        """
        if not self._plan.sums:
            return
        derived = all(_derive(planned) for planned in self._plan.sums)
        if derived and self._checked:
            return
        self._checked = True
        entries = [planned.meeting.entry for planned in self._plan.sums]
        found = [entry.meetings for entry in entries]
        look()
        if not derived or not _equal(found, [entry.meetings for entry in entries]):
            self._plan.sums = []

    def hold(self, look: Callable[[], None]) -> bool:
        """Whether what was derived for the last chunk is what there is to count."""
        entries = [planned.meeting.entry for planned in self._plan.sums]
        if not entries:
            return True
        look()
        found = [entry.meetings for entry in entries]
        for entry in entries:
            entry.meetings = None
        return _equal(found, [entry.latest for entry in entries])


def _derive(planned: PlannedSum) -> bool:
    """Derive one sum's meetings; False where they do not follow, or the sum of the whole is not that of its parts."""
    step, entry = planned.meeting.step, planned.meeting.entry
    a, b, whole = (one.nonzero(step) for one in (planned.a, planned.b, planned.whole))
    if a is None or b is None or whole is None or entry.meetings is None:
        return False
    if a[1] is None or b[1] is None or (whole[1] is not None and not np.array_equal(whole[1], a[1] + b[1])):
        return False
    found = a[0] + b[0] - whole[0]
    if np.any(found < 0) or np.any(found > np.minimum(a[0], b[0])):
        return False
    entry.meetings[step] = found
    return True


def _equal(found: Sequence[Any], expected: Sequence[Any]) -> bool:
    return all(np.array_equal(a, b) for a, b in zip(found, expected, strict=True))

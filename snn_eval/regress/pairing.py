"""The pairs of a share of samples: from outcomes known sample by sample, or as far as both shares alone bound them."""

from __future__ import annotations

from snn_eval.record import Measurement
from snn_eval.regress.match import Couple
from snn_eval.regress.paired import Pairs, count_pairs, widest_pairs
from snn_eval.regress.side import Side
from snn_eval.units import RATIO

__all__ = ["agree", "bounding_pairs", "known_pairs"]

_SAME = 1e-9
"""Difference below which a recorded share is the one a number of samples makes."""


def known_pairs(base: Side, new: Side, couple: Couple) -> Pairs | None:
    """The metric's outcomes on both sides, sample by sample; None where they are not known."""
    if couple.old is None or couple.now is None or base.outcomes is None or new.outcomes is None:
        return None
    name, (a, b) = couple.now.metric, (base.outcomes.good, new.outcomes.good)
    if name not in a or name not in b or base.outcomes.unit != new.outcomes.unit:
        return None
    return count_pairs(a[name], b[name])


def bounding_pairs(couple: Couple) -> Pairs | None:
    """The pairs that say least of all that make both shares (``widest_pairs``); None where none do."""
    old, now = couple.old, couple.now
    if old is None or now is None or now.kind != "statistical" or now.unit != RATIO:
        return None
    if not now.n or old.n != now.n:
        return None
    right = [round(_good(m) * now.n) for m in (old, now)]
    pairs = widest_pairs(right[0], right[1], now.n)
    return pairs if agree(pairs, old, now) else None


def agree(pairs: Pairs, old: Measurement, now: Measurement) -> bool:
    """Whether outcomes and recorded shares are of the same samples."""
    good = [(pairs.both + pairs.lost) / pairs.n, (pairs.both + pairs.gained) / pairs.n]
    return all(abs(share - _good(m)) < _SAME for share, m in zip(good, (old, now), strict=True))


def _good(m: Measurement) -> float:
    return 1 - m.value if m.direction == "lower" else m.value

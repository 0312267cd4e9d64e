"""One side of a comparison: a record, and where they are known the outcomes of its samples."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from snn_eval.record import Record
from snn_eval.regress.outcomes import Outcomes

__all__ = ["ModelKey", "Side"]


class ModelKey(NamedTuple):
    """What pairs a baseline with a run: the same model on the same suite."""

    suite: str
    model: str


@dataclass(frozen=True)
class Side:
    """A run, a baseline or a lone record. ``accepted``: a baseline, whose limits somebody agreed to."""

    record: Record
    outcomes: Outcomes | None = None
    accepted: bool = False

    @property
    def key(self) -> ModelKey:
        """Suite and model."""
        return ModelKey(self.record.identity.suite, self.record.identity.model)

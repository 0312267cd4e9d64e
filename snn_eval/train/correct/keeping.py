"""A change of a layer's correction is kept only if the held-out images say that it helps."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch

from snn_eval.train.correct.places import Place
from snn_eval.train.correct.work import Work

__all__ = ["Judged", "kept"]


@dataclass(slots=True)
class Judged:
    """The calibration loss now, and whether the change was kept."""

    loss: float
    is_kept: bool = False


@contextmanager
def kept(work: Work, places: Place | list[Place], loss: float) -> Iterator[Judged]:
    """Keep what is changed inside in some layers' corrections if the loss falls below ``loss``, else put it back."""
    chosen = places if isinstance(places, list) else [places]
    parts = [work.correction(place) for place in chosen]
    before = [{name: value.detach().clone() for name, value in part.named_parameters()} for part in parts]
    judged = Judged(loss)
    yield judged
    after = work.loss()
    if after < loss:
        judged.loss, judged.is_kept = after, True
        return
    with torch.no_grad():
        for part, values in zip(parts, before, strict=True):
            for name, value in part.named_parameters():
                value.copy_(values[name])

"""Which cells may run together: as many as there are places, and never two that train the same network."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

from snn_eval.run.ablate.pool import _startable


def cell(training: str) -> Any:
    return SimpleNamespace(training=Path(training))


def test_a_training_has_one_cell_at_a_time() -> None:
    first, second, other, last = (cell(name) for name in "aabb")
    waiting = [first, second, other, last]
    assert _startable(waiting, [], 4) == [first, other]
    assert _startable(waiting, [], 1) == [first]
    training: Any = SimpleNamespace(cell=cell("a"), trains=True)
    assert _startable([second, other], [training], 2) == [other]
    assert _startable([second], [training], 2) == []
    training.trains = False  # it is being measured: its training's folder is free
    assert _startable([second, other], [training], 2) == [second]
    assert _startable([second, other], [training, training], 2) == []

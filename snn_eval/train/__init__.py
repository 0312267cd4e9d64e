"""Plain training loop; losses; the state best on validation and the last one are both kept."""

from __future__ import annotations

from snn_eval.train.log import Epoch
from snn_eval.train.loop import Trained, train
from snn_eval.train.watch import Silent, Watcher

__all__ = ["Epoch", "Silent", "Trained", "Watcher", "train"]

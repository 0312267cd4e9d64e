"""Plain training loop; losses; the state best on validation and the last one are both kept."""

from __future__ import annotations

from snn_eval.train.loop import Epoch, Trained, train

__all__ = ["Epoch", "Trained", "train"]

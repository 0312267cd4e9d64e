"""Improves a trained network without training it: temporal bias correction, gains and readout (docs/correction.md)."""

from __future__ import annotations

from snn_eval.train.correct.network import Corrected, CorrectionReport, correct_network

__all__ = ["Corrected", "CorrectionReport", "correct_network"]

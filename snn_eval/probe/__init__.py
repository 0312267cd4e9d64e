"""The probe: one recording pass over a network gives an exact trace."""

from __future__ import annotations

from snn_eval.data.chunk import Chunk
from snn_eval.probe.options import ProbeOptions
from snn_eval.probe.recorder import Recorder, record_trace

__all__ = ["Chunk", "ProbeOptions", "Recorder", "record_trace"]

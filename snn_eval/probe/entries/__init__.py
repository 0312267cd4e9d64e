"""Where counts gather: one entry for each layer of the trace, filled chunk by chunk, emptied into the trace."""

from __future__ import annotations

from snn_eval.probe.entries.meeting import MeetingEntry
from snn_eval.probe.entries.neuron import NeuronEntry
from snn_eval.probe.entries.product import ProductEntry
from snn_eval.probe.entries.view import View
from snn_eval.probe.entries.weighted import WeightedEntry

__all__ = ["Entry", "MeetingEntry", "NeuronEntry", "ProductEntry", "View", "WeightedEntry"]

Entry = WeightedEntry | ProductEntry | NeuronEntry | MeetingEntry

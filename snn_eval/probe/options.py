"""The options of a recording pass."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from snn_eval.errors import InputError

__all__ = ["ProbeOptions"]


@dataclass(frozen=True, slots=True)
class ProbeOptions:
    """Options of one pass.

    Attributes:
        batch_size: every chunk is padded to this many samples (padding is dropped), so arithmetic never differs.
        input_kind: what the network's own input is: ``real``, ``spikes`` or ``counts``; never guessed.
        split: name of the part of the data set.
        strict: an operation without a rule is an error.
        encoding_depends_on_time_steps: whether the encoder's early steps change with T (e.g. latency coding).
        max_classes: above this many classes only a summary of the readout is kept.
        per_step_map_limit: above this many cells a neuron layer's map is summed over T.
        timed_chunks: how many chunks are also run bare, for the wall time.
    """

    batch_size: int = 64
    input_kind: Literal["real", "spikes", "counts"] = "real"
    split: str = "test"
    strict: bool = False
    encoding_depends_on_time_steps: bool = False
    max_classes: int = 100
    per_step_map_limit: int = 2**26
    timed_chunks: int = 3

    def __post_init__(self) -> None:
        if self.input_kind not in ("real", "spikes", "counts"):
            raise InputError(f"input_kind: expected real, spikes or counts, got {self.input_kind!r}")
        if self.batch_size < 1:
            raise InputError(f"batch_size: expected 1 or more, got {self.batch_size}")

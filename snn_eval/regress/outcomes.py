"""Which samples were decided rightly: what a paired test needs, taken from a trace and packed into few characters."""

from __future__ import annotations

import base64
import binascii
import contextlib
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from snn_eval.errors import GateError, RefusedError
from snn_eval.metrics.accuracy import among_top5, correct, first_correct_step, has_groups
from snn_eval.metrics.readout import prefix_predictions
from snn_eval.trace import Trace

__all__ = ["Outcomes", "Unit", "outcomes_of", "pack", "unpack"]

Bool = NDArray[np.bool_]
Unit = Literal["sample", "recording"]

_LINE_BYTES = 48
"""384 samples to a line of a baseline: a few changed samples are a few changed lines."""


@dataclass(frozen=True)
class Outcomes:
    """By metric (``accuracy``, …) a flag for each sample or recording, ascending by id.

    ``good`` is True where it counts for the better: right, or for ``never_correct`` right at some step.
    ``ids_sha256`` is the hash of the ids: outcomes may be paired only where it is equal.
    """

    unit: Unit
    n: int
    ids_sha256: str
    good: Mapping[str, Bool]


def outcomes_of(trace: Trace) -> Outcomes:
    """Outcomes of a trace: by recording where clips belong to recordings, else by sample.

    Clips of one recording depend on each other, so there accuracy alone is kept: the other shares count clips singly.
    """
    if has_groups(trace):
        return Outcomes(
            "recording", *_ids(np.unique(trace.samples.group_id)), {"accuracy": correct(trace)}
        )  # correct() gives recordings ascending
    order = np.argsort(trace.samples.id)
    good = {"accuracy": correct(trace)[order]}
    top5 = among_top5(trace)
    if top5 is not None:
        good["accuracy_top5"] = top5[order]
    with contextlib.suppress(RefusedError):  # prefixes mean nothing for this network; its record says why
        good["never_correct"] = (first_correct_step(trace, prefix_predictions(trace)) > 0)[order]
    return Outcomes("sample", *_ids(trace.samples.id[order]), good)


def _ids(ids: NDArray[np.int64]) -> tuple[int, str]:
    return len(ids), hashlib.sha256(ids.astype("<i8").tobytes()).hexdigest()


def pack(flags: Bool) -> list[str]:
    """Flags as bits, eight to a byte, in base64, 384 flags to a string.

    >>> pack(np.array([True, False, False, False, False, False, False, True, True]))
    ['gYA=']
    """
    content = np.packbits(flags).tobytes()
    starts = range(0, len(content), _LINE_BYTES)
    return [base64.b64encode(content[start : start + _LINE_BYTES]).decode() for start in starts]


def unpack(lines: Sequence[str], n: int) -> Bool:
    """The n flags packed in ``lines``.

    Raises:
        GateError: the text is not base64, or not of n flags.
    """
    try:
        content = b"".join(base64.b64decode(line, validate=True) for line in lines)
    except (binascii.Error, ValueError) as error:
        raise GateError(f"packed outcomes are not base64 ({error}); save the baseline again") from error
    if len(content) != (n + 7) // 8:
        raise GateError(
            f"packed outcomes hold {len(content)} bytes, expected {(n + 7) // 8} for {n} flags; save the baseline again"
        )
    bits = np.unpackbits(np.frombuffer(content, np.uint8))
    if bits[n:].any():
        raise GateError(f"packed outcomes hold more than {n} flags; save the baseline again")
    return bits[:n].astype(np.bool_)

"""Keeps runs on disk: a folder for each, finished parts while it runs, whole results when it is done.

    <root>/20261120-082315-digits-conv-snn/
        parts/<chunk>.h5     traces of finished chunks, while the run goes on; parts/lock is held by the running process
        parts/validation/    the same of the validation part, where early exit is chosen on it
        trace.h5  record.json  table.csv  table.md  layers.csv  figures/  (validation.h5)

A run that was killed keeps its record with status ``partial`` and its parts; the next run of the same cell goes on from
there. Every file is written whole or not at all; whoever works on a run holds its lock from before its record is there
until after it is finished.
"""

from __future__ import annotations

from snn_eval.store.claim import Claim, alone_in, claim, claim_new, claim_unfinished, create_run, tidy
from snn_eval.store.find import find_run, list_runs
from snn_eval.store.folder import PARTS, Part, RunFolder
from snn_eval.store.parts import PART_INTERVAL_S, PartWriter, finished_chunks

__all__ = [
    "PARTS",
    "PART_INTERVAL_S",
    "Claim",
    "Part",
    "PartWriter",
    "RunFolder",
    "alone_in",
    "claim",
    "claim_new",
    "claim_unfinished",
    "create_run",
    "find_run",
    "finished_chunks",
    "list_runs",
    "tidy",
]

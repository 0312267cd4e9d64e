"""Stored runs without running anything: a folder made of a trace."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from helpers.sides import record

from snn_eval.metrics import measure
from snn_eval.store import RunFolder, create_run
from snn_eval.trace import Trace

__all__ = ["stored_run"]


def stored_run(root: Path, trace: Trace, **changes: Any) -> RunFolder:
    """A finished run of this trace under ``root``; ``changes`` as in ``helpers.sides.record``."""
    measurements, refused = measure(trace, conventions=["exact"], energy_models=["horowitz-45nm-fp32"])
    facts = {"samples": len(trace.samples), "time_steps": trace.time_steps, "refused": refused}
    made = record(measurements, **(facts | changes))
    run = create_run(root, made)
    run.finish(trace, made)
    return run

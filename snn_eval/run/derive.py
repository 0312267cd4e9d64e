"""From a trace to a finished record and the files beside it; needs neither torch nor network nor data."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, Literal

from snn_eval.energy import models_of, with_tables
from snn_eval.errors import RefusedError
from snn_eval.metrics import ExitRule, chosen_rule, measure, require_prefix
from snn_eval.record import ExitChoice, Record, UnknownOperation
from snn_eval.run.doubts import doubts
from snn_eval.trace import Trace

__all__ = ["derive", "under"]


def under(record: Record, **chosen: Sequence[str]) -> Record:
    """The record with other ``conventions`` or ``energy`` models to compute under; where none is named, as it was.

    Raises:
        InputError: an energy model that is unknown, or a table that cannot be used.
    """
    config = dict(record.provenance.config)
    config["evaluate"] = dict(config.get("evaluate", {})) | {key: list(names) for key, names in chosen.items() if names}
    changed = record.model_copy(update={"provenance": record.provenance.model_copy(update={"config": config})})
    return with_tables(changed) if chosen.get("energy") else changed


def derive(
    trace: Trace,
    record: Record,
    status: Literal["done", "limited"] | None = None,
    *,
    validation: Trace | None = None,
) -> Record:
    """The record with every number computed from the trace, under the options kept in the record.

    Args:
        trace: of all samples of the cell.
        record: identity, provenance with the resolved suite, notes, and the exit that is asked for.
        status: how the record ends; as it is if None.
        validation: trace of the validation part; the exit rule follows from it alone.

    Raises:
        CountError: a count is impossible, or an energy model lacks a cost that is needed.
        InputError: an energy table that the record does not hold and that is not there.
    """
    evaluate: Mapping[str, Any] = record.provenance.config.get("evaluate", {})
    choice, rule, no_exit = _exit(trace, validation, record.exit)
    measurements, refused = measure(
        trace,
        evaluate.get("metrics") or None,
        conventions=evaluate.get("conventions"),
        energy_models=models_of(record),
        exit_rule=rule,
    )
    changes: dict[str, Any] = {
        "status": status or record.status,
        "measurements": measurements,
        "refused": refused | no_exit,
        "exit": choice,
        "unknown": [UnknownOperation(name=u.name, calls=u.calls, elements=u.elements) for u in trace.unknown],
        "notes": list(dict.fromkeys([*record.notes, *trace.facts.notes, *_hints(trace), *doubts(trace, measurements)])),
        "error": None,
        "provenance": record.provenance.model_copy(
            update={"dtype": trace.facts.dtype, "wall_s": record.provenance.wall_s or trace.facts.wall_s}
        ),
    }
    return Record(**(dict(record) | changes))


def _exit(
    trace: Trace, validation: Trace | None, asked: ExitChoice | None
) -> tuple[ExitChoice | None, ExitRule | None, dict[str, str]]:
    """The exit asked for with its rule chosen on the validation trace; where that means nothing, why it was refused."""
    if asked is None:
        return None, None, {}
    unchosen = asked.model_copy(update={"temperature": None, "threshold": None})
    try:
        require_prefix(trace, "early exit")
        if validation is None:
            raise RefusedError("early exit needs the trace of the validation part, validation.h5")
        rule = chosen_rule(validation, asked.kind, asked.tolerance)
    except RefusedError as error:
        return unchosen, None, {"exit": str(error)}
    threshold = rule.threshold if math.isfinite(rule.threshold) else None
    return unchosen.model_copy(update={"temperature": rule.temperature, "threshold": threshold}), rule, {}


def _hints(trace: Trace) -> list[str]:
    """What is easily overlooked, and would make the numbers be of something else than was meant."""
    if not trace.neurons and trace.time_steps > 1:
        return [
            f"no spiking layer was recognised, so nothing tells the {trace.time_steps} time steps apart: "
            "measure a network without spikes with --time-steps 1; spiking classes of your own are named in Python"
        ]
    return []

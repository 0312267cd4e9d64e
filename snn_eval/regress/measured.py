"""A trace taken in somebody's own test as one side of a comparison: its numbers, its outcomes, its conditions."""

from __future__ import annotations

import hashlib

from snn_eval import env
from snn_eval.metrics.measure import measure
from snn_eval.record import Identity, Provenance, Record, UnknownOperation
from snn_eval.regress.outcomes import outcomes_of
from snn_eval.regress.side import Side
from snn_eval.report.lookup import HEADLINE_CONVENTION, HEADLINE_ENERGY_MODEL
from snn_eval.trace import Trace

__all__ = ["measured"]


def measured(trace: Trace, model: str, suite: str = "pytest") -> Side:
    """Every metric of the trace under the headline's convention and energy model.

    The data are known by ids, targets and recordings of the samples; the trace was taken on this machine.

    Raises:
        CountError: the trace holds no samples, or a count is impossible.
    """
    numbers, refused = measure(trace, conventions=[HEADLINE_CONVENTION], energy_models=[HEADLINE_ENERGY_MODEL])
    samples, facts = trace.samples, trace.facts
    data = b"".join(a.astype("<i8").tobytes() for a in (samples.id, samples.target, samples.group_id))
    identity = Identity(
        suite=suite,
        suite_version=1,
        model=model,
        data_fingerprint=hashlib.sha256(data).hexdigest(),
        split=samples.split,
        samples=len(samples),
        time_steps=trace.time_steps,
        cell=hashlib.sha256(f"{suite}\0{model}".encode()).hexdigest()[:16],
    )
    made = Provenance(
        packages=dict(facts.packages),
        machine=env.machine(),  # the trace itself names only the kind of processor
        threads=facts.threads,
        device=facts.device,
        dtype=facts.dtype,
        batch_size=facts.batch_size,
    )
    record = Record(
        status="done",
        identity=identity,
        measurements=numbers,
        unknown=[UnknownOperation(name=op.name, calls=op.calls, elements=op.elements) for op in trace.unknown],
        refused=refused,
        notes=list(facts.notes),
        provenance=made,
    )
    return Side(record, outcomes_of(trace))

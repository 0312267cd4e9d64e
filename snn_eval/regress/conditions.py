"""May two results be compared at all, and must their counts then be equal, or may rounding have flipped a spike?"""

from __future__ import annotations

from collections.abc import Iterator

from snn_eval.record import Measurement, Record
from snn_eval.regress.side import Side
from snn_eval.units import JOULE_PER_SAMPLE, OP_PER_SAMPLE

__all__ = ["barrier", "differing_conditions", "differing_settings", "is_random", "labels_differ"]

_RANDOM = "the network is random"
"""How the probe's note on hidden randomness begins."""


def barrier(base: Side, new: Side) -> str | None:
    """Why nothing of the two may be compared, or None: other data, samples or suite version, limited or unfinished."""
    return next(_barriers(base, new), None)


def _barriers(base: Side, new: Side) -> Iterator[str]:
    for name, side in (("base", base), ("new", new)):
        record = side.record
        if record.status == "failed":
            yield f"the {name} run failed: {record.error}"
        if record.status == "partial":
            yield f"the {name} run was stopped before its end"
    old, now = base.record.identity, new.record.identity
    if old.suite == now.suite and old.suite_version != now.suite_version:
        yield f"suite {old.suite} has version {old.suite_version} in base and {now.suite_version} in new"
    if old.data_fingerprint != now.data_fingerprint:
        yield f"other data: fingerprint {old.data_fingerprint[:8]} in base, {now.data_fingerprint[:8]} in new"
    if old.split != now.split:
        yield f"other part of the data: {old.split} in base, {now.split} in new"
    yield from _limits(base, new)
    if old.samples != now.samples:
        yield f"other samples: {old.samples} in base, {now.samples} in new"
    if base.outcomes and new.outcomes and base.outcomes.ids_sha256 != new.outcomes.ids_sha256:
        yield "other samples: their ids differ"


def _limits(base: Side, new: Side) -> Iterator[str]:
    """A limited run is comparable only with a baseline somebody accepted as limited, of the same samples."""
    limited = [side.record.status == "limited" for side in (base, new)]
    if limited == [True, True] and not (base.accepted or new.accepted):
        yield "limited runs: save one as a baseline to accept its limit"
    if limited == [True, False]:
        yield f"base is limited to {base.record.identity.samples} samples, new is not"
    if limited == [False, True]:
        yield f"new is limited to {new.record.identity.samples} samples, base is not"


def differing_conditions(base: Record, new: Record) -> list[str]:
    """What differs of that under which counts must be equal: machine, device, torch, threads, dtype, batch size.

    An entry that is not known on one side counts as different.
    """
    old, now = base.provenance, new.provenance
    pairs = {
        "machine": (old.machine, now.machine),
        "device": (old.device, now.device),
        "torch": (old.packages.get("torch"), now.packages.get("torch")),
        "threads": (old.threads, now.threads),
        "dtype": (old.dtype, now.dtype),
        "batch size": (old.batch_size, now.batch_size),
    }
    return [
        f"{name} {a if a is not None else 'unknown'} → {b if b is not None else 'unknown'}"
        for name, (a, b) in pairs.items()
        if a != b or a is None
    ]


def differing_settings(base: Record, new: Record) -> list[str]:
    """What was measured otherwise, though it may be compared: suite name, time steps, input, seed. For the reader."""
    found = []
    for name in ("suite", "time_steps"):
        a, b = getattr(base.identity, name), getattr(new.identity, name)
        if a != b:
            found.append(f"{name.replace('_', ' ')} {a} → {b}")
    old, now = (r.provenance.config.get("input", {}) for r in (base, new))
    for key in sorted(old.keys() & now.keys() - {"time_steps"}):
        if old[key] != now[key]:
            found.append(f"{key} {old[key]} → {now[key]}")
    return found


def is_random(record: Record) -> bool:
    """Whether two passes of the network differ by chance."""
    return any(note.startswith(_RANDOM) for note in record.notes)


def labels_differ(base: Side, new: Side, old: Measurement, now: Measurement) -> str | None:
    """Why these two measurements of one metric are not the same quantity, or None."""
    if old.version != now.version:
        return f"metric version {old.version} in base, {now.version} in new"
    if old.convention != now.convention:
        return f"convention {old.convention} in base, {now.convention} in new"
    if old.energy_model != now.energy_model:
        return f"energy model {old.energy_model} in base, {now.energy_model} in new"
    if old.unit != now.unit:
        return f"unit {old.unit} in base, {now.unit} in new"
    tables = [_table(side.record, m.energy_model) for side, m in ((base, old), (new, now))]
    if tables[0] != tables[1]:
        return f"energy model {now.energy_model} has other costs: table {tables[0][:8]} in base, {tables[1][:8]} in new"
    if now.unit in (OP_PER_SAMPLE, JOULE_PER_SAMPLE):
        return _not_counted(base.record, new.record)
    return None


def _table(record: Record, label: str | None) -> str:
    own = record.provenance.energy_tables.get((label or "").partition("@")[0])
    return own.sha256 if own is not None else "shipped"


def _not_counted(base: Record, new: Record) -> str | None:
    """Operations without a rule on one side only make its counts too small."""
    old, now = ({(op.name, op.calls, op.elements) for op in record.unknown} for record in (base, new))
    if old == now:
        return None
    which, others = ("new", now - old) if now - old else ("base", old - now)
    return f"not counted in {which} alone: {', '.join(sorted({name for name, _, _ in others}))}"

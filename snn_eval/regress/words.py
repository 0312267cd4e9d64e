"""What stands in the cells of a comparison, whatever its format: values, changes, intervals, names."""

from __future__ import annotations

from snn_eval.record import Measurement
from snn_eval.regress.compare import Comparison, Row
from snn_eval.regress.numbers import signed
from snn_eval.regress.side import Side
from snn_eval.report.format import ABSENT, cell
from snn_eval.units import RATIO

__all__ = ["change", "checkpoints", "conditions_line", "label", "title", "values"]


def title(comparison: Comparison) -> str:
    """Which model on which suite, on how many samples."""
    identity = (comparison.new or comparison.base).record.identity
    return (
        f"{identity.model} on {identity.suite} v{identity.suite_version} · {identity.samples:,} samples of "
        f"{identity.split} · T = {identity.time_steps}"
    )


def checkpoints(comparison: Comparison) -> str:
    """Which weights, by the beginning of their hash, and the models' names where they differ."""

    def named(side: Side) -> str:
        identity = side.record.identity
        return f"{identity.checkpoint_name or 'unnamed'} ({(identity.checkpoint_sha256 or 'unknown')[:8]})"

    base = named(comparison.base)
    if comparison.new is None:
        return f"checkpoint {base}"
    new = named(comparison.new)
    text = f"checkpoint {base}, the same in both" if base == new else f"checkpoint {base} → {new}"
    models = [side.record.identity.model for side in (comparison.base, comparison.new)]
    other = f"; two names, compared as one result each: {models[0]} in base, {models[1]} in new"
    return text + (other if models[0] != models[1] else "")


def conditions_line(comparison: Comparison) -> str:
    """How counts were compared, and what was measured otherwise."""
    if comparison.barrier is not None:
        return f"incomparable: {comparison.barrier}"
    how = (
        f"counts need not be equal: other {', '.join(comparison.conditions)}"
        if comparison.conditions
        else "counts must be equal: same machine, device, torch, threads, dtype and batch size"
    )
    return how + (f"; measured otherwise: {', '.join(comparison.settings)}" if comparison.settings else "")


def label(row: Row, *, full: bool = False) -> str:
    """The metric's name; with ``full`` its convention and energy model, too."""
    m = row.couple.either
    names = [name for name in (m.convention, m.energy_model) if name and full]
    return f"{m.metric} ({', '.join(names)})" if names else m.metric


def values(row: Row) -> tuple[str, str]:
    """Both values with SI prefix; a dash where there is none."""

    def shown(m: Measurement | None) -> str:
        return ABSENT if m is None else cell(m.value, m.unit)

    return shown(row.couple.old), shown(row.couple.now)


def change(row: Row) -> str:
    """The change, of shares in points with its interval, of others in per cent; nothing where both are equal."""
    old, now = row.couple.old, row.couple.now
    if old is None or now is None:
        return ""
    by = now.value - old.value
    if now.unit == RATIO:
        text = f"{signed(by * 100)} pp" if by else ""
        if row.interval is None:
            return text
        return f"{text or '0 pp'} [{signed(row.interval.low * 100)}, {signed(row.interval.high * 100)}]"
    if not by:
        return ""
    return f"{signed(by / abs(old.value) * 100)} %" if old.value else f"{by:+.4g}"

"""How means, spreads and intervals of an ablation read; single values are formatted as in every other report."""

from __future__ import annotations

from snn_eval.report.ablation.quantities import SECONDS, Quantity
from snn_eval.report.ablation.summary import Summary
from snn_eval.report.format import ABSENT, cell
from snn_eval.units import COUNT, RATIO, STEP, percent, scaled

__all__ = [
    "accuracy_text",
    "bounded",
    "energy_text",
    "no_interval",
    "points",
    "ratio_text",
    "replicates",
    "shown",
    "steps_text",
    "with_unit",
]


def accuracy_text(found: Summary | None) -> str:
    """Per cent with interval and spread: ``99.12 [98.92, 99.29] (sd 0.05)``.

    >>> accuracy_text(Summary(0.9912, 0.0005, 3, 3, 0.9892, 0.9929))
    '99.12 [98.92, 99.29] (sd 0.05)'
    """
    if found is None:
        return ABSENT
    spread = f" (sd {percent(found.sd):.2f})" if found.n > 1 else ""
    return f"{percent(found.mean):.2f}{_percent_ends(found)}{spread}"


def points(found: Summary | None) -> str:
    """A difference of accuracies in points, with sign and interval.

    >>> points(Summary(0.0012, 0.0005, 3, 3, -0.0001, 0.0029))
    '+0.12 [-0.01, +0.29]'
    """
    if found is None:
        return ABSENT
    return f"{percent(found.mean):+.2f}{_percent_ends(found, sign='+')}"


def _percent_ends(found: Summary, sign: str = "") -> str:
    if found.low is None or found.high is None:
        return ""
    return f" [{percent(found.low):{sign}.2f}, {percent(found.high):{sign}.2f}]"


def bounded(found: Summary, *, signed: bool = True) -> str:
    """Per cent (points) with the one-sided bounds that the ends of a 90 % interval are.

    >>> bounded(Summary(0.0012, 0.0005, 3, 3, -0.0001, 0.0029))
    '+0.12 (one-sided 95 % bounds -0.01, +0.29)'
    """
    sign = "+" if signed else ""
    ends = no_interval(found)
    if found.low is not None and found.high is not None:
        ends = f" (one-sided 95 % bounds {percent(found.low):{sign}.2f}, {percent(found.high):{sign}.2f})"
    return f"{percent(found.mean):{sign}.2f}{ends}"


def no_interval(found: Summary) -> str:
    """Why there is no interval where several replicates are equal; nothing otherwise.

    >>> no_interval(Summary(0.01, 0.0, 3, 3)), no_interval(Summary(0.01, 0.0, 1, 1))
    (' (no interval: the replicates are equal)', '')
    """
    return " (no interval: the replicates are equal)" if found.equal else ""


def replicates(count: int) -> str:
    """How many repetitions something was found in.

    >>> replicates(1), replicates(3)
    ('1 replicate', '3 replicates')
    """
    return f"{count} replicate{'' if count == 1 else 's'}"


def ratio_text(found: Summary | None) -> str:
    """A ratio with its interval: ``0.620 [0.601, 0.640]``."""
    if found is None:
        return ABSENT
    ends = "" if found.low is None or found.high is None else f" [{found.low:.3f}, {found.high:.3f}]"
    return f"{found.mean:.3f}{ends}"


def steps_text(found: Summary | None) -> str:
    """A difference of mean steps, with sign and interval.

    >>> steps_text(Summary(-6.79, 0.1, 3, 3, -6.9, -6.7))
    '-6.79 [-6.90, -6.70]'
    """
    if found is None:
        return ABSENT
    ends = "" if found.low is None or found.high is None else f" [{found.low:+.2f}, {found.high:+.2f}]"
    return f"{found.mean:+.2f}{ends}"


def shown(quantity: Quantity, found: Summary | None) -> str:
    """The mean with the standard deviation in parentheses, both with the mean's prefix; how many, if not all.

    >>> from snn_eval.report.ablation.quantities import QUANTITIES
    >>> energy = next(q for q in QUANTITIES if q.key == "energy_total")
    >>> shown(energy, Summary(2.5e-7, 1.2e-9, 3, 3)), shown(energy, Summary(2.5e-7, 0.0, 1, 1))
    ('250.0 (1.2) nJ', '250.0 nJ')
    """
    if found is None:
        return ABSENT
    if quantity.unit == RATIO:
        return accuracy_text(found)
    text = with_unit(found.mean, quantity.unit)
    number, _, prefix = text.partition(" ")
    if found.n > 1 and found.sd:
        factor = 1.0 if not found.mean else scaled(found.mean, _scaled_as(quantity.unit))[0] / found.mean
        decimals = len(number.partition(".")[2])
        spread = f"{found.sd * factor:,.{decimals}f}" if decimals < 2 else f"{found.sd * factor:.2g}"
        number = f"{number} ({spread})"
    some = f" ({found.n} of {found.asked})" if found.n < found.asked else ""
    return f"{number} {prefix}".rstrip() + some


def with_unit(value: float, unit: str) -> str:
    """A single value for a table whose header names the unit; counts, steps and seconds without needless digits.

    >>> with_unit(15118.0, "count"), with_unit(5700.4, "s"), with_unit(1.716, "step"), with_unit(20140.0, "op/sample")
    ('15,118', '5,700 s', '1.72', '20.14 k')
    """
    if unit in (COUNT, STEP, SECONDS):
        whole = float(value).is_integer() and abs(value) < 1e15
        text = f"{value:.2f}" if abs(value) < 100 and not whole else f"{value:,.0f}"
        return f"{text} s" if unit == SECONDS else text
    return cell(value, unit)


def energy_text(value: float | None) -> str:
    """An energy per sample, or a dash."""
    return ABSENT if value is None else cell(value, "J/sample")


def _scaled_as(unit: str) -> str:
    return COUNT if unit == SECONDS else unit

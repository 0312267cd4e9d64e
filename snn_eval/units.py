"""Units of every measurement, spelled once, and how a value with a unit is written for people."""

from __future__ import annotations

import math
from typing import Final

__all__ = [
    "BYTE",
    "COUNT",
    "JOULE_PER_SAMPLE",
    "OP_PER_SAMPLE",
    "PJ",
    "RATE",
    "RATIO",
    "SECOND_PER_SAMPLE",
    "SPIKE_PER_SAMPLE",
    "STEP",
    "duration",
    "format_value",
    "joules_from_pj",
    "percent",
    "scaled",
]

RATIO: Final = "1"
"""A share between 0 and 1 (accuracy, sparsity)."""
COUNT: Final = "count"
BYTE: Final = "B"
STEP: Final = "step"
SPIKE_PER_SAMPLE: Final = "spike/sample"
RATE: Final = "spike/neuron/step"
OP_PER_SAMPLE: Final = "op/sample"
JOULE_PER_SAMPLE: Final = "J/sample"
SECOND_PER_SAMPLE: Final = "s/sample"

PJ: Final = 1e-12
"""One picojoule in joules."""

_PREFIXES = {-15: "f", -12: "p", -9: "n", -6: "µ", -3: "m", 0: "", 3: "k", 6: "M", 9: "G", 12: "T", 15: "P"}
_UNSCALED = {RATIO, RATE, STEP, COUNT}


def joules_from_pj(energy_pj: float) -> float:
    """Joules of an energy in picojoules.

    >>> joules_from_pj(2.5e6)
    2.5e-06
    """
    return energy_pj / 1e12


def scaled(value: float, unit: str) -> tuple[float, str]:
    """The value and unit with the SI prefix that leaves one to three digits before the point.

    Ratios, rates, steps and plain numbers keep their unit.

    >>> scaled(1536.0, "B")
    (1.536, 'kB')
    >>> scaled(0.99, "1")
    (0.99, '1')
    """
    if unit in _UNSCALED or value == 0 or not math.isfinite(value):
        return value, unit
    power = min(15, max(-15, 3 * math.floor(math.log10(abs(value)) / 3)))
    if unit.startswith(("op", "spike")):  # there is no milli-operation
        power = max(power, 0)
    return value / 10.0**power, _PREFIXES[power] + unit


def duration(seconds: float) -> str:
    """Seconds as people say them.

    >>> [duration(s) for s in (0.4, 95, 3600, 9000, 90_000)]
    ['1 s', '95 s', '60 min', '2.5 h', '25 h']
    """
    if seconds < 120:
        return f"{max(seconds, 1):.0f} s"
    minutes, hours = seconds / 60, seconds / 3600
    return f"{minutes:.0f} min" if hours < 2 else f"{hours:.{1 if hours < 10 else 0}f} h"


def percent(value: float) -> float:
    """A ratio in per cent.

    >>> percent(0.25)
    25.0
    """
    return value * 100.0


def format_value(value: float, unit: str, digits: int = 4) -> str:
    """The value with its unit, to ``digits`` significant digits.

    >>> format_value(1234567, "op/sample")
    '1.235 Mop/sample'
    >>> format_value(0.0723, "spike/neuron/step")
    '0.0723 spike/neuron/step'
    """
    number, text = scaled(float(value), unit)
    return f"{number:.{digits}g}" + ("" if text == RATIO else f" {text}")

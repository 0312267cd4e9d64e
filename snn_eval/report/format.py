"""How values read in tables, on the terminal and in figures: all formatting of reports stands here."""

from __future__ import annotations

import math
from collections.abc import Sequence

from snn_eval.record import Measurement
from snn_eval.units import COUNT, RATIO, STEP, percent, scaled

__all__ = ["ABSENT", "ARROWS", "cell", "interval", "interval_name", "measured", "shape", "value_with_unit"]

ABSENT = "–"
"""Stands where there is no value; never an invented 0."""

ARROWS = {"higher": "↑", "lower": "↓", "none": ""}
"""Which way is better."""


def value_with_unit(value: float | int, unit: str) -> str:
    """A value with SI prefix and unit; ratios in per cent.

    >>> value_with_unit(0.9912, "1"), value_with_unit(20140, "op/sample"), value_with_unit(9, "count")
    ('99.12 %', '20.14 kop/sample', '9')
    """
    if unit == RATIO:
        return f"{percent(value):.2f} %"
    number, text = scaled(float(value), "" if unit == COUNT else unit)
    digits = _digits(number, exact=isinstance(value, int) and number == value)
    return f"{digits} {text}".rstrip()


def cell(value: float | int, unit: str) -> str:
    """A value for a table whose header names the unit: the prefix stays, ``/sample`` and the like go.

    >>> cell(3.25e-7, "J/sample"), cell(20140, "op/sample"), cell(0.125, "spike/neuron/step"), cell(0.9912, "1")
    ('325.0 nJ', '20.14 k', '0.1250', '99.12 %')
    """
    text = value_with_unit(value, unit)
    number, _, rest = text.partition(" ")
    rest = rest.split("/")[0]
    for word in ("op", "spike", STEP):
        rest = rest.removesuffix(word)
    return f"{number} {rest}".rstrip()


def interval(measurement: Measurement) -> str:
    """The interval in the value's unit, or nothing: ``[98.92, 99.29]``."""
    if measurement.interval is None:
        return ""
    factor = 100.0 if measurement.unit == RATIO else 1.0
    if measurement.unit != RATIO:
        number, _ = scaled(float(measurement.value), measurement.unit)
        factor = number / measurement.value if measurement.value else 1.0
    low, high = (bound * factor for bound in measurement.interval)
    return f"[{low:.2f}, {high:.2f}]" if measurement.unit == RATIO else f"[{_digits(low)}, {_digits(high)}]"


def interval_name(measurement: Measurement) -> str:
    """How the interval was found and what it covers, or nothing: ``Wilson 95 %``."""
    method = (measurement.interval_method or "").replace("wilson", "Wilson")
    return method if method.endswith(" %") else method.replace("%", " %")


def measured(measurement: Measurement) -> str:
    """A measurement with interval and direction.

    >>> from snn_eval.record import Measurement
    >>> measured(Measurement(metric="accuracy", value=0.9912, unit="1", direction="higher", interval=(0.9892, 0.9929)))
    '99.12 % [98.92, 99.29] ↑'
    """
    parts = (
        value_with_unit(measurement.value, measurement.unit),
        interval(measurement),
        ARROWS[measurement.direction],
    )
    return " ".join(part for part in parts if part)


def shape(sizes: Sequence[int]) -> str:
    """A shape as in ``2×3×3``; nothing for none.

    >>> shape((64, 1, 3, 3))
    '64×1×3×3'
    """
    return "×".join(str(size) for size in sizes)


def _digits(number: float, exact: bool = False) -> str:
    """Four significant digits, three below 0.1, trailing zeros kept, so that columns align; or a whole number."""
    rounded = float(f"{number:.4g}")  # 999.96 has four digits before the point once it is rounded
    if exact or number == 0 or abs(rounded) >= 1000:
        return f"{number:.0f}"
    if abs(rounded) < 1e-4:
        return f"{number:.3e}"
    exponent = math.floor(math.log10(abs(rounded)))
    decimals = 3 - exponent if exponent >= 0 else max(4, 2 - exponent)
    return f"{number:.{decimals}f}"

"""What may fail a comparison, as the user wrote it: ``--fail-on accuracy:-0.5pp --fail-on ac:+1%``."""

from __future__ import annotations

import re
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Literal

from snn_eval.errors import GateError
from snn_eval.metrics.registry import METRICS
from snn_eval.units import RATIO

__all__ = ["Gate", "parse_gate", "parse_gates"]

_FORM = re.compile(r"(?P<metric>[^:\s]+):(?P<sign>[+-]?)(?P<amount>\d+(\.\d+)?|\.\d+)(?P<unit>%|pp)")


@dataclass(frozen=True, slots=True)
class Gate:
    """A metric and the change for the worse that is still accepted: a share of the base (``%``) or points (``pp``)."""

    metric: str
    amount: float
    unit: Literal["%", "pp"]

    def __str__(self) -> str:
        sign = "-" if METRICS[self.metric].direction == "higher" else "+"
        return f"{self.metric}:{sign if self.amount else ''}{self.amount * 100:g}{self.unit}"


def parse_gates(texts: tuple[str, ...]) -> dict[str, Gate]:
    """Gates by metric.

    Raises:
        GateError: one that cannot be understood, or two for one metric.
    """
    gates: dict[str, Gate] = {}
    for text in texts:
        gate = parse_gate(text)
        if gate.metric in gates:
            raise GateError(f"--fail-on {gate.metric} is given twice; expected one limit for a metric")
        gates[gate.metric] = gate
    return gates


def parse_gate(text: str) -> Gate:
    """The gate in ``METRIC:CHANGE``; CHANGE is for the worse, relative (``+1%``) or of a share in points (``-0.5pp``).

    Raises:
        GateError: another form, an unknown metric (the nearest are named), a metric that never gates, or a change
            that would be for the better.

    >>> parse_gate("accuracy:-0.5pp")
    Gate(metric='accuracy', amount=0.005, unit='pp')
    """
    match = _FORM.fullmatch(text.strip())
    if match is None:
        raise GateError(f"--fail-on {text!r}: expected METRIC:CHANGE as in accuracy:-0.5pp or ac:+1%")
    name = match["metric"]
    metric = METRICS.get(name)
    if metric is None:
        raise GateError(f"--fail-on {text!r}: unknown metric {name!r}; {_nearest(name)}")
    if metric.kind == "advisory":
        raise GateError(f"--fail-on {text!r}: {name} depends on the machine and its mood; it is shown and never gates")
    amount = float(match["amount"]) / 100
    unit: Literal["%", "pp"] = "pp" if match["unit"] == "pp" else "%"
    if unit == "pp" and metric.unit != RATIO:
        raise GateError(f"--fail-on {text!r}: pp is for shares, but {name} is in {metric.unit}; write {_written(name)}")
    worse = {"higher": "-", "lower": "+"}.get(metric.direction)
    if amount and worse is not None and match["sign"] != worse:
        way = "less" if worse == "-" else "more"
        changed = f"{name}:{worse}{match['amount']}{match['unit']}"
        raise GateError(
            f"--fail-on {text!r}: {way} {name} is worse, so the limit has the sign {worse}: write {changed}"
        )
    return Gate(name, amount, unit)


def _written(name: str) -> str:
    return f"{name}:{'-' if METRICS[name].direction == 'higher' else '+'}1%"


def _nearest(name: str) -> str:
    near = get_close_matches(name.lower(), METRICS, n=3, cutoff=0.5)
    return f"nearest: {', '.join(near)}" if near else "`snn-eval ls metrics` lists them all"

"""The table of what neurons and codings learned: means over replicates, by layer and parameter."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from snn_eval.report.ablation.controls import networks
from snn_eval.report.ablation.document import Section, Table
from snn_eval.report.ablation.groups import Group
from snn_eval.report.format import ABSENT

__all__ = ["learned_means", "learned_section", "numbers"]

_MOST = 16
"""Numbers of a parameter that are listed; of more only the ends and the mean are told."""

_ORDER = ("k", "threshold", "beta", "leak_a", "leak_b", "tau1")
"""Those of our own components; others follow by name."""

_TEXT = (
    "Means over replicates of the numbers that neurons and codings learned, spread (smallest … largest) in brackets "
    "where several replicates differ in a single number. threshold θ0, beta β (the threshold is θ0 + β · trace), "
    "leak_a and leak_b (the leak is λ0 + a − (b/θ)·|u|), tau1 (leak of the second state); a coding's k multiplies the "
    "current at step t by 1 + tanh(k[t]), from t = 1 on."
)


def learned_means(group: Group) -> Mapping[str, tuple[float, ...]]:
    """Parameter -> mean over the replicates that have it, of each of its numbers."""
    return {name: tuple(np.mean(values, axis=0).tolist()) for name, values in _values(group).items()}


def _values(group: Group) -> dict[str, list[list[float]]]:
    names = sorted({name for cell in group.done for name in cell.learned}, key=_by_layer)
    found = {name: [cell.learned[name] for cell in group.done if name in cell.learned] for name in names}
    return {name: values for name, values in found.items() if len({len(one) for one in values}) == 1}


def _by_layer(name: str) -> tuple[str, int, str]:
    layer, _, parameter = name.rpartition(".")
    return (layer, *_place(parameter))


def learned_section(groups: Sequence[Group]) -> Section | None:
    """A line for each network and layer; None where nothing was learned beside weights."""
    found = [
        (group.title, *name.rpartition(".")[::2], values)
        for group in networks(groups)
        for name, values in _values(group).items()
    ]
    parameters = sorted({parameter for _, _, parameter, _ in found}, key=_place)
    lines: dict[tuple[str, str], dict[str, str]] = {}
    for title, layer, parameter, values in found:
        spread = f" [{_short(min(values)[0])} … {_short(max(values)[0])}]" if _differ(values) else ""
        lines.setdefault((title, layer), {})[parameter] = numbers(np.mean(values, axis=0).tolist()) + spread
    if not found:
        return None
    rows = [[*names, *(told.get(parameter, ABSENT) for parameter in parameters)] for names, told in lines.items()]
    return Section("What was learned", (_TEXT,), Table.of(["row", "layer", *parameters], rows, left=2))


def _place(parameter: str) -> tuple[int, str]:
    return _ORDER.index(parameter) if parameter in _ORDER else len(_ORDER), parameter


def _differ(values: Sequence[Sequence[float]]) -> bool:
    return len(values[0]) == 1 and len({one[0] for one in values}) > 1


def numbers(values: Sequence[float]) -> str:
    """Three digits each; of many the ends.

    >>> numbers([0.94742, -0.0137]), numbers([0.0] * 16 + [1.7])
    ('0.947, -0.0137', '17 numbers, 0 … 1.7, mean 0.1')
    """
    if len(values) <= _MOST:
        return ", ".join(map(_short, values))
    mean = _short(float(np.mean(values)))
    return f"{len(values)} numbers, {_short(min(values))} … {_short(max(values))}, mean {mean}"


def _short(value: float) -> str:
    return f"{value:.3g}"

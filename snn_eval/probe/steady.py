"""Which tensors may wait to be counted: those that nothing has changed by the end of a run, seen by experiment."""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

from snn_eval.models.network import Network
from snn_eval.probe.around import Around, stand_around
from snn_eval.probe.entries import WeightedEntry
from snn_eval.probe.inventory import spikes_of
from snn_eval.probe.planning import Plan, PlannedInput, PlannedSpikes

__all__ = ["changed_later", "mark_steady"]

Planned = PlannedInput | PlannedSpikes


def mark_steady(network: Network, plan: Plan, inputs: Sequence[Tensor]) -> None:
    """Run the network on each of ``inputs`` and mark the planned calls whose tensor was in the end what it had been.

    Versions and contents are compared, so that a change by any way is seen: in place, through ``.data``, by numpy, a
    buffer used again. Weights whose zeros change unseen by their version are looked at anew at each call.
    """
    marks: dict[int, bool] = {}
    for x in inputs:
        for _, planned, same in _compared(network, plan, x):
            planned.steady = marks[id(planned)] = same and marks.get(id(planned), True)
            entry = planned.part.entry if isinstance(planned, PlannedInput) else None
            if not same and isinstance(entry, WeightedEntry):
                entry.repeats, entry.volatile = False, True


def changed_later(network: Network, plan: Plan, x: Tensor) -> str | None:
    """Module of a call marked steady whose tensor is changed in this run; None if there is none."""
    return next((path for path, planned, same in _compared(network, plan, x) if planned.steady and not same), None)


def _compared(network: Network, plan: Plan, x: Tensor) -> list[tuple[str, Planned, bool]]:
    """Each planned call with its module, and whether its tensor is at the end of the run what it was."""
    modules, layers = dict(network.module.named_modules()), network.spiking_layers()
    seen: list[tuple[str, Planned, Tensor, Tensor, tuple[Any, ...]]] = []

    def look(path: str, planned: Planned | None, tensor: Any) -> None:
        if planned is not None and isinstance(tensor, Tensor) and not tensor.is_inference():
            seen.append((path, planned, tensor, tensor.clone(), _versions(planned, tensor)))

    def at_input(path: str) -> Callable[[Any], None]:
        calls = iter(plan.hooked[path])
        return lambda inputs: look(path, next(calls, None), inputs[0] if inputs else None)

    def at_spikes(path: str) -> Callable[[Any], None]:
        calls = iter(plan.spikes[path])
        return lambda output: look(path, next(calls, None), spikes_of(output, layers[path]))

    around = [(path, Around(before=at_input(path))) for path in plan.hooked]
    around += [(path, Around(after=at_spikes(path))) for path in plan.spikes]
    with torch.random.fork_rng(devices=[]), contextlib.ExitStack() as undo:
        for path, stand in around:
            undo.callback(stand_around(modules[path], stand, mode_is_on=False))
        network.run(x.clone())
    return [
        (path, planned, versions == _versions(planned, tensor) and torch.equal(tensor, copy))
        for path, planned, tensor, copy, versions in seen
    ]


def _versions(planned: Planned, tensor: Tensor) -> tuple[Any, ...]:
    """Versions of a tensor and, where it meets one, of the weight; which weight it is, and where it is zero."""
    weight = planned.parameters[planned.parameter] if isinstance(planned, PlannedInput) else None
    if weight is None:
        return (tensor._version,)
    version = -1 if weight.is_inference() else weight._version
    return (tensor._version, version, id(weight), hashlib.sha256((weight != 0).cpu().numpy().tobytes()).digest())

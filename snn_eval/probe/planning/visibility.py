"""What the function mode must see, what is counted from around modules, and where the mode may look away."""

from __future__ import annotations

from collections.abc import Mapping

from snn_eval.probe.inventory import Event, Memory
from snn_eval.probe.parts import Weighted
from snn_eval.probe.planning.draft import Draft, is_within
from snn_eval.probe.planning.plan import PlannedMeeting

__all__ = ["countable_around", "hide_quiet_modules", "spiking_with_calls"]

_WORTH_HIDING = 3
"""Function calls in a module above which switching the mode off inside costs less than letting it see them."""


def countable_around(draft: Draft) -> set[str]:
    """Modules whose every call is one weighted call on the module's own input, with a parameter as weight.

    A spiking layer is none of them, whatever it holds: what stands around it counts its spikes.
    """
    calls: dict[str, list[int]] = {}
    for index, event in enumerate(draft.events):
        if event.kind == "synaptic" and event.module not in draft.layers:
            calls.setdefault(event.module, []).append(index)
    modules = dict(draft.network.module.named_modules())
    found = set()
    for path, indices in calls.items():
        inputs = draft.runs.base.inputs.get(path, [])
        weights = {id(p) for p in modules[path]._parameters.values()} if path in modules else set()
        if len(inputs) == len(indices) and all(
            _reads_own_input(draft.events[index], given, weights) and _lies_in_order(draft, index)
            for given, index in zip(inputs, indices, strict=True)
        ):
            found.add(path)
    return found


def _reads_own_input(event: Event, given: Memory | None, weights: set[int]) -> bool:
    """Whether a call multiplies exactly the module's input, in the order it came, by one of its parameters."""
    if given is None or len(event.parts) != 1 or event.own or event.made_weights:
        return False
    part = event.parts[0]
    return isinstance(part, Weighted) and id(part.weight) in weights and given == event.operands[0].memory


def _lies_in_order(draft: Draft, index: int) -> bool:
    layout = draft.operand_layout(index, 0)
    return layout is not None and layout.sample and layout.in_order


def spiking_with_calls(draft: Draft, around: set[str]) -> set[str]:
    """Spiking layers that hold a synaptic call the mode must see."""
    seen = [e.module for e in draft.events if e.kind == "synaptic" and not e.own and e.module not in around]
    return {path for path in draft.layers if any(is_within(module, path) for module in seen)}


def hide_quiet_modules(draft: Draft, around: set[str], meetings: Mapping[int, PlannedMeeting]) -> None:
    """Plan the sums and products the mode will see, and the largest modules inside which it sees nothing.

    Sums and products inside such a module are not of two activations.
    """
    plan, base = draft.plan, draft.runs.base
    hidden = {path for path in draft.layers if path not in plan.spiking_with_calls} | around
    busy = {e.module for e in draft.events if e.kind == "synaptic" and e.module not in around}
    busy |= {module for i, module in base.binary if i is not None and i in meetings}
    paths = [path for path, _ in draft.network.module.named_modules() if path]
    plan.quiet = _largest_quiet(draft, paths, hidden, busy)
    plan.unused = [path for path in paths if path not in base.inputs]
    plan.binary = [
        None if i is None else meetings.get(i)
        for i, module in base.binary
        if not any(is_within(module, path) for path in (*plan.quiet, *hidden))
    ]
    if not any(plan.binary) and not plan.calls:
        plan.binary = []


def _largest_quiet(draft: Draft, paths: list[str], hidden: set[str], busy: set[str]) -> list[str]:
    """Outermost modules with many function calls of which none counts, and no module to stand around inside."""
    base, quiet = draft.runs.base, list[str]()
    for path in paths:
        if any(is_within(path, outer) for outer in (*quiet, *hidden)):
            continue
        if any(is_within(inner, path) for inner in (*busy, *hidden, *draft.layers)):
            continue
        if base.calls[path] / max(len(base.inputs.get(path, ())), 1) >= _WORTH_HIDING:
            quiet.append(path)
    return quiet

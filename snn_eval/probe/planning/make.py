"""Making the plan: each observed call goes to the planner of its kind, then what spans several calls is settled."""

from __future__ import annotations

from collections.abc import Callable

from snn_eval.models.network import Network
from snn_eval.probe.inventory import Event
from snn_eval.probe.planning.draft import Draft
from snn_eval.probe.planning.elementwise import ElementwisePlanner
from snn_eval.probe.planning.neurons import NeuronPlanner
from snn_eval.probe.planning.plan import Plan
from snn_eval.probe.planning.runs import Runs
from snn_eval.probe.planning.sums import plan_sums
from snn_eval.probe.planning.synaptic import SynapticPlanner
from snn_eval.probe.planning.visibility import countable_around, hide_quiet_modules, spiking_with_calls
from snn_eval.trace import UnknownOp

__all__ = ["make_plan"]


def make_plan(network: Network, runs: Runs, map_limit: int) -> Plan:
    """Compare the runs and lay out the pass.

    Args:
        network: what was run.
        runs: the runs to compare.
        map_limit: above this many cells a neuron layer's map is summed over T.

    Raises:
        NetworkError: the calls depend on the data.
    """
    draft = Draft(network, runs)
    around = countable_around(draft)
    draft.plan.spiking_with_calls = spiking_with_calls(draft, around)
    synaptic = SynapticPlanner(draft, around)
    neurons = NeuronPlanner(draft, map_limit)
    elementwise = ElementwisePlanner(draft)
    planners: dict[str, Callable[[int, Event], None]] = {
        "synaptic": synaptic.add,
        "neuron": neurons.add,
        "elementwise": elementwise.add,
        "unknown": lambda index, event: _add_unknown(draft, index, event),
    }
    for index, event in enumerate(draft.events):
        planners[event.kind](index, event)
    hide_quiet_modules(draft, around, elementwise.meetings)
    neurons.predict_readers()
    plan_sums(draft, elementwise.meetings)
    elementwise.finish()
    draft.plan.graph = _edges(draft)
    neurons.name_unknown()
    for name, calls in runs.base.unseen.items():
        draft.plan.unknown.append(UnknownOp(f"{name} (run where no call is seen, as in a script function)", calls, 0))
    return draft.plan


def _add_unknown(draft: Draft, index: int, event: Event) -> None:
    """Name an operation without a rule; further calls of it in the same module join it."""
    name = f"{event.function} in {event.module}" if event.module else event.function
    draft.names[event.name] = name
    elements, unknown = draft.runs.per_sample(index, lambda e: e.elements), draft.plan.unknown
    for at, known in enumerate(unknown):
        if known.name == name:
            unknown[at] = UnknownOp(name, known.calls + 1, known.elements + elements)
            return
    unknown.append(UnknownOp(name, 1, elements))


def _edges(draft: Draft) -> list[tuple[str, str]]:
    """What feeds what, by name, each edge once, in order of appearance."""
    edges: dict[tuple[str, str], None] = {}
    for index, event in enumerate(draft.events):
        target = draft.name(index) if event.kind == "neuron" else draft.names.get(event.name)
        if target is None:
            continue
        for operand in event.operands:
            for producer in operand.producers:
                source = draft.names.get(producer, producer)
                if not source.startswith("@") and source != target:
                    edges[source, target] = None
    return list(edges)

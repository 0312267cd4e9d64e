"""Experiments on the first chunk: what folds where, what is causal, what is random, what leaks."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from torch import Tensor

from snn_eval.errors import NetworkError
from snn_eval.models.network import Network
from snn_eval.probe.inventory import Inventory, Operand
from snn_eval.probe.observer import take_inventory
from snn_eval.probe.options import ProbeOptions
from snn_eval.probe.planning import Plan, Runs, make_plan
from snn_eval.probe.steady import changed_later, mark_steady

__all__ = ["Findings", "calls_of", "experiment"]

_SAMPLES, _WIDER = 3, 5
"""Samples of the dry runs: two numbers that share no factor, so that what grows with them is seen."""

_DRAWS = 3
"""How often sample 0 is replaced by another (spikes may not flip at once), besides one saturated draw."""


Values = tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class Findings:
    """Outcome of the experiments; ``not_causal_layer``: the first whose early steps depend on how many follow."""

    plan: Plan
    causal: Literal["yes", "no", "unknown"]
    not_causal_layer: str | None
    stochastic: bool
    notes: tuple[str, ...]
    writes_input: bool
    example: Tensor
    values: Values

    def check_unchanged(self, network: Network) -> None:
        """Run the first experiment again: every value must be what it was, and what waited to be counted unchanged.

        Raises:
            NetworkError: something in the network has changed meanwhile.
        """
        path = changed_later(network, self.plan, self.example)
        if path is not None:
            raise NetworkError(
                f"what {path or 'the network'} reads or makes is changed afterwards, which it was not in the first "
                "batch; expected the same calls for every batch"
            )
        if _values_of(network, self.example) != self.values:
            raise _state_leaks("the first batch of the experiments, run again after the last chunk, gives other values")


def experiment(network: Network, x: Tensor, options: ProbeOptions) -> Findings:
    """Run the network on a few drawn samples in several ways and compare.

    Layouts are found with neurons that answer every change of their input (`take_inventory` with ``lively``), so that
    a silent layer hides nothing; randomness, state, leaks and causality with the network as it is.

    Raises:
        NetworkError: state leaks from one batch into the next, or calls depend on the data, or the network cannot run
            on a few samples.
    """
    axis = network.sample_axis
    pool = _pool(x, axis)
    base_x = _pick(pool, axis, range(_SAMPLES))
    changed_x = [_replaced(base_x, axis, y) for y in _replacements(pool, axis)]
    try:
        stochastic, values = _check_repeatable(network, base_x)
        base = _seeded(network, base_x, lively=True)
        changed = [_seeded(network, y, lively=True).released() for y in changed_x]
        wider = _seeded(network, _pick(pool, axis, range(_WIDER)), lively=True).released()
        leaks = _readout_leaks(network, base_x, changed_x)
    except (RuntimeError, IndexError, ValueError) as error:
        reason = next(iter(str(error).splitlines()), "")
        raise NetworkError(
            f"the network does not run on batches of {_SAMPLES} and {_WIDER} samples, which show how it folds time and "
            f"sample ({type(error).__name__}: {reason}); expected any batch size"
        ) from error
    shorter = _shorter(network, base_x, lively=True)
    runs = Runs(base, wider, shorter, changed, _SAMPLES, _WIDER)
    plan = make_plan(network, runs, options.per_step_map_limit)
    _declare_sources(plan, options)
    mark_steady(network, plan, [base_x, *changed_x[-1:]])
    writes_input = _writes_input(network, base_x)
    if stochastic or writes_input or not all(call.steady for planned in plan.sums for call in planned.calls):
        plan.sums = []  # the sums must be looked at where they are made
    causal, layer = _causality(network, [base_x, *changed_x[-1:]])
    notes = list(plan.notes)
    if stochastic:
        notes.append("the network is random: two runs of the same batch differ; counts hold for the runs made")
    if leaks and not any("leak" in n for n in notes):
        notes.append("samples leak into each other: changing one sample changes the readout of others")
    return Findings(plan, causal, layer, stochastic, tuple(dict.fromkeys(notes)), writes_input, base_x, values)


def calls_of(network: Network, x: Tensor) -> tuple[tuple[str, str, str], ...]:
    """Every call of a run on the first samples of ``x``: kind, module and function, in order."""
    few = _pick(x, network.sample_axis, [k % x.shape[network.sample_axis] for k in range(_SAMPLES)])
    events = _seeded(network, few, lively=False).events
    return tuple((e.kind, e.module, e.function) for e in events)


def _declare_sources(plan: Plan, options: ProbeOptions) -> None:
    """What the network's own input is, was declared; what arithmetic made of a real one is real too."""
    for entry in plan.weighted:
        source = entry.facts["source"]
        if source == "input" or (source == "derived" and options.input_kind == "real"):
            entry.facts["source"] = options.input_kind
        elif source == "derived":
            entry.facts["source"] = "hidden"


def _seeded(network: Network, x: Tensor, lively: bool, seed: int = 0) -> Inventory:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return take_inventory(network, x.clone(), lively)


def _check_repeatable(network: Network, x: Tensor) -> tuple[bool, Values]:
    """Run twice with the same seed, once with another: state that survives a run is an error, randomness a fact.

    Every operand is compared, not the readout alone, in front of which a threshold may hide a small change.
    """
    _run(network, x)  # an adapter may learn from its first run which layers spike
    values, again, other = (_values_of(network, x, seed) for seed in (0, 0, 1))
    if values != again:
        raise _state_leaks("the same batch run twice gives different values")
    return values != other, values


def _values_of(network: Network, x: Tensor, seed: int = 0) -> Values:
    """Digests of everything a run computed, and its readout, as bytes."""
    seen = _seeded(network, x, lively=False, seed=seed)
    operands = [o for e in seen.events for o in (*e.operands, e.output) if o is not None]
    digests = tuple(d.tobytes() for o in operands for d in o.digests)
    return (*digests, torch.nan_to_num(seen.readout).to(torch.float64).cpu().numpy().tobytes())


def _writes_input(network: Network, x: Tensor) -> bool:
    given = x.clone()
    network.run(given)
    return not _same(given, x)


def _state_leaks(found: str) -> NetworkError:
    return NetworkError(
        f"state leaks between batches: {found}; expected every state to be reset before a run, and randomness to come "
        "from torch's own generator. Give the adapter a reset for the network's own neurons"
    )


def _run(network: Network, x: Tensor, seed: int = 0) -> Tensor:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return network.run(x.clone())  # a network may write to its input


def _same(a: Tensor, b: Tensor) -> bool:
    return a.shape == b.shape and bool(torch.equal(torch.nan_to_num(a), torch.nan_to_num(b)))


def _readout_leaks(network: Network, x: Tensor, changed: Sequence[Tensor]) -> bool:
    """Whether replacing sample 0 changes the readout of others."""
    base = _run(network, x)
    return any(not _same(base[:, 1:], _run(network, y)[:, 1:]) for y in changed)


def _with_fewer_steps(network: Network, x: Tensor) -> tuple[Network, Tensor] | None:
    """The network and input of one step less, if the number of steps can be set."""
    if network.time_steps < 2:
        return None
    shorter = network.with_time_steps(network.time_steps - 1)
    if shorter is None:
        return None
    return shorter, x[: network.time_steps - 1] if network.sample_axis == 1 else x


def _shorter(network: Network, x: Tensor, lively: bool) -> Inventory | None:
    """Inventory of the run with one step less; None if there is none (a network may have its T written into it)."""
    with contextlib.suppress(RuntimeError, IndexError, ValueError):
        given = _with_fewer_steps(network, x)
        if given is not None:
            return _seeded(*given, lively=lively).released()
    return None


def _causality(network: Network, inputs: Sequence[Tensor]) -> tuple[Literal["yes", "no", "unknown"], str | None]:
    """Whether the first T-1 readouts are what they are in a run of T-1 steps; if not, the first layer that differs.

    A readout that never changes proves nothing.
    """
    answers = []
    for x in inputs:
        readout, first = _run(network, x), None
        with contextlib.suppress(RuntimeError, IndexError, ValueError):
            given = _with_fewer_steps(network, x)
            first = None if given is None else _run(*given)
        if first is None or len(readout) != network.time_steps or len(first) != len(readout) - 1:
            return "unknown", None
        if not torch.allclose(readout[:-1], first, rtol=1e-3, atol=1e-5):
            return "no", _first_difference(network, x)
        answers.append(bool((readout != readout.flatten()[0]).any()))
    return ("yes" if any(answers) else "unknown"), None


def _first_difference(network: Network, x: Tensor) -> str | None:
    """Module of the first call whose early steps depend on how many steps follow."""
    long, short = _seeded(network, x, lively=False), _shorter(network, x, lively=False)
    if short is None:
        return None
    steps = network.time_steps
    by_place: dict[tuple[str, str, str], list[Operand]] = {}
    for event in short.events:
        if event.output is not None:
            by_place.setdefault((event.kind, event.module, event.function), []).append(event.output)
    for event in long.events:
        others = by_place.get((event.kind, event.module, event.function))
        if event.output is None or not others or not event.output.digests:
            continue
        mine, other = event.output, others[0]
        for axis, (a, b) in enumerate(zip(mine.shape, other.shape, strict=False)):
            if a * (steps - 1) == b * steps and a % steps == 0:
                kept = mine.digests[axis][: len(other.digests[axis])] if other.digests else mine.digests[axis]
                if other.digests and not np.allclose(kept, other.digests[axis], rtol=1e-4, atol=1e-6):
                    return event.module or event.function
    return None


def _pool(x: Tensor, axis: int) -> Tensor:
    """Samples drawn element by element from the values of the chunk: of its type and range, but never all alike."""
    if x.shape[axis] == 0:
        raise NetworkError("the first chunk holds no sample; expected at least one")
    generator = torch.Generator().manual_seed(0)
    values = x.detach().cpu().flatten()
    shape = list(x.shape)
    shape[axis] = _WIDER + _DRAWS
    if bool((values == values[0]).all()) and x.is_floating_point():
        drawn = torch.rand(shape, generator=generator, dtype=torch.float64).to(x.dtype)
    else:
        drawn = values[torch.randint(len(values), shape, generator=generator)]
    return drawn.to(x.device)


def _pick(pool: Tensor, axis: int, which: Sequence[int]) -> Tensor:
    return pool.index_select(axis, torch.tensor(list(which), device=pool.device))


def _replacements(pool: Tensor, axis: int) -> list[Tensor]:
    """Other samples, and a saturated one, which makes most layers fire."""
    draws = [_pick(pool, axis, [_WIDER + k]) for k in range(_DRAWS)]
    return [*draws, torch.full_like(draws[0], pool.max().item())]


def _replaced(x: Tensor, axis: int, sample: Tensor) -> Tensor:
    return torch.cat([sample, x.narrow(axis, 1, x.shape[axis] - 1)], dim=axis)

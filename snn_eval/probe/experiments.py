"""Experiments on the first chunk: what folds where, what is causal, what is random, what leaks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn

from snn_eval.errors import NetworkError
from snn_eval.models.network import Network
from snn_eval.probe.chunk import ProbeOptions
from snn_eval.probe.inventory import Inventory, take_inventory
from snn_eval.probe.plan import Plan, Runs, make_plan

__all__ = ["Findings", "experiment", "refuse_invisible"]

_SAMPLES, _WIDER = 3, 5
"""Samples of the dry runs: two numbers that share no factor, so that what grows with them is seen."""

_DRAWS = 3
"""How often sample 0 is replaced by another (spikes may not flip at once), besides one saturated draw."""


@dataclass(frozen=True, slots=True)
class Findings:
    """Outcome of the experiments."""

    plan: Plan
    causal: Literal["yes", "no", "unknown"]
    stochastic: bool
    notes: tuple[str, ...]


def refuse_invisible(module: nn.Module) -> None:
    """Refuse what runs where no call can be seen.

    Raises:
        NetworkError: TorchScript, DataParallel or compiled modules, by name.
    """
    for path, part in module.named_modules():
        kind = type(part).__name__
        where = f"'{path}'" if path else "the network"
        if isinstance(part, torch.jit.ScriptModule):
            raise NetworkError(
                f"{where} is TorchScript, whose operations cannot be seen; expected the Python module it was made from"
            )
        if isinstance(part, (nn.DataParallel, nn.parallel.DistributedDataParallel)):
            raise NetworkError(f"{where} is wrapped in {kind}, which runs in threads; expected its .module")
        if kind == "OptimizedModule":
            raise NetworkError(
                f"{where} is compiled, its operations cannot be seen; expected the module before torch.compile"
            )


def experiment(network: Network, x: Tensor, options: ProbeOptions) -> Findings:
    """Run the network on a few samples in several ways and compare.

    Raises:
        NetworkError: state leaks from one batch into the next, or calls depend on the data.
    """
    pool = _pool(x, network.sample_axis)
    base_x = _pick(pool, network.sample_axis, range(_SAMPLES))
    stochastic = _check_repeatable(network, base_x)
    base = _seeded(network, base_x)
    changed = [
        _seeded(network, _replaced(base_x, network.sample_axis, y)) for y in _replacements(pool, network.sample_axis)
    ]
    wider = _seeded(network, _pick(pool, network.sample_axis, range(_WIDER)))
    shorter = _shorter(network, base_x)
    plan = make_plan(network, Runs(base, wider, shorter, changed, _SAMPLES, _WIDER), options.per_step_map_limit)
    for entry in plan.weighted:
        source = entry.facts["source"]
        if source == "input" or (source == "derived" and options.input_kind == "real"):
            entry.facts["source"] = options.input_kind
        elif source == "derived":
            entry.facts["source"] = "hidden"
    notes = list(plan.notes)
    if stochastic:
        notes.append("the network is random: two runs of the same batch differ; counts hold for the runs made")
    if any(_others_changed(base.readout, run.readout) for run in changed) and not any("leak" in n for n in notes):
        notes.append("samples leak into each other: changing one sample changes the readout of others")
    return Findings(plan, _causality(base, shorter), stochastic, tuple(dict.fromkeys(notes)))


def _seeded(network: Network, x: Tensor) -> Inventory:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return take_inventory(network, x)


def _check_repeatable(network: Network, x: Tensor) -> bool:
    """Run twice with the same seed, once with another: state that survives a run is an error, randomness a fact."""
    runs = []
    for seed in (0, 0, 1):
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            runs.append(network.run(x))
    if not _same(runs[0], runs[1]):
        raise NetworkError(
            "state leaks between batches: the same batch run twice gives different readouts; expected every state to be "
            "reset before a run. Give the adapter a reset for the network's own neurons"
        )
    return not _same(runs[0], runs[2])


def _same(a: Tensor, b: Tensor) -> bool:
    return a.shape == b.shape and bool(torch.equal(torch.nan_to_num(a), torch.nan_to_num(b)))


def _shorter(network: Network, x: Tensor) -> Inventory | None:
    """The run with one step less, if the number of steps can be set."""
    if network.time_steps < 2:
        return None
    shorter = network.with_time_steps(network.time_steps - 1)
    if shorter is None:
        return None
    return _seeded(shorter, x[: network.time_steps - 1] if network.sample_axis == 1 else x).released()


def _causality(base: Inventory, shorter: Inventory | None) -> Literal["yes", "no", "unknown"]:
    """Whether the first T-1 readouts are what they are in a run of T-1 steps."""
    if shorter is None or len(base.readout) == 1 or len(shorter.readout) != len(base.readout) - 1:
        return "unknown"
    first = base.readout[:-1]
    return "yes" if torch.allclose(first, shorter.readout, rtol=1e-3, atol=1e-5) else "no"


def _others_changed(base: Tensor, changed: Tensor) -> bool:
    return not _same(base[:, 1:], changed[:, 1:])


def _pool(x: Tensor, axis: int) -> Tensor:
    """At least ``_WIDER + _DRAWS`` samples: those of the chunk, then shifted copies of them."""
    have = x.shape[axis]
    if have == 0:
        raise NetworkError("the first chunk holds no sample; expected at least one")
    parts, need = [x], _WIDER + _DRAWS
    shift = 1
    while sum(p.shape[axis] for p in parts) < need:
        parts.append(torch.roll(x, shift, dims=-1))
        shift += 1
    return torch.cat(parts, dim=axis).narrow(axis, 0, max(need, min(have, need)))


def _pick(pool: Tensor, axis: int, which: Sequence[int]) -> Tensor:
    return pool.index_select(axis, torch.tensor(list(which), device=pool.device))


def _replacements(pool: Tensor, axis: int) -> list[Tensor]:
    """Other samples, and a saturated one, which makes most layers fire."""
    draws = [_pick(pool, axis, [_WIDER + k]) for k in range(_DRAWS)]
    return [*draws, torch.full_like(draws[0], float(pool.max()))]


def _replaced(x: Tensor, axis: int, sample: Tensor) -> Tensor:
    return torch.cat([sample, x.narrow(axis, 1, x.shape[axis] - 1)], dim=axis)

"""Builds the network of a cell: architecture, weights, adapter, device; each mistake is one line."""

from __future__ import annotations

import traceback
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from snn_eval.errors import CheckpointError, InputError, NetworkError, SnnEvalError, SuiteError
from snn_eval.models.adapters import AdaptedNetwork, adapt
from snn_eval.models.adapters.told import found_out
from snn_eval.models.adapters.unnamed import unnamed_spikes
from snn_eval.models.checkpoint import Checkpoint, is_exported, load_checkpoint, load_trusted_module, load_weights
from snn_eval.models.corrected import attach
from snn_eval.models.factory import user_network
from snn_eval.models.networks import ARCHITECTURES, network_run_for
from snn_eval.models.nir import is_nir
from snn_eval.models.user_sources import own_neurons
from snn_eval.models.values import merged, name_and_values
from snn_eval.run.match import fitting_networks
from snn_eval.suite import Suite, with_values

__all__ = ["LoadedNetwork", "fold_note", "fresh_network", "load_network", "restored", "torch_device"]


@dataclass(frozen=True, slots=True)
class LoadedNetwork:
    """A network with its weights in place, its name, and what the user should know of how it was built."""

    network: AdaptedNetwork
    name: str
    notes: tuple[str, ...] = ()


def torch_device(name: str) -> torch.device:
    """The device of that name; ``auto`` is CUDA where there is one.

    Raises:
        InputError: CUDA was asked for and is not there.
    """
    available = torch.cuda.is_available()
    if name == "auto":
        return torch.device("cuda" if available else "cpu")
    try:
        device = torch.device(name)
    except RuntimeError as error:
        raise InputError(f"device: expected auto, cpu, cuda or cuda:N, got {name!r}") from error
    if device.type not in ("cpu", "cuda"):
        raise InputError(f"device: expected auto, cpu, cuda or cuda:N, got {name!r}")
    if device.type == "cuda" and not (available and (device.index or 0) < torch.cuda.device_count()):
        found = f"{torch.cuda.device_count()} CUDA devices" if available else "no CUDA"
        raise InputError(f"device: expected {name}, found {found}; give --device cpu, or install a torch built for it")
    return device


def load_network(
    suite: Suite,
    checkpoint: Path,
    example: Tensor,
    *,
    classes: int,
    arch: str | None = None,
    trust: bool = False,
    device: torch.device | None = None,
) -> LoadedNetwork:
    """The suite's network with the weights of ``checkpoint``, ready to be measured on ``device``.

    The architecture is, in this order, ``arch`` of the user, what a checkpoint of ours says of itself, the suite's.

    Args:
        suite: every value resolved; its ``input.time_steps`` is T.
        checkpoint: weights, or with ``trust`` a pickled module.
        example: input of a few samples, on which the adapter finds how time is run.
        classes: K of the data.
        arch: name of one of our architectures, ``file.py:function`` or ``package.module:function``; ``:key=value,…``
            behind it gives it values.
        trust: the checkpoint is a pickled module, and loading it may run its code.
        device: where the network runs.

    Raises:
        SuiteError: unknown architecture or values it does not take.
        CheckpointError: not a checkpoint, or of another network.
        NetworkError: it cannot be measured, fails on the input, or has another number of classes.
    """
    notes: tuple[str, ...] = ()
    stored = None
    if is_nir(checkpoint):
        module, name, notes = _graph(suite, checkpoint, arch)
    elif is_exported(checkpoint):
        module, name, notes = _program(suite, checkpoint, arch)
    elif trust:
        module, name = load_trusted_module(checkpoint), checkpoint.stem
    else:
        stored = load_checkpoint(checkpoint)
        module, name, notes = _with_weights(suite, stored, arch)
    place = device or torch.device("cpu")
    with _telling_its_suite(suite, stored):
        network, steps = _adapted(suite, module, example, classes, place)
    if name not in ARCHITECTURES:
        notes = (*notes, found_out(network, steps), *filter(None, [unnamed_spikes(network, example.to(place))]))
    return LoadedNetwork(network, name, notes)


def restored(suite: Suite, checkpoint: Path) -> AdaptedNetwork:
    """The suite's network with weights, on the CPU, for what can be told without running it.

    Raises:
        InputError: as :func:`load_network`.
    """
    stored = load_checkpoint(checkpoint)
    module, _, _ = _with_weights(suite, stored, None)
    with _telling_its_suite(suite, stored):
        return _steps_told(suite, module)


def _with_weights(suite: Suite, stored: Checkpoint, arch: str | None) -> tuple[nn.Module, str, tuple[str, ...]]:
    """The network of a checkpoint, its name, and notes."""
    found = None if arch or _named(suite, stored) else _found(suite, stored)
    module, name = _build(found or suite, stored, arch)
    if stored.arch == "corrected" and name != stored.arch:
        attach(module, (stored.config or {}).get("layers", {}))
    with _telling_its_suite(suite, stored):
        renamed = load_weights(module, stored)
    told = [
        f"architecture found by the names and shapes of the tensors: that of suite {found.name}" if found else "",
        renamed,
    ]
    return module, name, (*filter(None, told), *_notes(suite, stored))


@contextmanager
def _telling_its_suite(suite: Suite, stored: Checkpoint | None) -> Iterator[None]:
    """While inside, what does not fit is also told to be of another suite, where the checkpoint says so."""
    try:
        yield
    except (CheckpointError, NetworkError) as error:
        if stored is None or stored.suite in (None, suite.name):
            raise
        raise type(error)(f"{error}; {stored.name} was trained for suite {stored.suite}, not {suite.name}") from error


def _graph(suite: Suite, checkpoint: Path, arch: str | None) -> tuple[nn.Module, str, tuple[str, ...]]:
    """The network in a NIR graph, its name, and the note that a graph has no steps of its own."""
    from snn_eval.models.nir.building import nir_network

    if arch:
        raise SuiteError(f"--arch: expected none, {checkpoint.name} is a NIR graph and holds its network; leave it out")
    network = nir_network(checkpoint, suite.input.time_steps)
    return network, "NIR graph", (f"NIR graph, dt = {network.graph.dt:g} s",)


def _program(suite: Suite, checkpoint: Path, arch: str | None) -> tuple[nn.Module, str, tuple[str, ...]]:
    """The network in a program of ``torch.export``, its name, and what the program no longer holds."""
    from snn_eval.models.exported.building import exported_network, missing

    if arch:
        told = f"{checkpoint.name} is a program of torch.export and holds its network; leave it out"
        raise SuiteError(f"--arch: expected none, {told}")
    network = exported_network(checkpoint)
    steps, asked = network.exported_spikes.time_steps, suite.input.time_steps
    if steps not in (0, asked):
        told = f"{checkpoint.name} was exported for {steps} time steps, which cannot be changed"
        raise SuiteError(f"{told}; got {asked}; give --time-steps {steps}")
    return network, "exported program", tuple(filter(None, [missing(network)]))


def fresh_network(suite: Suite, example: Tensor, *, classes: int) -> LoadedNetwork:
    """The suite's network with weights that mean nothing, tried on ``example``: whether suite and data fit.

    Raises:
        SuiteError: unknown architecture or values it does not take.
        NetworkError: it cannot be measured, fails on the input, or has another number of classes.
    """
    with torch.random.fork_rng(devices=[]):
        module, name = _build(suite, Checkpoint({}), None)
    return LoadedNetwork(_adapted(suite, module, example, classes, torch.device("cpu"))[0], name)


def _adapted(
    suite: Suite, module: nn.Module, example: Tensor, classes: int, device: torch.device
) -> tuple[AdaptedNetwork, int]:
    """The module on its device, adapted as the suite says, and run once; steps of its readout."""
    module.to(device)
    network = _steps_told(suite, module)
    return network, _try(network, example.to(device), classes)


def _steps_told(suite: Suite, module: nn.Module) -> AdaptedNetwork:
    """The module adapted as the suite says."""
    given = suite.input
    return adapt(module, given.time_steps, sample_axis=given.sample_axis, **suite.model.calling)


_NO_ARCHITECTURE = "expected an architecture, found none; give --arch NAME or --arch file.py:function"


def _named(suite: Suite, stored: Checkpoint) -> str | None:
    """The architecture the checkpoint, or else the suite, names."""
    return stored.arch or suite.model.factory or suite.model.arch


def _found(suite: Suite, stored: Checkpoint) -> Suite:
    """The suite that comes with the project whose network the weights are of, run for the T of ``suite``.

    Raises:
        SuiteError: of none, or of several different networks.
    """
    fitting = fitting_networks(stored.state_dict)
    if not fitting:
        raise SuiteError(f"{suite.name}: {_NO_ARCHITECTURE} ({stored.name}: no network that comes with snn-eval fits)")
    if len(fitting) > 1:
        names = ", ".join(other.name for other in fitting)
        raise SuiteError(f"{stored.name}: several networks fit, those of suites {names}: put [model] of one into yours")
    return with_values(fitting[0], {"input.time_steps": suite.input.time_steps})


def _build(suite: Suite, stored: Checkpoint, arch: str | None) -> tuple[nn.Module, str]:
    """The module with fresh weights, and its name."""
    time_steps, model = suite.input.time_steps, suite.model
    chosen = arch or _named(suite, stored)
    if chosen is None:
        raise SuiteError(f"{suite.name}: {_NO_ARCHITECTURE}")
    base, values = name_and_values(chosen) if chosen in (arch, model.factory) else (chosen, {})
    if ":" in base and chosen in (arch, model.factory):  # never a file that only the checkpoint names
        folder = suite.folder if not arch else None  # a suite's path starts from its file
        given = model.config if model.arch is None else {}  # those of an architecture of ours are not passed on
        return user_network(base, time_steps, merged(given, values), folder), base.rpartition(":")[2]
    if chosen == arch and base not in ARCHITECTURES:
        expected = f"file.py:function, package.module:function or one of {', '.join(ARCHITECTURES)}"
        raise SuiteError(f"--arch: expected {expected}, got {arch!r}")
    config: Mapping[str, Any] = stored.config if stored.config is not None and base == stored.arch else model.config
    own = own_neurons(merged(model.config, values))  # a file that only the checkpoint names is not run
    config = merged(config, values)
    return network_run_for(time_steps, base, stored.time_steps, config, folder=suite.folder, own=own), base


def _notes(suite: Suite, stored: Checkpoint) -> tuple[str, ...]:
    notes = []
    if stored.time_steps is not None and stored.time_steps != suite.input.time_steps:
        notes.append(f"trained for {stored.time_steps} time steps, measured with {suite.input.time_steps}")
    if stored.suite is not None and stored.suite != suite.name:
        notes.append(f"trained for suite {stored.suite}, measured on {suite.name}")
    notes += filter(None, [fold_note(suite, stored)])
    told = stored.provenance.get("data_notes", ())
    if isinstance(told, list | tuple):
        notes += [f"trained on {note}" for note in told if isinstance(note, str)]
    return tuple(notes)


def fold_note(suite: Suite, stored: Checkpoint, done: str = "measured", samples: str = "samples measured") -> str:
    """That a checkpoint was trained on another fold of the suite's data than that it is ``done`` on; nothing if not."""
    trained, used = _trained_fold(stored), suite.data.fold
    if stored.suite != suite.name or trained == used:
        return ""
    folds = ["no fold" if fold is None else f"fold {fold}" for fold in (trained, used)]
    told = f"trained on {folds[0]} of the data, {done} on {folds[1]}"
    return f"{told}: {samples} may be among those it was trained on"


def _trained_fold(stored: Checkpoint) -> int | None:
    """The fold of a cross-validation a checkpoint was trained on, as it says; None for none."""
    found: Any = stored.provenance
    for key in ("suite", "data", "fold"):
        found = found.get(key) if isinstance(found, Mapping) else None
    return found if isinstance(found, int) else None


def _try(network: AdaptedNetwork, example: Tensor, classes: int) -> int:
    """Run the network once, which gives steps of its readout; one that does not fit its input fails here, before
    anything is written."""
    try:
        readout_TNK = network.run(example)
    except SnnEvalError:
        raise
    except RuntimeError as error:
        shape = tuple(example.shape)
        raise NetworkError(f"the network does not take input of shape {shape}: {_first_line(error)}") from error
    except (Exception, SystemExit) as error:  # the user's forward raises what it likes; nothing of ours runs in it yet
        place = traceback.extract_tb(error.__traceback__)[-1]
        where = f"{Path(place.filename).name} line {place.lineno}"
        raise NetworkError(f"the network fails: {type(error).__name__}: {_first_line(error)} ({where})") from error
    if readout_TNK.shape[-1] != classes:
        raise NetworkError(f"the data has {classes} classes, the network's readout {readout_TNK.shape[-1]}")
    return len(readout_TNK)


def _first_line(error: BaseException) -> str:
    return (str(error) or type(error).__name__).splitlines()[0][:200]

"""Builds the network of a cell: architecture, weights, adapter, device; each mistake is one line."""

from __future__ import annotations

import traceback
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from snn_eval.errors import InputError, NetworkError, SnnEvalError, SuiteError
from snn_eval.models.adapters import AdaptedNetwork, adapt
from snn_eval.models.checkpoint import Checkpoint, load_checkpoint, load_trusted_module, load_weights
from snn_eval.models.encoders import SEQUENCES
from snn_eval.models.factory import user_network
from snn_eval.models.networks import ARCHITECTURES, build_network
from snn_eval.suite import Suite

__all__ = ["LoadedNetwork", "fresh_network", "load_network", "torch_device"]


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
        arch: name of one of our architectures, or ``file.py:function``.
        trust: the checkpoint is a pickled module, and loading it may run its code.
        device: where the network runs.

    Raises:
        SuiteError: unknown architecture or values it does not take.
        CheckpointError: not a checkpoint, or of another network.
        NetworkError: it cannot be measured, fails on the input, or has another number of classes.
    """
    notes: tuple[str, ...] = ()
    if trust:
        module, name = load_trusted_module(checkpoint), checkpoint.stem
    else:
        stored = load_checkpoint(checkpoint)
        module, name = _build(suite, stored, arch)
        named_otherwise = load_weights(module, stored)
        notes = (*([named_otherwise] if named_otherwise else []), *_notes(suite, stored))
    return LoadedNetwork(_adapted(suite, module, example, classes, device or torch.device("cpu")), name, notes)


def fresh_network(suite: Suite, example: Tensor, *, classes: int) -> LoadedNetwork:
    """The suite's network with weights that mean nothing, tried on ``example``: whether suite and data fit.

    Raises:
        SuiteError: unknown architecture or values it does not take.
        NetworkError: it cannot be measured, fails on the input, or has another number of classes.
    """
    with torch.random.fork_rng(devices=[]):
        module, name = _build(suite, Checkpoint({}), None)
    return LoadedNetwork(_adapted(suite, module, example, classes, torch.device("cpu")), name)


def _adapted(suite: Suite, module: nn.Module, example: Tensor, classes: int, device: torch.device) -> AdaptedNetwork:
    """The module on its device, adapted as the suite says, and run once."""
    module.to(device)
    network = adapt(
        module,
        suite.input.time_steps,
        sample_axis=1 if suite.input.encoding in SEQUENCES else 0,
        framework=suite.model.framework,
        feed=suite.model.feed,
        output_index=suite.model.output_index,
        time_steps_attribute=suite.model.time_steps_attribute,
        roles=suite.model.roles,
    )
    _try(network, example.to(device), classes)
    return network


def _build(suite: Suite, stored: Checkpoint, arch: str | None) -> tuple[nn.Module, str]:
    """The module with fresh weights, and its name."""
    time_steps, model = suite.input.time_steps, suite.model
    chosen: str | None = arch or stored.arch or model.factory or model.arch
    if chosen is None:
        raise SuiteError(
            f"{suite.name}: expected an architecture, found none; give --arch NAME or --arch file.py:function"
        )
    if ":" in chosen and chosen in (arch, model.factory):  # never a file that only the checkpoint names
        folder = suite.folder if not arch else None  # a suite's path starts from its file
        values = model.config if model.arch is None else {}  # those of an architecture of ours are not passed on
        return user_network(chosen, time_steps, values, folder), chosen.rpartition(":")[2]
    if chosen == arch and chosen not in ARCHITECTURES:
        raise SuiteError(f"--arch: expected file.py:function or one of {', '.join(ARCHITECTURES)}, got {arch!r}")
    config: Mapping[str, Any] = stored.config if stored.config is not None and chosen == stored.arch else model.config
    return build_network(chosen, time_steps, config), chosen


def _notes(suite: Suite, stored: Checkpoint) -> tuple[str, ...]:
    notes = []
    if stored.time_steps is not None and stored.time_steps != suite.input.time_steps:
        notes.append(f"trained for {stored.time_steps} time steps, measured with {suite.input.time_steps}")
    if stored.suite is not None and stored.suite != suite.name:
        notes.append(f"trained for suite {stored.suite}, measured on {suite.name}")
    told = stored.provenance.get("data_notes", ())
    if isinstance(told, list | tuple):
        notes += [f"trained on {note}" for note in told if isinstance(note, str)]
    return tuple(notes)


def _try(network: AdaptedNetwork, example: Tensor, classes: int) -> None:
    """Run the network once; a network that does not fit its input fails here, before anything is written."""
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


def _first_line(error: BaseException) -> str:
    return (str(error) or type(error).__name__).splitlines()[0][:200]

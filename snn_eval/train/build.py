"""Builds the network that is trained: one of ours or the user's, adapted, tried on its data."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn

from snn_eval.errors import SuiteError
from snn_eval.models.adapters import adapt
from snn_eval.models.factory import user_network
from snn_eval.models.networks import ARCHITECTURES, build_network
from snn_eval.models.user_sources import neurons_sha256, own_neurons
from snn_eval.models.values import merged, name_and_values
from snn_eval.suite import Suite
from snn_eval.train.samples import Samples
from snn_eval.train.trainee import Trainee

__all__ = ["Architecture", "build", "chosen_architecture"]


@dataclass(frozen=True, slots=True)
class Architecture:
    """A network before it has weights.

    Attributes:
        name: one of ours, or ``file.py:function``.
        config: its values.
        folder: what the user's file is looked for from.
    """

    name: str
    config: Mapping[str, Any]
    folder: Path | None = None

    @property
    def is_ours(self) -> bool:
        """Whether a checkpoint can say by name and values which network it belongs to."""
        return ":" not in self.name

    def source_sha256(self) -> str | None:
        """Hash of the user's file; for one of ours that of the user's neurons in it, or None."""
        if self.is_ours:
            return neurons_sha256(self.config, self.folder)
        path = (self.folder or Path.cwd()) / self.name.rpartition(":")[0]
        return hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else None


def chosen_architecture(suite: Suite, arch: str | None) -> Architecture:
    """The caller's ``arch`` where it is given, else the suite's.

    Raises:
        SuiteError: neither, or a name that is not ours.
    """
    model = suite.model
    name = arch or model.factory or model.arch
    if name is None:
        raise SuiteError(f"{suite.name}: expected model.arch or model.factory to train, found none; give --arch")
    base, values = name_and_values(name)
    if ":" in base:
        folder = suite.folder if arch is None else None
        return Architecture(base, merged(model.config if model.arch is None else {}, values), folder)
    if base not in ARCHITECTURES:
        expected = f"file.py:function, package.module:function or one of {', '.join(ARCHITECTURES)}"
        raise SuiteError(f"--arch: expected {expected}, got {name!r}")
    return Architecture(base, merged(model.config, values), suite.folder)


def build(suite: Suite, architecture: Architecture, samples: Samples, device: torch.device) -> Trainee:
    """The network with fresh weights (from torch's random state), ready for training.

    Raises:
        SuiteError: it cannot be built from these values.
        NetworkError: it cannot be trained on these data.
    """
    network = adapt(
        _module(architecture, suite.input.time_steps),
        suite.input.time_steps,
        sample_axis=suite.input.sample_axis,
        **suite.model.calling,
    )
    return Trainee(network, samples.example(), len(samples.training.classes), device)


def _module(architecture: Architecture, time_steps: int) -> nn.Module:
    if architecture.is_ours:
        config, own = architecture.config, own_neurons(architecture.config)
        return build_network(architecture.name, time_steps, config, folder=architecture.folder, own=own)
    return user_network(architecture.name, time_steps, architecture.config, architecture.folder)

"""Corrects a checkpoint: loads its network, corrects it on training images, and writes it as a checkpoint again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn

from snn_eval.cell import Correction
from snn_eval.data import DataOptions
from snn_eval.errors import SuiteError
from snn_eval.models.adapters import AdaptedNetwork, adapt
from snn_eval.models.checkpoint import Checkpoint, load_checkpoint, load_weights, save_checkpoint
from snn_eval.models.convert import converted, is_ann
from snn_eval.models.networks import network_run_for
from snn_eval.models.values import merged, name_and_values
from snn_eval.run.load import fold_note, load_network
from snn_eval.suite import Suite
from snn_eval.train.correct import Corrected, CorrectionReport, correct_network
from snn_eval.train.correct.images import Images
from snn_eval.train.samples import Samples, load_samples

__all__ = ["CorrectedCheckpoint", "correct_checkpoint"]

_FEWEST_STEPS = 2


@dataclass(frozen=True, slots=True)
class CorrectedCheckpoint:
    """The file written, its SHA-256, what was done to the network in it, and what the user should know of it."""

    path: Path
    sha256: str
    report: CorrectionReport
    notes: tuple[str, ...] = ()

    @property
    def summary(self) -> Correction:
        """The report as the record of an ablation's cell holds it."""
        report = self.report
        return Correction(
            mode=report.mode,
            readout=report.readout,
            samples=report.samples,
            seconds=round(report.seconds, 3),
            parameters=report.parameters,
            before=list(report.before),
            after=list(report.after),
            kept_layers=list(report.kept_layers),
        )


def correct_checkpoint(
    suite: Suite,
    checkpoint: Path,
    output: Path,
    *,
    arch: str | None = None,
    options: DataOptions | None = None,
    seed: int = 0,
    device: torch.device | None = None,
) -> CorrectedCheckpoint:
    """Correct the network in ``checkpoint`` as ``suite.correct`` says and write it to ``output``, whole or not at all.

    What is written is read like any other checkpoint. Where no correction helped, it holds the network as it was. An
    ANN of ours (``layered-net`` of ``relu``) is converted into a spiking network first.

    Args:
        suite: every value resolved; its ``input.time_steps`` is T.
        checkpoint: weights.
        output: file to write.
        arch: as for :func:`snn_eval.run.load.load_network`.
        options: where data come from.
        seed: of the images and their order.
        device: where to work; by default the CPU.

    Raises:
        SuiteError: no validation part, or no architecture.
        CheckpointError: not a checkpoint, or of another network.
        NetworkError: it cannot be corrected.
        DataError: a part is missing or damaged.
        RunError: the file cannot be written.
    """
    samples = load_samples(suite, options)
    stored = load_checkpoint(checkpoint)
    notes = tuple(filter(None, [fold_note(suite, stored, "corrected", "validation samples")]))
    if is_ann(stored):
        stored = _converted(suite, stored, samples, seed)
        network = _network(suite, stored)
    else:
        classes = len(samples.training.classes)
        network = load_network(suite, checkpoint, samples.example(), classes=classes, arch=arch).network
    base, config = _base(suite, stored, arch)
    corrected = correct_network(network, samples, suite.correct, seed=seed, device=device)
    made = _checkpoint(suite, stored, base, config, corrected, seed)
    return CorrectedCheckpoint(output, save_checkpoint(output, made), corrected.report, notes)


def _converted(suite: Suite, ann: Checkpoint, samples: Samples, seed: int) -> Checkpoint:
    """The spiking network of an ANN, scaled by the activations of the suite's number of training images.

    Raises:
        SuiteError: one time step.
    """
    steps, section = suite.input.time_steps, suite.correct
    if steps < _FEWEST_STEPS:
        raise SuiteError(f"{ann.name} is an ANN: expected the T of its spiking network, got {steps}; give --time-steps")
    images = Images.drawn(samples, fitted=section.samples, held=0, batch_size=section.batch_size, seed=seed)
    return converted(ann, (x for x, _target in images.batches()), len(images.fitted), steps)


def _network(suite: Suite, stored: Checkpoint) -> AdaptedNetwork:
    """A network of ours with the weights of a checkpoint that is in no file."""
    given = suite.input
    module = network_run_for(given.time_steps, stored.arch or "", stored.time_steps, stored.config or {})
    load_weights(module, stored)
    return adapt(module, given.time_steps, sample_axis=given.sample_axis, **suite.model.calling)


def _base(suite: Suite, stored: Checkpoint, arch: str | None) -> tuple[str, Mapping[str, Any]]:
    """Name and values of the network without corrections.

    Raises:
        SuiteError: nothing names it.
    """
    model = suite.model
    if stored.arch == "corrected" and stored.config is not None:
        return str(stored.config["arch"]), stored.config["config"]
    name = arch or stored.arch or model.factory or model.arch
    if name is None:
        raise SuiteError(f"{suite.name}: expected an architecture, found none; give --arch NAME or file.py:function")
    base, values = name_and_values(name) if name != stored.arch else (name, {})
    given = stored.config if stored.config is not None and base == stored.arch else model.config
    return base, merged(given, values)


def _checkpoint(
    suite: Suite, stored: Checkpoint, base: str, config: Mapping[str, Any], corrected: Corrected, seed: int
) -> Checkpoint:
    report, layers = corrected.report, corrected.layers
    provenance = {  # nothing that changes from run to run: a seed gives the same file again
        **stored.provenance,
        "corrected_from": stored.sha256,
        "correction": report.mode + (" and readout" if report.readout else ""),
        "correction_seed": seed,
        "correction_samples": report.samples,
        "validation_accuracy": report.after[-1],
        "corrected_layers": list(report.kept_layers),
        "torch": str(torch.__version__),
    }
    provenance.pop("validation_loss", None)
    return Checkpoint(
        state_dict=_state(corrected.module),
        arch="corrected" if layers else base,
        config={"arch": base, "config": dict(config), "layers": layers} if layers else dict(config),
        time_steps=stored.time_steps or suite.input.time_steps,  # what its weights are of
        suite=suite.name,
        suite_version=suite.suite.version,
        provenance=provenance,
    )


def _state(module: nn.Module) -> dict[str, torch.Tensor]:
    return {name: tensor.contiguous() for name, tensor in module.state_dict().items()}

"""Corrects a network as a suite says: finds its layers, applies the rules, and reports what it took and gave."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn

from snn_eval.errors import NetworkError
from snn_eval.models.adapters import AdaptedNetwork
from snn_eval.suite import CorrectSection
from snn_eval.train.correct.compact import compacted, fold_gains
from snn_eval.train.correct.images import Images
from snn_eval.train.correct.places import places, with_corrections
from snn_eval.train.correct.prefix import correct_prefix
from snn_eval.train.correct.readout import correct_readout, final_outputs
from snn_eval.train.correct.twin import correct_twin
from snn_eval.train.correct.work import Work, prefix_accuracy
from snn_eval.train.samples import Samples
from snn_eval.train.trainee import Trainee

__all__ = ["Corrected", "CorrectionReport", "correct_network"]

_EXAMPLES = 16
_LARGEST_SHARE = 100
"""One learned number for at least so many parameters."""


@dataclass(frozen=True, slots=True)
class CorrectionReport:
    """What a correction did and took.

    Attributes:
        mode, readout: what was asked for.
        kept_layers: layers whose correction helped on held-out training images; the others have none.
        samples: different training images that were looked at.
        seconds: CPU time of the correction, without the two checks on validation; advisory.
        parameters: numbers stored beside those of the network.
        before, after: accuracy on the validation part after 1 … T steps.
        loss_before, loss_after: calibration loss on the held-out training images.
    """

    mode: str
    readout: bool
    kept_layers: tuple[str, ...]
    samples: int
    seconds: float
    parameters: int
    before: tuple[float, ...]
    after: tuple[float, ...]
    loss_before: float
    loss_after: float


@dataclass(frozen=True, slots=True)
class Corrected:
    """A corrected copy of a network, what its corrections are (see :func:`attach`), and the report."""

    module: nn.Module
    layers: dict[str, dict[str, Any]]
    report: CorrectionReport


def correct_network(
    network: AdaptedNetwork,
    samples: Samples,
    section: CorrectSection,
    *,
    seed: int = 0,
    device: torch.device | None = None,
) -> Corrected:
    """Correct a copy of ``network`` without training it, on images it was trained on.

    Everything follows from the network, the images and ``seed``, bit for bit on one machine. The test part is never
    read, the validation part only to report.

    Args:
        network: adapted, whose readout is that of every step.
        samples: training and validation part.
        section: what to do; where nothing is asked for, only the accuracies are found out.
        seed: which images, in which order.
        device: where to work; by default the CPU.

    Raises:
        NetworkError: neurons that cannot be corrected, one readout for all steps, a network that looks ahead.
        DataError: no training images.
    """
    place = device or torch.device("cpu")
    network.module.to(place)
    example = _example(samples, network).to(place)
    _refuse_unfit(network, example)
    found = places(network, example)
    fitted = max(section.batches * section.batch_size if section.mode != "none" else 1, section.samples)
    images = Images.drawn(samples, fitted=fitted, held=section.samples, batch_size=section.batch_size, seed=seed)
    work = Work(_trainee(with_corrections(network, found), samples, example, place), found, images)
    before = prefix_accuracy(work.trainee, samples.checked())
    start = time.process_time()
    first = work.loss()
    kept = _rules(work, section, seed)
    folded = fold_gains(work.trainee.network, example)
    module, layers = compacted(work.trainee.module)
    last = work.loss()
    seconds = time.process_time() - start
    after = prefix_accuracy(work.trainee, samples.checked())
    report = CorrectionReport(
        mode=section.mode,
        readout=section.readout,
        kept_layers=tuple(p.path for p in found if p.path in kept and (p.path in layers or p.path in folded)),
        samples=images.count if section.is_asked_for else 0,
        seconds=seconds,
        parameters=sum(shape["channels"] * (shape["steps"] + shape["gain"]) for shape in layers.values()),
        before=tuple(before),
        after=tuple(after),
        loss_before=first,
        loss_after=last,
    )
    return Corrected(module, layers, report)


def _rules(work: Work, section: CorrectSection, seed: int) -> set[str]:
    """Apply what is asked for; paths of the layers whose correction changed."""
    kept: set[str] = set()
    if section.mode == "prefix":
        kept.update(correct_prefix(work, batches=section.batches, eta=section.eta))
    elif section.mode == "twin":
        kept.update(correct_twin(work, batches=section.batches))
    if section.readout:
        fitting = replace(work, images=replace(work.images, fitted=work.images.fitted[: section.samples]))
        own = sum(
            weight.numel() for name, weight in work.trainee.module.named_parameters() if ".correction." not in name
        )
        kept.update(
            correct_readout(
                fitting,
                final_outputs(fitting),
                iterations=section.iterations,
                learning_rate=section.learning_rate,
                budget=own // _LARGEST_SHARE,
                seed=seed,
            )
        )
    return kept


def _example(samples: Samples, network: AdaptedNetwork) -> Tensor:
    """Input of a few training samples, of another number than T, so that the axes can be told apart."""
    count = min(len(samples.training), _EXAMPLES)
    count -= count == network.time_steps
    return samples.at(torch.arange(max(count, 1)).numpy())[0]


def _refuse_unfit(network: AdaptedNetwork, x: Tensor) -> None:
    """Refuse a network of which accuracy after few steps of a long run says nothing.

    Raises:
        NetworkError: fewer than two steps, one readout for all of them, or a readout that depends on later steps.
    """
    steps = network.time_steps
    if steps < 2:
        raise NetworkError(f"correction: expected T of 2 or more, got {steps}: one step has no early outputs")
    if network.readout not in ("mean", "count"):
        raise NetworkError(f"correction: expected model.readout mean or count, got {network.readout}")
    readout = network.run(x)
    if len(readout) != steps:
        raise NetworkError(f"correction: expected a readout of each of {steps} steps, got one for all of them")
    shorter = network.with_time_steps(steps - 1)
    if shorter is None:
        return
    early = shorter.run(x[: steps - 1] if network.sample_axis == 1 else x)
    same = torch.isclose(early, readout[: len(early)], rtol=1e-4, atol=1e-5).all(2).all(0)
    if int((~same).sum()) > len(same) // 8:  # one spike may differ by rounding
        raise NetworkError(
            "correction: expected a causal network, but its early outputs depend on later steps; "
            "there are no early answers to correct"
        )


def _trainee(network: AdaptedNetwork, samples: Samples, example: Tensor, device: torch.device) -> Trainee:
    return Trainee(network, example, len(samples.training.classes), device)

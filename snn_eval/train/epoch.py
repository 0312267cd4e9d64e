"""One pass over the training part, and the check on the validation part after it."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from snn_eval.errors import DivergedError
from snn_eval.suite import TrainSection
from snn_eval.train.budget import Budget, sum_of_weights
from snn_eval.train.losses import firing_rate, readout_loss
from snn_eval.train.samples import Samples
from snn_eval.train.trainee import Trainee

__all__ = ["Check", "check", "train_epoch"]


@dataclass(frozen=True, slots=True)
class Check:
    """Outcome on one part: loss, share of right answers, NASFR (spikes per neuron and step)."""

    loss: float
    accuracy: float
    firing_rate: float


def train_epoch(
    trainee: Trainee,
    samples: Samples,
    number: int,
    optimizer: torch.optim.Optimizer,
    generator: torch.Generator,
    after_step: Callable[[int], None],
    budget: Budget | None = None,
) -> float:
    """Train on every sample once; returns the mean loss with its penalties.

    Args:
        trainee: the network.
        samples: its data and the suite's values.
        number: of the epoch, from 1.
        optimizer: its learning rate is set already.
        generator: source of order and augmentation.
        after_step: called with the number of samples after every step.
        budget: what spikes may cost, of :func:`snn_eval.train.budget.budget_of`.

    Raises:
        DivergedError: the loss is no longer finite; the weights of the epoch before are kept by the caller.
    """
    config = samples.suite.train
    trainee.module.train()
    total = 0.0
    with trainee.fused(), trainee.named_spikes() as spikes:
        for x, target in samples.shuffled(number, generator):
            spikes.clear()
            with torch.autocast(trainee.device.type, torch.bfloat16, enabled=config.amp):
                readout = trainee.readout(x)
            loss = readout_loss(
                readout,
                target.to(trainee.device),
                loss=config.loss,
                tet=config.tet,
                label_smoothing=config.label_smoothing,
            )
            loss = loss + _penalties(trainee, spikes, config, budget)
            optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            if config.gradient_clip:
                nn.utils.clip_grad_norm_(trainee.module.parameters(), config.gradient_clip)
            optimizer.step()
            total += _finite(loss.item(), number, config)
            after_step(len(target))
    trainee.network.framework.reset(trainee.module)
    return total / samples.batches


def check(trainee: Trainee, samples: Samples) -> Check:
    """Loss of the mean readout, accuracy and firing rate on the validation part, in eval mode and float32."""
    trainee.module.eval()
    config = samples.suite.train
    loss, right, rates, seen = 0.0, 0, 0.0, 0
    with torch.no_grad(), trainee.spikes() as spikes:
        for x, target_cpu in samples.checked():
            spikes.clear()
            readout, target = trainee.readout(x), target_cpu.to(trainee.device)
            loss += readout_loss(readout, target, loss=config.loss).item() * len(target)
            right += int((readout.mean(0).argmax(1) == target).sum())
            rates += firing_rate(spikes).item() * len(target)
            seen += len(target)
    trainee.network.framework.reset(trainee.module)
    return Check(loss / seen, right / seen, rates / seen)


def _penalties(
    trainee: Trainee, spikes: Sequence[tuple[str, Tensor]], config: TrainSection, budget: Budget | None
) -> Tensor | float:
    """What is added to the loss of the readout."""
    penalty: Tensor | float = 0.0
    if config.rate_penalty:
        penalty = penalty + config.rate_penalty * firing_rate(output for _, output in spikes)
    if budget is not None:
        penalty = penalty + budget.penalty(spikes)
    if config.prior:
        penalty = penalty + config.prior * sum_of_weights(trainee.module)
    return penalty


def _finite(loss: float, epoch: int, config: TrainSection) -> float:
    if math.isfinite(loss):
        return loss
    tries = [f"train.learning_rate below {config.learning_rate:g}"]
    tries += ["train.gradient_clip=1"] if not config.gradient_clip else []
    tries += ["train.amp=false"] if config.amp else []
    raise DivergedError(f"epoch {epoch}: expected a finite loss, got {loss}; try --set {', or '.join(tries)}")

"""The moving parts of one training: weights, their average, optimizer, random order; stored and brought back as one."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from snn_eval.errors import RunError
from snn_eval.train.budget import budget_of
from snn_eval.train.epoch import check, train_epoch
from snn_eval.train.log import Epoch
from snn_eval.train.samples import Samples
from snn_eval.train.schedule import averaging_decay, learning_rate, make_optimizer
from snn_eval.train.trainee import Trainee

__all__ = ["MovingParts"]


class MovingParts:
    """A network that learns, epoch by epoch.

    Args:
        trainee: the network with its fresh weights.
        samples: its data and the suite's values.
        seed: of order and augmentation.
    """

    def __init__(self, trainee: Trainee, samples: Samples, seed: int) -> None:
        self._trainee = trainee
        self._samples = samples
        self._generator = torch.Generator().manual_seed(seed)
        self._optimizer = make_optimizer(trainee.module.parameters(), samples.suite.train)
        self._budget = budget_of(trainee, samples.example(), samples.suite.train)
        self._average: AveragedModel | None = None
        self._watched = trainee
        if samples.suite.train.average:
            decay = averaging_decay(samples.suite.train, samples.suite.train.epochs * samples.batches)
            averaged: Any = get_ema_multi_avg_fn(decay)  # type: ignore[no-untyped-call]
            self._average = AveragedModel(trainee.module, multi_avg_fn=averaged, use_buffers=True)
            self._watched = trainee.with_module(self._average.module)

    @property
    def weights(self) -> dict[str, torch.Tensor]:
        """What is checked and saved: the average where there is one."""
        return {key: value.contiguous() for key, value in self._watched.module.state_dict().items()}

    def epoch(self, number: int, advanced: Callable[[int], None]) -> Epoch:
        """Train one epoch and check it; ``advanced`` is called with the number of samples after every step."""
        wall, cpu = time.perf_counter(), time.process_time()
        rate = learning_rate(self._samples.suite.train, number)
        for group in self._optimizer.param_groups:
            group["lr"] = rate

        def after_step(samples: int) -> None:
            if self._average is not None:
                self._average.update_parameters(self._trainee.module)
            advanced(samples)

        loss = train_epoch(
            self._trainee, self._samples, number, self._optimizer, self._generator, after_step, self._budget
        )
        found = check(self._watched, self._samples)
        wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
        return Epoch(number, rate, loss, found.loss, found.accuracy, found.firing_rate, wall, cpu)

    def state(self) -> dict[str, Any]:
        """Everything that moved, with torch's own random state, as tensors and plain values."""
        return {
            "module": self._trainee.module.state_dict(),
            "average": None if self._average is None else self._average.state_dict(),
            "optimizer": self._optimizer.state_dict(),
            "generator": self._generator.get_state(),
            "random": torch.get_rng_state(),
            "random_cuda": torch.cuda.get_rng_state_all() if self._trainee.device.type == "cuda" else [],
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Bring everything back to where :meth:`state` was taken.

        Raises:
            RunError: it is of another network or optimizer.
        """
        try:
            self._trainee.module.load_state_dict(state["module"])
            if self._average is not None:
                self._average.load_state_dict(state["average"])
            self._optimizer.load_state_dict(state["optimizer"])
            self._generator.set_state(state["generator"])
            torch.set_rng_state(state["random"])
            if state["random_cuda"]:
                torch.cuda.set_rng_state_all(state["random_cuda"])
        except (KeyError, RuntimeError, ValueError, TypeError, AttributeError) as error:
            cause = str(error).splitlines()[0][:120]
            raise RunError(f"the stored training does not fit this network ({cause}); --fresh begins anew") from error

"""How long an ablation would take: from trainings that are there, else by a few batches of each row; writes nothing."""

from __future__ import annotations

import csv
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import fmean

import torch

from snn_eval.data import ArrayDataset, load_dataset
from snn_eval.run.ablate.identity import training_suite
from snn_eval.run.ablate.measure import measured_cell
from snn_eval.run.ablate.plan import AblationCell, AblationPlan
from snn_eval.run.ablate.state import state_of
from snn_eval.run.estimate import estimate
from snn_eval.run.load import torch_device
from snn_eval.train.build import build, chosen_architecture
from snn_eval.train.moving import MovingParts
from snn_eval.train.samples import Samples
from snn_eval.units import duration

__all__ = ["AblationEstimate", "estimated"]

_BATCHES = 4
"""Of a timed trial; it is trained on twice, and the second time counts."""


@dataclass(frozen=True, slots=True)
class AblationEstimate:
    """What an ablation would take.

    Attributes:
        cells, trainings: that are left.
        seconds: of one core for all of them; what else the machine is doing does not count.
        jobs: at a time.
        how: what the estimate was made from.
    """

    cells: int
    trainings: int
    seconds: float
    jobs: int
    how: str

    def __str__(self) -> str:
        if not self.cells:
            return "every cell is stored; only tables would be made"
        at_a_time = min(self.jobs, self.cells)
        work, wall = (duration(seconds) for seconds in (self.seconds, self.seconds / at_a_time))
        told = f"{self.cells} cells, {self.trainings} trainings: about {work} of one core"
        return f"{told}, {wall} at {at_a_time} a time ({self.how})"


def estimated(plan: AblationPlan, jobs: int, fresh: bool = False) -> AblationEstimate:
    """Time of the cells that are not stored: epochs of their trainings, then of each one's measuring.

    An epoch takes what it took in finished trainings of the same row; where there are none, a trial of a few batches
    tells. Measuring is tried on the first cell's network with fresh weights.

    Args:
        plan: of the ablation.
        jobs: cells at a time.
        fresh: as if nothing were stored.

    Raises:
        SnnEvalError: a row's network cannot be built, trained or measured.
    """
    left = [cell for cell in plan.cells if fresh or state_of(cell) != "stored"]
    if not left:
        return AblationEstimate(0, 0, 0.0, jobs, "")
    trainings = list({cell.training: cell for cell in left}.values())
    seen = {_alike(cell): [] if fresh else _logged(plan.cells, _alike(cell)) for cell in trainings}
    epoch = {key: fmean(seconds) for key, seconds in seen.items() if seconds}
    for cell in trainings:
        if _alike(cell) not in epoch:
            epoch[_alike(cell)] = _tried(cell)
    each = _measuring(left[0])
    seconds = each * len(left) + sum(epoch[_alike(cell)] * _epochs_left(cell, fresh) for cell in trainings)
    return AblationEstimate(len(left), len(trainings), seconds, jobs, _basis(list(seen.values()), each))


def _basis(seen: Sequence[Sequence[float]], each: float) -> str:
    """What an estimate was made from; ``seen``: seconds of logged epochs of each kind of training."""
    logged = sum(map(bool, seen))
    told = [f"{logged} kinds of training by their logs"] if logged else []
    told += [f"{len(seen) - logged} by {_BATCHES} batches"] if logged < len(seen) else []
    return f"{', '.join(told)}; measuring {each:.0f} s a cell; correction is not in it"


def _epochs_left(cell: AblationCell, fresh: bool) -> int:
    return max(0, cell.suite.train.epochs - (0 if fresh else len(_seconds(cell.training))))


def _alike(cell: AblationCell) -> str:
    """Equal for trainings that differ in seed or fold only, and so take the same time."""
    suite = training_suite(cell.suite)
    return str(suite.model_copy(update={"data": suite.data.model_copy(update={"fold": None})}).model_dump())


def _logged(cells: Sequence[AblationCell], key: str) -> list[float]:
    """Seconds of every epoch in the logs of trainings like this one."""
    folders = {cell.training for cell in cells if _alike(cell) == key}
    return [second for folder in sorted(folders) for second in _seconds(folder)]


def _seconds(training: Path) -> list[float]:
    """CPU seconds of each epoch in a training's log; none where there is no readable one."""
    try:
        with open(training / "log.csv", encoding="utf-8", newline="") as file:
            return [float(line["cpu_time_s"]) for line in csv.DictReader(file)]
    except (OSError, KeyError, ValueError):
        return []


def _tried(cell: AblationCell) -> float:
    """Seconds of an epoch, by two epochs on a few batches, of which the first bears what is done once."""
    suite, seed = training_suite(cell.suite), cell.replicate.value
    parts = [
        load_dataset(suite.data_source, part, cell.options) for part in (suite.data.train, suite.data.validation or "")
    ]
    share = min(1.0, _BATCHES * suite.train.batch_size / len(parts[0]))
    samples = Samples(suite, *(_first(part, max(1, round(share * len(part)))) for part in parts))
    with _alone(seed):
        trainee = build(suite, chosen_architecture(suite, None), samples, torch_device(cell.device))
        moving = MovingParts(trainee, samples, seed)
        moving.epoch(1, lambda _: None)
        return moving.epoch(2, lambda _: None).cpu_time_s / share


def _measuring(cell: AblationCell) -> float:
    """Seconds of measuring a cell, by the first chunks of its test part with fresh weights; the processor's only."""
    suite = training_suite(cell.suite)
    validation = load_dataset(suite.data_source, suite.data.validation or "", cell.options)
    with _alone(cell.replicate.value), tempfile.TemporaryDirectory() as folder:
        samples = Samples(suite, validation, validation)  # only to find how the network is called
        trainee = build(suite, chosen_architecture(suite, None), samples, torch.device("cpu"))
        path = Path(folder) / "fresh.pt"
        torch.save({"state_dict": trainee.module.state_dict()}, path)
        run_cell = measured_cell(cell, path)
        wall, cpu = time.perf_counter(), time.process_time()
        seconds = estimate(run_cell, Path(folder) / "run").seconds
        busy = (time.process_time() - cpu) / (time.perf_counter() - wall)
        return seconds * min(1.0, busy)


@contextmanager
def _alone(seed: int) -> Iterator[None]:
    """With one thread, as cells are made, and torch's random state as it was afterwards."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            yield
    finally:
        torch.set_num_threads(threads)


def _first(part: ArrayDataset, count: int) -> ArrayDataset:
    return replace(part, id=part.id[:count], x=part.x[:count], target=part.target[:count])

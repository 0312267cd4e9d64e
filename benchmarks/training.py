"""Images a second in training beside SpikingJelly's own example loop: ``python -m benchmarks.training``."""

from __future__ import annotations

import argparse
import copy
import json
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
from spikingjelly.activation_based import functional
from spikingjelly.activation_based.examples.conv_fashion_mnist import CSNN
from torch import nn
from torch.nn import functional as F

from benchmarks.document import conditions, replace_section, table
from benchmarks.timing import Overhead, Work, compare, overhead_of
from snn_eval.data import ArrayDataset
from snn_eval.models.adapters import adapt
from snn_eval.models.networks import build_network
from snn_eval.suite import Suite, load_suite, with_values
from snn_eval.train.epoch import train_epoch
from snn_eval.train.memory import keep_freed_memory
from snn_eval.train.samples import Samples
from snn_eval.train.schedule import make_optimizer
from snn_eval.train.trainee import Trainee

PACKAGES = ("torch", "spikingjelly", "numba")
TIME_STEPS = 4


@dataclass(frozen=True, slots=True)
class Case:
    """A network both loops train, and its batch size."""

    title: str
    build: Callable[[], nn.Module]
    batch_size: int


@dataclass(frozen=True, slots=True)
class Result:
    """Time of one step of ours, less that of the example, as a share of it."""

    title: str
    batch_size: int
    precision: str
    ratio: Overhead


def _reference() -> nn.Module:
    suite = load_suite("mnist")
    return build_network(str(suite.model.arch), TIME_STEPS, suite.model.config)


CASES: Mapping[str, Case] = {
    "example": Case("conv_fashion_mnist of spikingjelly, 32 channels", lambda: CSNN(TIME_STEPS, 32), 128),
    "mnist": Case("network of suite mnist", _reference, 64),
}


def main(argv: Sequence[str] | None = None) -> int:
    """Measure, print the table, write what was asked for."""
    options = _parse(argv)
    torch.set_num_threads(options.threads)
    keep_freed_memory()
    results = [_measure(CASES[name], amp, options.pairs) for name in options.networks for amp in (False, True)]
    text = markdown(results, options.threads)
    print(text)
    if options.json:
        options.json.write_text(json.dumps([asdict(result) for result in results], indent=1) + "\n", encoding="utf-8")
    if options.markdown:
        replace_section(options.markdown, "training", text)
    return 0


def _parse(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.training", description=__doc__)
    parser.add_argument("--pairs", type=int, default=15, help="groups A B B A for each network")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads(), help="threads of every run")
    parser.add_argument("--networks", nargs="+", choices=list(CASES), default=list(CASES))
    parser.add_argument("--json", type=Path, help="write all numbers to this file")
    parser.add_argument("--markdown", type=Path, help="write the table into the training section of this page")
    return parser.parse_args(argv)


def _measure(case: Case, amp: bool, pairs: int) -> Result:
    print(f"{case.title}: timing", file=sys.stderr, flush=True)
    torch.manual_seed(0)
    module = case.build()
    data = _batch(case.batch_size)
    theirs, ours = _their_step(copy.deepcopy(module), data, amp), _our_step(module, data, amp)
    ratios = compare(theirs, {"snn_eval": ours}, {"snn_eval": pairs})
    return Result(case.title, case.batch_size, "bfloat16" if amp else "float32", overhead_of(ratios["snn_eval"]))


def _batch(samples: int) -> ArrayDataset:
    """Random images of bytes, a fifth of their pixels lit."""
    draw = np.random.default_rng(0)
    x = (draw.integers(0, 256, (samples, 1, 28, 28)) * (draw.random((samples, 1, 28, 28)) < 0.2)).astype(np.uint8)
    target = draw.integers(0, 10, samples)
    return ArrayDataset("drawn", "train", np.arange(samples), x, target, tuple("0123456789"), "", divisor=255.0)


def _their_step(module: nn.Module, data: ArrayDataset, amp: bool) -> Work:
    """One step as in ``spikingjelly.activation_based.examples.conv_fashion_mnist``, its batch loaded before."""
    optimizer = torch.optim.SGD(module.parameters(), lr=0.1, momentum=0.9)
    img, label = data.tensors()
    module.train()

    def step() -> float:
        optimizer.zero_grad()
        label_onehot = F.one_hot(label, 10).float()
        with torch.autocast("cpu", torch.bfloat16, enabled=amp):
            out = module(img)
            out_fr = out.mean(0) if out.dim() == 3 else out
            loss = F.mse_loss(out_fr, label_onehot)
        loss.backward()
        optimizer.step()
        total = loss.item() * label.numel()
        right = (out_fr.argmax(1) == label).float().sum().item()
        functional.reset_net(module)
        return float(total + right)

    return step


def _our_step(module: nn.Module, data: ArrayDataset, amp: bool) -> Work:
    """One epoch over the same batch as ``snn-eval train`` runs it: order, scaling of bytes and all."""
    values = {"batch_size": len(data), "optimizer": "sgd", "learning_rate": 0.1, "weight_decay": 0.0}
    values |= {"loss": "mse", "tet": 0.0, "shift": 0, "rate_penalty": 0.0, "amp": amp}
    suite: Suite = with_values(load_suite("mnist"), {f"train.{key}": value for key, value in values.items()})
    samples = Samples(suite, data, data)
    trainee = Trainee(adapt(module, TIME_STEPS), samples.example(), 10, torch.device("cpu"))
    optimizer = make_optimizer(module.parameters(), suite.train)
    generator = torch.Generator().manual_seed(0)
    return lambda: train_epoch(trainee, samples, 1, optimizer, generator, lambda _: None)


def markdown(results: Sequence[Result], threads: int) -> str:
    """The table of the page."""
    rows = [
        [
            f"{result.title}, T = {TIME_STEPS}, batch {result.batch_size}",
            result.precision,
            f"{result.batch_size / result.ratio.bare_s:,.0f}",
            f"{result.batch_size / (result.ratio.bare_s * (1 + result.ratio.wall.median)):,.0f}",
            f"{1 / (1 + result.ratio.wall.median):.2f} × "
            f"[{1 / (1 + result.ratio.wall.q3):.2f}, {1 / (1 + result.ratio.wall.q1):.2f}]",
        ]
        for result in results
    ]
    header = ["", "layers in", "its example, images/s", "snn-eval train, images/s", "faster"]
    return "\n\n".join([conditions(threads, PACKAGES), table(header, rows)])


if __name__ == "__main__":
    sys.exit(main())

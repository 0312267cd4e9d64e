"""A suite with rows that is trained in a second: few digits, few channels, two epochs."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch
from sklearn.datasets import load_digits

from snn_eval.cell import CellRecord
from snn_eval.run.ablate import AblationCell, AblationRequest, planned
from snn_eval.suite import Suite, load_suite

__all__ = ["ROWS", "comparable", "one_thread", "plan_of", "suite_of"]

BASE = """
[suite]
name = "tiny"
version = 1
[data]
arrays = "tiny.npz"
[input]
kind = "real"
time_steps = 3
[model]
arch = "spiking-conv-net"
[model.config]
in_channels = 1
image_size = 8
classes = 10
channels = [4, 8]
strides = [1, 2]
neuron = { name = "if" }
[train]
epochs = 2
batch_size = 32
learning_rate = 0.01
"""

ROWS = """
[components.leak]
"model.config.neuron.name" = "lif"
[components.exit]
"evaluate.exit" = "confidence"
[ablate]
values = [0, 1]
target = 0.3
[[ablation]]
name = "B0"
[[ablation]]
name = "B0 + early exit"
components = ["exit"]
[[ablation]]
name = "Leak"
components = ["leak"]
"""


def suite_of(folder: Path, rows: str = ROWS, samples: int = 240) -> Suite:
    """The suite in ``tiny.toml``, its data beside it."""
    digits = load_digits()
    np.savez(folder / "tiny.npz", x=(digits.images[:samples, None] / 16).astype(np.float32), y=digits.target[:samples])
    path = folder / "tiny.toml"
    path.write_text(BASE + rows, encoding="utf-8")
    return load_suite(path)


def plan_of(suite: Suite, folder: Path, **request: Any) -> tuple[AblationCell, ...]:
    """Its cells under ``folder``."""
    return planned(suite, folder, AblationRequest(**request)).cells


@contextmanager
def one_thread() -> Iterator[None]:
    """As cells are made."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


def comparable(record: CellRecord) -> dict[str, Any]:
    """All of a cell's record that must be equal when it is made again: no seconds, no memory, no code version."""
    values = record.model_dump()
    values["conditions"].pop("snn-eval")  # whoever works on the code while tests run
    values["measurements"] = [m for m in values["measurements"] if m["kind"] != "advisory"]
    for part, names in (("training", ("wall_s", "cpu_s")), ("correction", ("seconds",))):
        for name in names if values[part] is not None else ():
            values[part].pop(name)
    return values

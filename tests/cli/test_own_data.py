"""A suite of the user's own: data, network and checkpoint lie beside the TOML file, wherever the command is given."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from cli.conftest import Command
from PIL import Image

from snn_eval.record import Record, read_record

NET = """
from spikingjelly.activation_based import layer, neuron
from torch import nn

def make(time_steps):
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.line = layer.Linear(4, 2, step_mode="m")
            self.spikes = neuron.IFNode(step_mode="m")
        def forward(self, x):
            return self.line(self.spikes(x.flatten(1).unsqueeze(0).repeat(time_steps, 1, 1)))
    return Net()
"""
DATA = """
import numpy as np

def load(part):
    x = np.tile(np.array([[0.0, 0.0, 1.0, 1.0], [1.0, 1.0, 0.0, 0.0]], np.float32), (5, 1))
    return x.reshape(10, 1, 2, 2), np.arange(10) % 2
"""
BRIGHT = {"bottom": [[0, 0], [255, 255]], "top": [[255, 255], [0, 0]]}


def suite(folder: Path, data: str, more: str = "") -> Path:
    """A suite and all it names in a folder; its network sees which half of an image of 2×2 pixels is bright."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "net.py").write_text(NET)
    (folder / "data.py").write_text(DATA)
    weight = torch.tensor([[-1.0, -1.0, 1.0, 1.0], [1.0, 1.0, -1.0, -1.0]])
    torch.save({"line.weight": weight, "line.bias": torch.zeros(2)}, folder / "mine.pth")
    images, target = np.array(list(BRIGHT.values()) * 5, np.uint8)[:, None], np.arange(10) % 2
    np.savez(folder / "data.npz", x_test=images, y_test=target)
    for name, pixels in BRIGHT.items():
        (folder / "photos" / name).mkdir(parents=True, exist_ok=True)
        for number in range(10):
            Image.fromarray(np.array(pixels, np.uint8)).save(folder / f"photos/{name}/{number}.png")
    path = folder / "suite.toml"
    path.write_text(
        f"""
        [suite]
        name = "halves"
        version = 1
        [data]
        {data}
        [input]
        kind = "real"
        time_steps = 2
        {more}
        [model]
        factory = "net.py:make"
        checkpoint = "mine.pth"
        """
    )
    return path


def measured(snn_eval: Command, *words: str) -> Record:
    answer = snn_eval("run", *words, "--quiet")
    assert answer.code == 0, answer.err
    return read_record(answer.last / "record.json")


@pytest.mark.parametrize(
    ("data", "samples"),
    [
        ('images = "photos"\nshares = { test = 0.5, train = 0.5 }', 10),
        ('arrays = "data.npz"', 10),
        ('factory = "data.py:load"\nclasses = ["bottom", "top"]', 10),
    ],
)
def test_everything_lies_beside_the_suite(data: str, samples: int, snn_eval: Command, tmp_path: Path) -> None:
    record = measured(snn_eval, "--suite", str(suite(tmp_path / "there", data)))
    assert record.identity.samples == samples
    values = {(m.metric, m.scope): m.value for m in record.measurements}
    assert values["accuracy", "network"] == 1
    # two of four pixels are 1, which makes a neuron of threshold 1 fire at both steps
    assert values["spike_count", "network"] == 2 * 2


def test_a_cell_is_the_same_wherever_its_data_lie(snn_eval: Command, tmp_path: Path) -> None:
    cells = {
        measured(snn_eval, "--suite", str(suite(tmp_path / folder, f'images = "{prefix}photos"'))).identity.cell
        for folder, prefix in (("a", ""), ("b", "./"), ("c", f"{tmp_path}/c/"))
    }
    assert len(cells) == 1


def test_normalised_input_reaches_the_network(snn_eval: Command, tmp_path: Path) -> None:
    path = suite(tmp_path, 'arrays = "data.npz"', "mean = 0.5\nstd = [0.25]")
    values = {m.metric: m.value for m in measured(snn_eval, "--suite", str(path)).measurements if m.scope == "network"}
    # pixels become −2 and 2: a bright one makes its neuron fire at both steps, a dark one never
    assert values["spike_count"] == 2 * 2
    path = suite(tmp_path, 'arrays = "data.npz"', "mean = 0.5\nstd = 1.0")
    values = {m.metric: m.value for m in measured(snn_eval, "--suite", str(path)).measurements if m.scope == "network"}
    assert values["spike_count"] == 2 * 1  # 0.5 reaches the threshold of 1 at the second step only
    path = suite(tmp_path, 'arrays = "data.npz"', "mean = [0.5, 0.5]")
    answer = snn_eval("run", "--suite", str(path))
    assert answer.code == 2
    assert "input.mean: expected 1 number or 1, one for each channel, got 2" in answer.err


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ('images = "photo"', "data.images: expected the folder "),
        ('arrays = "dat.npz"', "expected a file of arrays, found none"),
        ('factory = "data.py:lod"', "expected a function lod"),
        (
            'name = "digits"\narrays = "data.npz"',
            "expected exactly one of name, images, arrays, factory",
        ),
        ('images = "photos"\nshares = { test = 0.5 }', "expected shares that add up to 1"),
        ('images = "photos"\ntest = "tst"', "data.shares: expected a share of 'tst', got test, validation, train"),
    ],
)
def test_mistakes_are_one_line(data: str, message: str, snn_eval: Command, tmp_path: Path) -> None:
    answer = snn_eval("run", "--suite", str(suite(tmp_path, data)))
    assert answer.code == 2
    assert message in answer.err
    assert len(answer.err.splitlines()) == 1
    assert not (tmp_path / "reports").exists()

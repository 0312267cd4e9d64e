"""Flags that prepare input and choose the readout: what they refuse, and that the measured numbers follow them."""

from __future__ import annotations

import pytest
import torch
from cli.conftest import Command

from snn_eval.record import read_record

NET = """
import torch
from torch import nn

class Pair(nn.Module):
    def __init__(self):
        super().__init__()
        self.last = nn.Linear(64, 10, bias=False)

    def forward(self, x):
        return -self.last(x), self.last(x)

def make():
    return Pair()
"""


@pytest.fixture
def words(snn_eval: Command) -> list[str]:
    """A linear network of one's own that takes flat input and returns two values."""
    with open("net.py", "w", encoding="utf-8") as file:
        file.write(NET)
    torch.save({"last.weight": torch.eye(10, 64)}, "w.pth")
    return ["run", "--models", "digits", "w.pth", "--arch", "net.py:make", "--limit", "16", "--quiet"]


@pytest.mark.parametrize(
    ("flags", "line"),
    [
        (["--normalize", "0.1"], "expected MEAN,STD, or all means and then as many deviations, got '0.1'"),
        (["--normalize", "a,b"], "expected MEAN,STD"),
        (["--normalize", "0.5,0"], "input.std.0: input should be greater than 0"),
        (["--normalize", "nan,1"], "input.mean.0"),
        (["--normalize", "1,2,1,2"], "input.mean: expected 1 number or 1, one for each channel, got 2"),
        (["--encoding", "poisson"], "'poisson' is not one of"),
        (["--readout", "first"], "'first' is not one of"),
        (["--flatten", "--output-index", "2"], "the network returns 2 values, output_index is 2"),
        (["--flatten", "--encoding", "rate", "--normalize", "0.5,0.5"], "clip them (input.clip, --clip)"),
        ([], "the network does not take input of shape"),
    ],
)
def test_what_is_refused(flags: list[str], line: str, words: list[str], snn_eval: Command) -> None:
    answer = snn_eval(*words, *flags)
    assert answer.code == 2
    assert line in " ".join(answer.err.replace("│", " ").split())
    assert "Traceback" not in answer.err


def test_the_second_of_two_outputs_decides(words: list[str], snn_eval: Command) -> None:
    """The first ten pixels are the readout: one index gives the class of the largest, the other of the smallest."""
    readings = []
    for index in ("0", "1"):
        answer = snn_eval(*words, "--flatten", "--output-index", index)
        assert (answer.code, answer.err) == (0, "")
        record = read_record(answer.last / "record.json")
        readings.append({m.metric: m.value for m in record.measurements if m.scope == "network"}["accuracy"])
        assert f"in place of the suite's: flatten; output-index {index}" in record.notes
        assert record.provenance.config["input"]["flatten"] is True
    from snn_eval.data import load_dataset
    from snn_eval.suite import load_suite

    data = load_dataset(load_suite("digits").data_source, "test")
    first = next(data.chunks(16))
    pixels = first.x.flatten(1)[:, :10].numpy()
    assert readings == [(pixels.argmin(1) == first.target).mean(), (pixels.argmax(1) == first.target).mean()]

"""``docs/extending.md`` followed to the letter in an empty folder: every block, in order, and what comes out of it."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
import tomllib
from dataclasses import dataclass
from pathlib import Path

import pytest
from cli.conftest import Answer, Command

from snn_eval.record import Record, read_record
from snn_eval.trace_file import read_trace

PAGE = Path(__file__).resolve().parents[2] / "docs" / "extending.md"


@dataclass(frozen=True)
class Block:
    """A block of the page; files are named in their first line."""

    language: str
    text: str

    @property
    def file(self) -> str | None:
        named = re.match(r"# (\S+\.(?:py|toml))\n", self.text)
        return named[1] if named else None


def blocks() -> list[Block]:
    found = re.findall(r"^```(\w*)\n(.*?)^```$", PAGE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    return [Block(language, text) for language, text in found]


def follow(snn_eval: Command) -> dict[str, Answer]:
    """Do what the page says; the answer of each command."""
    answers: dict[str, Answer] = {}
    for block in blocks():
        if block.file is not None:
            Path(block.file).write_text(block.text, encoding="utf-8")
        for line in block.text.splitlines() if block.language == "sh" else []:
            program, *words = shlex.split(line)
            if program == "python":
                done = subprocess.run([sys.executable, *words], check=True, stdout=subprocess.PIPE, text=True)
                answers[line] = Answer(done.returncode, done.stdout, "")
                continue
            assert program == "snn-eval"
            answers[line] = snn_eval(*words)
            assert answers[line].code == 0, f"{line}\n{answers[line].err}"
    return answers


def accuracy(record: Record) -> float:
    return next(m.value for m in record.measurements if m.metric == "accuracy")


def test_every_block_is_a_file_or_commands() -> None:
    assert len(blocks()) >= 15
    for block in blocks():
        assert block.language in ("sh", "") or block.file is not None, block.text
        if block.language == "toml":
            tomllib.loads(block.text)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")
def test_the_page_is_followed_literally(snn_eval: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    answers = follow(snn_eval)
    records = {
        line: read_record(a.last / "record.json") for line, a in answers.items() if line.startswith("snn-eval run")
    }
    trained = records["snn-eval run --models photos.toml trained/best.pt"]
    assert trained.identity.samples == 359
    assert accuracy(trained) > 0.85
    assert "1 spiking layer" in answers["snn-eval validate photos.toml"].out
    # the part a loop of the user's own is told to train on is the one `train` reads: all but validation and test
    assert "train 1258, validation 180, test 359" in answers["snn-eval validate photos.toml"].out
    assert answers["python mine.py"].out == "1258 samples to train on\n"
    assert "4,810 in 4 tensors" in answers["snn-eval describe mine.pth"].out
    # the same images as numbers instead of files: 8 bits are nearly all they hold
    assert accuracy(records["snn-eval run --models arrays.toml trained/best.pt"]) > 0.85
    assert accuracy(records["snn-eval run --models function.toml trained/best.pt"]) < 0.3  # its classes are drawn
    own = next(record for line, record in records.items() if "own_neuron" in line)
    (neurons,) = read_trace(answers[next(line for line in records if "own_neuron" in line)].last / "trace.h5").neurons
    assert (neurons.model, neurons.states, neurons.shape) == ("alif", 2, (64,))
    assert {m.energy_model for m in own.measurements if m.metric == "energy_total"} == {"horowitz-45nm-fp32"}
    layers = read_trace(answers[next(line for line in records if "leaky.toml" in line)].last / "trace.h5").neurons
    assert [(layer.name, layer.model, layer.states) for layer in layers] == [
        ("layers.0.neuron", "lif", 1),
        ("layers.1.neuron", "lif", 1),
    ]
    looping = next(record for line, record in records.items() if "looping" in line)
    assert looping.identity.time_steps == 4
    assert "my-chip" in answers["snn-eval show photos-best --energy my-chip.toml"].out

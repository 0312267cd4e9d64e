"""A small network with weights of its own, and the command line run in an empty folder."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from snn_eval.cli import app


@dataclass(frozen=True)
class Answer:
    """What a command ended with."""

    code: int
    out: str
    err: str

    @property
    def last(self) -> Path:
        """The last line, which is a path."""
        return Path(self.out.splitlines()[-1])


Command = Callable[..., Answer]


@pytest.fixture
def snn_eval(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Command:
    """Runs ``snn-eval`` with some words, in an empty folder."""
    monkeypatch.chdir(tmp_path)

    def command(*words: str) -> Answer:
        with pytest.raises(SystemExit) as ended:
            app.main(list(words))
        out, err = capsys.readouterr()
        assert isinstance(ended.value.code, int)
        return Answer(ended.value.code, out, err)

    return command


@pytest.fixture(scope="session")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkpoint of ours with two channels, T = 2, random weights."""
    import torch

    from snn_eval.models.checkpoint import Checkpoint, save_checkpoint
    from snn_eval.models.networks import build_network

    config = {"channels": [2, 2], "strides": [2, 2]}
    with torch.random.fork_rng():
        torch.manual_seed(0)
        module = build_network("spiking-conv-net", 2, config)
    path = tmp_path_factory.mktemp("checkpoints") / "small.pt"
    save_checkpoint(path, Checkpoint(module.state_dict(), "spiking-conv-net", config, 2, "digits", 1))
    return path

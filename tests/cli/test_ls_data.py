"""Data on the command line: what ``ls data`` says of the data folder, and what is fetched when."""

from __future__ import annotations

from pathlib import Path

import pytest
from cli.conftest import Command


def test_what_is_there_and_what_is_not(snn_eval: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("train-images-idx3", "train-labels-idx1", "t10k-images-idx3", "t10k-labels-idx1"):
        file = tmp_path / f"data/MNIST/raw/{name}-ubyte.gz"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch()
    (tmp_path / "data/cifar-10-batches-py").mkdir()
    for name in ("data_batch_1", "data_batch_2", "data_batch_3", "data_batch_5", "test_batch"):
        (tmp_path / f"data/cifar-10-batches-py/{name}").touch()
    (tmp_path / "data/cifar-100-python.tar.gz").touch()
    first, *rows = snn_eval("ls", "data", "--data-dir", str(tmp_path / "data")).out.splitlines()
    assert first == f"data folder {tmp_path / 'data'}"
    found = {row.split()[0]: row for row in rows}
    names = ["digits", "mnist", "fashion-mnist", "cifar-10", "cifar-100", "nmnist", "cifar10-dvs", "dvs-gesture"]
    assert list(found) == names
    assert "train 54,000, validation 6,000, test 10,000  here  " in found["mnist"]
    assert "  downloaded at first use  " in found["fashion-mnist"]
    assert "  here, without data_batch_4  " in found["cifar-10"]
    assert "  here  " in found["cifar-100"]
    assert "  not here; downloaded by hand  " in found["nmnist"]
    assert "licence MIT  " in found["fashion-mnist"]
    monkeypatch.setenv("SNN_EVAL_DATA", str(tmp_path / "data"))
    assert snn_eval("ls", "data").out.splitlines() == [first, *rows]


@pytest.mark.parametrize("flag", ["--dry-run", "--no-download"])
def test_nothing_is_fetched_where_that_is_not_asked_for(
    flag: str, snn_eval: Command, small: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []
    monkeypatch.setattr("snn_eval.data.download.download", lambda wanted, *_: asked.append(wanted.file.name))
    answer = snn_eval("run", "--models", "mnist", str(small), "--data-dir", str(tmp_path / "data"), flag)
    assert answer.code == 2
    assert "expected the file MNIST/raw/t10k-images-idx3-ubyte.gz in" in answer.err
    assert not asked
    snn_eval("run", "--models", "mnist", str(small), "--data-dir", str(tmp_path / "data"))
    assert asked == ["t10k-images-idx3-ubyte.gz"]
    assert not (tmp_path / "data").exists()

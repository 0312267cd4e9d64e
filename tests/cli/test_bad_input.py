"""Wrong input of every kind: one line that says what to do, exit code 2, nothing left behind.

One row a kind: what is put into an empty folder, the command, words its line must contain. Also put there: ``good.pt``,
a checkpoint of ours for ``digits``, and ``net.py`` with a network and its weights ``w.pth``.
"""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from cli.conftest import Command
from PIL import Image
from torch import nn

ROOT = Path(__file__).resolve().parents[2]

NET = """
from torch import nn

def make():
    return nn.Sequential(nn.Flatten(), nn.Linear(64, 4), nn.ReLU(), nn.Linear(4, 10))

def other():
    return nn.Sequential(nn.Flatten(), nn.Linear(64, 5), nn.ReLU(), nn.Linear(5, 10))

def deeper():
    return nn.Sequential(make(), nn.Linear(10, 10))

def raises():
    raise KeyError("weights")

def leaves():
    raise SystemExit(1)

def nothing():
    return None

def needs(width):
    return make()

class Fails(nn.Module):
    def forward(self, x):
        return x.no_such_thing

def fails():
    return nn.Sequential(nn.Flatten(), Fails())

def wrong_input():
    return nn.Linear(3, 10)

def three():
    return nn.Sequential(nn.Flatten(), nn.Linear(64, 3))

def part_fails(part):
    raise KeyError(part)

def part_none(part):
    return None

number = 3
"""

SUITE = """
[suite]
name = "mine"
version = 1
[data]
name = "digits"
[input]
kind = "real"
time_steps = 2
[model]
factory = "net.py:make"
"""

Make = Callable[[Path], Any]


def nothing(folder: Path) -> None:
    """Only the files that are always there."""


def file(name: str, content: bytes | str = b"") -> Make:
    def write(folder: Path) -> None:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content.encode() if isinstance(content, str) else content)

    return write


def saved(value: Any, **how: Any) -> Make:
    """``bad.pth`` of ``torch.save``; a function is called first."""
    return lambda folder: torch.save(value() if callable(value) else value, folder / "bad.pth", **how)


def changed(change: Callable[[dict[str, Any]], Any]) -> Make:
    """``bad.pth``: the checkpoint of ours with something else in it."""

    def write(folder: Path) -> None:
        values = torch.load(folder / "good.pt", weights_only=True)
        change(values)
        torch.save(values, folder / "bad.pth")

    return write


def cut(folder: Path) -> None:
    content = (folder / "good.pt").read_bytes()
    (folder / "bad.pth").write_bytes(content[: len(content) // 2])


def flipped(folder: Path) -> None:
    content = bytearray((folder / "good.pt").read_bytes())
    content[200:260] = bytes(255 - value for value in content[200:260])
    (folder / "bad.pth").write_bytes(content)


def both(*makes: Make) -> Make:
    def make(folder: Path) -> None:
        for one in makes:
            one(folder)

    return make


def suite(old: str = "", new: str = "", *more: Make) -> Make:
    """``bad.toml``: a good suite with one thing changed."""
    assert old in SUITE
    return both(file("bad.toml", SUITE.replace(old, new, 1) if old else SUITE + new), *more)


def images(*makes: Make, more: str = "") -> Make:
    """A suite on the folder ``photos``, all of it for the test part."""
    shares = "shares = { test = 1.0, validation = 0.0, train = 0.0 }"
    return suite('name = "digits"', f'images = "photos"\n{shares}\n{more}', *makes)


def picture(name: str, side: int = 8) -> Make:
    def make(folder: Path) -> None:
        path = folder / "photos" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("L", (side, side)).save(path)

    return make


def arrays(**named: Any) -> Make:
    """A suite on ``x.npz`` with these arrays; none, and the file is not there."""

    def make(folder: Path) -> None:
        if named:
            np.savez(folder / "x.npz", **named)

    return suite('name = "digits"', 'arrays = "x.npz"', make)


PARTS = {"x_train": np.zeros((2, 64)), "y_train": np.array([0, 1]), "y_test": np.array([0, 1])}


class Hostile:
    """Makes a folder if it is ever unpickled."""

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, ("harmed",)


class Sly:
    """Writes a file, by names that harmless pickles hold, too."""

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.write_text, (Path("harmed"), "harmed")


def script() -> torch.jit.ScriptModule:
    return torch.jit.script(nn.Linear(2, 3))  # type: ignore[no-any-return, no-untyped-call]


def weights(**other: Any) -> dict[str, Any]:
    """The state dict of ``net.py:make`` with some tensors replaced."""
    linear = {"1.weight": torch.ones(4, 64), "1.bias": torch.ones(4), "3.weight": torch.ones(10, 4)}
    return linear | {"3.bias": torch.ones(10)} | {name.replace("_", "."): tensor for name, tensor in other.items()}


@dataclass(frozen=True)
class Case:
    """``told`` must all stand in the one line."""

    id: str
    make: Make
    words: list[str]
    told: list[str] = field(default_factory=list)


OLD = {"_use_new_zipfile_serialization": False}
"""As torch saved before 1.6."""


def run(*words: str) -> list[str]:
    return ["run", *words]


OURS = run("--models", "digits", "bad.pth")
NETWORK = run("--models", "digits", "bad.pth", "--arch", "net.py:make")
OWN = run("--models", "bad.toml", "w.pth")


def arch(name: str) -> list[str]:
    return run("--models", "digits", "w.pth", "--arch", name)


CHECKPOINTS = [
    Case("missing", nothing, OURS, ["bad.pth: expected a checkpoint file, found none"]),
    Case("a folder", lambda f: (f / "bad.pth").mkdir(), OURS, ["expected a checkpoint file, found a folder"]),
    Case("empty", file("bad.pth"), OURS, ["expected a PyTorch checkpoint, got an empty file"]),
    Case("text", file("bad.pth", "hello"), OURS, ["expected a PyTorch checkpoint, got an unreadable file"]),
    Case("cut off", cut, OURS, ["got a truncated or damaged file"]),
    Case("damaged", flipped, OURS, ["bad.pth: expected"]),
    Case("a list", saved([1, 2]), OURS, ["expected a state dict, got list"]),
    Case("only an epoch", saved({"epoch": 3}), OURS, ["expected a state dict, got dict with keys epoch"]),
    Case("a tensor", saved(torch.ones(3)), OURS, ["expected a state dict, got Tensor"]),
    Case("no weights", saved({}), OURS, ["expected a state dict, got an empty dict"]),
    Case("a module", saved(lambda: nn.Linear(2, 2)), OURS, ["torch.nn.modules.linear.Linear", "--trust"]),
    Case("hostile", saved(lambda: {"w": Hostile()}), OURS, [".mkdir", "do not load it anywhere"]),
    Case("hostile, old form", saved(lambda: {"w": Hostile()}, **OLD), OURS, [".mkdir", "do not load it anywhere"]),
    Case("hostile pickle", file("bad.pth", pickle.dumps(Hostile())), OURS, [".mkdir", "do not load it anywhere"]),
    Case("sly", saved(lambda: {"w": Sly()}), OURS, ["would run code from the file", "--trust if you trust whoever"]),
    Case("described", file("bad.pth", b"\x80\x04."), ["describe", "bad.pth"], ["got a truncated or damaged file"]),
    Case("TorchScript", lambda f: script().save(str(f / "bad.pth")), OURS, ["got TorchScript", "state_dict()"]),  # type: ignore[no-untyped-call]
    Case("trusted, but no module", saved({"w": torch.ones(1)}), [*OURS, "--trust"], ["expected a pickled module"]),
    Case("NaN", changed(lambda v: v["state_dict"]["head.1.bias"].fill_(torch.nan)), OURS, ["head.1.bias", "NaN"]),
    Case(
        "infinite",
        changed(lambda v: v["state_dict"]["head.1.bias"].fill_(torch.inf)),
        OURS,
        ["head.1.bias", "infinity"],
    ),
    Case("complex", saved(lambda: weights(**{"3_bias": torch.ones(10) + 1j})), NETWORK, ["3.bias", "complex64"]),
    Case("no tensor", saved(lambda: {"format": "snn_eval-checkpoint", "format_version": 1}), OURS, ["expected arch"]),
    Case(
        "a later format", changed(lambda v: v.update(format_version=9)), OURS, ["version 1, got 9", "update snn-eval"]
    ),
    Case("wrong type inside", changed(lambda v: v.update(arch=7)), OURS, ["arch: expected str, got int"]),
    Case("unknown architecture", changed(lambda v: v.update(arch="ViT")), OURS, ["spiking-conv-net", "'ViT'"]),
    Case(
        "impossible values", changed(lambda v: v["config"].update(channels=[2])), OURS, ["as many strides as channels"]
    ),
    Case("unknown value", changed(lambda v: v["config"].update(depth=2)), OURS, ["depth"]),
    Case("another architecture", saved(weights), OURS, ["belongs to another architecture", "--arch"]),
    Case("other sizes", nothing, arch("net.py:other"), ["1.weight: expected [5, 64], got [4, 64]"]),
    Case("other layers", nothing, arch("net.py:deeper"), ["missing", "unknown", "0.1.bias"]),
    Case(
        "other number of classes",
        lambda f: torch.save({"1.weight": torch.ones(3, 64), "1.bias": torch.ones(3)}, f / "w.pth"),
        arch("net.py:three"),
        ["10 classes", "readout 3"],
    ),
]

FACTORIES = [
    Case("no such file", nothing, arch("absent.py:make"), ["expected the file", "absent.py", "found none"]),
    Case("no such function", nothing, arch("net.py:absent"), ["expected a function absent"]),
    Case("no function", nothing, arch("net.py:number"), ["expected a function number"]),
    Case("no name", nothing, arch("net.py:"), ["expected file.py:function"]),
    Case("an unknown name", nothing, arch("spiking-con-net"), ["spiking-conv-net", "'spiking-con-net'"]),
    Case("raises", nothing, arch("net.py:raises"), ["net.py:raises: expected a network, got KeyError"]),
    Case("leaves", nothing, arch("net.py:leaves"), ["expected a network, got SystemExit"]),
    Case("returns nothing", nothing, arch("net.py:nothing"), ["expected a torch.nn.Module, got NoneType"]),
    Case("needs a value", nothing, arch("net.py:needs"), ["expected a network, got TypeError", "width"]),
    Case("a file that fails", file("broken.py", "1 / 0"), arch("broken.py:make"), ["failed: ZeroDivisionError"]),
    Case("no Python", file("broken.py", "def make(:"), arch("broken.py:make"), ["failed: SyntaxError"]),
    Case(
        "a network that fails",
        lambda f: torch.save({}, f / "w.pth"),
        arch("net.py:fails"),
        ["w.pth: expected a state dict"],
    ),
    Case(
        "a network for other input",
        lambda f: torch.save({"weight": torch.ones(10, 3), "bias": torch.ones(10)}, f / "w.pth"),
        arch("net.py:wrong_input"),
        ["does not take input of shape", "8, 8"],
    ),
]

SUITES = [
    Case("missing suite", nothing, OWN, ["bad.toml: expected a suite file, found none"]),
    Case(
        "a folder for a suite",
        lambda f: (f / "bad.toml").mkdir(),
        OWN,
        ["bad.toml: expected a suite file, found a folder"],
    ),
    Case("empty suite", file("bad.toml"), OWN, ["bad.toml: suite: expected a value, found none"]),
    Case("no TOML", suite("version = 1", "version 1"), OWN, ["bad.toml: expected TOML", "line 4"]),
    Case("no text", file("bad.toml", b"\xff\xfe\x00"), OWN, ["bad.toml: expected a readable suite file"]),
    Case("a key twice", suite("version = 1", "version = 1\nversion = 2"), OWN, ["expected TOML"]),
    Case("an unknown key", suite("time_steps", "time_stepz"), OWN, ["time_stepz", "did you mean 'time_steps'?"]),
    Case("an unknown section", suite(new="[evaluat]\n"), OWN, ["unknown key 'evaluat'", "'evaluate'"]),
    Case("a wrong type", suite("time_steps = 2", 'time_steps = "two"'), OWN, ["input.time_steps", "'two'"]),
    Case("an impossible value", suite("time_steps = 2", "time_steps = 0"), OWN, ["input.time_steps", "got 0"]),
    Case("an unknown choice", suite('kind = "real"', 'kind = "reel"'), OWN, ["input.kind", "'reel'"]),
    Case(
        "an unknown encoding",
        suite('kind = "real"', 'kind = "real"\nencoding = "rat"'),
        OWN,
        ["input.encoding", "'rat'"],
    ),
    Case("an unknown data set", suite('"digits"', '"digit"'), OWN, ["digits"]),
    Case("an unknown part", suite('"digits"', '"digits"\ntest = "tset"'), OWN, ["expected split", "'tset'"]),
    Case("no data set", suite('name = "digits"', ""), OWN, ["data"]),
    Case(
        "an unknown metric",
        suite(new='[evaluate]\nmetrics = ["acuracy"]\n'),
        OWN,
        ["suite mine: unknown metric 'acuracy'; nearest: accuracy"],
    ),
    Case(
        "an unknown convention",
        suite(new='[evaluate]\nconventions = ["exakt"]\n'),
        OWN,
        ["suite mine: unknown convention 'exakt'; nearest: exact"],
    ),
    Case(
        "an unknown energy model",
        suite(new='[evaluate]\nenergy = ["horowits-45nm-fp32"]\n'),
        OWN,
        ["horowitz-45nm-fp32"],
    ),
    Case("an unknown framework", suite(new='framework = "nengo"\n'), OWN, ["model.framework", "'nengo'"]),
    Case("no network", suite('factory = "net.py:make"', ""), OWN, ["expected an architecture, found none", "--arch"]),
    Case(
        "a wrong ablation", suite(new='[[ablation]]\nname = "a"\nset = {"input.tme_steps" = 3}\n'), OWN, ["tme_steps"]
    ),
    Case("validated", suite("net.py:make", "absent.py:make"), ["validate", "bad.toml"], ["expected the file"]),
]

FLAGS = [
    Case("no samples", nothing, run("--limit", "0"), ["'--limit'", "0"]),
    Case("no time", nothing, run("--time-steps", "-1"), ["'--time-steps'", "-1"]),
    Case("a word for a number", nothing, run("--batch-size", "many"), ["'--batch-size'", "'many'"]),
    Case("unknown option", nothing, run("--time-stepz", "3"), ["--time-stepz", "--time-steps"]),
    Case("unknown command", nothing, ["rnu"], ["unknown command 'rnu'; nearest: run"]),
    Case("unknown suite", nothing, run("--suite", "minst"), ["unknown suite 'minst'", "mnist"]),
    Case("unknown device", nothing, run("--device", "tpu"), ["device: expected auto, cpu, cuda or cuda:N, got 'tpu'"]),
    Case("unknown convention", nothing, run("--convention", "exakt"), ["'exakt'; nearest: exact"]),
    Case("unknown energy model", nothing, run("--energy", "horowits"), ["unknown energy model 'horowits'"]),
    Case("no energy table", file("e.toml", "name = 3"), run("--energy", "e.toml"), ["e.toml"]),
    Case("half a pair", nothing, run("--models", "digits"), ["'--models' requires 2 arguments"]),
    Case("unknown list", nothing, ["ls", "modles"], ["unknown list 'modles'; nearest: models"]),
    Case("no runs", nothing, ["show"], ["reports"]),
    Case("a run that is none", lambda f: (f / "run").mkdir(), ["show", "run"], ["run"]),
    Case("output is a file", file("out"), run("--output", "out"), ["'--output'", "'out' is a file"]),
    Case(
        "output below a file", file("out"), run("--limit", "1", "--output", "out/deep"), ["cannot write", "is a file"]
    ),
    Case("no numbers in a record", file("r/record.json", "{"), ["show", "r"], ["record.json"]),
    Case("a record of something else", file("r/record.json", '{"schema_version": 99}'), ["show", "r"], ["record.json"]),
    Case("a setting without a value", nothing, ["train", "digits", "--set", "train.epochs"], ["train.epochs"]),
    Case("an unknown setting", nothing, ["train", "digits", "--set", "train.epoch=3"], ["train.epoch", "'epochs'"]),
    Case("a wrong setting", nothing, ["train", "digits", "--set", "train.epochs=0"], ["train.epochs", "got 0"]),
    Case("unknown suite to train", nothing, ["train", "digist"], ["digits"]),
    Case("nothing to train", suite('factory = "net.py:make"', ""), ["train", "bad.toml"], ["arch"]),
    Case(
        "nothing to choose on",
        suite('"digits"', '"digits"\nvalidation = "valid"'),
        ["train", "bad.toml", "--output", "t"],
        ["'valid'"],
    ),
]

DATA = [
    Case(
        "no data",
        nothing,
        run("--models", "mnist", "good.pt", "--data-dir", ".", "--no-download"),
        ["t10k-images", "--data-dir"],
    ),
    Case("data folder is a file", file("data"), run("--data-dir", "data"), ["'--data-dir'", "'data' is a file"]),
    Case(
        "images cut off",
        file("MNIST/raw/t10k-images-idx3-ubyte", b"\x00\x00\x08\x03"),
        run("--models", "mnist", "good.pt", "--data-dir", ".", "--no-download"),
        ["t10k-images-idx3-ubyte is not the official file", "7,840,016 bytes, found 4 bytes"],
    ),
    Case(
        "labels of another set",
        lambda f: (
            file("FashionMNIST/raw/t10k-images-idx3-ubyte", bytes(7_840_016))(f),
            file("FashionMNIST/raw/t10k-labels-idx1-ubyte", bytes(10_008))(f),
        ),
        run("--models", "fashion-mnist", "good.pt", "--data-dir", ".", "--no-download"),
        ["is not the official file: expected sha256"],
    ),
    Case(
        "no gzip",
        file("MNIST/raw/t10k-images-idx3-ubyte.gz", b"hello"),
        run("--models", "mnist", "good.pt", "--data-dir", ".", "--no-download"),
        ["is not the official file: expected 1,648,877 bytes, found 5 bytes"],
    ),
    Case(
        "a hostile batch",
        lambda f: file("cifar-10-batches-py/test_batch", pickle.dumps(Hostile()).ljust(31_035_526, b"\x00"))(f),
        run("--models", "cifar-10", "good.pt", "--data-dir", ".", "--no-download"),
        ["test_batch is not the official file: expected sha256"],
    ),
    Case(
        "a damaged archive",
        file("cifar-100-python.tar.gz", b"\x1f\x8b\x08\x00 not an archive"),
        run("--models", "cifar-100", "good.pt", "--data-dir", ".", "--no-download"),
        ["cifar-100-python.tar.gz"],
    ),
]

OWN_DATA = [
    Case("no folder of images", images(), OWN, ["expected the folder", "photos, found none"]),
    Case("a file for a folder", images(file("photos")), OWN, ["expected the folder", "photos, found a file"]),
    Case("an empty folder", images(lambda f: (f / "photos").mkdir()), OWN, ["expected images in", "found none"]),
    Case("a class without images", images(picture("a/1.png"), lambda f: (f / "photos/b").mkdir()), OWN, ["photos/b"]),
    Case("a damaged image", images(picture("a/1.png"), file("photos/a/2.png", "no")), OWN, ["2.png", "a damaged one"]),
    Case(
        "no image",
        images(picture("a/1.png"), file("photos/a/notes.txt", "no")),
        OWN,
        ["notes.txt", "expected an image"],
    ),
    Case(
        "two sizes",
        images(picture("a/1.png"), picture("a/2.png", 9)),
        OWN,
        ["2.png", "8×8 grey", "9×9 grey", "data.size"],
    ),
    Case("other classes", images(picture("a/1.png"), more='classes = ["b"]'), OWN, ["data.classes", "a; got b"]),
    Case("no arrays", arrays(), OWN, ["x.npz: expected a file of arrays, found none"]),
    Case("arrays without keys", arrays(z=np.zeros(3)), OWN, ["expected arrays x and y", "found z"]),
    Case(
        "damaged arrays",
        suite('name = "digits"', 'arrays = "x.npz"', file("x.npz", "PK")),
        OWN,
        ["x.npz: expected readable"],
    ),
    Case(
        "a pickle in arrays",
        arrays(**PARTS, x_test=np.array([Hostile()] * 2)),
        OWN,
        ["x.npz: expected readable arrays", "pickle"],
    ),
    Case("another count of labels", arrays(**PARTS, x_test=np.zeros((3, 64))), OWN, ["got 3 in x_test, 2"]),
    Case("labels below 0", arrays(x=np.zeros((2, 64)), y=np.array([0, -1])), OWN, ["expected classes from 0, got -1"]),
    Case(
        "labels that are shares",
        arrays(x=np.zeros((2, 64)), y=np.array([0.5, 1])),
        OWN,
        ["expected classes [N]", "float64"],
    ),
    Case(
        "samples that are NaN",
        arrays(**PARTS, x_test=np.full((2, 64), np.nan)),
        OWN,
        ["x_test: expected finite values"],
    ),
    Case("text for samples", arrays(**PARTS, x_test=np.array(["a", "b"])), OWN, ["x_test"]),
    Case(
        "data that fail",
        suite('name = "digits"', 'factory = "net.py:part_fails"'),
        OWN,
        ["data.factory part_fails('test'): failed: KeyError"],
    ),
    Case(
        "data that are none",
        suite('name = "digits"', 'factory = "net.py:part_none"'),
        OWN,
        ["expected (x, target), got NoneType"],
    ),
    Case("two kinds of data", suite('name = "digits"', 'name = "digits"\narrays = "x.npz"'), OWN, ["exactly one of"]),
    Case(
        "a network for other classes",
        arrays(**PARTS, x_test=np.zeros((2, 64))),
        OWN,
        ["2 classes, the network's readout 10"],
    ),
]

if not torch.cuda.is_available():
    FLAGS.append(Case("no CUDA", nothing, run("--device", "cuda"), ["expected cuda, found no CUDA", "--device cpu"]))

CASES = CHECKPOINTS + FACTORIES + SUITES + FLAGS + DATA + OWN_DATA


@pytest.fixture
def folder(tmp_path: Path, small: Path) -> Path:
    (tmp_path / "good.pt").write_bytes(small.read_bytes())
    (tmp_path / "net.py").write_text(NET)
    torch.save(weights(), tmp_path / "w.pth")
    return tmp_path


@pytest.fixture(autouse=True)
def _own_cache(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    return


def tree(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() if p.is_file() else b"" for p in sorted(folder.rglob("*"))}


@pytest.mark.filterwarnings("ignore:.torch.jit:FutureWarning", "ignore:.torch.jit:DeprecationWarning")
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_one_line_exit_two_nothing_left(case: Case, folder: Path, snn_eval: Command) -> None:
    case.make(folder)
    before = tree(folder)
    answer = snn_eval(*case.words)
    assert (answer.code, answer.out) == (2, "")
    last = answer.err.splitlines()[-1]
    assert last.startswith("snn-eval: ")
    assert all(words in last for words in case.told), last
    progress = [
        line for line in answer.err.splitlines()[:-1] if ": loading " not in line and not line.endswith("samples")
    ]
    assert progress == []
    assert tree(folder) == before


def test_the_table_is_as_long_as_promised() -> None:
    assert len(CASES) >= 30
    assert len({case.id for case in CASES}) == len(CASES)


def test_one_line_in_a_process_of_its_own(folder: Path) -> None:
    torch.save({"w": Hostile()}, folder / "bad.pth")
    before = tree(folder)
    command = [sys.executable, "-m", "snn_eval", *OURS]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, capture_output=True, text=True, cwd=folder, env=environment, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    (mistake,) = [line for line in done.stderr.splitlines() if "digits bad" not in line]
    assert "would run code from the file" in mistake
    assert "Traceback" not in done.stderr
    assert tree(folder) == before


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_without_permission(folder: Path, snn_eval: Command) -> None:
    (folder / "closed").mkdir(mode=0o500)
    answer = snn_eval("run", "--models", "digits", "good.pt", "--limit", "1", "--output", "closed/out")
    assert (answer.code, answer.out) == (2, "")
    assert "cannot write" in answer.err.splitlines()[-1]

"""The command line as a whole: quick, every help with an example, every mistake one line and exit code 2."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

import snn_eval
from snn_eval.cli import app
from snn_eval.cli.nearest import unknown
from snn_eval.errors import CountError

ROOT = Path(__file__).resolve().parents[2]
COMMANDS = sorted(app.cli.commands)


def answer(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str, str]:
    """Exit code, output and error output of ``snn-eval`` with these words."""
    with pytest.raises(SystemExit) as ended:
        app.main(list(words))
    out, err = capsys.readouterr()
    assert isinstance(ended.value.code, int)
    return ended.value.code, out, err


@pytest.mark.parametrize("command", COMMANDS)
def test_every_help_has_an_example(command: str) -> None:
    shown = CliRunner().invoke(app.cli, [command, "--help"])
    assert shown.exit_code == 0
    assert "Example" in shown.output
    assert f"snn-eval {command}" in shown.output


def test_no_words_is_help(capsys: pytest.CaptureFixture[str]) -> None:
    assert answer(capsys) == answer(capsys, "--help")
    code, out, _ = answer(capsys)
    assert code == 0
    assert [line for line in out.splitlines()[1:] if line.endswith("...")] == []  # nothing is cut short


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert answer(capsys, "--version") == (0, f"snn-eval, version {snn_eval.__version__}\n", "")


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["rnu"], "unknown command 'rnu'; nearest: run"),
        (["run", "--modles", "a", "b"], "--models"),
        (["run", "--models", "digits"], "'--models' requires 2 arguments (snn-eval run --help)"),
        (
            ["run", "--models", "mnist", "--data-dir", "X"],
            "expected --models SUITE CHECKPOINT, got --models mnist and then --data-dir; name the checkpoint, or give "
            "--suite mnist for the suite's own (snn-eval run --help)",
        ),
        (["run", "--models", "mnist", "--quiet"], "got --models mnist and then --quiet"),
        (
            ["run", "model.pt", "--quiet"],
            "expected --models SUITE CHECKPOINT, for example --models digits model.pt; got 'model.pt'",
        ),
        (["run", "--suite", "digit"], "digits"),
        (["run", "--limit", "0"], "--limit"),
        (["run", "--convention", "exakt"], "unknown convention 'exakt'; nearest: exact"),
        (["run", "--energy", "horowitz"], "unknown energy model 'horowitz'"),
        (["run", "--models", "digits", "absent.pth"], "absent.pth: expected a checkpoint file, found none"),
        (["run", "--models", "digits", "text.pth"], "text.pth: expected a PyTorch checkpoint"),
        (["run", "--device", "tpu", "--models", "digits", "text.pth"], "device: expected auto, cpu, cuda"),
        (["ls", "modles"], "unknown list 'modles'; nearest: models"),
        (["show", "absent"], "no runs in reports"),
        (["validate", "absent.toml"], "absent.toml"),
        (["validate", "bad.toml"], "time_stepz"),
        (["run", "--models", "misspelt.toml", "text.pth"], "unknown convention 'exakt'; nearest: exact"),
        (["run", "--energy", "binary.toml"], "energy table binary.toml cannot be read as text"),
        (["run", "--seed", str(2**64)], "input.seed"),
        (["train", "digits", "--seed", str(2**64)], "--seed"),
        (["train", "digist"], "digits"),
        (["train", "digits", "--set", "data.validation=test"], "train, validation and test to be different parts"),
    ],
)
def test_a_mistake_is_one_line_and_leaves_nothing(
    words: list[str],
    told: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "text.pth").write_text("not a checkpoint")
    (tmp_path / "bad.toml").write_text('[suite]\nname = "b"\nversion = 1\n[input]\ntime_stepz = 3\n')
    (tmp_path / "misspelt.toml").write_text(
        '[suite]\nname = "m"\nversion = 1\n[data]\nname = "digits"\n[input]\nkind = "real"\ntime_steps = 3\n'
        '[evaluate]\nconventions = ["exakt"]\n'
    )
    (tmp_path / "binary.toml").write_bytes(b"\xc5\x00\xff")
    there = sorted(tmp_path.iterdir())
    code, out, err = answer(capsys, *words)
    assert (code, out) == (2, "")
    mistakes = [line for line in err.splitlines() if told in line]
    assert len(mistakes) == 1
    assert "Traceback" not in err
    assert sorted(tmp_path.iterdir()) == there


def test_nearest_or_all_names() -> None:
    assert unknown("suite", "mnits", ["mnist", "digits"]) == "unknown suite 'mnits'; nearest: mnist"
    assert unknown("suite", "zzz", ["mnist", "digits"]) == "unknown suite 'zzz'; known: mnist, digits"
    assert unknown("suite", "zzz", []) == "unknown suite 'zzz'; known: none"


@pytest.mark.parametrize(
    ("error", "code", "line"),
    [
        (CountError("a count\nis impossible"), 3, "snn-eval: a count is impossible\n"),
        (click.Abort(), 130, "snn-eval: stopped; finished parts are kept and the same command goes on from them\n"),
        (ModuleNotFoundError("x", name="h5py"), 2, None),
        *(
            (error, 2, "snn-eval: not enough memory: give a smaller --batch-size; what was measured is kept\n")
            for error in (
                MemoryError(),
                RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried"),
            )
        ),
    ],
)
def test_errors_become_codes(
    error: Exception,
    code: int,
    line: str | None,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    @click.command()
    def fail() -> None:
        raise error

    monkeypatch.setitem(app.cli.commands, "fail", fail)
    found, out, err = answer(capsys, "fail")
    assert (found, out) == (code, "")
    assert err == (
        line or "snn-eval: the package h5py is not installed: run ./run_eval.sh, or pip install -r requirements.txt\n"
    )


@pytest.mark.parametrize("error", [ModuleNotFoundError("x", name="snn_eval.gone"), RuntimeError("a fault of ours")])
def test_a_fault_of_ours_is_not_hidden(error: Exception, monkeypatch: pytest.MonkeyPatch) -> None:
    @click.command()
    def fail() -> None:
        raise error

    monkeypatch.setitem(app.cli.commands, "fail", fail)
    with pytest.raises(type(error)):
        app.main(["fail"])


@pytest.mark.parametrize(
    "words",
    [
        ["--help"],
        ["run", "--help"],
        ["ls"],
        *(["ls", what] for what in ("suites", "data", "models", "metrics", "energy", "conventions")),
    ],
    ids=" ".join,
)
def test_quick_commands_import_nothing_slow(words: list[str], tmp_path: Path) -> None:
    code = (
        "import sys\nfrom snn_eval.cli import main\n"
        f"try: main({words!r})\nexcept SystemExit as end: assert end.code == 0, end.code\n"
        "slow = {'torch', 'numba', 'scipy', 'pandas', 'matplotlib', 'sklearn', 'spikingjelly'} & set(sys.modules)\n"
        "assert not slow, slow"
    )
    command, environment = [sys.executable, "-c", code], os.environ | {"PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, env=environment, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout


def test_show_imports_nothing_slow(tmp_path: Path) -> None:
    from helpers.records import layered_record
    from helpers.traces import tiny_trace

    from snn_eval.record import write_record
    from snn_eval.trace_file import write_trace

    run = tmp_path / "reports" / "runs" / "20260101-000000-digits-tiny"
    run.mkdir(parents=True)
    write_trace(run / "trace.h5", tiny_trace())
    write_record(run / "record.json", layered_record())
    for words in (["show"], ["show", "--recompute"], ["ls"]):
        test_quick_commands_import_nothing_slow(words, tmp_path)


def test_module_is_the_command() -> None:
    command = [sys.executable, "-m", "snn_eval", "--version"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=True)
    assert done.stdout == f"snn-eval, version {snn_eval.__version__}\n"


def test_an_interpreter_without_packages_is_told_in_one_line() -> None:
    command = [sys.executable, "-S", "-m", "snn_eval", "run"]  # -S: no installed packages
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, env=environment, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == f"snn-eval: {sys.executable} has no package click: pip install -r requirements.txt\n"


def test_env_tells_what_a_bug_report_needs(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = answer(capsys, "env")
    assert code == 0
    names = [line.split()[0] for line in out.splitlines()]
    assert {"snn-eval", "python", "system", "processor", "memory", "devices", "torch", "numba"} <= set(names)


def test_validate(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = answer(capsys, "validate", "digits")
    assert (code, err) == (0, "")
    assert [line.split(maxsplit=1) for line in out.splitlines()] == [
        ["digits", "v1: valid"],
        [
            "data",
            "digits: train 1168, validation 270, test 359 samples of 1×8×8, 10 classes: 0, 1, 2, 3, 4, 5, 6, 7, 8, 9",
        ],
        ["input", "direct, real, T = 8"],
        ["network", "spiking-conv-net: 18,418 parameters, 2 spiking layers, takes the data"],
        ["checkpoint", "digits-spiking-conv-net.pt, comes with snn-eval"],
    ]


def test_validate_looks_for_the_factory(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    keys = {"suite": 'name = "mine"\nversion = 1\ndescription = "x"', "data": 'name = "digits"'}
    keys |= {"input": 'encoding = "direct"\nkind = "real"\ntime_steps = 2', "model": 'factory = "net.py:make"'}
    Path("mine.toml").write_text("\n".join(f"[{name}]\n{values}" for name, values in keys.items()))
    code, out, err = answer(capsys, "validate", "mine.toml")
    assert (code, out) == (2, "")
    assert "'net.py:make': expected the file" in err
    linear = "from torch import nn\n\ndef make():\n    return nn.Sequential(nn.Flatten(), nn.Linear(%d, %d))\n"
    for sizes, told in (((63, 10), "does not take input of shape"), ((64, 3), "10 classes, the network's readout 3")):
        Path("net.py").write_text(linear % sizes)
        code, out, err = answer(capsys, "validate", "mine.toml")
        assert (code, out) == (2, "")
        assert told in err
    Path("net.py").write_text(linear % (64, 10))
    assert "make: 650 parameters, 0 spiking layers, takes the data" in answer(capsys, "validate", "mine.toml")[1]


@pytest.mark.parametrize(
    ("data", "told"),
    [
        ('images = "absent"', "data.images: expected the folder absent, found none"),
        ('arrays = "absent.npz"', "absent.npz: expected a file of arrays, found none"),
        ('factory = "absent.py:load"', "'absent.py:load': expected the file absent.py, found none"),
    ],
)
def test_validate_says_of_own_data_that_are_not_there_what_run_says(
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    data: str,
    told: str,
    small: Path,
) -> None:
    monkeypatch.chdir(tmp_path)
    rest = '[input]\nkind = "real"\ntime_steps = 2\n[model]\narch = "spiking-conv-net"\n'
    Path("mine.toml").write_text(f'[suite]\nname = "mine"\nversion = 1\n[data]\n{data}\n{rest}')
    code, out, err = answer(capsys, "validate", "mine.toml")
    assert (code, out, err) == (2, "", f"snn-eval: {told}\n")
    assert answer(capsys, "run", "--quiet", "--models", "mine.toml", str(small)) == (code, out, err)


def test_ls_lists_what_can_be_named(capsys: pytest.CaptureFixture[str]) -> None:
    assert "digits" in answer(capsys, "ls", "suites")[1]
    assert "accuracy" in answer(capsys, "ls", "metrics")[1]
    assert "horowitz-45nm-fp32" in answer(capsys, "ls", "energy")[1]
    assert "per-layer" in answer(capsys, "ls", "conventions")[1]

"""The pytest plugin: accepts, compares, and fails somebody's test with the words of the gate."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from helpers.runs import stored_run
from helpers.traces import random_trace

from snn_eval import pytest_plugin
from snn_eval.regress import write_baseline
from snn_eval.regress.measured import measured

TEST = """
import pytest
from helpers.traces import random_trace

def test_{name}_model(snn_baseline):
    snn_baseline("model", random_trace(samples=30))
"""

Run = Callable[..., tuple[int, str]]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Runs pytest on one test of a made-up library."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "pytest.ini").write_text("[pytest]\n")

    def command(*words: str) -> tuple[int, str]:
        name = f"{tmp_path.name}_{len(list(tmp_path.glob('test_*.py')))}"  # a module is imported once in a process
        file = tmp_path / f"test_{name}_somebodys_own.py"
        file.write_text(TEST.format(name=name))
        fixed = [
            "-q",
            "-rs",
            "--import-mode=importlib",
            "-p",
            "no:cacheprovider",
            "-c",
            str(tmp_path / "pytest.ini"),
            str(file),
        ]
        code = pytest.main([*fixed, *words], plugins=[pytest_plugin])
        return int(code), capsys.readouterr().out

    return command


def test_a_result_is_accepted_and_compared(run: Run, tmp_path: Path) -> None:
    assert run("--snn-baseline", "accepted", "--snn-baseline-update")[0] == 0
    assert [p.name for p in tmp_path.joinpath("accepted").iterdir()] == ["model.json"]
    assert run("--snn-baseline", "accepted")[0] == 0


def test_a_regression_fails_the_test_with_the_words_of_the_gate(run: Run, tmp_path: Path) -> None:
    trace = random_trace(seed=0, samples=30)
    fewer = [replace(n, spikes_TN=n.spikes_TN // 2) for n in trace.neurons]
    write_baseline(tmp_path / "accepted/model.json", measured(replace(trace, neurons=tuple(fewer)), "model"))
    code, text = run("--snn-baseline", "accepted")
    assert code == 1
    assert "regressed: worse by more than 0.1 % of the count (other torch unknown" in text  # a trace made by hand
    assert "spike_count" in text
    assert "Traceback" not in text
    check = pytest_plugin.BaselineCheck(tmp_path / "accepted")
    check("model", trace, "spike_count:+300%")
    check("model", trace, "ac:+1%")
    with pytest.raises(pytest.fail.Exception, match="FAILED: 1 of 1 gated metrics"):
        check("model", trace, "spike_count:+1%")


def test_another_set_of_samples_never_passes(tmp_path: Path) -> None:
    pytest_plugin.BaselineCheck(tmp_path, update=True)("model", random_trace(seed=0, samples=30))
    with pytest.raises(pytest.fail.Exception, match="incomparable: other data: fingerprint"):
        pytest_plugin.BaselineCheck(tmp_path)("model", random_trace(seed=1, samples=30))  # other targets


def test_without_the_option_the_test_is_skipped_with_the_reason(run: Run) -> None:
    code, text = run()
    assert (code, "needs --snn-baseline DIR" in text) == (0, True)


@pytest.mark.parametrize(
    ("limits", "answer"),
    [
        ((), "^no baseline .*model.json: accept this result with pytest --snn-baseline .* --snn-baseline-update$"),
        (("acc:+1%",), "^--fail-on 'acc:.1%': unknown metric 'acc'; nearest: .*"),
    ],
)
def test_a_mistake_is_one_line(tmp_path: Path, limits: tuple[str, ...], answer: str) -> None:
    with pytest.raises(pytest.fail.Exception, match=answer) as caught:
        pytest_plugin.BaselineCheck(tmp_path)("model", random_trace(samples=5), *limits)
    assert not caught.value.pytrace


def test_a_run_folder_is_a_result_too(tmp_path: Path) -> None:
    run = stored_run(tmp_path / "runs", random_trace(samples=10))
    pytest_plugin.BaselineCheck(tmp_path / "accepted", update=True)("mine", run.path)
    pytest_plugin.BaselineCheck(tmp_path / "accepted")("mine", str(run.path))
    worse = stored_run(tmp_path / "runs", random_trace(seed=1, samples=10))
    with pytest.raises(pytest.fail.Exception, match="FAILED"):
        pytest_plugin.BaselineCheck(tmp_path / "accepted")("mine", worse.path)

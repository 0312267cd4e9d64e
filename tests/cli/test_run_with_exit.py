"""``snn-eval run --exit``: the rule is chosen on the validation part, kept, shown, computed again, and resumed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from cli.conftest import Answer, Command
from cli.test_run import FILES, same_counts

from snn_eval.data import load_dataset
from snn_eval.data.shipped import shipped_folder
from snn_eval.errors import SuiteError
from snn_eval.metrics import ExitRule, choose_threshold, early_exit_curve, fit_temperature
from snn_eval.record import Record, read_record
from snn_eval.run.validation import validation_part
from snn_eval.suite import load_suite, with_values
from snn_eval.trace_file import read_trace

WORDS = ("--time-steps", "4", "--batch-size", "8", "--limit", "40", "--energy", "horowitz-45nm-fp32")


@pytest.fixture(autouse=True)
def _no_figures(monkeypatch: pytest.MonkeyPatch) -> None:
    from snn_eval.report.figures import Drawn

    monkeypatch.setattr("snn_eval.run.files.draw", lambda trace, record: Drawn())


def measured(record: Record) -> dict[str, float]:
    return {m.metric: m.value for m in record.measurements if m.metric.startswith("exit_")}


def record_of(answer: Answer) -> Record:
    assert answer.code == 0, answer.err
    return read_record(answer.last / "record.json")


@pytest.mark.parametrize("kind", ["confidence", "entropy"])
def test_the_rule_is_chosen_on_validation_and_measured_on_test(snn_eval: Command, small: Path, kind: str) -> None:
    words = ("--exit", kind, "--exit-tolerance", "0.05")
    ran = snn_eval("run", "--models", "digits", str(small), *WORDS, *words)
    record = record_of(ran)
    assert {path.name for path in ran.last.iterdir()} == (FILES - {"figures"}) | {"validation.h5"}
    test, validation = read_trace(ran.last / "trace.h5"), read_trace(ran.last / "validation.h5")
    assert (test.samples.split, validation.samples.split) == ("test", "validation")
    assert (len(test.samples), len(validation.samples)) == (40, 40)
    assert validation.facts.bare_forward_s == ()
    rule = choose_threshold(validation, kind, temperature=fit_temperature(validation), tolerance=0.05)  # type: ignore[arg-type]
    assert isinstance(rule, ExitRule)
    assert record.exit is not None
    assert (record.exit.kind, record.exit.tolerance, record.exit.samples) == (kind, 0.05, 40)
    assert (record.exit.temperature, record.exit.threshold) == (rule.temperature, rule.threshold)
    curve = early_exit_curve(test, rule.kind, temperature=rule.temperature, thresholds=[rule.threshold])
    (point,) = curve.points
    found = measured(record)
    assert found["exit_accuracy"] == point.accuracy
    assert found["exit_mean_step"] == point.mean_step
    assert found["exit_energy_total"] == point.energy_total
    assert "exit" not in record.refused
    shown = "confidence" if kind == "confidence" else "1 − entropy / ln K"
    line = (
        f"exit: {shown} ≥ {rule.threshold:g} at temperature {rule.temperature:.3g}, chosen on 40 validation samples "
        "(accuracy there at most 5 points below that of all steps)"
    )
    assert line in ran.out
    assert line in (ran.last / "table.md").read_text()
    assert "exit: mean step" in ran.out

    assert snn_eval("show", "latest", "--recompute").out == ran.out
    (ran.last / "validation.h5").unlink()
    without = snn_eval("show", "latest", "--recompute").out
    assert "exit: mean step" not in without
    assert "refused: exit: needs the trace of the validation part, validation.h5" in without


@pytest.mark.parametrize("stopped_at", [5, 7])  # before the first chunk of validation; after two of its five
def test_an_interrupted_run_goes_on_in_the_validation_part(
    snn_eval: Command, small: Path, monkeypatch: pytest.MonkeyPatch, stopped_at: int
) -> None:
    from snn_eval.probe import Recorder

    words = ("run", "--models", "digits", str(small), *WORDS, "--exit", "confidence")
    whole = snn_eval(*words, "--output", "whole")
    added: list[int] = []
    add = Recorder.add

    def until(self: Recorder, chunk: Any) -> None:
        if len(added) == stopped_at:
            raise KeyboardInterrupt
        added.append(chunk.index)
        add(self, chunk)

    with monkeypatch.context() as patch:
        patch.setattr(Recorder, "add", until)
        assert snn_eval(*words).code == 130
    (folder,) = Path("reports/runs").iterdir()
    assert read_record(folder / "record.json").status == "partial"
    assert (folder / "trace.h5").is_file()
    assert not (folder / "validation.h5").exists()

    again: list[int] = []

    def counted(self: Recorder, chunk: Any) -> None:
        again.append(chunk.index)
        add(self, chunk)

    with monkeypatch.context() as patch:
        patch.setattr(Recorder, "add", counted)
        resumed = snn_eval(*words)
    assert resumed.last == folder
    assert again == [0, 1, 2, 3, 4][stopped_at - 5 :]  # none of the test part, nothing of validation twice
    for name in ("trace.h5", "validation.h5"):
        assert same_counts(*(read_trace(answer.last / name) for answer in (whole, resumed)))
    assert {path.name for path in folder.iterdir()} == {path.name for path in whole.last.iterdir()}
    one, other = record_of(whole), record_of(resumed)
    assert one.exit == other.exit
    assert measured(one) == measured(other)
    assert "was measured before" in snn_eval(*words).err


def test_a_longer_run_takes_over_chunks_of_both_parts(
    snn_eval: Command, small: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from snn_eval.probe import Recorder

    base = ("run", "--models", "digits", str(small), *WORDS[:4], "--energy", "horowitz-45nm-fp32", "--exit", "entropy")
    snn_eval(*base, "--limit", "16")
    planned = snn_eval(*base, "--limit", "24", "--dry-run").out
    assert " of 6 chunks: " in planned
    assert " each for 2 of them, " in planned
    added: list[int] = []
    add = Recorder.add

    def counted(self: Recorder, chunk: Any) -> None:
        added.append(chunk.index)
        add(self, chunk)

    with monkeypatch.context() as patch:
        patch.setattr(Recorder, "add", counted)
        longer = snn_eval(*base, "--limit", "24")
    assert added == [2, 2]
    fresh = snn_eval(*base, "--limit", "24", "--fresh")
    for name in ("trace.h5", "validation.h5"):
        assert same_counts(*(read_trace(answer.last / name) for answer in (longer, fresh)))


@pytest.mark.parametrize(
    ("words", "cause"),
    [
        (("--time-steps", "1"), "needs more than one time step"),
        (("--time-steps", "4", "--readout", "last"), "needs a readout at every step"),
        (("--time-steps", "4", "--encoding", "latency", "--clip"), "needs an encoding that does not depend"),
    ],
)
def test_where_prefixes_mean_nothing_the_run_is_done_without_exit(
    snn_eval: Command, small: Path, words: tuple[str, ...], cause: str
) -> None:
    ran = snn_eval("run", "--models", "digits", str(small), "--limit", "16", "--exit", "confidence", *words)
    record = record_of(ran)
    assert record.status == "limited"
    assert cause in record.refused["exit"]
    assert record.exit is not None
    assert (record.exit.temperature, record.exit.threshold) == (None, None)
    assert measured(record) == {}
    assert not (ran.last / "validation.h5").exists()
    assert "refused: " in ran.out
    assert snn_eval("show", "latest", "--recompute").out == ran.out


def test_the_suite_may_ask_for_it_and_the_command_say_no(snn_eval: Command, small: Path) -> None:
    text = (shipped_folder("suites") / "digits.toml").read_text()
    Path("mine.toml").write_text(text.replace("[evaluate]\n", '[evaluate]\nexit = "entropy"\nexit_tolerance = 0.5\n'))
    assert "exit = " in Path("mine.toml").read_text()
    base = ("run", "--models", "mine.toml", str(small), "--limit", "8", "--time-steps", "2")
    asked, refused = record_of(snn_eval(*base)), record_of(snn_eval(*base, "--exit", "none"))
    assert asked.exit is not None
    assert (asked.exit.kind, asked.exit.tolerance) == ("entropy", 0.5)
    assert refused.exit is None
    assert asked.identity.cell != refused.identity.cell


def test_what_cannot_be_asked_for_is_one_line(snn_eval: Command, small: Path) -> None:
    base = ("run", "--models", "digits", str(small))
    alone = snn_eval(*base, "--exit-tolerance", "0.1")
    assert (alone.code, alone.out) == (2, "")
    assert "--exit-tolerance: expected --exit confidence or entropy with it" in alone.err
    assert snn_eval(*base, "--exit", "sometimes").code == 2
    assert snn_eval(*base, "--exit", "entropy", "--exit-tolerance", "2").code == 2


def test_a_suite_without_validation_part_is_refused() -> None:
    suite = with_values(load_suite("digits"), {"evaluate.exit": "entropy", "data.validation": None})
    with pytest.raises(SuiteError, match=r"expected data\.validation to choose an exit threshold on, found none"):
        validation_part(suite, None, lambda part: load_dataset(suite.data_source, part, None))
    assert validation_part(with_values(suite, {"evaluate.exit": "none"}), None, lambda part: pytest.fail(part)) is None

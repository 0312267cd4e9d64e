"""The line that says which exit rule was chosen, and on what."""

from __future__ import annotations

from helpers.records import small_record

from snn_eval.record import ExitChoice
from snn_eval.report.card import card
from snn_eval.report.notes import notes
from snn_eval.report.tables import table_md

CHOICE = ExitChoice(kind="confidence", tolerance=0.002, samples=5000, data_fingerprint="ab", temperature=1.3)
REST = (
    "at temperature 1.3, chosen on 5,000 validation samples (accuracy there at most 0.2 points below that of all steps)"
)


def test_rule_and_what_it_was_chosen_on() -> None:
    record = small_record(exit=CHOICE.model_copy(update={"threshold": 0.97}))
    line = f"exit: confidence ≥ 0.97 {REST}"
    assert line in notes(record)
    assert f"- {line}\n" in table_md([record])
    assert line in card(record)
    entropy = small_record(exit=CHOICE.model_copy(update={"threshold": 0.9, "kind": "entropy"}))
    assert f"exit: 1 − entropy / ln K ≥ 0.9 {REST}" in notes(entropy)


def test_never_stopping_and_nothing_chosen() -> None:
    assert f"exit: never before the last step {REST}" in notes(small_record(exit=CHOICE))
    unchosen = small_record(exit=CHOICE.model_copy(update={"temperature": None}), refused={"exit": "needs two steps"})
    assert [line for line in notes(unchosen) if "exit" in line] == ["refused: exit: needs two steps"]

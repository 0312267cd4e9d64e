"""Rows of an ablation: components and values in order, axes crossed, every mistake one line before anything runs."""

from __future__ import annotations

from pathlib import Path

import pytest

from snn_eval.errors import SuiteError
from snn_eval.suite import Suite, ablation_rows, load_suite

BASE = """
[suite]
name = "mine"
version = 1
[data]
name = "digits"
[input]
kind = "real"
time_steps = 4
[model]
arch = "spiking-conv-net"
[model.config]
neuron = { name = "if" }
"""
ROWS = """
[components.leak]
model.config.neuron.name = "lif"
"model.config.neuron.tau" = 3.0
[components.slow]
"train.epochs" = 7
[[ablation]]
name = "base"
[[ablation]]
name = "both"
components = ["leak", "slow"]
set = { "train.epochs" = 9, "input.time_steps" = 2 }
note = "why"
"""


def suite_of(folder: Path, text: str) -> Suite:
    path = folder / "mine.toml"
    path.write_text(BASE + text, encoding="utf-8")
    return load_suite(path)


def test_components_come_first_then_the_rows_own_values(tmp_path: Path) -> None:
    base, both = ablation_rows(suite_of(tmp_path, ROWS))
    assert (base.name, base.components, base.axes, base.suite.train.epochs) == ("base", (), {}, 100)
    assert both.components == ("leak", "slow")
    assert both.suite.model.config == {"neuron": {"name": "lif", "tau": 3.0}}
    assert (both.suite.train.epochs, both.suite.input.time_steps, both.note) == (9, 2, "why")
    assert base.suite.folder == tmp_path


def test_axes_are_crossed_with_the_rows(tmp_path: Path) -> None:
    suite = suite_of(tmp_path, '[axes]\n"input.time_steps" = [2, 4]\n"train.tet" = [0.0, 1.0]\n' + ROWS)
    rows = ablation_rows(suite)
    assert len(rows) == 8
    assert [(r.suite.input.time_steps, r.suite.train.tet) for r in rows[:4]] == [(2, 0.0), (2, 1.0), (4, 0.0), (4, 1.0)]
    assert rows[-1].axes == {"input.time_steps": 4, "train.tet": 1.0}  # an axis goes before what a row sets


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            '[[ablation]]\nname = "a"\ncomponents = ["leek"]\n[components.leak]\n"train.epochs" = 1',
            "did you mean 'leak'",
        ),
        ('[[ablation]]\nname = "a"\n[[ablation]]\nname = "a"', "rows of different names, found two"),
        ('[components.x]\n"train.epoch" = 1', "component 'x': unknown key 'train.epoch'; did you mean 'epochs'"),
        ('[[ablation]]\nname = "a"\nset = { "train.epochs" = 0 }', "ablation 'a': train.epochs"),
        ('[ablate]\nreference = "b"\n[[ablation]]\nname = "a"', "ablate.reference: expected one of a, got 'b'"),
        ('[axes]\n"train.epochz" = [1]', "axis: unknown key 'train.epochz'"),
        ("[ablate]\nvalues = []", "ablate.values"),
        ("[data.x]", "data.x"),
    ],
)
def test_a_mistake_is_one_line(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(SuiteError) as error:
        suite_of(tmp_path, text)
    assert message in str(error.value)
    assert "\n" not in str(error.value)


def test_a_fold_beyond_the_folds_is_told(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(BASE.replace('name = "digits"', 'name = "digits"\nfold = 5\nfolds = 5'), encoding="utf-8")
    with pytest.raises(SuiteError, match="fold: expected 0 to 4, of 5 folds, got 5"):
        load_suite(path)


def test_a_suite_without_rows_has_none_to_compare(tmp_path: Path) -> None:
    with pytest.raises(
        SuiteError, match=r"mine: expected rows to compare \(\[\[ablation\]\] in its file\), found none"
    ):
        ablation_rows(suite_of(tmp_path, ""))


def test_what_was_added_later_does_not_change_what_was_measured_before() -> None:
    written = load_suite("digits").model_dump(mode="json")
    assert not {"components", "ablate", "correct"} & set(written)
    assert not {"budget", "prior"} & set(written["train"])
    assert not {"fold", "folds"} & set(written["data"])
    assert "exit" not in written["evaluate"]

"""What an ablation consists of: cells of rows, axes and replicates; which trainings they share; what makes them new."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from helpers.ablations import ROWS, plan_of, suite_of

from snn_eval.errors import DataError, SuiteError
from snn_eval.run.ablate import AblationCell
from snn_eval.run.ablate.identity import training_suite
from snn_eval.run.ablate.names import axes_folder, row_folders
from snn_eval.run.ablate.spec import from_line, to_line
from snn_eval.suite import load_suite, with_values


def by_folder(cells: tuple[AblationCell, ...], folder: Path) -> dict[str, AblationCell]:
    return {cell.folder.relative_to(folder / "cells").as_posix(): cell for cell in cells}


def test_rows_times_replicates_and_shared_trainings(tmp_path: Path) -> None:
    cells = by_folder(plan_of(suite_of(tmp_path), tmp_path), tmp_path)
    assert list(cells) == ["b0/0", "b0/1", "b0-early-exit/0", "b0-early-exit/1", "leak/0", "leak/1"]
    trainings = [cell.training for cell in cells.values()]
    assert trainings[:2] == trainings[2:4]  # an exit changes nothing in training
    assert len(set(trainings)) == 4
    assert len({cell.values for cell in cells.values()}) == 6
    assert cells["leak/1"].suite.model.config["neuron"] == {"name": "lif"}
    assert cells["b0-early-exit/1"].title == "B0 + early exit, seed 1"


def test_a_row_and_an_axis_are_added_in_toml_alone(tmp_path: Path) -> None:
    before = by_folder(plan_of(suite_of(tmp_path), tmp_path), tmp_path)
    more = ROWS + '[[ablation]]\nname = "Slow"\nset = { "train.learning_rate" = 0.001 }\n'
    after = by_folder(plan_of(suite_of(tmp_path, more), tmp_path), tmp_path)
    assert {name: after[name].values for name in before} == {name: cell.values for name, cell in before.items()}
    assert set(after) - set(before) == {"slow/0", "slow/1"}
    axes = '[axes]\n"input.time_steps" = [2, 3]\n'
    crossed = by_folder(plan_of(suite_of(tmp_path, ROWS + axes), tmp_path, values=(0,)), tmp_path)
    assert list(crossed)[:2] == ["b0/input.time-steps-2/0", "b0/input.time-steps-3/0"]
    assert [cell.suite.input.time_steps for cell in crossed.values()] == [2, 3] * 3


def test_what_decides_a_cell_and_what_only_describes_it(tmp_path: Path) -> None:
    suite = suite_of(tmp_path)

    def first(**values: object) -> AblationCell:
        return plan_of(with_values(suite, values), tmp_path)[0]

    base = first()
    same = first(**{"suite.description": "other", "train.seeds": [7], "ablate.reference": "Leak"})
    assert (same.values, same.training) == (base.values, base.training)
    measured = first(**{"evaluate.conventions": ["expanded"]})
    assert (measured.values == base.values, measured.training == base.training) == (False, True)
    aimed = first(**{"ablate.target": 0.5})
    assert (aimed.values == base.values, aimed.training == base.training) == (False, True)
    trained = first(**{"train.tet": 1.0})
    assert (trained.values == base.values, trained.training == base.training) == (False, False)
    x, y = (np.load(tmp_path / "tiny.npz")[key] for key in "xy")
    np.savez(tmp_path / "tiny.npz", x=x / 2, y=y)
    assert first().training != base.training  # other data under the same name


def test_a_neuron_of_the_users_is_known_by_what_its_file_says(tmp_path: Path) -> None:
    suite = with_values(suite_of(tmp_path), {"model.config.neuron": {"name": "mine.py:Neuron"}})
    (tmp_path / "mine.py").write_text("Neuron = None\n")
    before = plan_of(suite, tmp_path)[0]
    (tmp_path / "mine.py").write_text("Neuron = 1\n")
    assert plan_of(suite, tmp_path)[0].training != before.training


def test_folds_are_parts_of_the_data_and_seeds_too(tmp_path: Path) -> None:
    suite = with_values(suite_of(tmp_path), {"ablate.replicate": "fold", "ablate.values": [0, 4]})
    cells = plan_of(suite, tmp_path, rows=("b0",))
    assert [cell.suite.data.fold for cell in cells] == [0, 4]
    assert [(cell.replicate.kind, cell.replicate.value) for cell in cells] == [("fold", 0), ("fold", 4)]
    assert cells[0].training != cells[1].training
    with pytest.raises(SuiteError, match=r"fold 5: data: fold: expected 0 to 4, of 5 folds, got 5"):
        plan_of(suite, tmp_path, values=(5,))


def test_quick_is_a_tenth_of_the_epochs_of_one_replicate(tmp_path: Path) -> None:
    suite = with_values(suite_of(tmp_path), {"train.epochs": 25})
    cells = plan_of(suite, tmp_path, quick=True)
    assert [(cell.suite.train.epochs, cell.samples, cell.replicate.value) for cell in cells] == [(2, 1000, 0)] * 3
    assert plan_of(with_values(suite, {"train.epochs": 5}), tmp_path, quick=True)[0].suite.train.epochs == 1


def test_mistakes_are_one_line(tmp_path: Path) -> None:
    suite = suite_of(tmp_path)
    with pytest.raises(SuiteError, match=r"rows of tiny: B0, B0 \+ early exit, Leak; got 'lek'; did you mean 'Leak'"):
        plan_of(suite, tmp_path, rows=("B0", "lek"))
    assert len(plan_of(suite, tmp_path, rows=("leak, b0",), values=(3,))) == 2
    with_comma = suite_of(
        tmp_path, ROWS + '[[ablation]]\nname = "Leak, slow"\nset = { "train.learning_rate" = 0.001 }\n'
    )
    with pytest.raises(SuiteError, match=r"rows of tiny: B0, B0 \+ early exit, Leak, 'Leak, slow'; got 'slow'"):
        plan_of(with_comma, tmp_path, rows=("Leak,slow",))
    assert [cell.row.name for cell in plan_of(with_comma, tmp_path, rows=("Leak, slow",), values=(0,))] == [
        "Leak, slow"
    ]
    with pytest.raises(SuiteError, match=r"mnist: expected rows to compare .* snn-eval-mnist has some"):
        plan_of(load_suite("mnist"), tmp_path)
    (tmp_path / "tiny.npz").unlink()
    with pytest.raises(DataError, match=r"tiny\.npz: expected a file of arrays, found none"):
        plan_of(suite, tmp_path)


def test_a_cell_survives_the_way_to_its_process(tmp_path: Path) -> None:
    cell = plan_of(suite_of(tmp_path), tmp_path, quick=True)[1]
    there = from_line(to_line(cell))
    assert there == cell
    assert there.suite.folder == tmp_path


def test_folders_of_rows_and_axes_never_meet() -> None:
    assert len(set(row_folders(["B0", "b0", "B0 +", "x"]).values())) == 4
    axes = [{"a": 1}, {"a": -1}, {"a": "1"}, {"a": [1]}, {"a": 0.1}, {"b": 1}, {"a": "x" * 90}, {"a": "x" * 91}]
    folders = [axes_folder(choice) for choice in axes]
    assert folders[2] == folders[0]  # the text and the number: one key takes only one of them
    assert len(set(folders)) == len(axes) - 1
    assert axes_folder({}) == ""


def test_the_suite_in_the_documentation_is_one(tmp_path: Path) -> None:
    page = (Path(__file__).resolve().parents[3] / "docs" / "ablation.md").read_text(encoding="utf-8")
    whole, component = re.findall(r"^```toml\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
    path = tmp_path / "mine.toml"
    path.write_text(whole, encoding="utf-8")
    cells = by_folder(plan_of(load_suite(path), tmp_path), tmp_path)
    assert len(cells) == 4 * 2 * 3
    assert cells["both-with-a-slower-leak/input.time-steps-4/2"].suite.model.config["neuron"]["tau"] == 4.0
    path.write_text(whole + component + '[[ablation]]\nname = "own"\ncomponents = ["mine"]\n', encoding="utf-8")
    own = plan_of(load_suite(path), tmp_path, rows=("own",))[0]
    assert own.suite.model.config["neuron"] == {"name": "mine.py:Neuron", "reset": "soft"}
    assert training_suite(own.suite).folder == tmp_path  # which the file is looked for in

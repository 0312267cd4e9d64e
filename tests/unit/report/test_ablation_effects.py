"""Effects of components: what cells were made to have is what is found, with intervals of a slow bootstrap."""

from __future__ import annotations

import csv
import io
import math
from itertools import product

import numpy as np
import pytest
from helpers.cells import make_cell, outcomes

from snn_eval.cell import CellRecord
from snn_eval.report.ablation.contrasts import early_accuracy, outcome_contrast
from snn_eval.report.ablation.effect_figure import effect_figure
from snn_eval.report.ablation.effect_tables import effect_sections, effects_csv, reading
from snn_eval.report.ablation.effects import Effects
from snn_eval.report.ablation.findings import Findings
from snn_eval.report.ablation.groups import CODING, COOPTIMISED, CORRECTION, grouped
from snn_eval.report.ablation.outcomes import right_after
from snn_eval.report.ablation.summary import Summary

NAMES = (CODING, CORRECTION, COOPTIMISED)
SAMPLES = 400


def cube(kind: str = "seed", **more: object) -> list[CellRecord]:
    """Wrong: 40 − 8·DC − 4·DX − 12·CO + 6·DC·CO (+ seed); energy: × 0.8 for DC, × 1.1 for DX, × 0.5 for CO, and × 0.9
    where DC and CO are both on; all rows with all steps."""
    cells = []
    for on in product((0, 1), repeat=3):
        dc, dx, co = on
        for seed in range(3):
            wrong = 40 - 8 * dc - 4 * dx - 12 * co + 6 * dc * co + seed
            energy = 1e-7 * 0.8**dc * 1.1**dx * 0.5**co * 0.9 ** (dc * co) * (1 + seed / 50)
            names = [name for name, there in zip(NAMES, on, strict=True) if there]
            early = 120 - 20 * dx
            cells.append(
                make_cell(
                    "+".join(names) or "B0",
                    names,
                    seed,
                    wrong=(early, early, early, early, wrong),
                    energy=energy,
                    samples=SAMPLES,
                    kind=kind,
                    **more,
                )
            )
    return cells


@pytest.mark.parametrize("kind", ["seed", "fold"])
def test_factorial_effects_are_recovered(kind: str) -> None:
    ((axes, effects),) = Effects.of(grouped(cube(kind))).factorial
    assert axes == {}
    found = {effect.name: effect for effect in effects}
    assert list(found) == [
        "dynamic coding",
        "dynamic correction",
        "co-optimisation",
        "dynamic coding × dynamic correction",
        "dynamic coding × co-optimisation",
        "dynamic correction × co-optimisation",
    ]
    expected = (8 - 6 / 2, 4, 12 - 6 / 2, 0, -6, 0)  # the interaction takes half of itself from each main effect
    for effect, right in zip(effects, expected, strict=True):
        assert effect.accuracy is not None
        assert effect.accuracy.mean == pytest.approx(right / SAMPLES, abs=1e-12)
    factors = (0.8 * 0.9**0.5, 1.1, 0.5 * 0.9**0.5, 1.0, 0.9, 1.0)
    for effect, factor in zip(effects, factors, strict=True):
        assert effect.energy is not None
        assert effect.energy.mean == pytest.approx(factor)
        assert effect.energy.equal  # the same in every replicate: no interval
        assert effect.energy.low is None
    assert [effect.early_accuracy.mean for effect in effects if effect.early_accuracy] == pytest.approx(
        [0, 20 / SAMPLES, 0, 0, 0, 0]
    )
    assert [effect.mean_step.mean for effect in effects if effect.mean_step] == [0.0] * 6


def test_effects_are_a_sum_over_the_eight_rows() -> None:
    """Yates' sums written out for one effect and one interaction."""
    cells = cube()
    y = {
        tuple(name in c.components for name in NAMES): c.truncated[-1].accuracy for c in cells if not c.replicate.value
    }
    cube_of_one = Effects.of(grouped([c for c in cells if not c.replicate.value])).factorial[0][1]
    coding = sum(y[1, b, c] - y[0, b, c] for b in (0, 1) for c in (0, 1)) / 4
    both = sum((y[1, b, 1] - y[0, b, 1]) - (y[1, b, 0] - y[0, b, 0]) for b in (0, 1)) / 2
    assert cube_of_one[0].accuracy is not None
    assert cube_of_one[4].accuracy is not None
    assert cube_of_one[0].accuracy.mean == pytest.approx(coding)
    assert cube_of_one[4].accuracy.mean == pytest.approx(both)


def test_no_factorial_where_a_combination_is_missing() -> None:
    cells = [cell for cell in cube() if len(cell.components) != 3]
    assert Effects.of(grouped(cells)).factorial == ()
    assert effect_figure(Effects.of(grouped(cells))) is None


def test_pairs_are_all_rows_that_differ_by_one_component() -> None:
    effects = Effects.of(grouped(cube()))
    assert len(effects.pairs) == 3 * 4
    alone = next(effect for effect in effects.pairs if effect.where == f"{CODING} − B0")
    assert alone.accuracy is not None
    assert alone.accuracy.mean == pytest.approx(8 / SAMPLES)
    assert alone.energy is not None
    assert alone.energy.mean == pytest.approx(0.8)


@pytest.mark.parametrize("kind", ["seed", "fold"])
def test_intervals_of_contrasts_are_those_of_a_slow_bootstrap(kind: str) -> None:
    rng = np.random.default_rng(2)
    wrong = {row: [int(k) for k in rng.integers(20, 60, 3)] for row in ("a", "b", "c")}
    cells = [
        make_cell(row, (row,), s, wrong=(99, wrong[row][s]), samples=200, shift=7 * s, kind=kind)
        for row in wrong
        for s in range(3)
    ]
    weights = (1.0, -0.5, -0.5)
    weighted = list(zip(weights, grouped(cells), strict=True))
    found = outcome_contrast(weighted, lambda cell: right_after(cell, 2))
    values = np.array(
        [sum(w * outcomes(200, wrong[row][s], 7 * s) for w, row in zip(weights, wrong, strict=True)) for s in range(3)]
    )
    slow = []
    for _ in range(4000):
        once = rng.integers(0, 200, 200)
        means = [values[s][once if kind == "seed" else rng.integers(0, 200, 200)].mean() for s in rng.integers(0, 3, 3)]
        slow.append(np.mean(means))
    low, high = np.quantile(slow, [0.025, 0.975])
    assert found is not None
    assert found.mean == pytest.approx(values.mean())
    assert found.low == pytest.approx(low, abs=0.08 * (high - low))
    assert found.high == pytest.approx(high, abs=0.08 * (high - low))


def test_early_accuracy_is_the_mean_over_four_steps_but_never_the_last() -> None:
    long = early_accuracy(make_cell(wrong=(50, 40, 30, 20, 10, 0)))
    short = early_accuracy(make_cell(wrong=(50, 40, 30)))
    assert long is not None
    assert short is not None
    assert long.mean() == pytest.approx(1 - (50 + 40 + 30 + 20) / 4 / 200)
    assert short.mean() == pytest.approx(1 - (50 + 40) / 2 / 200)
    assert early_accuracy(make_cell(wrong=(50,))) is None


def test_only_replicates_of_all_rows_are_taken() -> None:
    cells = [make_cell("B0", (), s, wrong=(9, 8, 7, 10 * s)) for s in range(3)]
    cells += [make_cell("X", ("x",), s, wrong=(9, 8, 7, 5)) for s in (1, 2)]
    (effect,) = Effects.of(grouped(cells)).pairs
    assert effect.accuracy is not None
    assert effect.accuracy.n == 2
    assert effect.accuracy.mean == pytest.approx((10 + 20 - 5 - 5) / 2 / 200)


def test_csv_and_tables_hold_every_effect() -> None:
    groups = grouped(cube())
    effects = Effects.of(groups)
    rows = list(csv.DictReader(io.StringIO(effects_csv(effects, Findings.of(groups)))))
    assert [row["kind"] for row in rows] == ["factorial"] * 6 + ["pair"] * 12 + [
        *("pair, all steps", "pair, exit") * 12,
        *["exit less all steps"] * 8,
    ]
    assert float(rows[0]["accuracy_mean"]) == pytest.approx(5 / SAMPLES)
    assert math.isclose(float(rows[2]["energy_mean"]), 0.5 * 0.9**0.5, rel_tol=1e-9)
    factorial, pairs = effect_sections(effects)
    assert factorial.table is not None
    assert pairs.table is not None
    assert (len(factorial.table.rows), len(pairs.table.rows)) == (6, 12)
    assert factorial.table.rows[1][4] == "1.100"
    figure = effect_figure(effects)
    assert figure is not None
    assert [axes.get_title(loc="left") for axes in figure.axes] == (
        ["Accuracy", "Accuracy at early steps", "Energy", "Mean steps"]
    )


def test_reading_says_only_what_intervals_exclude() -> None:
    (effect,) = Effects.of(grouped([make_cell("B0"), make_cell("X", ("x",), energy=1e-9)])).pairs
    assert effect.energy == Summary(pytest.approx(0.01), 0.0, 1, 1)
    assert reading(effect) == "no difference shown"

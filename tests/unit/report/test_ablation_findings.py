"""What helps, costs and does not help: at equal settings, with figures that follow from the cells alone."""

from __future__ import annotations

import pytest
from helpers.cells import THRESHOLDS, correction, make_cell, measurement

from snn_eval.cell import CellRecord
from snn_eval.report.ablation.equal_setting import comparisons, exits
from snn_eval.report.ablation.equal_tables import equal_section
from snn_eval.report.ablation.findings import Findings, finding_sections
from snn_eval.report.ablation.groups import CODING, COOPTIMISED, CORRECTION, grouped
from snn_eval.report.ablation.learned_table import learned_section

MODEL = {"convention": "exact", "energy_model": "horowitz-45nm-fp32"}


def seeds(row: str, *parts: str, **values: object) -> list[CellRecord]:
    return [make_cell(row, parts, seed, **values) for seed in range(3)]


def with_split(cell: CellRecord, synaptic: float, neuron: float) -> CellRecord:
    """The cell with energies of these parts, and of another model that is none of the headline."""
    more = [
        measurement("energy_total", 9.0, "J/sample", scope="component:synaptic", convention="exact", energy_model="a"),
        measurement("energy_total", synaptic, "J/sample", scope="component:synaptic", **MODEL),
        measurement("energy_total", neuron, "J/sample", scope="component:neuron", **MODEL),
    ]
    return cell.model_copy(update={"measurements": [*cell.measurements, *more]})


def test_a_component_is_told_apart_from_exiting_as_such() -> None:
    """The row with it exits at mean T 2 of 4, the one without does not; both do when their exits are compared."""
    base = seeds("DC", CODING, energy=1e-7, exit_wrong=(40, 20, 12, 10))
    new = seeds("CO", CODING, COOPTIMISED, energy=0.8e-7, exit_wrong=(40, 20, 6, 5), uses_exit=True)
    groups = grouped([*base, *new])
    with_all, at_exits = comparisons(groups)
    assert (with_all.setting, at_exits.setting) == ("all steps", "exit")
    assert with_all.effect.energy is not None
    assert at_exits.effect.energy is not None
    assert with_all.effect.accuracy is not None
    assert at_exits.effect.accuracy is not None
    assert with_all.effect.energy.mean == pytest.approx(0.8)  # all four steps of both
    assert with_all.effect.accuracy.mean == 0
    assert at_exits.effect.energy.mean == pytest.approx(0.8)  # 0.2e-7 · 2 against 0.25e-7 · 2
    assert at_exits.effect.accuracy.mean == pytest.approx((12 - 6) / 200)
    assert at_exits.effect.mean_step is not None
    assert at_exits.effect.mean_step.mean == 0
    leaving = exits(groups)
    assert [one.effect.where for one in leaving] == ["DC", "CO"]
    first = leaving[0].effect
    assert first.energy is not None
    assert first.mean_step is not None
    assert first.accuracy is not None
    assert first.energy.mean == pytest.approx(2 / 4)
    assert first.mean_step.mean == 2 - 4
    assert first.accuracy.mean == pytest.approx((10 - 12) / 200)
    section = equal_section(Findings.of(groups))
    assert section is not None
    assert section.table is not None
    assert [row[2] for row in section.table.rows] == [
        "both with all steps",
        "both at exits",
        "exit − all steps",
        "exit − all steps",
    ]


def test_gains_costs_and_what_brings_nothing() -> None:
    base = seeds("B0", wrong=(30, 20, 12, 10), energy=1e-7, exit=None)
    dear = seeds("Dear", CODING, wrong=(30, 20, 12, 10), energy=1.2e-7, exit=None)
    good = seeds("Good", CORRECTION, wrong=(3, 2, 1, 0), energy=0.9e-7, exit=None)
    priced = seeds("Priced", COOPTIMISED, wrong=(3, 2, 1, 0), energy=1.5e-7, exit=None)
    found = Findings.of(grouped([*base, *dear, *good, *priced]))
    assert [line.partition(":")[0] for line in found.helps] == [
        "Dynamic correction (Good − B0, all steps)",
        "Co-optimisation (Priced − B0, all steps)",
    ]
    (cost,) = found.costs
    assert cost.startswith("Co-optimisation (Priced − B0, all steps): energy × 1.500 (no interval: the repl")
    (idle,) = found.idle
    assert idle.startswith("Dynamic coding (Dear − B0, all steps): accuracy +0.00 [+0.00, +0.00] points, mean accuracy")
    assert [section.title for section in finding_sections(found)] == ["What helps", "What costs", "What does not help"]


@pytest.mark.parametrize(("energy", "helps"), [(0.97e-7, True), (0.985e-7, False)])
def test_a_single_replicate_has_no_interval_and_says_so(energy: float, helps: bool) -> None:
    cells = [make_cell("B0", exit=None), make_cell("X", (CODING,), energy=energy, exit=None)]
    found = Findings.of(grouped(cells))
    lines = found.helps if helps else found.idle
    assert f"energy × {energy / 1e-7:.3f} (1 replicate, no interval)" in lines[0]


def test_an_open_interval_is_no_gain() -> None:
    cells = [make_cell("B0", seed=s, exit=None) for s in range(3)]
    cells += [make_cell("X", (CODING,), s, energy=(0.8e-7, 0.9e-7, 1.1e-7)[s], exit=None) for s in range(3)]
    found = Findings.of(grouped(cells))
    assert (found.helps, found.costs, len(found.idle)) == ((), (), 1)


def test_a_sure_difference_that_is_too_small_is_no_gain() -> None:
    """Each seed takes 0.01 steps less, 0.7 % of the energy: the intervals are sure of it, nobody notices."""
    base = seeds("B0", exit_steps=(1.0, 1.5, 2.0, 3.0), truncated=[])
    new = seeds("X", CODING, exit_steps=(1.0, 1.5, 1.99, 3.0), truncated=[], energy=0.998e-7)
    at_exits = [line for line in Findings.of(grouped([*base, *new])).idle if "at exits" in line]
    assert len(at_exits) == 1
    assert "energy × 0.993 (no interval: the replicates are equal), mean T -0.01 (no interval" in at_exits[0]


def test_energy_is_told_by_its_parts() -> None:
    base = [with_split(make_cell("B0", exit=None), 6e-8, 4e-8)]
    new = [with_split(make_cell("X", (CODING,), energy=1.3e-7, exit=None), 5e-8, 8e-8)]
    (line,) = Findings.of(grouped([*base, *new])).idle
    assert "Energy a sample 100.0 nJ → 130.0 nJ: synaptic -10.00 nJ, neuron +40.00 nJ; spikes a neuron" in line
    (line,) = Findings.of(grouped([*base, make_cell("X", (CODING,), energy=1.3e-7, exit=None)])).idle
    assert "synaptic +18.00 nJ, neurons and others +12.00 nJ" in line  # 60 % of each, told by the cell without parts


def test_learned_values_and_the_correction_stand_beside_early_accuracy() -> None:
    before, after = {"a.k": [0.5, 0.0]}, {"a.k": [0.7, 0.1], "a.tau1": [0.25]}
    base = [make_cell("DC", (CODING,), s, samples=1000, exit=None, learned=before) for s in range(3)]
    values = {"learned": after, "correction": correction([0.5, 0.6, 0.7, 0.9], [0.8, 0.8, 0.8, 0.9]), "exit": None}
    new = [make_cell("DX", (CODING, CORRECTION), s, wrong=(9, 8, 7, 10), samples=1000, **values) for s in range(3)]
    (line,) = Findings.of(grouped([*base, *new])).helps
    assert "Accuracy after one step 96.00 → 99.10 %. Learned: a.tau1 0.25. " in line
    assert (
        "of the same network before its correction 60.00 %, after it 80.00 % (validation); without the component "
        "97.60 % (test)"
    ) in line  # 1 − (40 + 20 + 12) / 3 / 1000


def test_what_was_learned_is_the_mean_over_replicates() -> None:
    cells = [
        make_cell("X", (CODING,), s, learned={"layers.0.neuron.tau1": [0.1 * s], "layers.0.coding.k": [1.0, float(s)]})
        for s in range(3)
    ]
    section = learned_section(grouped([make_cell("B0"), *cells]))
    assert section is not None
    assert section.table is not None
    assert section.table.headers == ("row", "layer", "k", "tau1")
    assert section.table.rows == (
        ("X", "layers.0.coding", "1, 1", "–"),
        ("X", "layers.0.neuron", "–", "0.1 [0 … 0.2]"),
    )
    assert learned_section(grouped([make_cell("B0")])) is None
    assert len(THRESHOLDS) == 4

"""Claims: confirmed, refuted or undecided as the cells were made to be, with settings chosen on validation alone."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence

import numpy as np
import pytest
from helpers.cells import THRESHOLDS, correction, make_cell, outcomes

from snn_eval.cell import CellRecord
from snn_eval.report.ablation.choice import best_within, cheapest_at
from snn_eval.report.ablation.claim_files import claims, claims_json, claims_md
from snn_eval.report.ablation.findings import Findings
from snn_eval.report.ablation.groups import CODING, COOPTIMISED, CORRECTION, grouped
from snn_eval.report.ablation.summary import of_replicates
from snn_eval.report.ablation.verdicts import ONE_SIDED, Claim
from snn_eval.stats import paired_bootstrap

COMPLETE = (CODING, CORRECTION, COOPTIMISED)
SAMPLES = 2000


def claim(cells: Sequence[CellRecord], key: str) -> Claim:
    return next(found for _, found in claims(grouped(cells), []) if found.key == key)


def rows(row: str, parts: Sequence[str], **values: object) -> list[CellRecord]:
    return [make_cell(row, parts, seed, samples=SAMPLES, **values) for seed in range(3)]


def with_validation(cell: CellRecord, accuracies: Sequence[float]) -> CellRecord:
    """The cell with other accuracies on validation than on test."""
    assert cell.exit is not None
    points = [p.model_copy(update={"accuracy": a}) for p, a in zip(cell.exit.validation, accuracies, strict=True)]
    return cell.model_copy(update={"exit": cell.exit.model_copy(update={"validation": points})})


BASE = rows("B0", (), exit_wrong=(400, 100, 40, 30), exit_steps=(1, 2, 3, 4))


@pytest.mark.parametrize(
    ("wrong", "verdict"),
    [
        ((400, 60, 20, 10), "confirmed"),  # 20 fewer wrong of 2000
        ((400, 200, 120, 110), "refuted"),  # 80 more: 4 points below
        ((400, 90, 46, 44), "undecided"),  # 6 more: 0.3 points below, the bound is not
    ],
)
def test_equal_budget_is_decided_by_the_bound(wrong: tuple[int, ...], verdict: str) -> None:
    cells = [*BASE, *rows("CO", (CODING, COOPTIMISED), exit_wrong=wrong, exit_steps=(1, 2, 3, 4), uses_exit=True)]
    found = claim(cells, "a")
    assert found.verdict == verdict
    steps, energy = found.parts
    assert steps.compared == "CO against B0 with early exit, at equal mean T"
    ends = paired_bootstrap([outcomes(SAMPLES, 40)] * 3, [outcomes(SAMPLES, wrong[2])] * 3, 0.9, shared=True)
    assert steps.numbers["low"] == pytest.approx(ends.low)
    assert steps.numbers["mean"] == pytest.approx((40 - wrong[2]) / SAMPLES)
    assert (steps.numbers["mean_step_base"], steps.numbers["mean_step_row"]) == (3, 3)
    assert energy.numbers["energy_total_base"] == pytest.approx(energy.numbers["energy_total_row"])


def test_the_setting_is_chosen_on_validation_not_on_test() -> None:
    """On test the second threshold is best, on validation the first: the first is taken, though it is refuted there."""
    new = rows("CO", (COOPTIMISED,), exit_wrong=(300, 0, 0, 0), exit_steps=(1, 2, 3, 4))
    cells = [*BASE, *(with_validation(cell, (0.99, 0.5, 0.5, 0.99)) for cell in new)]
    part = claim(cells, "a").parts[0]
    assert part.numbers["mean_step_row"] == 1
    assert part.verdict == "refuted"


def test_no_setting_within_the_budget_refutes() -> None:
    new = rows("CO", (COOPTIMISED,), exit_wrong=(0, 0, 0, 0), exit_steps=(3.5, 3.6, 3.7, 4), energy=1e-6)
    found = claim([*BASE, *new], "a")
    assert [part.verdict for part in found.parts] == ["refuted", "refuted"]
    assert found.parts[0].found == "no setting of it costs as little in 3 of 3 replicates"
    assert "refuted where no replicate has one" in found.rule


def test_one_replicate_without_a_setting_leaves_it_open() -> None:
    good = rows("CO", (COOPTIMISED,), exit_wrong=(400, 60, 20, 10), exit_steps=(1, 2, 3, 4))
    dear = rows("CO", (COOPTIMISED,), exit_wrong=(0, 0, 0, 0), exit_steps=(3.5, 3.6, 3.7, 4), energy=1e-6)
    found = claim([*BASE, *good[:2], dear[2]], "a")
    assert [part.verdict for part in found.parts] == ["undecided", "undecided"]
    assert found.parts[0].found == "no setting of it costs as little in 1 of 3 replicates"
    assert found.parts[0].numbers == {"without_setting": 1, "replicates": 3}


def test_the_same_components_without_it_stand_beside() -> None:
    coding = rows("DC", (CODING,), exit_wrong=(400, 80, 20, 10), exit_steps=(1, 2, 3, 4))
    new = rows("CO", (CODING, COOPTIMISED), exit_wrong=(400, 60, 90, 5), exit_steps=(1, 2, 3, 4))
    found = claim([*BASE, *coding, *new], "a")
    assert [part.decides for part in found.parts] == [True, True, False, False]
    assert found.parts[2].compared.startswith("CO against DC with early exit")


def test_two_rows_of_equal_components_are_one_network() -> None:
    """A control without exit is trained like the row it controls: it decides nothing a second time."""
    parts = (CODING, COOPTIMISED)
    new = rows("CO", parts, exit_wrong=(400, 60, 20, 10), exit_steps=(1, 2, 3, 4), uses_exit=True)
    control = rows("CO without exit", parts, exit_wrong=(400, 60, 20, 10), exit_steps=(1, 2, 3, 4))
    found = claim([*BASE, *new, *control], "a")
    assert [part.compared.partition(" against")[0] for part in found.parts] == ["CO", "CO"]


def test_a_single_seed_has_samples_to_decide_by() -> None:
    new = rows("CO", (COOPTIMISED,), exit_wrong=(400, 60, 10, 5), exit_steps=(1, 2, 3, 4))
    found = claim([BASE[0], new[0]], "a")
    assert found.verdict == "confirmed"
    assert "1 replicate" in found.parts[0].found


@pytest.mark.parametrize(
    ("early", "after", "verdict"),
    [(100, 0.9, "confirmed"), (400, 0.6, "refuted"), (200, 0.8, "refuted"), (100, 0.6, "refuted")],
)
def test_correction_is_looked_at_on_test_and_on_the_same_network(early: int, after: float, verdict: str) -> None:
    """200 wrong at early steps without it; equal accuracy is no rise."""
    base = rows("DC", (CODING,), wrong=(200, 200, 200, 200, 20))
    wrong = (early, early, early, early, 20)
    new = [
        cell.model_copy(update={"correction": correction([0.8 + s / 1000] * 5, [*[after + s / 800] * 4, 0.99])})
        for s, cell in enumerate(rows("DX", (CODING, CORRECTION), wrong=wrong))
    ]
    found = claim([*base, *new], "b")
    assert found.verdict == verdict
    test, validation = found.parts
    assert test.numbers["mean"] == pytest.approx((200 - early) / SAMPLES)
    assert validation.numbers["mean"] == pytest.approx(after - 0.8 + 0.00025)
    assert validation.compared == "DX, after against before correction, validation"
    assert validation.numbers["replicates_that_rose"] == (3 if after > 0.8 else 2 if after == 0.8 else 0)


def test_few_replicates_without_samples_have_a_sign_and_no_bounds() -> None:
    cells = [
        make_cell("DX", (CODING, CORRECTION), s, correction=correction([0.8] * 4, [0.9 - 0.3 * s] * 4)) for s in (0, 1)
    ]
    (part,) = claim(cells, "b").parts
    assert (part.verdict, part.numbers["low"]) == ("undecided", None)
    assert part.found == "-5.00 points, 2 replicates; it rose in 1 of 2"
    third = make_cell("DX", (CODING, CORRECTION), 2, correction=correction([0.8] * 4, [0.9] * 4))
    low = claim([*cells, third], "b").parts[0].numbers["low"]
    # gains 0.1, -0.2, 0.1: mean 0, sd 0.3/√3, standard error 0.1; Student's 95 % quantile of 2 degrees is 2.919986
    assert low == pytest.approx(-0.2919986)


def test_equal_gains_of_few_images_decide_nothing() -> None:
    """Gains that differ by rounding alone are equal: 0.9 - 0.8 and 0.8 - 0.7."""
    cells = [
        make_cell("DX", (CODING, CORRECTION), s, correction=correction([0.8 - 0.1 * s] * 4, [0.9 - 0.1 * s] * 4))
        for s in range(3)
    ]
    (part,) = claim(cells, "b").parts
    assert (part.verdict, part.numbers["low"]) == ("undecided", None)
    assert part.found == "+10.00 (no interval: the replicates are equal) points, 3 replicates; it rose in 3 of 3"


@pytest.mark.parametrize(("gains", "verdict"), [((0.10, 0.11, 0.12), "confirmed"), ((0.0, 0.01, 0.1), "undecided")])
def test_gains_of_few_replicates_are_decided_by_students_bound(gains: tuple[float, ...], verdict: str) -> None:
    cells = [
        make_cell("DX", (CODING, CORRECTION), s, correction=correction([0.8] * 4, [0.8 + gain] * 4))
        for s, gain in enumerate(gains)
    ]
    assert claim(cells, "b").verdict == verdict


def test_a_small_uncertain_rise_is_undecided() -> None:
    base = rows("DC", (CODING,), wrong=(50, 50, 50, 50, 20))
    new = [
        make_cell("DX", (CODING, CORRECTION), s, samples=SAMPLES, wrong=(48, 48, 48, 48, 20), shift=30)
        for s in range(3)
    ]
    assert claim([*base, *new], "b").verdict == "undecided"


def three_rows(energy: float) -> list[CellRecord]:
    curve = {"exit_wrong": (400, 100, 40, 30), "exit_steps": (1, 2, 3, 4)}
    return [
        *rows("DX", (CODING, CORRECTION), energy=1e-7, **curve),
        *rows("CO", (CODING, COOPTIMISED), energy=1.2e-7, **curve),
        *rows("All", COMPLETE, energy=energy, **curve),
    ]


@pytest.mark.parametrize(
    ("energy", "verdicts"), [(0.9e-7, ["confirmed"] * 2), (1.1e-7, ["refuted", "confirmed"]), (1e-7, ["confirmed"] * 2)]
)
def test_energy_at_equal_accuracy(energy: float, verdicts: list[str]) -> None:
    found = claim(three_rows(energy), "c")
    assert [part.verdict for part in found.parts] == verdicts
    assert [part.numbers["mean"] for part in found.parts] == pytest.approx([energy / 1e-7, energy / 1.2e-7])


def test_equal_accuracy_is_the_lowest_of_the_chosen_ones_on_validation() -> None:
    """All but one row reach the lowest chosen accuracy a threshold earlier: they are charged for that."""
    cells = three_rows(1e-7)
    weak = [with_validation(cell, (0.8, 0.85, 0.9, 0.91)) for cell in cells[:3]]
    weak = [
        cell.model_copy(
            update={
                "exit": cell.exit.model_copy(
                    update={"validation_chosen": cell.exit.validation_chosen.model_copy(update={"accuracy": 0.9})}
                )
            }
        )
        for cell in weak
        if cell.exit is not None
    ]
    found = claim([*weak, *cells[3:]], "c")
    # target 0.9: All stands at its second threshold (0.95, 2 steps), DX at its third (3 steps), CO at its second
    assert found.parts[0].numbers["mean"] == pytest.approx(2 / 3)
    assert found.parts[1].numbers["mean"] == pytest.approx(1 / 1.2)


@pytest.mark.parametrize(
    ("wrong", "verdict"), [((30, 4, 3, 0), "confirmed"), ((400, 100, 90, 0), "refuted"), ((99, 39, 38, 0), "undecided")]
)
def test_goal_is_accuracy_within_half_of_all_steps(wrong: tuple[int, ...], verdict: str) -> None:
    """Target 98 % of 2000 samples: 40 wrong. Four steps: mean T at most 2, whose best threshold is the second."""
    found = claim(rows("All", COMPLETE, exit_wrong=wrong, exit_steps=(1, 2, 3, 4)), "d")
    (part,) = found.parts
    assert found.verdict == verdict
    assert part.numbers["mean"] == pytest.approx(1 - wrong[1] / SAMPLES)
    assert (part.numbers["mean_step"], part.numbers["limit"], part.numbers["mean_step_limit"]) == (2, 0.98, 2)
    assert found.statement == "All components together reach at least 98 % accuracy at mean T ≤ 2"


def test_a_goal_of_its_own_stands_for_the_target() -> None:
    groups = grouped(rows("All", COMPLETE, exit_wrong=(30, 30, 3, 0), exit_steps=(1, 2, 3, 4)))
    found = claims(groups, [], 0.999)[3][1]
    assert found.statement.startswith("All components together reach at least 99.9 % accuracy")
    assert found.verdict == "refuted"
    assert found.parts[0].numbers["limit"] == 0.999


def test_choices_are_within_their_budget() -> None:
    cell = make_cell(exit_wrong=(40, 12, 12, 10), exit_steps=(1, 1.5, 2, 3), energy=4e-8)
    assert best_within(cell, "mean_step", 2) == 1, "the cheaper of two as good"
    assert best_within(cell, "mean_step", 3) == 3
    assert best_within(cell, "mean_step", 0.9) is None
    assert best_within(cell, "energy_total", 1.5e-8) == 1
    assert cheapest_at(cell, 1 - 12 / 200) == 1
    assert cheapest_at(cell, 0.999) is None
    assert best_within(make_cell(exit=None), "mean_step", 9) is None
    assert len(THRESHOLDS) == 4


def test_claims_without_rows_are_undecided_and_say_so() -> None:
    groups = grouped([make_cell()])
    found = claims(groups, [])
    assert [one.verdict for _, one in found] == ["undecided"] * 4
    text = claims_md("Claims", ["lead"], found, Findings.of(groups))
    assert text.count("- No rows to compare are there.") == 4


def test_json_holds_every_number_of_the_text() -> None:
    cells = [*BASE, *three_rows(0.9e-7)]
    groups = grouped(cells)
    found, findings = claims(groups, []), Findings.of(groups)
    content = json.loads(claims_json(found, findings))
    assert [one["claim"] for one in content["claims"]] == ["a", "b", "c", "d"]
    assert content["claims"][2]["parts"][0]["numbers"]["mean"] == pytest.approx(0.9)
    text = claims_md("Claims", [], found, findings)
    for one in content["claims"]:
        assert f"({one['claim']}) {one['verdict'].capitalize()}: {one['statement']}" in text
        assert all(part["found"] in text for part in one["parts"])
    assert content["helps"]
    assert all(f"- {line}\n" in text for key in ("helps", "costs", "does_not_help") for line in content[key])


def test_published_accuracy_stands_beside_the_goal() -> None:
    published = [
        {"model": "SNN_Eval, Complete Component", "metric": "accuracy", "value": 98.2, "time_steps": 8},
    ]
    found = claims(grouped(rows("All", COMPLETE)), published)[3][1]
    assert found.statement.endswith("at mean T ≤ 2 (SNN_Eval published 98.2 % at T 8)")


@pytest.mark.parametrize(("replicates", "decimals"), [(3, 12), (5, 12), (3, 0)])
def test_noise_is_rarely_called_a_rise(replicates: int, decimals: int) -> None:
    """One-sided bounds of 95 %: at most 6 % of pure noise lies above 0, noise in whole images (``decimals`` 0) too."""
    draws = np.random.default_rng(1).normal(size=(4000, replicates)).round(decimals)
    found = [of_replicates(list(values), replicates, ONE_SIDED) for values in draws]
    rose = np.mean([one is not None and one.low is not None and one.low > 0 for one in found])
    assert rose <= 0.06
    assert rose > 0.01, "nothing could be confirmed at all"


def test_equal_replicates_have_no_interval() -> None:
    found = of_replicates([0.01, 0.01, 0.01 * (1 + 1e-12)], 3)
    assert found is not None
    assert (found.mean, found.low, found.high, found.equal) == (0.01, None, None, True)
    single = of_replicates([0.01], 1)
    assert single is not None
    assert (single.low, single.equal) == (None, False)


def test_energies_of_two_replicates_decide_nothing() -> None:
    cells = [cell for cell in three_rows(0.9e-7) if cell.replicate.value < 2]
    assert [part.verdict for part in claim(cells, "c").parts] == ["undecided", "undecided"]


@pytest.mark.parametrize(("factors", "verdict"), [((0.90, 0.92, 0.95), "confirmed"), ((0.80, 0.99, 0.99), "undecided")])
def test_energy_factors_that_vary_are_decided_by_students_bound(factors: tuple[float, ...], verdict: str) -> None:
    curve = {"exit_wrong": (400, 100, 40, 30), "exit_steps": (1, 2, 3, 4), "samples": SAMPLES}
    varied = [make_cell("All", COMPLETE, s, energy=factor * 1e-7, **curve) for s, factor in enumerate(factors)]
    part = claim([*three_rows(1e-7)[:6], *varied], "c").parts[0]
    logs = [math.log(factor) for factor in factors]
    mean = sum(logs) / 3
    error = (sum((one - mean) ** 2 for one in logs) / 2 / 3) ** 0.5
    assert part.numbers["high"] == pytest.approx(math.exp(mean + 2.919986 * error))
    assert part.verdict == verdict

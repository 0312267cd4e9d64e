"""Tables of an ablation say what its cells hold: exact values in the CSV, nothing averaged in silence."""

from __future__ import annotations

import csv
import io
import json
import math
import re
import shutil
import subprocess
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from helpers.cells import correction, failed_cell, make_cell, outcomes
from helpers.golden import assert_golden

from snn_eval.cell import CellRecord
from snn_eval.errors import RunError
from snn_eval.report.ablation import regenerate, write_published, write_tables
from snn_eval.report.ablation.groups import CODING, COOPTIMISED, CORRECTION, grouped
from snn_eval.report.ablation.main_table import table_csv
from snn_eval.report.ablation.quantities import QUANTITIES
from snn_eval.report.ablation.text import escaped
from snn_eval.stats import hierarchical_bootstrap, paired_bootstrap

PUBLISHED = [
    {"model": "SNN_Eval, Dynamic Coding", "metric": metric, "value": value, "unit": "", "time_steps": 20, "source": "R"}
    for metric, value in (
        ("accuracy", 97.6),
        ("epoch", 60.0),
        ("spikes_count", 400.0),
        ("accuracy", 97.55),
        ("eval_time", 60.8),
        ("total_spikes", 4083074.0),
    )
] + [{"model": "Another's", "metric": "accuracy", "value": 99.9, "unit": "%", "source": "R"}]
ROOT = Path(__file__).parents[3]


@pytest.fixture
def bare(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tables without figures, which take longest."""
    monkeypatch.setattr("snn_eval.report.ablation.figures.draw", lambda groups, effects: {})


def small_ablation() -> list[CellRecord]:
    cells = []
    for seed in range(3):
        shift = 3 * seed
        cells.append(make_cell("B0", (), seed, wrong=(40, 20, 14, 12 + seed), energy=(1 + seed / 10) * 1e-7))
        coding = {"layers.0.coding.k": [0.9, 0.1, 0.0, -0.2], "layers.0.neuron.threshold": [1 + seed / 10]}
        values = {"energy": 8e-8, "shift": shift, "learned": coding}
        cells.append(make_cell("Coding", (CODING,), seed, wrong=(40, 20, 12, 10), **values))
        both = (CODING, CORRECTION)
        more = {"correction": correction([0.7, 0.8, 0.9, 0.95], [0.8, 0.85, 0.9, 0.95])}
        cells.append(make_cell("Corrected", both, seed, wrong=(20, 16, 12, 10), energy=9e-8, **more))
    all_three = (CODING, CORRECTION, COOPTIMISED)
    cells.append(make_cell("Complete", all_three, 0, wrong=(12, 10, 9, 8), uses_exit=True, energy=6e-8))
    cells.append(failed_cell("Complete", all_three, 1, "loss became NaN in epoch 3"))
    return cells


def rows_of(cells: list[CellRecord], reference: str | None = None) -> dict[str, dict[str, str]]:
    text = table_csv(grouped(cells), reference)
    return {row["row"]: row for row in csv.DictReader(io.StringIO(text))}


def test_csv_holds_mean_sd_and_interval_of_every_quantity() -> None:
    rows = rows_of(small_ablation())
    base = rows["B0"]
    accuracies = [1 - (12 + seed) / 200 for seed in range(3)]
    assert float(base["accuracy_mean"]) == pytest.approx(sum(accuracies) / 3)
    assert float(base["accuracy_sd"]) == pytest.approx(1 / 200)
    ends = hierarchical_bootstrap([outcomes(200, 12 + seed) for seed in range(3)], shared=True)
    assert (float(base["accuracy_low"]), float(base["accuracy_high"])) == pytest.approx((ends.low, ends.high))
    assert float(base["energy_total_mean"]) == pytest.approx((1 + 1.1 + 1.2) / 3 * 1e-7)
    assert float(base["energy_total_sd"]) == pytest.approx(0.1 * 1e-7)
    half = 4.302652730 * 0.1e-7 / 3**0.5  # Student's 97.5 % quantile of 2 degrees of freedom
    ends = float(base["energy_total_low"]), float(base["energy_total_high"])
    assert ends == pytest.approx((1.1e-7 - half, 1.1e-7 + half))
    assert float(base["energy_synaptic_mean"]) == pytest.approx(0.6 * 1.1e-7)
    assert (base["ac_mean"], base["mac_mean"], base["spikes_mean"]) == ("4000", "500", "400")
    assert (base["spikes_hidden_mean"], base["spikes_output_mean"]) == ("400", "0")
    assert (base["time_steps_mean"], base["mean_step_mean"], base["nasfr_mean"]) == ("4", "4", "0.05")
    assert (base["epochs_mean"], base["epochs_to_99_mean"], base["epochs_to_99_sd"]) == ("8", "4", "1")
    assert (base["parameters_mean"], base["parameter_bytes_mean"], base["state_bytes_mean"]) == (
        "9000",
        "36000",
        "4096",
    )
    assert (base["training_cpu_s_mean"], base["evaluation_s_mean"]) == ("81", "0.02")
    assert base["delta_mean"] == ""
    assert all(base[f"{q.key}_n"] == "3" for q in QUANTITIES if not q.key.startswith("correction"))
    assert (base["correction_s_mean"], rows["Corrected"]["correction_s_mean"]) == ("", "3.5")


def test_difference_to_the_reference_is_paired() -> None:
    cells = small_ablation()
    row = rows_of(cells)["Coding"]
    base = [outcomes(200, 12 + seed) for seed in range(3)]
    new = [outcomes(200, 10, 3 * seed) for seed in range(3)]
    ends = paired_bootstrap(base, new, shared=True)
    assert float(row["delta_mean"]) == pytest.approx((2 + 3 + 4) / 3 / 200)
    assert (float(row["delta_low"]), float(row["delta_high"])) == pytest.approx((ends.low, ends.high))
    other = rows_of(cells, "Corrected")
    assert (other["Corrected"]["delta_mean"], other["Coding"]["delta_mean"]) == ("", "0")
    assert float(other["B0"]["delta_mean"]) == pytest.approx(-(2 + 3 + 4) / 3 / 200)


def test_a_row_with_exit_is_measured_at_its_exit() -> None:
    row = rows_of(small_ablation())["Complete"]
    assert row["at_exit"] == "true"
    assert float(row["accuracy_mean"]) == 1 - 12 / 200
    assert float(row["accuracy_all_steps_mean"]) == 1 - 8 / 200
    assert (row["time_steps_mean"], row["mean_step_mean"]) == ("4", "2")
    assert (row["spikes_mean"], row["ac_mean"], row["nasfr_mean"]) == ("200", "2000", "0.06")
    assert float(row["energy_total_mean"]) == pytest.approx(6e-8 / 4 * 2)
    assert (row["replicates"], row["asked"]) == ("1", "3")
    assert row["energy_total_low"] == "", "one seed has no spread"
    assert row["accuracy_low"] != "", "but samples have"


def test_folds_do_not_share_their_samples() -> None:
    cells = [make_cell(seed=k, kind="fold", wrong=(9, 8, 7, 6 + k)) for k in range(3)]
    row = rows_of(cells)["B0"]
    ends = hierarchical_bootstrap([outcomes(200, 6 + k) for k in range(3)])
    assert (float(row["accuracy_low"]), float(row["accuracy_high"])) == pytest.approx((ends.low, ends.high))


def test_a_cell_without_outcomes_keeps_its_accuracy() -> None:
    cells = [make_cell(seed=0), make_cell("Gated", ("attention",), truncated=[], exit=None, exit_refused="not causal")]
    row = rows_of(cells)["Gated"]
    assert float(row["accuracy_mean"]) == 1 - 10 / 200
    assert float(row["accuracy_low"]) < 1 - 10 / 200 < float(row["accuracy_high"])
    assert row["delta_mean"] == ""


@pytest.mark.usefixtures("bare")
def test_failed_and_missing_cells_are_named(tmp_path: Path) -> None:
    path = write_tables(small_ablation(), tmp_path, reference=None, published=[], rows=["B0", "Lost"])
    text = path.read_text()
    assert "10 of 15 cells measured" in text
    gaps = "1 of 3 seeds; seed 1 failed: loss became NaN in epoch 3; seed 2 is not there"
    assert f"- Complete: {gaps}." in text
    assert "- Lost: 0 of 3 seeds; seed 0 is not there; seed 1 is not there; seed 2 is not there." in text
    assert [row["gaps"] for row in csv.DictReader(io.StringIO((tmp_path / "table.csv").read_text()))][1] == (
        "0 of 3 seeds; seed 0 is not there; seed 1 is not there; seed 2 is not there"
    )


def test_a_value_that_some_seeds_lack_says_of_how_many() -> None:
    cells = [make_cell(seed=0), make_cell(seed=1)]
    training = cells[1].training
    assert training is not None
    cells[1] = cells[1].model_copy(update={"training": training.model_copy(update={"epochs_to_target": None})})
    assert rows_of(cells)["B0"]["epochs_to_target_n"] == "1"


@pytest.mark.usefixtures("bare")
def test_tables_where_nothing_was_measured(tmp_path: Path) -> None:
    cells = [failed_cell("B0", (), 0, "no data"), failed_cell("Coding", (CODING,), 0, "no data")]
    text = write_tables(cells, tmp_path, reference=None, published=PUBLISHED).read_text()
    assert "0 of 2 cells measured" in text
    assert "- B0: 0 of 1 seeds; seed 0 failed: no data." in text
    assert json.loads((tmp_path / "claims.json").read_text())["claims"] == [], "only dynamic coding is there"


@pytest.mark.usefixtures("bare")
@pytest.mark.parametrize(
    ("cells", "message"),
    [
        ([], "cells of one suite, got none"),
        ([make_cell(), make_cell()], "two for seed 0"),
        ([make_cell(), make_cell(kind="fold", seed=1)], "got both"),
        ([make_cell(), make_cell(seed=1, suite="other")], "got made-up v1, other v1"),
    ],
)
def test_cells_that_make_no_table_are_told(cells: list[CellRecord], message: str, tmp_path: Path) -> None:
    with pytest.raises(RunError, match=message):
        write_tables(cells, tmp_path, reference=None, published=[])
    assert list(tmp_path.iterdir()) == []


def test_clips_of_recordings_are_counted_by_recording() -> None:
    """20 recordings of 10 clips each: outcomes are 20, the cell's samples 200."""
    cell = make_cell(samples=20, wrong=(4, 3, 2, 1), exit_wrong=(4, 3, 2, 1))
    found = [m.model_copy(update={"n": 20}) if m.metric == "accuracy" else m for m in cell.measurements]
    row = rows_of([cell.model_copy(update={"samples": 200, "measurements": found})])["B0"]
    ends = hierarchical_bootstrap([outcomes(20, 1)], shared=True)
    assert (float(row["accuracy_low"]), float(row["accuracy_high"])) == pytest.approx((ends.low, ends.high))


def test_axes_make_rows_of_their_own_and_are_compared_with_their_like() -> None:
    cells = [
        make_cell(row, parts, axes={"z.width": width, "a.depth": 1}, wrong=(9, 8, 7, wrong))
        for row, parts, width, wrong in (("B0", (), 1, 6), ("B0", (), 2, 4), ("X", ("x",), 1, 5), ("X", ("x",), 2, 2))
    ]
    rows = list(csv.DictReader(io.StringIO(table_csv(grouped(cells), None))))
    assert [(row["row"], row["z.width"]) for row in rows] == [("B0", "1"), ("B0", "2"), ("X", "1"), ("X", "2")]
    assert [row["delta_mean"] for row in rows] == ["", "", "0.005", "0.01"]


@pytest.mark.usefixtures("bare")
def test_markdown_reads_as_agreed(tmp_path: Path) -> None:
    path = write_tables(small_ablation(), tmp_path, reference="B0", published=PUBLISHED, quick=True)
    assert_golden("ablation.md", path.read_text(encoding="utf-8"))


@pytest.mark.usefixtures("bare")
def test_the_row_called_general_is_named_only_where_it_is(tmp_path: Path) -> None:
    there = write_tables(small_ablation(), tmp_path, reference=None, published=PUBLISHED).read_text()
    assert "to the row “Coding” (the one the original calls General):" in there
    cells = [make_cell(), make_cell("X", (CODING, CORRECTION))]
    text = write_tables(cells, tmp_path, reference=None, published=PUBLISHED).read_text()
    assert "to the row “B0” (the one the original calls General is not here):" in text


def titles(text: str) -> list[str]:
    return [line.removeprefix("## ") for line in text.splitlines() if line.startswith("## ")]


OF_THE_ORIGINAL = {"In the shape of the original's table", "The original's feature table, recomputed"}


@pytest.mark.usefixtures("bare")
def test_tables_of_ones_own_suite_say_nothing_of_the_original(tmp_path: Path) -> None:
    (tmp_path / "claims.md").write_text("of an earlier table")
    cells = [
        make_cell(row, parts, seed, wrong=(9, 8, 7, wrong), energy=energy)
        for row, parts, wrong, energy in (("plain", (), 40, 1e-7), ("mine", ("adaptive",), 4, 8e-8))
        for seed in range(3)
    ]
    another = [value for value in PUBLISHED if not value["model"].startswith("SNN_Eval, ")]
    text = write_tables(cells, tmp_path, reference="plain", published=another, goal=0.9).read_text()
    assert not OF_THE_ORIGINAL & set(titles(text))
    assert {"Claims", "What helps"} & set(titles(text)) == {"What helps"}
    assert "- Adaptive (mine − plain, all steps): accuracy +18.00" in text
    for name in ("table.md", "table.tex", "table.html", "claims.json"):
        told = (tmp_path / name).read_text().lower()
        assert not any(
            word in told for word in ("original", "correction raises", "co-optimisation is not", "claims.md")
        )
    assert not (tmp_path / "claims.md").exists()
    content = json.loads((tmp_path / "claims.json").read_text())
    assert (content["claims"], len(content["helps"]) > 0) == ([], True)


@pytest.mark.usefixtures("bare")
def test_tables_say_who_the_original_is(tmp_path: Path) -> None:
    text = write_tables(small_ablation(), tmp_path, reference=None, published=PUBLISHED).read_text()
    assert set(titles(text)) >= OF_THE_ORIGINAL
    for title in OF_THE_ORIGINAL:
        section = text.partition(f"## {title}\n\n")[2]
        assert section.startswith(
            "The original is SNN_Eval (README of inotiafvrimmer/wang_code.eval_up on GitHub, 2025)."
        )


@pytest.mark.usefixtures("bare")
@pytest.mark.parametrize(
    ("parts", "goal", "stated"),
    [
        ([()], 0.9, []),
        ([("adaptive",)], 0.9, []),
        ([(CODING,)], 0.9, []),
        ([(COOPTIMISED,)], 0.9, ["a"]),
        ([(CORRECTION,)], 0.9, ["b"]),
        ([(CODING, CORRECTION)], 0.9, ["b"]),
        ([(CORRECTION,), (COOPTIMISED,)], 0.9, ["a", "b"]),
        ([(CODING, CORRECTION, COOPTIMISED)], 0.9, ["a", "b", "c", "d"]),
        ([(CODING, CORRECTION, COOPTIMISED)], None, ["a", "b", "c"]),
    ],
)
def test_a_claim_is_stated_where_its_components_and_goal_are(
    parts: list[tuple[str, ...]], goal: float | None, stated: list[str], tmp_path: Path
) -> None:
    cells = [make_cell(f"row {place}", components) for place, components in enumerate([(), *parts])]
    training = cells[0].training
    assert training is not None
    no_target = training.model_copy(update={"target": None})
    cells = [cell.model_copy(update={"training": no_target}) for cell in cells]
    text = write_tables(cells, tmp_path, reference=None, published=[], goal=goal).read_text()
    found = [claim["claim"] for claim in json.loads((tmp_path / "claims.json").read_text())["claims"]]
    assert found == stated
    assert re.findall(r"^\| \((\w)\) \|", text, re.MULTILINE) == stated
    assert ("Claims" in titles(text)) is (tmp_path / "claims.md").exists() is bool(stated)


@pytest.mark.usefixtures("bare")
def test_a_target_of_the_trainings_is_a_goal(tmp_path: Path) -> None:
    cells = [make_cell("All", (CODING, CORRECTION, COOPTIMISED))]
    training = cells[0].training
    assert training is not None
    assert training.target == 0.98
    write_tables(cells, tmp_path, reference=None, published=[])
    found = [claim["claim"] for claim in json.loads((tmp_path / "claims.json").read_text())["claims"]]
    assert found == ["a", "b", "c", "d"]


@pytest.mark.usefixtures("bare")
def test_claims_of_one_value_of_an_axis_are_not_stated_of_another(tmp_path: Path) -> None:
    cells = [make_cell("B0", (), axes={"w": 1}), make_cell("B0", (), axes={"w": 2})]
    write_tables([*cells, make_cell("X", (CORRECTION,), axes={"w": 2})], tmp_path, reference=None, published=[])
    found = json.loads((tmp_path / "claims.json").read_text())["claims"]
    assert [(claim["claim"], claim["axes"]) for claim in found] == [("b", {"w": 2})]


@pytest.mark.usefixtures("bare")
def test_a_quick_look_gives_no_verdicts(tmp_path: Path) -> None:
    text = write_tables(small_ablation(), tmp_path, reference=None, published=[], quick=True).read_text()
    content = json.loads((tmp_path / "claims.json").read_text())["claims"]
    parts = [part for claim in content for part in claim["parts"]]
    assert len(parts) > 2
    assert {one["verdict"] for one in (*content, *parts)} == {"not judged: quick"}
    section = text.partition("## Claims")[2].partition("## ")[0]
    assert section.count("| not judged: quick |") == 4
    claims_text = (tmp_path / "claims.md").read_text()
    assert claims_text.count(") Not judged: quick: ") == 4
    lines = [line for line in claims_text.splitlines() if line.startswith(("| ", "## ("))]
    assert not any(word in line.lower() for line in lines for word in ("confirmed", "refuted", "undecided"))


@pytest.mark.usefixtures("bare")
def test_large_counts_have_separators(tmp_path: Path) -> None:
    cell = make_cell(samples=10_000, correction=correction([0.7, 0.8, 0.9, 0.95], [0.8, 0.85, 0.9, 0.95]))
    found = [m.model_copy(update={"value": 15118}) if m.metric == "parameters" else m for m in cell.measurements]
    cell = cell.model_copy(update={"measurements": found})
    text = write_tables([cell], tmp_path, reference=None, published=[]).read_text()
    assert "1 of 1 cells measured, 10,000 test samples each." in text
    assert re.search(r"\| +15,118 \|", text)
    assert "1,280 training samples" in text
    (row,) = csv.DictReader(io.StringIO((tmp_path / "table.csv").read_text()))
    assert row["parameters_mean"] == "15118", "for machines"


@pytest.mark.usefixtures("bare")
def test_published_values_stand_beside_their_row(tmp_path: Path) -> None:
    text = write_tables(small_ablation(), tmp_path, reference=None, published=PUBLISHED).read_text()
    section = text.partition("## In the shape of the original's table")[2].partition("## ")[0]
    (line,) = (line for line in section.splitlines() if line.startswith("| Coding "))
    assert [text.strip() for text in line.split("|")][3:13] == (
        ["97.6", "4 (1)", "0.02 s", "60", "4", "4", "20", "0", "400.0", "400"]
    )
    assert "Another's" not in text
    assert (
        "Dynamic Coding, in the original's logs: accuracy 97.55 %, evaluation 60.8 s, returned spikes ÷ 10,000 408.3."
        in section
    )


@pytest.mark.usefixtures("bare")
def test_a_published_row_stands_beside_the_first_of_equal_ones(tmp_path: Path) -> None:
    cells = [make_cell("Coding", (CODING,)), make_cell("Coding, exit", (CODING,), uses_exit=True)]
    text = write_tables(cells, tmp_path, reference=None, published=PUBLISHED).read_text()
    lines = [line for line in text.partition("original's table")[2].splitlines() if line.startswith("| Coding")]
    assert ["97.6" in line for line in lines[:2]] == [True, False]
    assert ["[High]" in line for line in lines[2:4]] == [True, False]


@pytest.mark.usefixtures("bare")
def test_published_rows_without_ours_are_shown_too(tmp_path: Path) -> None:
    text = write_tables([make_cell()], tmp_path, reference=None, published=PUBLISHED).read_text()
    assert re.search(r"\| Dynamic Coding \(published only\) \|\s+– \|\s+97\.6 \|", text)


@pytest.mark.parametrize("output", [3.0, 0.0])
def test_output_spikes_are_told_in_the_published_unit(output: float) -> None:
    cell = make_cell(samples=20_000)
    more = [m for m in cell.measurements if m.metric == "spike_count"]
    spikes = more[0].model_copy(update={"metric": "spike_count_output", "value": output})
    row = rows_of([cell.model_copy(update={"measurements": [*cell.measurements, spikes]})])["B0"]
    assert float(row["spikes_output_mean"]) == output


@pytest.mark.usefixtures("bare")
def test_latex_is_escaped_and_balanced(tmp_path: Path) -> None:
    learned = {"layers.0.neuron.leak_a": [0.5], "layers.0.coding.k": [0.1, -0.2]}
    cells = [make_cell("A_1 & 50 % {x} #2 $ ~ ^ \\"), make_cell("A_2", ("x",), learned=learned)]
    write_tables(cells, tmp_path, reference=None, published=PUBLISHED)
    text = (tmp_path / "table.tex").read_text()
    assert r"A\_1 \& 50 \% \{x\} \#2 \$ \textasciitilde{} \textasciicircum{} \textbackslash{}" in text
    assert text.count(r"\toprule") == text.count(r"\bottomrule") == text.count(r"\begin{tabular}") > 4
    for columns, body in re.findall(r"\\begin\{tabular\}\{([lr]+)\}(.*?)\\end\{tabular\}", text, re.DOTALL):
        lines = [line for line in body.splitlines() if line.endswith(r" \\")]
        assert {len(re.findall(r"(?<!\\)&", line)) + 1 for line in lines} == {len(columns)}
    depth = 0
    for brace in re.findall(r"(?<!\\)[{}]", text):
        depth += 1 if brace == "{" else -1
        assert depth >= 0
    assert depth == 0
    assert set(text) <= set(map(chr, range(128))), "nothing that needs a package"


@pytest.mark.usefixtures("bare")
@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="no pdflatex here")
def test_latex_compiles(tmp_path: Path) -> None:
    write_tables(small_ablation(), tmp_path, reference=None, published=PUBLISHED)
    done = subprocess.run(
        ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "table.tex"], cwd=tmp_path, capture_output=True
    )
    assert done.returncode == 0, done.stdout.decode()[-2000:]


def test_latex_escapes_what_is_special() -> None:
    assert escaped("a~b [1, 2] ± 3 ≤ Δ") == r"a\textasciitilde{}b {[}1, 2{]} $\pm$ 3 $\leq$ $\Delta$"


class _Page(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.sources: list[str] = []
        self.tables = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tables += tag == "table"
        self.sources += [value or "" for name, value in attrs if name in ("src", "href")]
        if tag not in ("meta", "img"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_the_page_is_whole_and_needs_nothing_else(tmp_path: Path) -> None:
    cells = [*small_ablation(), make_cell("<b>", ("x",))]
    write_tables(cells, tmp_path, reference=None, published=PUBLISHED)
    text = (tmp_path / "table.html").read_text()
    page = _Page()
    page.feed(text)
    assert page.open == []
    assert page.tables == (tmp_path / "table.tex").read_text().count(r"\toprule")
    assert len(page.sources) == 3
    assert all(source.startswith("data:image/png;base64,iVBOR") for source in page.sources)
    assert "&lt;b&gt;" in text
    assert "prefers-color-scheme: dark" in text


@pytest.mark.usefixtures("bare")
def test_tables_are_written_again_byte_for_byte(tmp_path: Path) -> None:
    cells = [cell.model_copy(update={"axes": {"z": 1, "a": "x"}}) for cell in small_ablation()]
    write_published(cells, tmp_path / "one", reference="B0", published=PUBLISHED, rows=["Complete", "B0"])
    shutil.copytree(tmp_path / "one" / "cells", tmp_path / "two" / "cells")
    shutil.copy(tmp_path / "one" / "inputs.json", tmp_path / "two")
    regenerate(tmp_path / "two")
    names = sorted(path.name for path in (tmp_path / "one").iterdir() if path.is_file())
    assert len(names) == 9
    for name in names:
        assert (tmp_path / "two" / name).read_bytes() == (tmp_path / "one" / name).read_bytes(), name


@pytest.mark.usefixtures("bare")
def test_cells_no_longer_there_are_removed_from_the_committed_form(tmp_path: Path) -> None:
    cells = small_ablation()
    write_published(cells, tmp_path, reference=None, published=[])
    write_published(cells[:2], tmp_path, reference=None, published=[])
    assert sorted(path.name for path in (tmp_path / "cells").iterdir()) == ["B0-seed-0.json", "Coding-seed-0.json"]


@pytest.mark.slow
@pytest.mark.parametrize("folder", [None, *sorted((ROOT / "reports" / "published").glob("*/cells"))])
def test_committed_tables_are_those_of_the_committed_cells(folder: Path | None, tmp_path: Path) -> None:
    if folder is None:
        pytest.skip("stands for all folders of reports/published with cells")
    committed = folder.parent
    shutil.copytree(folder, tmp_path / "cells")
    shutil.copy(committed / "inputs.json", tmp_path)
    regenerate(tmp_path)
    compared = [path for path in committed.iterdir() if path.suffix in (".csv", ".md", ".tex", ".json")]
    assert {"table.csv", "table.md", "table.tex", "claims.md", "claims.json"} <= {path.name for path in compared}
    for path in compared:
        assert (tmp_path / path.name).read_text() == path.read_text(), path.name


def test_a_folder_without_cells_cannot_be_written_again(tmp_path: Path) -> None:
    with pytest.raises(RunError, match=r"inputs\.json: expected what the tables were made of"):
        regenerate(tmp_path)


@pytest.mark.usefixtures("bare")
def test_curves_hold_every_point_of_every_cell(tmp_path: Path) -> None:
    write_tables(small_ablation(), tmp_path, reference=None, published=[])
    rows = list(csv.DictReader(io.StringIO((tmp_path / "curves.csv").read_text())))
    assert len(rows) == 10 * (4 + 2 * 4)
    stopped = next(r for r in rows if r["row"] == "B0" and r["seed"] == "1" and r["at"] == "3")
    assert (stopped["accuracy"], stopped["mean_step"]) == ("0.93", "3")
    assert math.isclose(float(stopped["energy_total"]), 1.1e-7 / 4 * 3, rel_tol=1e-9)
    chosen = [r for r in rows if r["chosen"] == "true"]
    assert {r["at"] for r in chosen} == {"0.9"}
    assert len(chosen) == 2 * 10


def test_bootstraps_of_tables_are_those_of_a_slow_loop() -> None:
    """Accuracy of seeds that share their samples, drawn one by one as the definition says."""
    rights = np.array([outcomes(200, 12 + seed) for seed in range(3)])
    rng = np.random.default_rng(9)
    found = []
    for _ in range(4000):
        drawn = rng.integers(0, 200, 200)
        found.append(np.mean([rights[s][drawn].mean() for s in rng.integers(0, 3, 3)]))
    low, high = np.quantile(found, [0.025, 0.975])
    row = rows_of(small_ablation())["B0"]
    assert float(row["accuracy_low"]) == pytest.approx(low, abs=0.004)
    assert float(row["accuracy_high"]) == pytest.approx(high, abs=0.004)

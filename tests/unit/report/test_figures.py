"""Figures show the numbers they are named for, are the same each time, and are left out with a reason."""

from __future__ import annotations

import math
from dataclasses import replace

import matplotlib as mpl
import numpy as np
import pytest
from helpers.records import layered_record, small_record
from helpers.traces import random_trace, tiny_trace

from snn_eval.metrics import early_exit_curve, energy_rows, measure
from snn_eval.record import ExitChoice, Record
from snn_eval.report.figures import FIGURES, draw
from snn_eval.report.figures.energy import energy_figure
from snn_eval.report.figures.firing import _short, firing_figure
from snn_eval.report.figures.readout import early_exit_figure, prefix_figure
from snn_eval.report.lookup import Results
from snn_eval.trace import ElementwiseOp, Trace


def results_of(trace: Trace) -> Results:
    measurements, refused = measure(trace)
    return Results(layered_record(measurements=measurements, refused=refused))


def test_every_figure_is_drawn_as_png_and_svg_and_is_the_same_each_time() -> None:
    settings = dict(mpl.rcParams)
    first, again = (draw(tiny_trace(), layered_record()) for _ in range(2))
    assert sorted(first.files) == sorted(f"{name}.{kind}" for name in FIGURES for kind in ("png", "svg"))
    assert first.left_out == {}
    assert first.files == again.files
    assert all(content.startswith(b"\x89PNG") for name, content in first.files.items() if name.endswith("png"))
    assert all(b"<svg" in content for name, content in first.files.items() if name.endswith("svg"))
    assert dict(mpl.rcParams) == settings


def test_the_heat_map_holds_the_rates_and_the_bars_their_means() -> None:
    figure = firing_figure(Results(layered_record()))
    heat, bars = figure.axes[0], figure.axes[1]
    assert [text.get_text() for text in heat.get_yticklabels()] == ["lif1", "lif2", "out", "ia"]
    rates = np.asarray(heat.images[0].get_array())
    assert rates.tolist() == [[rate * 0.5, rate * 1.5] for rate in (0.1875, 0.25, 1 / 6, 0.25)]
    assert [bar.get_width() for bar in bars.patches] == [0.1875, 0.25, 1 / 6, 0.25]


def test_the_energy_bars_add_up_to_the_total() -> None:
    trace = tiny_trace()
    figure = energy_figure(trace, results_of(trace))
    (axes,) = figure.axes
    total = sum(row.energy_j for row in energy_rows(trace, "horowitz-45nm-fp32"))
    assert sum(bar.get_width() for bar in axes.patches) == pytest.approx(total * 1e12)  # drawn in pJ
    assert "pJ/sample" in axes.get_xlabel()
    assert "horowitz-45nm-fp32" in axes.get_xlabel()
    shares = [float(text.get_text().removesuffix(" %")) for text in axes.texts]
    assert sum(shares) == pytest.approx(100, abs=0.05 * len(shares))


def test_element_wise_operations_are_drawn_at_the_layer_they_belong_to() -> None:
    trace = tiny_trace()
    (axes,) = energy_figure(trace, results_of(trace)).axes
    names = [text.get_text() for text in axes.get_yticklabels()]
    # stem.bias and bn0 at stem, bn1 at conv, fc.bias at fc; bn2, pool and add stand for themselves
    assert sorted(names) == sorted(
        ["stem", "conv", "graded", "fc", "lif1", "lif2", "out", "ia", "mem", "bn2", "pool", "add"]
    )


def test_a_deep_network_draws_its_largest_layers_and_one_bar_for_the_rest() -> None:
    trace = random_trace(samples=3, time_steps=2, layers=20)
    (axes,) = energy_figure(trace, results_of(trace)).axes
    names = [text.get_text() for text in axes.get_yticklabels()]
    assert len(names) == 28
    assert names[-1].endswith("smaller ones")
    total = sum(row.energy_j for row in energy_rows(trace, "horowitz-45nm-fp32"))
    assert sum(bar.get_width() for bar in axes.patches) == pytest.approx(total * 1e9)  # drawn in nJ


def test_operations_next_to_nothing_share_a_bar() -> None:
    trace = tiny_trace()
    least = [ElementwiseOp(f"add#{i}", "residual_add", steps=1, add=1) for i in range(3)]
    big = replace(trace.elementwise[0], name="big", fused_into=None, add=10**9)
    trace = replace(trace, elementwise=(big, *least))
    (axes,) = energy_figure(trace, results_of(trace)).axes
    names = [text.get_text() for text in axes.get_yticklabels()]
    assert names[-1] == "3 smaller ones"
    assert {layer.name for layer in (*trace.synaptic, *trace.neurons)} < set(names)


def test_prefix_accuracy_with_its_band() -> None:
    (axes,) = prefix_figure(Results(layered_record())).axes
    (line,) = axes.lines
    assert list(line.get_xdata()) == [1, 2]
    assert list(line.get_ydata()) == pytest.approx([100 / 3, 200 / 3])
    low, high = (f(p[:, 1] for p in [axes.collections[0].get_paths()[0].vertices]) for f in (_least, _most))
    assert (low, high) == pytest.approx((6.15, 93.85))


def _least(columns) -> float:  # type: ignore[no-untyped-def]
    return min(float(c.min()) for c in columns)


def _most(columns) -> float:  # type: ignore[no-untyped-def]
    return max(float(c.max()) for c in columns)


def test_early_exit_ends_where_the_whole_network_stands() -> None:
    trace = random_trace(samples=40)
    results = results_of(trace)
    steps, energy = early_exit_figure(trace, results).axes
    accuracy = results.value("accuracy")
    assert accuracy is not None
    confidence, star = steps.lines[0], steps.lines[-1]
    assert (star.get_xdata()[0], star.get_ydata()[0]) == (trace.time_steps, pytest.approx(accuracy * 100))
    assert min(confidence.get_xdata()) >= 1
    assert max(confidence.get_xdata()) <= trace.time_steps
    assert "horowitz-45nm-fp32" in energy.get_xlabel()


@pytest.mark.parametrize("threshold", [0.3, None])
def test_the_exit_chosen_on_validation_is_marked_at_its_temperature(threshold: float | None) -> None:
    trace = random_trace(samples=40)
    choice = ExitChoice(
        kind="entropy", tolerance=0.01, samples=9, data_fingerprint="", temperature=2.5, threshold=threshold
    )
    found = results_of(trace)
    results = Results(found.record.model_copy(update={"exit": choice}))
    at = math.inf if threshold is None else threshold
    curve = early_exit_curve(trace, "entropy", temperature=2.5, thresholds=[0.25, at])
    axes_of = zip(early_exit_figure(trace, results).axes, (("mean_step", 1.0), ("energy_total", 1e9)), strict=True)
    for axes, (column, scale) in axes_of:
        (mark,) = (line for line in axes.lines if line.get_label() == "chosen on validation (entropy)")
        assert mark.get_xdata()[0] == pytest.approx(curve.column(column)[1] * scale)
        assert mark.get_ydata()[0] == pytest.approx(curve.points[1].accuracy * 100)
        assert curve.points[0].accuracy * 100 in axes.lines[1].get_ydata()
    not_yet = Results(found.record.model_copy(update={"exit": choice.model_copy(update={"temperature": None})}))
    assert [len(axes.lines) for axes in early_exit_figure(trace, not_yet).axes] == [3, 3]


def without(record: Record, *metrics: str) -> Record:
    return record.model_copy(update={"measurements": [m for m in record.measurements if m.metric not in metrics]})


def test_a_figure_without_its_numbers_is_left_out_with_the_reason() -> None:
    trace = tiny_trace()
    trace = replace(trace, output=replace(trace.output, causal="no", not_causal_layer="norm2"))
    record = without(
        layered_record(refused={"accuracy_prefix": "layer norm2 sees later steps"}), "accuracy_prefix", "lsfr"
    )
    drawn = draw(trace, record)
    assert sorted(drawn.left_out) == ["accuracy_prefix", "early_exit", "firing_rate"]
    assert "layer norm2 sees later steps" in drawn.left_out["accuracy_prefix"]
    assert "norm2" in drawn.left_out["early_exit"]
    assert sorted(drawn.files) == ["energy.png", "energy.svg"]


@pytest.mark.parametrize(
    ("value", "decimals", "text"),
    [(0.0, 2, "0"), (0.041, 2, "0.04"), (0.041, 3, "0.041"), (0.004, 2, "<.01"), (0.0004, 3, "<.001")],
)
def test_numbers_in_the_heat_map(value: float, decimals: int, text: str) -> None:
    assert _short(value, decimals) == text


def test_a_record_with_nothing_draws_nothing_and_says_so() -> None:
    drawn = draw(tiny_trace(), small_record(measurements=[], refused={}))
    assert set(drawn.left_out) == set(FIGURES)
    assert "the record holds no energy" in drawn.left_out["energy"]


def test_an_energy_table_of_the_users_own_is_not_guessed() -> None:
    own = [m.model_copy(update={"energy_model": "mine"}) for m in layered_record().measurements if m.energy_model]
    drawn = draw(tiny_trace(), layered_record(measurements=own))
    assert "the costs of the energy model mine are not in the record" in drawn.left_out["energy"]


def test_an_unknown_neuron_leaves_out_the_energy() -> None:
    trace = tiny_trace()
    trace = replace(trace, neurons=(replace(trace.neurons[0], model="unknown"), *trace.neurons[1:]))
    drawn = draw(trace, layered_record())
    assert "lif1" in drawn.left_out["energy"]
    assert "firing_rate.png" in drawn.files

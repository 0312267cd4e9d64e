"""Figures of an ablation show the cells' points, and only figures that have some are drawn."""

from __future__ import annotations

import pytest
from helpers.cells import failed_cell, make_cell

from snn_eval.report.ablation.effects import Effects
from snn_eval.report.ablation.figures import _energy, _prefix, _tradeoff, draw
from snn_eval.report.ablation.groups import grouped

CELLS = [
    *(make_cell("B0", (), s, wrong=(40, 20, 12, 10 + 2 * s), energy=1e-7 * (1 + s)) for s in range(2)),
    make_cell("X", ("x",), 0, exit_wrong=(9, 8, 7, 6)),
]


def test_nothing_is_drawn_of_nothing() -> None:
    groups = grouped([failed_cell("B0", (), 0, "no data")])
    assert draw(groups, Effects.of(groups)) == {}


def test_what_there_are_numbers_for_is_drawn_the_same_each_time() -> None:
    groups = grouped([make_cell("Gated", ("attention",), exit=None, exit_refused="not causal")])
    found = draw(groups, Effects.of(groups))
    assert sorted(found) == ["energy.png", "prefix.png"]
    assert all(content.startswith(b"\x89PNG") for content in found.values())
    assert draw(groups, Effects.of(groups)) == found


def test_chosen_exits_are_marked_where_their_means_are() -> None:
    figure = _tradeoff(grouped(CELLS))
    assert figure is not None
    steps, energy = figure.axes
    stars = [
        [(x, y) for x, y in zip(*line.get_data(), strict=True)] for line in steps.lines if line.get_marker() == "*"
    ]
    assert stars == [[(2.0, pytest.approx(100 * (1 - 12 / 200)))], [(2.0, pytest.approx(100 * (1 - 7 / 200)))]]
    (x,) = next(line for line in energy.lines if line.get_marker() == "*").get_xdata()
    assert x == pytest.approx(1.5e-7 / 4 * 2 * 1e9), "nanojoules, mean of two seeds"


def test_prefixes_have_a_thin_line_a_seed_and_a_thick_mean() -> None:
    figure = _prefix(grouped(CELLS))
    assert figure is not None
    (axes,) = figure.axes
    assert [line.get_linewidth() for line in axes.lines] == [0.7, 0.7, 1.8, 0.7, 1.8]
    assert list(axes.lines[2].get_ydata()) == pytest.approx([80.0, 90.0, 94.0, 94.5])
    assert list(axes.lines[1].get_ydata()) == pytest.approx([80.0, 90.0, 94.0, 94.0])


def test_bars_of_energy_are_means_of_its_parts() -> None:
    figure = _energy(grouped(CELLS))
    assert figure is not None
    (axes,) = figure.axes
    synaptic, rest = axes.containers
    assert [bar.get_width() for bar in synaptic] == pytest.approx([0.6 * 150, 0.6 * 100])
    assert [bar.get_width() for bar in rest] == pytest.approx([0.4 * 150, 0.4 * 100])
    assert [text.get_text() for text in axes.texts] == ["150.0 nJ", "100.0 nJ"]

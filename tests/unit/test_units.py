from __future__ import annotations

import doctest
import importlib

import pytest

from snn_eval import units


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (0.9912, "1", "0.9912"),
        (0.0, "J/sample", "0 J/sample"),
        (2.5e-7, "J/sample", "250 nJ/sample"),
        (999.94e-12, "J/sample", "999.9 pJ/sample"),
        (1e-9, "J/sample", "1 nJ/sample"),
        (1_234_567, "op/sample", "1.235 Mop/sample"),
        (0.25, "op/sample", "0.25 op/sample"),
        (0.25, "spike/sample", "0.25 spike/sample"),
        (0.0723, "spike/neuron/step", "0.0723 spike/neuron/step"),
        (2048, "B", "2.048 kB"),
        (3.125e-3, "s/sample", "3.125 ms/sample"),
        (1.5, "step", "1.5 step"),
    ],
)
def test_values_are_written_with_their_unit(value: float, unit: str, text: str) -> None:
    assert units.format_value(value, unit) == text


def test_joules() -> None:
    assert units.joules_from_pj(4.6) == pytest.approx(4.6 * units.PJ)


@pytest.mark.parametrize(
    "name",
    ["units", "stats", "metrics.levels", "metrics.exit_rule", "metrics.operations", "energy.model", "energy.work"],
)
def test_examples_in_docstrings_are_true(name: str) -> None:
    module = importlib.import_module(f"snn_eval.{name}")
    result = doctest.testmod(module, extraglobs={"np": __import__("numpy")})
    assert result.failed == 0

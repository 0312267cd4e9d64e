"""How values read: SI prefixes, per cent, intervals in the value's own unit, direction."""

from __future__ import annotations

import doctest
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from snn_eval.record import Measurement
from snn_eval.report import format as written
from snn_eval.report.format import cell, interval, interval_name, measured, shape, value_with_unit


def of(value: float, unit: str, **facts: Any) -> Measurement:
    return Measurement(metric="x", value=value, unit=unit, **facts)


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (0.9912, "1", "99.12 %"),
        (1, "1", "100.00 %"),
        (20140, "op/sample", "20.14 kop/sample"),
        (0.5, "op/sample", "0.5000 op/sample"),
        (3.25e-7, "J/sample", "325.0 nJ/sample"),
        (0, "op/sample", "0 op/sample"),
        (0.0, "J/sample", "0 J/sample"),
        (0.0723, "spike/neuron/step", "0.0723 spike/neuron/step"),
        (0.000651, "spike/neuron/step", "0.000651 spike/neuron/step"),
        (812.25, "spike/sample", "812.2 spike/sample"),
        (61706, "count", "61.71 k"),
        (7, "count", "7"),
        (4096, "B", "4.096 kB"),
        (1.5, "step", "1.500 step"),
        (999.96, "op/sample", "1000 op/sample"),
        (-2.5, "op/sample", "-2.500 op/sample"),
    ],
)
def test_values_with_unit(value: float, unit: str, text: str) -> None:
    assert value_with_unit(value, unit) == text


def test_cells_leave_the_unit_to_the_header() -> None:
    assert [cell(20140, "op/sample"), cell(3.25e-7, "J/sample"), cell(812.25, "spike/sample")] == [
        "20.14 k",
        "325.0 nJ",
        "812.2",
    ]


def test_an_interval_stands_in_the_unit_of_its_value() -> None:
    assert interval(of(0.9912, "1", interval=(0.98916, 0.9929))) == "[98.92, 99.29]"
    assert interval(of(20140, "op/sample", interval=(19000.0, 21000.0))) == "[19.00, 21.00]"  # beside 20.14 k
    assert interval(of(1, "1")) == ""


def test_a_measurement_reads_as_value_interval_direction() -> None:
    accuracy = of(0.9912, "1", direction="higher", interval=(0.9892, 0.9929))
    assert measured(accuracy) == "99.12 % [98.92, 99.29] ↑"
    assert measured(of(20140, "op/sample", direction="lower")) == "20.14 kop/sample ↓"
    assert measured(of(3, "count")) == "3"


def test_an_interval_has_the_name_of_its_method() -> None:
    assert interval_name(of(1, "1", interval_method="wilson 95%")) == "Wilson 95 %"
    assert interval_name(of(1, "1", interval_method="hierarchical bootstrap 90%")) == "hierarchical bootstrap 90 %"
    assert interval_name(of(1, "1")) == ""


def test_shapes() -> None:
    assert shape((64, 1, 3, 3)) == "64×1×3×3"
    assert shape(()) == ""


@given(st.floats(1e-14, 1e17))
def test_four_digits_are_enough_to_read_a_value_back_to_a_thousandth(value: float) -> None:
    number, _, text = value_with_unit(value, "J/sample").partition(" ")
    prefix = {"": 0, "f": -15, "p": -12, "n": -9, "µ": -6, "m": -3, "k": 3, "M": 6, "G": 9, "T": 12, "P": 15}
    assert float(number) * 10.0 ** prefix[text.removesuffix("J/sample")] == pytest.approx(value, rel=1e-3)


def test_examples_in_the_docstrings() -> None:
    assert doctest.testmod(written).failed == 0

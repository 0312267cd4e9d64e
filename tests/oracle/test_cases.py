"""Every case against brute force: exact, layer by layer, per step and sample."""

from __future__ import annotations

import cases_attention
import cases_calls
import cases_frameworks
import cases_layers
import cases_networks
import cases_recurrent
import cases_weights
import pytest
from case import Case, compare, expected_of, record_case

MODULES = (
    cases_layers,
    cases_calls,
    cases_weights,
    cases_attention,
    cases_recurrent,
    cases_networks,
    cases_frameworks,
)
CASES = [case for module in MODULES for case in module.CASES]
# torch says so where 'same' needs one more zero on one side
pytestmark = pytest.mark.filterwarnings("ignore:Using padding='same' with even kernel lengths:UserWarning")


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_case_is_exact(case: Case) -> None:
    compare(case, record_case(case), expected_of(case))


def test_names_are_unique() -> None:
    names = [case.name for case in CASES]
    assert sorted(names) == sorted(set(names))


@pytest.mark.parametrize("framework", ["spikingjelly", "snntorch"])
def test_framework_is_installed(framework: str) -> None:
    pytest.importorskip(framework, reason=f"{framework} is not installed: its cases were left out")
    assert any(case.name.startswith(framework) for case in CASES)

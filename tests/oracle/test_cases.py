"""Every case against brute force: exact, layer by layer, per step and sample."""

from __future__ import annotations

import pytest
from all_cases import ALL
from case import Case, expected_of, record_case
from compare import compare

# torch says so where 'same' needs one more zero on one side
pytestmark = pytest.mark.filterwarnings("ignore:Using padding='same' with even kernel lengths:UserWarning")


@pytest.mark.parametrize("case", ALL, ids=lambda case: case.name)
def test_case_is_exact(case: Case) -> None:
    compare(case, record_case(case), expected_of(case))


def test_names_are_unique() -> None:
    names = [case.name for case in ALL]
    assert sorted(names) == sorted(set(names))


@pytest.mark.parametrize("framework", ["spikingjelly", "snntorch"])
def test_framework_is_installed(framework: str) -> None:
    pytest.importorskip(framework, reason=f"{framework} is not installed: its cases were left out")
    assert any(case.name.startswith(framework) for case in ALL)

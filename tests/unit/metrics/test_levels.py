"""Classes of input values: quantum, unit, integer, real."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from helpers.traces import product_layer, synaptic_layer
from hypothesis import given, settings
from hypothesis import strategies as st

from snn_eval.metrics import classify
from snn_eval.metrics.levels import quantum


@pytest.mark.parametrize(
    ("levels", "q"),
    [
        ([], None),
        ([1.0], 1.0),
        ([-1.0, 1.0], 1.0),
        ([1.0, 2.0, 3.0], 1.0),
        ([2.0, 4.0], 1.0),
        ([0.25, 0.5, 0.75, 1.0], 0.25),
        ([0.37], 0.37),
        ([-0.37, 0.37, 0.74], 0.37),
        ([1 / 9, 2 / 9, 5 / 9], 1 / 9),
        ([0.5, 0.75], None),
        ([0.3, 0.5], None),
        ([1.0, 1.5], None),
        ([0.5, 1.0, 1.5], 0.5),
    ],
)
def test_quantum(levels: list[float], q: float | None) -> None:
    assert quantum(np.array(levels)) == q


@settings(deadline=None)
@given(st.integers(1, 16), st.floats(1e-3, 50), st.integers(0, 2**32 - 1))
def test_float32_multiples_keep_their_quantum(size: int, q: float, seed: int) -> None:
    """Levels that float32 arithmetic made of k·q are still multiples, whatever the rounding."""
    k = np.sort(np.random.default_rng(seed).choice(np.arange(2, 500), size, replace=False))
    levels = np.append(np.float32(q), (k * np.float32(q)).astype(np.float32)).astype(np.float64)
    assert quantum(levels) == (1.0 if float(np.float32(q)).is_integer() else levels[0])


def _classes(levels: Sequence[float], counts: Sequence[int], **facts: object) -> tuple[str, ...]:
    layer = synaptic_layer("l", np.array(counts).reshape(-1, 1, 1), levels=levels, **facts)
    found = classify(layer)
    rows = zip(found.unit, found.integer, found.real, strict=True)
    return tuple("unit" if u else "integer" if i else "real" for u, i, r in rows)


def test_classes_of_rows() -> None:
    assert _classes([1.0], [1]) == ("unit", "real")
    assert _classes([-1.0, 1.0], [1, 1]) == ("unit", "unit", "real")
    assert _classes([1.0, 2.0, 3.0], [1, 1, 1]) == ("unit", "integer", "integer", "real")
    assert _classes([0.25, 0.5, 1.0], [1, 1, 1]) == ("unit", "integer", "integer", "real")
    assert _classes([0.3, 0.5], [1, 1]) == ("real", "real", "real")
    assert _classes([2.0], [1]) == ("integer", "real")


def test_only_levels_that_occur_decide_the_quantum() -> None:
    assert _classes([0.5, 1.0], [0, 3]) == ("real", "unit", "real")  # 0.5 never came: 1.0 is the unit
    assert _classes([0.5, 1.0], [1, 3]) == ("unit", "integer", "real")


def test_the_networks_own_real_input_is_real_whatever_its_values() -> None:
    assert _classes([1.0], [5], source="real") == ("real", "real")
    assert _classes([1.0, 3.0], [5, 1], source="counts") == ("unit", "integer", "real")
    assert not classify(synaptic_layer("l", np.zeros((1, 1, 1)), source="real")).left.all_unit


def test_additions_of_unrolled_values() -> None:
    layer = synaptic_layer("l", np.ones((3, 1, 1)), levels=(-2.0, 1.0, 3.0))
    assert classify(layer).additions.tolist() == [2, 1, 3, 0]


def test_a_pair_is_unit_if_one_operand_is() -> None:
    layer = product_layer("attn", np.ones((3, 3, 1, 1)), (1.0, 3.0), (0.5, 1.0))
    found = classify(layer)  # left: 1 unit, 3 integer, other real; right (q = ½): ½ unit, 1 = 2q integer, other real
    assert found.unit.tolist() == [[True, True, True], [True, False, False], [True, False, False]]
    assert found.integer.tolist() == [[False] * 3, [False, True, True], [False, True, False]]
    assert found.additions.tolist() == [[1, 1, 1], [1, 2, 3], [1, 2, 0]]

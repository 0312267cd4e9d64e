"""The comparison is tested: it accepts the right counts and sees each kind of wrong one; batches hide nothing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from all_cases import ALL
from brute import Count, total
from case import Case, expected_of
from compare import compare_layer
from intercept import capture

from snn_eval.trace import SynapticLayer

pytestmark = pytest.mark.filterwarnings("ignore:Using padding='same' with even kernel lengths:UserWarning")


def layer_of(counts: list[list[Count]]) -> SynapticLayer:
    """The layer a perfect probe would give."""
    merged = total([c for step in counts for c in step])
    levels = sorted(merged.inputs) if len(merged.inputs) <= 16 else []
    partner = sorted(merged.partner) if len(merged.partner) <= 16 else []
    product = any(isinstance(k, tuple) for k in merged.ops)
    t, n = len(counts), len(counts[0])

    def place(level: float, known: list[float]) -> int:
        return known.index(level) if level in known else len(known)

    inputs = np.zeros((len(levels) + 1, t, n), np.int64)
    shape = (len(levels) + 1, len(partner) + 1, t, n) if product else inputs.shape
    ops, structural = np.zeros(shape, np.int64), np.zeros(shape, np.int64)
    weighted, sums = np.zeros((t, n)), np.zeros((t, n))
    for i, j in np.ndindex(t, n):
        for v, count in counts[i][j].inputs.items():
            inputs[place(v, levels), i, j] += count
        for table, source in ((ops, counts[i][j].ops), (structural, counts[i][j].structural)):
            for key, count in source.items():
                at = (
                    (place(key[0], levels), place(key[1], partner)) if isinstance(key, tuple) else (place(key, levels),)
                )
                table[(*at, i, j)] += count
        weighted[i, j], sums[i, j] = counts[i][j].weighted, counts[i][j].input_sum
    first = counts[0][0]
    return SynapticLayer(
        name="layer",
        kind="product" if product else "linear",
        operation="any",
        levels=np.array(levels, float),
        inputs_VTN=inputs,
        ops_VTN=ops,
        ops_weighted_TN=weighted,
        input_sum_TN=sums,
        structural_ops_VTN=structural,
        partner_levels=np.array(partner, float) if product else None,
        minimum=merged.low,
        maximum=merged.high,
        dense_ops=first.dense,
        dense_ops_with_border=first.dense_border,
        inputs_per_step=first.elements,
    )


NAMES = {"loop_static_spikes", "product_ternary_counts", "spikformer_attention_over_time", "product_of_reals"}
SOME = [case for case in ALL if case.name in NAMES]


def bumped(array: np.ndarray, *where: int) -> np.ndarray:
    changed = array.copy()
    changed[where] += 1
    return changed


WRONG: dict[str, Callable[[SynapticLayer], SynapticLayer]] = {
    "one operation more": lambda s: replace(s, ops_VTN=bumped(s.ops_VTN, *[0] * s.ops_VTN.ndim)),
    "one structural operation more": lambda s: replace(
        s,
        structural_ops_VTN=bumped(s.structural_ops_VTN, *[0] * s.ops_VTN.ndim),  # type: ignore[arg-type]
        ops_VTN=bumped(s.ops_VTN, *[0] * s.ops_VTN.ndim) if s.is_product else s.ops_VTN,
    ),
    "one input more": lambda s: replace(s, inputs_VTN=bumped(s.inputs_VTN, -1, -1, -1)),
    "samples swapped": lambda s: replace(s, inputs_VTN=s.inputs_VTN[..., ::-1], ops_VTN=s.ops_VTN[..., ::-1]),
    "dense": lambda s: replace(s, dense_ops=s.dense_ops + 1),
    "border": lambda s: replace(s, dense_ops_with_border=s.dense_ops_with_border - 1),
    "elements": lambda s: replace(s, inputs_per_step=s.inputs_per_step + 1),
    "largest input": lambda s: replace(s, maximum=s.maximum + 1),
    "smallest input": lambda s: replace(s, minimum=s.minimum - 1),
    "weighted": lambda s: replace(s, ops_weighted_TN=s.ops_weighted_TN * (1 + 1e-4)),
    "sum": lambda s: replace(s, input_sum_TN=s.input_sum_TN + 1e-3),
    "not attributed": lambda s: replace(s, attributed=False),
    "32 bits": lambda s: replace(s, ops_VTN=s.ops_VTN.astype(np.int32)),
}


def accepted(layer: SynapticLayer, counts: list[list[Count]], graded: bool) -> bool:
    try:
        compare_layer(layer, counts, graded)
    except AssertionError:
        return False
    return True


@pytest.mark.parametrize("case", SOME, ids=lambda c: c.name)
def test_right_counts_are_accepted_and_wrong_ones_seen(case: Case) -> None:
    for i, counts in enumerate(expected_of(case).layers):
        graded = i in case.drop_levels
        layer = layer_of(counts)
        assert accepted(layer, counts, graded)
        for what, spoil in WRONG.items():
            assert not accepted(spoil(layer), counts, graded), f"not seen: {what}"


BY_INTERCEPTION = [case for case in ALL if case.reference is None]


@pytest.mark.parametrize("case", BY_INTERCEPTION, ids=lambda c: c.name)
def test_a_sample_alone_is_the_sample_in_its_batch(case: Case) -> None:
    """The expected counts come from samples run one by one; together they must show the same nonzero inputs."""
    network, x = case.network(), case.data()
    together = [np.count_nonzero(call.x) for call in capture(network.module, network.run, x)]
    alone = np.zeros(len(together), int)
    for n in range(case.samples):
        calls = capture(network.module, network.run, x.narrow(case.sample_axis, n, 1))
        alone += [np.count_nonzero(call.x) for call in calls]
    assert together == alone.tolist()

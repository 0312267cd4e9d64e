"""The training benchmark compares like with like: one step of either loop leaves the same weights."""

from __future__ import annotations

import copy

import pytest
import torch

training = pytest.importorskip("benchmarks.training", reason="benchmarks/ is only in a checkout, not in the package")


@pytest.mark.parametrize("name", training.CASES)
def test_both_loops_do_the_same(name: str) -> None:
    torch.manual_seed(0)
    ours = training.CASES[name].build()
    theirs = copy.deepcopy(ours)
    before = copy.deepcopy(ours.state_dict())
    data = training._batch(6)
    training._our_step(ours, data, amp=False)()
    training._their_step(theirs, data, amp=False)()
    # the batch in another order and another layout in memory: equal but for rounding, which may flip a spike or two
    for key, weight in theirs.state_dict().items():
        if weight.is_floating_point():
            moved = (weight - before[key]).norm()
            assert (ours.state_dict()[key] - weight).norm() <= 0.05 * moved + 1e-7, key
            assert moved > 0 or "weight" in key, key


def test_the_table_says_how_many_images_a_second() -> None:
    timing = pytest.importorskip("benchmarks.timing")
    # time of ours ÷ time of theirs, less 1
    ratio = timing.Overhead(timing.Spread(-0.5, -0.6, -0.2), timing.Spread(0, 0, 0), 3, bare_s=0.1)
    text = training.markdown([training.Result("net", 64, "float32", ratio)], 1)
    assert "| net, T = 4, batch 64 | float32 | 640 | 1,280 | 2.00 × [1.25, 2.50] |" in text

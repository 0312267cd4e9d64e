"""The interception is tested against operands written down by hand: two references that must agree."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import cases_attention
import cases_calls
import cases_mha
import cases_recurrent
import numpy as np
import pytest
import torch
from brute import Count, linear_scatter, total
from case import Case, expected_of
from intercept import capture
from torch import Tensor, nn
from torch.nn.utils import parametrizations, prune
from wrap import LocalNetwork, reset


def brute_counts(case: Case, n: int = 0) -> list[Count]:
    """Interception of one sample, one count a call."""
    network = case.network()
    x = case.data().narrow(case.sample_axis, n, 1)
    return [call.count() for call in capture(network.module, network.run, x)]


BY_BOTH = [c for c in (*cases_calls.PRODUCTS, *cases_calls.HEADS) if not c.name.endswith("outer")]


@pytest.mark.parametrize("case", BY_BOTH, ids=lambda c: c.name)
def test_products_written_by_hand_are_what_torch_executes(case: Case) -> None:
    hand = total([step[0] for layer in expected_of(case).layers for step in layer])
    seen = total(brute_counts(case))
    assert seen.dense == hand.dense
    assert sorted(map(_unordered, seen.ops.items())) == sorted(map(_unordered, hand.ops.items()))


def _unordered(item: tuple[object, int]) -> tuple[tuple[float, ...], int]:
    key, n = item
    return tuple(sorted(key)) if isinstance(key, tuple) else (key,), n  # type: ignore[return-value]


@pytest.mark.parametrize("case", [c for c in cases_attention.HAND if "softmax" not in c.name], ids=lambda c: c.name)
def test_attention_by_hand_is_what_torch_executes(case: Case) -> None:
    hand = [step[0] for layer in expected_of(case).layers for step in layer]
    for one, other in zip(brute_counts(case), hand, strict=True):
        assert one.ops == other.ops
        assert one.dense == other.dense


@pytest.mark.parametrize(
    "case",
    [c for c in cases_mha.MHA if "no_weights" not in c.name and "causal" not in c.name],
    ids=lambda c: c.name,
)
def test_multihead_attention_by_hand_is_what_torch_executes(case: Case) -> None:
    hand = [step[0] for layer in expected_of(case).layers for step in layer]
    seen = brute_counts(case)
    assert [sum(c.ops.values()) for c in seen] == [sum(c.ops.values()) for c in hand]
    assert [c.dense for c in seen] == [c.dense for c in hand]


@pytest.mark.parametrize("case", [*cases_recurrent.SEQUENCES, *cases_recurrent.CELLS], ids=lambda c: c.name)
def test_recurrence_by_hand_is_what_torch_executes(case: Case) -> None:
    hand = total([step[0] for layer in expected_of(case).layers for step in layer])
    seen = total(brute_counts(case))
    assert sum(seen.ops.values()) == sum(hand.ops.values())
    assert seen.dense == hand.dense


@pytest.mark.parametrize(
    "change",
    [
        lambda m: m,
        lambda m: prune.identity(m, "weight"),
        parametrizations.weight_norm,
        parametrizations.spectral_norm,
    ],
)
def test_computed_weights_are_weights(change: Callable[[nn.Module], nn.Module]) -> None:
    module = change(nn.Linear(3, 2)).eval()
    calls = capture(module, module, torch.ones(1, 3))
    assert [call.kind for call in calls] == ["linear"]
    assert calls[0].w.shape == (2, 3)


def test_state_is_no_weight() -> None:
    """Zeros made in forward and fed back are inputs, the matrix they meet is the weight."""
    module = nn.RNNCell(3, 2)
    calls = capture(module, module, torch.ones(1, 3))
    # torch runs the recurrent matrix first; nothing outside the cell can see the order
    assert sorted((call.kind, call.x.shape, call.w.shape) for call in calls) == [
        ("linear", (1, 2), (2, 2)),
        ("linear", (1, 3), (2, 3)),
    ]


def test_fused_attention_is_refused_not_missed() -> None:
    def attend(x: Tensor) -> Tensor:
        return torch.nn.functional.scaled_dot_product_attention(x, x, x)

    with pytest.raises(NotImplementedError, match="attention"):
        capture(nn.Identity(), attend, torch.ones(1, 2, 3, 4))


def test_local_network_resets_between_runs() -> None:
    from cases_networks import Driven

    network = LocalNetwork(Driven(), time_steps=3, drive="loop")
    x = torch.rand(2, 2, 4, 4)
    assert torch.equal(network.run(x), network.run(x))
    reset(network.module)
    assert network.run(x).shape == (3, 2, 4)


def test_counts_add_up() -> None:
    one = linear_scatter(np.ones((1, 3)), np.ones((2, 3)))
    both = linear_scatter(np.ones((2, 3)), np.ones((2, 3)))
    assert {f.name: getattr(one + one, f.name) for f in dataclasses.fields(Count)} == {
        f.name: getattr(both, f.name) for f in dataclasses.fields(Count)
    }

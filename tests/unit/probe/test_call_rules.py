"""What each call is said to multiply: labels of index equations, geometry of convolutions, parts of cells."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from snn_eval.probe.calls import RULES
from snn_eval.probe.parts import Attention, NoRuleError, Pair, Part, Weighted


def z(*shape: int) -> Tensor:
    return torch.zeros(shape)


def parts(name: str, *args: Any, out: Any = None, **kwargs: Any) -> list[Part]:
    return RULES[name](args, kwargs, out)


def labels(name: str, *args: Any, **kwargs: Any) -> tuple[str, str]:
    """Labels with letters in order of appearance, so that they can be compared."""
    (pair,) = parts(name, *args, **kwargs)
    assert isinstance(pair, Pair)
    both = dict.fromkeys(pair.labels_a + pair.labels_b)
    order = str.maketrans({old: chr(ord("a") + i) for i, old in enumerate(both)})
    return pair.labels_a.translate(order), pair.labels_b.translate(order)


@pytest.mark.parametrize(
    ("a", "b", "want"),
    [
        (z(2, 3), z(3, 4), ("ab", "bc")),
        (z(3), z(3), ("a", "a")),
        (z(3), z(3, 4), ("a", "ab")),
        (z(2, 3), z(3), ("ab", "b")),
        (z(5, 2, 3), z(5, 3, 4), ("abc", "acd")),
        (z(5, 2, 3), z(3, 4), ("abc", "cd")),
        (z(2, 3), z(5, 3, 4), ("ab", "cbd")),
        (z(6, 1, 2, 3), z(5, 3, 4), ("abcd", "edf")),  # a broadcast axis is not shared
        (z(5, 2, 3), z(1, 3, 4), ("abc", "dce")),
    ],
)
def test_matmul(a: Tensor, b: Tensor, want: tuple[str, str]) -> None:
    assert labels("matmul", a, b) == want
    assert labels("matmul", a, other=b) == want
    turned = parts("__rmatmul__", b, a)[0]
    assert isinstance(turned, Pair)
    assert turned.a is a


def test_named_products() -> None:
    assert labels("mv", z(2, 3), vec=z(3)) == ("ab", "b")
    assert labels("mm", z(2, 3), mat2=z(3, 4)) == ("ab", "bc")
    for name, args in {"addmm": (z(4), z(2, 3), z(3, 4)), "baddbmm": (z(1), z(5, 2, 3), z(5, 3, 4))}.items():
        (pair,) = parts(name, *args)
        assert isinstance(pair, Pair)
        assert pair.bias
        assert pair.a is args[1]
    with pytest.raises(NoRuleError):
        parts("matmul", z(2, 3).int(), z(3, 4).int())


@pytest.mark.parametrize(
    ("equation", "a", "b", "want"),
    [
        ("ij,jk->ik", z(2, 3), z(3, 4), ("ab", "bc")),
        ("n i, j i", z(2, 3), z(4, 3), ("ab", "cb")),
        ("...i,ij->...j", z(5, 2, 3), z(3, 4), ("abc", "cd")),
        ("...i,...i", z(5, 2, 3), z(2, 3), ("abc", "bc")),
    ],
)
def test_einsum(equation: str, a: Tensor, b: Tensor, want: tuple[str, str]) -> None:
    assert labels("einsum", equation, a, b) == want
    assert labels("einsum", equation, [a, b]) == want


def test_einsum_without_a_rule() -> None:
    assert parts("einsum", "ij->ji", z(2, 3)) == []
    for args in (("i,i,i->i", z(2), z(2), z(2)), ("ii,i->i", z(2, 2), z(2)), (z(2, 3), [0, 1], z(3), [1])):
        with pytest.raises(NoRuleError):
            parts("einsum", *args)


@pytest.mark.parametrize(
    ("dims", "want"),
    [(1, ("abc", "cde")), (2, ("abc", "bcd")), (([0], [1]), ("abc", "dae")), (([0, 2], [2, 0]), ("abc", "cda"))],
)
def test_tensordot(dims: Any, want: tuple[str, str]) -> None:
    assert labels("tensordot", z(3, 3, 3), z(3, 3, 3), dims=dims) == want


def test_outer_and_inner() -> None:
    assert labels("outer", z(2), z(3)) == ("a", "b")
    assert labels("ger", z(2), vec2=z(3)) == ("a", "b")
    assert labels("inner", z(5, 2, 3), z(4, 3)) == ("abc", "dc")


def test_linear() -> None:
    (part,) = parts("linear", z(2, 3), z(4, 3), bias=z(4))
    assert isinstance(part, Weighted)
    assert (part.geometry().kind, part.geometry().features, part.bias) == ("linear", (3,), True)
    (vector,) = parts("linear", z(2, 3), z(3))
    assert isinstance(vector, Weighted)
    assert vector.weight.shape == (1, 3)


@pytest.mark.filterwarnings("ignore:Using padding='same':UserWarning")
@pytest.mark.parametrize(("padding", "pads"), [(1, (1, 1)), ("valid", (0, 0)), ("same", (1, 0)), ((1, 2), (1, 2))])
def test_convolution(padding: Any, pads: tuple[int, ...]) -> None:
    x, weight = z(2, 4, 7, 7), z(6, 2, 3, 2)
    out = torch.conv2d(x, weight, None, 1, padding, 1, 2)
    (part,) = parts("conv2d", x, weight, padding=padding, groups=2, out=out)
    assert isinstance(part, Weighted)
    found = part.geometry()
    assert (found.kind, found.features, found.padding, found.groups) == ("conv", (4, 7, 7), pads, 2)
    assert found.outputs == tuple(out.shape[-2:])
    assert not part.bias


@pytest.mark.parametrize("transposed", [False, True])
def test_the_general_convolution_is_its_special_forms(transposed: bool) -> None:
    x, weight = z(2, 4, 7), z(4, 4, 3)
    out = torch.convolution(x, weight, None, [2], [1], [1], transposed, [0], 1)
    (part,) = parts("convolution", x, weight, None, [2], [1], [1], transposed, [0], 1, out=out)
    assert isinstance(part, Weighted)
    special = "conv_transpose1d" if transposed else "conv1d"
    (same,) = parts(special, x, weight, stride=2, padding=1, out=out)
    assert isinstance(same, Weighted)
    assert part.geometry() == same.geometry()
    assert part.geometry().kind == ("conv_transpose" if transposed else "conv")


def test_attention_masks() -> None:
    q, k, v = z(2, 3, 4), z(2, 5, 4), z(2, 5, 6)
    (free,) = parts("scaled_dot_product_attention", q, k, v)
    (causal,) = parts("scaled_dot_product_attention", q, k, v, is_causal=True)
    (added,) = parts("scaled_dot_product_attention", q, k, v, attn_mask=torch.tensor([0.0, 0, 0, 0, -torch.inf]))
    assert isinstance(free, Attention)
    assert isinstance(causal, Attention)
    assert isinstance(added, Attention)
    assert free.allowed is None
    assert causal.allowed is not None
    assert int(causal.allowed.sum()) == 1 + 2 + 3
    assert added.allowed is not None
    assert added.allowed.tolist() == [True] * 4 + [False]
    torch.testing.assert_close(added.weights().sum(-1), torch.ones(2, 3, dtype=torch.float64))
    assert int((added.weights() == 0).sum()) == 2 * 3
    with pytest.raises(NoRuleError):
        parts("scaled_dot_product_attention", q, k, v, dropout_p=0.5)


def test_grouped_queries_repeat_their_keys() -> None:
    (part,) = parts("scaled_dot_product_attention", z(1, 4, 3, 2), z(1, 2, 3, 2), z(1, 2, 3, 2), enable_gqa=True)
    assert isinstance(part, Attention)
    assert part.key.shape == part.value.shape == (1, 4, 3, 2)


def test_cells() -> None:
    cell = nn.LSTMCell(3, 5)
    first, second = parts(
        "lstm_cell", z(2, 3), (z(2, 5), z(2, 5)), cell.weight_ih, cell.weight_hh, cell.bias_ih, cell.bias_hh
    )
    assert isinstance(first, Weighted)
    assert isinstance(second, Weighted)
    assert (first.suffix, first.geometry().kind, first.weight.shape) == ("input", "linear", (4 * 5, 3))
    assert (second.suffix, second.geometry().kind, second.weight.shape) == ("recurrent", "recurrent", (4 * 5, 5))


def test_a_sequence_meets_its_outputs_but_the_last() -> None:
    rnn = nn.GRU(3, 5, bidirectional=True)
    x, h = torch.rand(4, 2, 3), torch.rand(2, 2, 5)
    with torch.no_grad():
        out = rnn(x, h)
    weights = [w.detach() for w in rnn.all_weights[0] + rnn.all_weights[1]]
    found = parts("gru", x, h, weights, True, 1, 0.0, False, True, False, out=out)
    assert [p.suffix for p in found if isinstance(p, Weighted)] == [
        "input", "recurrent", "reverse.input", "reverse.recurrent",
    ]  # fmt: skip
    forward, backward = found[1], found[3]
    assert isinstance(forward, Weighted)
    assert isinstance(backward, Weighted)
    assert torch.equal(forward.x, torch.cat([h[:1], out[0][:-1, :, :5]]))
    assert torch.equal(backward.x, torch.cat([out[0][1:, :, 5:], h[1:]]))
    with pytest.raises(NoRuleError):
        parts("gru", x, h, weights, True, 2, 0.0, False, True, False, out=out)
    with pytest.raises(NoRuleError):
        parts("gru", x, h, weights[:-1], True, 1, 0.0, False, True, False, out=out)

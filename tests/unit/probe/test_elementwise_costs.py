"""What arithmetic beside synaptic operations costs: each kind once, the number as its product."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from snn_eval.probe.calls import RULES
from snn_eval.probe.elementwise import BINARY, COSTS, FREE, Cost, cell_cost, is_free, operands_of_meeting, tensors_in

X = torch.rand(2, 3, 4, 4)
E = 2 * 3 * 4 * 4


@pytest.mark.parametrize(
    ("name", "args", "out", "kind", "want"),
    [
        ("add", (X, X), X, "bias", Cost(add=E)),
        ("mul", (X, 2.0), X, "scale", Cost(mul=E)),
        ("addcmul", (X, X, X), X, "scale", Cost(mul=2 * E, add=E)),
        ("batch_norm", (X,), X, "norm", Cost(mul=E, add=E)),
        ("layer_norm", (X,), X, "norm", Cost(mul=3 * E, add=4 * E)),
        ("max_pool2d", (X, 2), X[..., ::2, ::2], "pool", Cost(compare=2 * 3 * 2 * 2 * (2 * 2 - 1))),
        ("avg_pool2d", (X, (2, 4)), X[..., ::2, :1], "pool", Cost(mul=2 * 3 * 2, add=2 * 3 * 2 * (2 * 4 - 1))),
        ("lp_pool2d", (X, 1, 2), X[..., ::2, ::2], "pool", Cost(add=2 * 3 * 2 * 2 * (2 * 2 - 1))),
        ("lp_pool2d", (X, 2, 4), X[..., :1, :1], "pool", Cost(mul=2 * 3 * 16, add=2 * 3 * 15, exponentials=2 * 3)),
        ("adaptive_avg_pool2d", (X, 1), X[..., :1, :1], "pool", Cost(mul=2 * 3, add=2 * 3 * (4 * 4 - 1))),
        ("adaptive_max_pool2d", (X, 1), X[..., :1, :1], "pool", Cost(compare=2 * 3 * (4 * 4 - 1))),
        ("sum", (X, 0), X[0], "reduction", Cost(add=(2 - 1) * 3 * 4 * 4)),
        ("mean", (X, 0), X[0], "reduction", Cost(mul=3 * 4 * 4, add=(2 - 1) * 3 * 4 * 4)),
        ("argmax", (X, 0), X[0], "reduction", Cost(compare=(2 - 1) * 3 * 4 * 4)),
        ("var", (X,), X, "reduction", Cost(mul=E, add=2 * E)),
        ("softmax", (X,), X, "softmax", Cost(mul=E, add=E, compare=E, exponentials=E)),
        ("relu", (X,), X, "activation", Cost(compare=E)),
        ("clamp", (X, 0, 1), X, "activation", Cost(compare=2 * E)),
        ("sigmoid", (X,), X, "activation", Cost(exponentials=E)),
        ("silu", (X,), X, "activation", Cost(mul=E, exponentials=E)),
        ("ge", (X, 1.0), X, "compare", Cost(compare=E)),
        ("round", (X,), X, "activation", Cost(compare=E)),
    ],
)
def test_each_kind(name: str, args: tuple[Any, ...], out: torch.Tensor, kind: str, want: Cost) -> None:
    assert COSTS[name].kind == kind
    assert COSTS[name].cost(args, {}, out) == want


def test_arguments_by_name() -> None:
    assert COSTS["max_pool1d"].cost((X[0],), {"kernel_size": 2}, X[0, ..., ::2]) == Cost(compare=3 * 4 * 2)
    assert COSTS["sum"].cost((), {"input": X, "dim": 0}, X[0]) == Cost(add=3 * 4 * 4)


@pytest.mark.parametrize(
    ("name", "want"),
    [
        ("lstm_cell", Cost(mul=3 * 10, add=10, exponentials=5 * 10)),
        ("gru", Cost(mul=3 * 10, add=2 * 10, exponentials=3 * 10)),
        ("rnn_tanh", Cost(exponentials=10)),
        ("rnn_relu_cell", Cost(compare=10)),
        ("linear", Cost()),
    ],
)
def test_gates_of_cells(name: str, want: Cost) -> None:
    assert cell_cost(name, (torch.zeros(2, 5), torch.zeros(2, 5))) == want


def test_no_function_stands_in_two_tables() -> None:
    assert not FREE & COSTS.keys()
    assert not RULES.keys() & (FREE | COSTS.keys())
    assert COSTS.keys() >= BINARY


def test_free() -> None:
    assert is_free("reshape")
    assert is_free("_set_something_new")
    assert not is_free("add")
    assert not is_free("bilinear")


def test_meetings_are_of_two_float_tensors_of_one_shape() -> None:
    assert operands_of_meeting("add", (X, X)) == (X, X)
    for args in ((X, 1.0), (X, X[0]), (X, X.int()), (X[0, 0, 0, 0], X[0, 0, 0, 0]), (X,)):
        assert operands_of_meeting("add", args) is None
    assert operands_of_meeting("div", (X, X)) is None


def test_tensors_are_found_in_any_nesting() -> None:
    a, b, c = torch.zeros(3, 1)
    assert [id(t) for t in tensors_in([a, (1, {"k": b}), "text", [[c]]])] == [id(a), id(b), id(c)]

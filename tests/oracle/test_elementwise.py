"""Arithmetic beside the synaptic operations, each number written as its product; effective additions by brute force."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from case import Case, dyadic, record_case
from cases_calls import Apply
from inputs import binary, residual, ternary
from torch import Tensor, nn
from wrap import Spike

from snn_eval.trace import ElementwiseOp


def ops(case: Case, kind: str) -> list[ElementwiseOp]:
    return [op for op in record_case(case).elementwise if op.kind == kind]


def test_bias_is_one_addition_an_output() -> None:
    conv = Case("conv", lambda: dyadic(nn.Conv2d(2, 3, 3, padding=1)), binary(2, 5, 6))
    (bias,) = ops(conv, "bias")
    assert (bias.add, bias.mul, bias.compare, bias.steps) == (3 * 5 * 6, 0, 0, 1)
    linear = Case("linear", lambda: dyadic(nn.Linear(8, 3)), binary(4, 8))
    (bias,) = ops(linear, "bias")
    assert bias.add == 4 * 3


def test_no_bias_no_addition() -> None:
    assert ops(Case("linear", lambda: dyadic(nn.Linear(8, 3, bias=False)), binary(8)), "bias") == []


def test_bias_of_functions() -> None:
    for function in (lambda m, x: F.linear(x, m.w, m.b), lambda m, x: torch.addmm(m.b, x, m.w.t())):
        (bias,) = ops(Case("f", lambda f=function: Apply(f, w=(3, 8), b=(3,)), binary(8)), "bias")
        assert bias.add == 3


def test_pools() -> None:
    """An average of 2·2 needs 3 additions and one multiplication an output, a maximum 3 comparisons."""
    average = Case(
        "avg", lambda: nn.Sequential(nn.AvgPool2d(2), nn.Flatten(), dyadic(nn.Linear(12, 2))), binary(2, 4, 6)
    )
    (pool,) = ops(average, "pool")
    assert (pool.add, pool.mul, pool.compare) == (2 * 2 * 3 * 3, 2 * 2 * 3, 0)
    largest = Case(
        "max", lambda: nn.Sequential(nn.MaxPool2d(2), nn.Flatten(), dyadic(nn.Linear(12, 2))), binary(2, 4, 6)
    )
    (pool,) = ops(largest, "pool")
    assert (pool.add, pool.mul, pool.compare) == (0, 0, 2 * 2 * 3 * 3)


def test_norm_is_one_multiplication_and_one_addition_and_folds_into_its_layer() -> None:
    net = lambda: nn.Sequential(dyadic(nn.Conv2d(2, 3, 3)), nn.BatchNorm2d(3), nn.Flatten(), nn.Linear(27, 2))  # noqa: E731
    (norm,) = ops(Case("bn", net, binary(2, 5, 5)), "norm")
    assert (norm.mul, norm.add) == (3 * 3 * 3, 3 * 3 * 3)
    assert norm.fused_into == "0"


def test_norm_that_follows_no_layer_folds_into_none() -> None:
    net = lambda: nn.Sequential(nn.BatchNorm1d(8), dyadic(nn.Linear(8, 2)))  # noqa: E731
    (norm,) = ops(Case("bn", net, binary(8)), "norm")
    assert norm.fused_into is None


def test_norm_after_two_readers_of_the_layer_does_not_fold() -> None:
    """The layer's own output is used as well, so the norm cannot vanish into the weights."""

    def forward(m: Apply, x: Tensor) -> Tensor:
        y = m.conv(x)
        return m.fc((m.bn(y) + y).flatten(1))

    parts = lambda: {"conv": nn.Conv2d(2, 3, 3), "bn": nn.BatchNorm2d(3), "fc": nn.Linear(27, 2)}  # noqa: E731
    (norm,) = ops(Case("bn", lambda: Apply(forward, parts()), binary(2, 5, 5)), "norm")
    assert norm.fused_into is None


class Residual(nn.Module):
    """Two layers of spikes added, over three steps."""

    def __init__(self, in_place: bool = False) -> None:
        super().__init__()
        self.time_steps, self.in_place = 3, in_place
        self.a, self.s, self.b, self.z, self.c = nn.Linear(8, 6), Spike(), nn.Linear(6, 6), Spike(), nn.Linear(6, 2)
        dyadic(self, seed=1)
        self.seen: list[Tensor] = []

    def forward(self, x: Tensor) -> Tensor:
        out = []
        for _ in range(self.time_steps):
            s = self.s(self.a(x))
            z = self.z(self.b(s))
            self.seen.append(((s != 0) & (z != 0)).sum(1))
            if self.in_place:
                z += s
            out.append(self.c(z if self.in_place else s + z))
        return torch.stack(out)


def test_residual_addition_and_how_often_both_sides_are_there() -> None:
    for in_place in (False, True):
        case = Case("residual", lambda p=in_place: Residual(p), binary(8), time_steps=3)
        (add,) = ops(case, "residual_add")
        assert (add.add, add.mul, add.steps) == (6, 0, 3)
        network = case.network()
        with torch.no_grad():
            network.run(case.data())
        assert add.effective_TN is not None
        assert add.effective_TN.tolist() == [row.tolist() for row in network.module.seen[:3]]  # type: ignore[index,union-attr]
        assert add.effective_TN.sum() > 0


def test_gate_multiplies_where_both_sides_are_there() -> None:
    """A product of two activations element by element."""

    def forward(m: Apply, x: Tensor) -> Tensor:
        return m.fc(x[:, 0] * x[:, 1])

    case = Case("gate", lambda: Apply(forward, {"fc": nn.Linear(6, 2)}), ternary(2, 6))
    (gate,) = ops(case, "gate")
    assert (gate.mul, gate.add) == (6, 0)
    x = case.data()
    assert gate.effective_TN is not None
    assert gate.effective_TN.tolist() == [((x[:, 0] != 0) & (x[:, 1] != 0)).sum(1).tolist()]


def test_softmax_evaluates_one_exponential_an_element() -> None:
    case = Case("softmax", lambda: Apply(lambda m, x: m.fc(x.softmax(1)), {"fc": nn.Linear(6, 2)}), residual(6))
    (softmax,) = ops(case, "softmax")
    assert softmax.exponentials == 6


def test_the_sums_of_two_batches_are_those_of_one() -> None:
    case = Case("residual", Residual, binary(8), time_steps=3, samples=5, batch_size=2)
    (halves,) = ops(case, "residual_add")
    (whole,) = [op for op in record_case(case, batch_size=5).elementwise if op.kind == "residual_add"]
    assert halves.effective_TN is not None
    assert whole.effective_TN is not None
    assert halves.effective_TN.tolist() == whole.effective_TN.tolist()

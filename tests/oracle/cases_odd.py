"""Cases: layers called twice, by two parents, by keyword, subclassed, changed in place; what stands before a layer."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from case import Case, dyadic
from cases_calls import Apply
from inputs import binary
from torch import Tensor, nn

__all__ = ["CASES"]


class TwoParents(nn.Module):
    """One convolution held by two blocks."""

    def __init__(self) -> None:
        super().__init__()
        conv = nn.Conv2d(4, 4, 3, padding=1)
        self.first, self.second = nn.Sequential(conv, nn.ReLU()), nn.Sequential(conv)
        dyadic(self)

    def forward(self, x: Tensor) -> Tensor:
        return self.second(self.first(x))


class MyConv(nn.Conv2d):
    """A subclass that changes nothing."""


class Standardised(nn.Conv2d):
    """A subclass whose weights are computed at each call."""

    def forward(self, x: Tensor) -> Tensor:
        w = self.weight - self.weight.mean()
        return self._conv_forward(x, w, self.bias)


class InPlaceLinear(nn.Linear):
    """A subclass that overwrites its own input afterwards."""

    def forward(self, x: Tensor) -> Tensor:
        x = x.clone()
        y = super().forward(x)
        x.fill_(7)
        return y


def conv_module(**more: object) -> dict[str, nn.Module]:
    return {"conv": nn.Conv2d(4, 4, 3, padding=1, **more)}  # type: ignore[arg-type]


def _in_place_residual(m: Apply, x: Tensor) -> Tensor:
    x = x.clone()
    y = m.conv(x)
    x += y
    return m.conv2(x)


X = binary(4, 5, 5)
ODD = [
    Case("called_twice", lambda: Apply(lambda m, x: m.conv(m.conv(x)), conv_module()), X, layers=2),
    Case("called_twice_same_input", lambda: Apply(lambda m, x: m.conv(x) + m.conv(x * 2), conv_module()), X, layers=2),
    Case("two_parents", TwoParents, X, layers=2),
    Case("called_by_keyword", lambda: Apply(lambda m, x: m.conv(input=x), conv_module()), X, layers=1),
    Case("linear_by_keyword", lambda: Apply(lambda m, x: m.fc(input=x), {"fc": nn.Linear(9, 3)}), binary(9), layers=1),
    Case(
        "in_place_relu_after",
        lambda: Apply(lambda m, x: m.conv2(F.relu_(m.conv(x))), {**conv_module(), "conv2": nn.Conv2d(4, 2, 3)}),
        X,
        layers=2,
    ),
    Case(
        "in_place_change_of_the_input",
        lambda: Apply(_in_place_residual, {**conv_module(), "conv2": nn.Conv2d(4, 2, 3)}),
        X,
        layers=2,
    ),
    Case("subclassed_conv", lambda: dyadic(MyConv(4, 5, 3)), X, layers=1),
    Case("subclassed_conv_other_weights", lambda: dyadic(Standardised(4, 5, 3, padding=1)), X, layers=1),
    Case("subclass_overwrites_its_input", lambda: dyadic(InPlaceLinear(9, 3)), binary(9), layers=1),
    Case(
        "layer_inside_a_function_call",
        lambda: Apply(lambda m, x: F.linear(x, m.fc.weight), {"fc": nn.Linear(9, 3)}),
        binary(9),
        layers=1,
    ),
    Case(
        "bilinear_shared_weight_transposed",
        lambda: Apply(lambda m, x: F.linear(m.fc(x), m.fc.weight.t()), {"fc": nn.Linear(9, 3)}),
        binary(9),
        layers=2,
    ),
    Case(
        "unused_layer",
        lambda: Apply(lambda m, x: m.fc(x), {"fc": nn.Linear(9, 3), "never": nn.Linear(9, 9)}),
        binary(9),
        layers=1,
    ),
    Case(
        "no_batch_dimension_in_parts",
        lambda: Apply(
            lambda m, x: torch.cat([m.a(x[:, :4]), m.b(x[:, 4:])], 1), {"a": nn.Linear(4, 3), "b": nn.Linear(5, 3)}
        ),
        binary(9),
        layers=2,
    ),
    Case(
        "avg_pool_then_conv",
        lambda: Apply(lambda m, x: m.conv(F.avg_pool2d(x, 2)), conv_module()),
        binary(4, 8, 8),
        layers=1,
    ),
    Case(
        "avg_pool_then_linear",
        lambda: Apply(lambda m, x: m.fc(F.avg_pool2d(x, 2).flatten(1)), {"fc": nn.Linear(36, 5)}),
        binary(4, 6, 6),
        layers=1,
    ),
    Case(
        "avg_pool_3_not_dyadic",
        lambda: Apply(lambda m, x: m.fc(F.avg_pool2d(x, 3).flatten(1)), {"fc": nn.Linear(16, 5)}),
        binary(4, 6, 6),
        layers=1,
    ),
    Case(
        "max_pool_then_conv",
        lambda: Apply(lambda m, x: m.conv(F.max_pool2d(x, 2)), conv_module()),
        binary(4, 8, 8),
        layers=1,
    ),
    Case(
        "global_pool_then_linear",
        lambda: Apply(lambda m, x: m.fc(x.mean((2, 3))), {"fc": nn.Linear(4, 5)}),
        binary(4, 4, 4),
        layers=1,
    ),
    Case(
        "residual_add",
        lambda: Apply(lambda m, x: m.conv(x + (x.roll(1, 2) + x.roll(1, 3))), conv_module()),
        X,
        layers=1,
    ),
    Case(
        "residual_add_in_place",
        lambda: Apply(lambda m, x: m.conv(x.clone().add_(x.roll(1, 2))), conv_module()),
        X,
        layers=1,
    ),
    Case(
        "dropout_in_eval",
        lambda: Apply(lambda m, x: m.conv(m.drop(x)), {**conv_module(), "drop": nn.Dropout(0.5)}),
        X,
        layers=1,
    ),
    Case(
        "identity_and_reshape",
        lambda: Apply(lambda m, x: m.fc(x.reshape(len(x), -1)), {"fc": nn.Linear(100, 3)}),
        X,
        layers=1,
    ),
]

CONTEXT = [
    Case(
        f"conv_linear_{caller}",
        lambda: Apply(
            lambda m, x: m.fc(m.conv(x).relu().flatten(1)), {"conv": nn.Conv2d(4, 3, 3), "fc": nn.Linear(27, 4)}
        ),
        X,
        layers=2,
        caller=caller,
    )  # type: ignore[arg-type]
    for caller in ("no_grad", "inference_mode", "grad")
] + [
    Case(
        f"functional_{caller}",
        lambda: Apply(lambda m, x: F.linear(F.conv2d(x, m.w).flatten(1), m.v), w=(3, 4, 3, 3), v=(4, 27)),
        X,
        layers=2,
        caller=caller,
    )  # type: ignore[arg-type]
    for caller in ("no_grad", "inference_mode", "grad")
]

CASES = [*ODD, *CONTEXT]

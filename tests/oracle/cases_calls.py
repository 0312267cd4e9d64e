"""Cases: operations that are not a layer's plain call: functions, products of activations, shared and odd calls."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import torch
import torch.nn.functional as F
from brute import Count, einsum_pairs
from case import Case, Reference, dyadic
from inputs import binary, counts, image, residual, ternary
from intercept import to_numpy
from torch import Tensor, nn

__all__ = ["CASES"]


class Apply(nn.Module):
    """Calls ``function(module, x)``; ``parts`` become submodules, ``shapes`` dyadic parameters of that name."""

    def __init__(
        self,
        function: Callable[[Apply, Tensor], Tensor],
        parts: dict[str, nn.Module] | None = None,
        **shapes: tuple[int, ...],
    ) -> None:
        super().__init__()
        self.function = function
        for name, part in (parts or {}).items():
            self.add_module(name, part)
        for name, shape in shapes.items():
            self.register_parameter(name, nn.Parameter(torch.zeros(shape)))
        dyadic(self)

    def forward(self, x: Tensor) -> Tensor:
        return self.function(self, x)


def call(
    name: str, function: Callable[..., Tensor], inputs: Callable[[int], Tensor], **shapes: tuple[int, ...]
) -> Case:
    """A function of the input and of parameters."""
    return Case(name, lambda: Apply(function, **shapes), inputs, layers=1)


FUNCTIONS = [
    call("functional_conv2d", lambda m, x: F.conv2d(x, m.w, m.b, padding=1), binary(4, 6, 6), w=(5, 4, 3, 3), b=(5,)),
    call("functional_conv2d_same", lambda m, x: F.conv2d(x, m.w, padding="same"), binary(4, 6, 6), w=(5, 4, 3, 3)),
    call("functional_conv1d", lambda m, x: F.conv1d(x, m.w, stride=2), binary(4, 9), w=(5, 4, 3)),
    call("functional_conv3d_groups", lambda m, x: F.conv3d(x, m.w, groups=2), binary(4, 3, 3, 3), w=(4, 2, 2, 2, 2)),
    call(
        "functional_conv_transpose2d",
        lambda m, x: F.conv_transpose2d(x, m.w, None, 3, 1, output_padding=2),
        binary(2, 4, 4),
        w=(2, 3, 2, 2),
    ),
    call("torch_conv2d", lambda m, x: torch.conv2d(x, m.w, None, 1, 1), binary(4, 6, 6), w=(5, 4, 3, 3)),
    call(
        "functional_conv2d_keywords",
        lambda m, x: F.conv2d(input=x, weight=m.w, stride=2),
        binary(2, 6, 6),
        w=(3, 2, 3, 3),
    ),
    call("functional_linear", lambda m, x: F.linear(x, m.w, m.b), binary(14), w=(5, 14), b=(5,)),
    call("functional_linear_keywords", lambda m, x: F.linear(weight=m.w, input=x), binary(14), w=(5, 14)),
    call("functional_bilevel_linear_tokens", lambda m, x: F.linear(x, m.w), residual(3, 14), w=(5, 14)),
    call("operator_matmul", lambda m, x: x @ m.w, binary(14), w=(14, 5)),
    call("operator_matmul_tokens", lambda m, x: x @ m.w, ternary(3, 14), w=(14, 5)),
    call("operator_matmul_transposed_weight", lambda m, x: x @ m.w.t(), binary(14), w=(5, 14)),
    call("operator_rmatmul", lambda m, x: (m.w @ x.t()).t(), binary(14), w=(5, 14)),
    call("tensor_matmul", lambda m, x: x.matmul(m.w), binary(3, 14), w=(14, 5)),
    call("torch_matmul_broadcast", lambda m, x: torch.matmul(x, m.w), binary(2, 3, 14), w=(14, 5)),
    call("torch_matmul_vector", lambda m, x: torch.matmul(x, m.w), binary(3, 14), w=(14,)),
    call("torch_matmul_out_keyword", lambda m, x: torch.matmul(input=x, other=m.w), binary(14), w=(14, 5)),
    call("torch_mm", lambda m, x: torch.mm(x, m.w), counts(14), w=(14, 5)),
    call("tensor_mm", lambda m, x: x.mm(m.w), binary(14), w=(14, 5)),
    call("torch_addmm", lambda m, x: torch.addmm(m.b, x, m.w), binary(14), w=(14, 5), b=(5,)),
    call("tensor_addmm", lambda m, x: m.b.addmm(x, m.w, beta=1, alpha=1), binary(14), w=(14, 5), b=(5,)),
    call("einsum_linear", lambda m, x: torch.einsum("ni,oi->no", x, m.w), binary(14), w=(5, 14)),
    call("einsum_tokens", lambda m, x: torch.einsum("nti,oi->nto", x, m.w), binary(3, 14), w=(5, 14)),
    call("einsum_weight_first", lambda m, x: torch.einsum("oi,ni->no", m.w, x), binary(14), w=(5, 14)),
    call("unfold_then_matmul", lambda m, x: m.w @ F.unfold(x, 3), binary(2, 5, 5), w=(4, 18)),
    call("functional_image", lambda m, x: F.conv2d(x, m.w), image(1, 6, 6), w=(3, 1, 3, 3)),
]
RARE = [
    replace(case, may_be_unknown=True)
    for case in (
        call(
            "torch_convolution",
            lambda m, x: torch.convolution(x, m.w, None, [2, 2], [1, 1], [1, 1], False, [0, 0], 1),
            binary(4, 6, 6),
            w=(5, 4, 3, 3),
        ),
        call("tensordot", lambda m, x: torch.tensordot(x, m.w, dims=([1, 2], [1, 2])), binary(3, 4), w=(5, 3, 4)),
        call("inner", lambda m, x: torch.inner(x, m.w), binary(14), w=(5, 14)),
        call("linalg_matmul", lambda m, x: torch.linalg.matmul(x, m.w), binary(14), w=(14, 5)),
        call("tensor_mv", lambda m, x: (x @ m.w)[:, None], binary(14), w=(14,)),
        call("mm_out", lambda m, x: torch.mm(x, m.w, out=x.new_empty(len(x), 5)), binary(14), w=(14, 5)),
        call("addmm_in_place", lambda m, x: x.new_zeros(len(x), 5).addmm_(x, m.w), binary(14), w=(14, 5)),
        call("ndarray_style_dot", lambda m, x: x.matmul(m.w.T.mT), binary(14), w=(14, 5)),
        call("chain_matmul", lambda m, x: torch.linalg.multi_dot([x, m.w]), binary(14), w=(14, 5)),
    )
]


def head_linear(equation: str) -> Reference:
    """A weight of its own for each head: every input meets the weights its indices choose."""

    def reference(module: nn.Module, x: Tensor) -> list[list[Count]]:
        pairs = einsum_pairs(equation, to_numpy(x), to_numpy(module.w))  # type: ignore[arg-type]
        dense_pairs = einsum_pairs(equation, to_numpy(x), to_numpy(torch.ones_like(module.w)))  # type: ignore[arg-type]
        count = Count(
            pairs.inputs,
            input_sum=pairs.input_sum,
            elements=pairs.elements,
            dense=pairs.dense,
            low=pairs.low,
            high=pairs.high,
        )
        for (v, _w), n in pairs.ops.items():  # type: ignore[misc]
            count.ops[v] += n
            count.weighted += abs(v) * n
        for (v, _w), n in dense_pairs.ops.items():  # type: ignore[misc]
            count.structural[v] += n
        count.dense_border = count.dense
        return [[count]]

    return reference


HEADS = [
    Case(
        "einsum_heads",
        lambda: Apply(lambda m, x: torch.einsum("nhi,hio->nho", x, m.w), w=(2, 6, 3)),
        binary(2, 6),
        reference=head_linear("nhi,hio->nho"),
        layers=1,
    ),
    Case(
        "bmm_heads",
        lambda: Apply(lambda m, x: torch.bmm(x.transpose(0, 1), m.w).transpose(0, 1), w=(2, 6, 3)),
        binary(2, 6),
        reference=head_linear("nhi,hio->nho"),
        layers=1,
    ),
    Case(
        "matmul_heads_broadcast",
        lambda: Apply(lambda m, x: x @ m.w, w=(2, 6, 3)),
        binary(2, 4, 6),
        reference=head_linear("nhti,hio->nhto"),
        layers=1,
    ),
]


def product(
    name: str,
    equation: str,
    function: Callable[[Tensor, Tensor], Tensor],
    inputs: Callable[[int], Tensor],
    operands: Callable[[Tensor], tuple[Tensor, Tensor]] = lambda x: (x[:, 0], x[:, 1]),
    **more: object,
) -> Case:
    """A product of two activations cut from the input."""

    def reference(_m: nn.Module, x: Tensor) -> list[list[Count]]:
        a, b = operands(x)
        return [[einsum_pairs(equation, to_numpy(a), to_numpy(b))]]

    return Case(
        name,
        lambda: Apply(lambda m, x: function(*operands(x))),
        inputs,
        reference=reference,
        layers=1,
        **more,  # type: ignore[arg-type]
    )


TWO = binary(2, 4, 5)
QK = "nij,nkj->nik"
PRODUCTS = [
    product("product_operator", QK, lambda a, b: a @ b.transpose(1, 2), TWO),
    product("product_bmm", QK, lambda a, b: torch.bmm(a, b.transpose(1, 2)), TWO),
    product("product_tensor_bmm", QK, lambda a, b: a.bmm(b.mT), TWO),
    product("product_baddbmm", QK, lambda a, b: torch.baddbmm(torch.ones(1, 4, 4), a, b.mT), TWO),
    product("product_einsum", QK, lambda a, b: torch.einsum("nij,nkj->nik", a, b), TWO),
    product("product_einsum_list", QK, lambda a, b: torch.einsum("nij,nkj->nik", [a, b]), TWO),
    product("product_einsum_ellipsis", QK, lambda a, b: torch.einsum("...ij,...kj->...ik", a, b), TWO),
    product("product_einsum_kv_first", "nij,nik->njk", lambda a, b: torch.einsum("nij,nik->njk", a, b), TWO),
    product("product_einsum_outer", "ni,nj->nij", lambda a, b: torch.einsum("ni,nj->nij", a, b), binary(2, 5)),
    product("product_einsum_dot", "ni,ni->n", lambda a, b: torch.einsum("ni,ni->n", a, b), binary(2, 5)),
    product("product_einsum_all_summed", "nij,nij->n", lambda a, b: torch.einsum("nij,nij->n", a, b), TWO),
    product("product_heads", "nhij,nhkj->nhik", lambda a, b: a @ b.mT, binary(2, 2, 3, 4)),
    product("product_ternary_counts", QK, lambda a, b: a @ b.mT, residual(2, 4, 5), lambda x: (x[:, 0] - 1, x[:, 1])),
    product("product_scaled_operand", QK, lambda a, b: a @ b.mT, TWO, lambda x: (x[:, 0] * 0.25, x[:, 1])),
    product(
        "product_image_with_spikes",
        QK,
        lambda a, b: a @ b.mT,
        image(2, 4, 5),
        lambda x: (x[:, 0], (x[:, 1] > 0).to(x.dtype)),
    ),
    product("product_of_reals", QK, lambda a, b: a @ b.mT, image(2, 4, 5)),
    product("product_silent", QK, lambda a, b: a @ b.mT, TWO, lambda x: (x[:, 0], x[:, 1] * 0)),
    product(
        "product_batch_broadcast",
        "nhij,nkj->nhik",
        lambda a, b: a @ b.mT[:, None],
        binary(3, 4, 5),
        lambda x: (x[:, :2], x[:, 2]),
    ),
    product(
        "product_matrix_vector",
        "nij,nj->ni",
        lambda a, b: (a @ b[..., None])[..., 0],
        TWO,
        lambda x: (x[:, 0], x[:, 1, 0]),
    ),
    product("product_bfloat16", QK, lambda a, b: a @ b.mT, TWO, dtype=torch.bfloat16),
    product("product_float64", QK, lambda a, b: a @ b.mT, TWO, dtype=torch.float64),
]


CASES = [*FUNCTIONS, *RARE, *HEADS, *PRODUCTS]

"""Rules of products of two operands, as index equations: which elements meet is told by labels they share."""

from __future__ import annotations

import string
from collections.abc import Mapping, Sequence
from typing import Any

from torch import Tensor

from snn_eval.probe.parts import NoRuleError, Pair, Part, argument

__all__ = ["added_product", "einsum", "inner", "matmul", "outer", "reversed_matmul", "tensordot"]


def _product(a: Tensor, b: Tensor, bias: bool = False) -> list[Part]:
    """``torch.matmul`` of any ranks, as an index equation; broadcast axes get a label of their own."""
    if not a.is_floating_point() and not b.is_floating_point():
        raise NoRuleError
    names = iter(string.ascii_letters)
    k = next(names)
    labels_a = k if a.dim() == 1 else next(names) + k
    labels_b = k if b.dim() == 1 else k + next(names)
    batch_a, batch_b = a.dim() - len(labels_a), b.dim() - len(labels_b)
    for i in range(1, max(batch_a, batch_b) + 1):
        name = next(names)
        if i <= batch_a:
            alone = i <= batch_b and a.shape[batch_a - i] == 1 != b.shape[batch_b - i]
            labels_a = (next(names) if alone else name) + labels_a
        if i <= batch_b:
            alone = i <= batch_a and b.shape[batch_b - i] == 1 != a.shape[batch_a - i]
            labels_b = (next(names) if alone else name) + labels_b
    return [Pair(a, b, labels_a, labels_b, bias)]


def matmul(args: Sequence[Any], kwargs: Mapping[str, Any], out: Tensor) -> list[Part]:
    """``matmul`` and its named forms (``mm``, ``bmm``, ``mv``, ``dot``)."""
    second = argument(args, kwargs, 1, "other")
    for name in ("mat2", "tensor2", "vec"):
        second = kwargs.get(name, second)
    return _product(argument(args, kwargs, 0, "input"), second)


def reversed_matmul(args: Sequence[Any], kwargs: Mapping[str, Any], out: Tensor) -> list[Part]:
    """``other @ self`` written from the right."""
    return _product(args[1], args[0])


def added_product(first: str, second: str, args: Sequence[Any], kwargs: Mapping[str, Any], out: Tensor) -> list[Part]:
    """``beta·input + alpha·(a @ b)``; batches of `addbmm` are summed, which changes no pair."""
    return _product(argument(args, kwargs, 1, first), argument(args, kwargs, 2, second), bias=True)


def einsum(args: Sequence[Any], kwargs: Mapping[str, Any], out: Tensor) -> list[Part]:
    """``torch.einsum`` of two operands, without diagonals.

    Raises:
        NoRuleError: more than two operands, a diagonal, or the form with index lists.
    """
    if not args or not isinstance(args[0], str):
        raise NoRuleError
    operands = args[1] if len(args) == 2 and isinstance(args[1], (list, tuple)) else args[1:]
    if len(operands) == 1:
        return []
    if len(operands) != 2:
        raise NoRuleError
    a, b = operands
    terms = args[0].replace(" ", "").split("->")[0].split(",")
    labels = [_without_ellipsis(term, t, terms) for term, t in zip(terms, (a, b), strict=True)]
    if any(len(set(term)) != len(term) for term in labels):
        raise NoRuleError  # a diagonal
    return [Pair(a, b, labels[0], labels[1])]


def _without_ellipsis(term: str, operand: Tensor, terms: Sequence[str]) -> str:
    if "..." not in term:
        return term
    used = set("".join(terms))
    spare = [c for c in string.ascii_letters if c not in used]
    hidden = operand.dim() - len(term.replace("...", ""))
    return term.replace("...", "".join(reversed(spare[:hidden])))


def tensordot(args: Sequence[Any], kwargs: Mapping[str, Any], out: Tensor) -> list[Part]:
    """``torch.tensordot``: axes summed over get the same label."""
    a, b = args[0], argument(args, kwargs, 1, "b")
    dims = argument(args, kwargs, 2, "dims", 2)
    if isinstance(dims, int):
        over_a, over_b = list(range(a.dim() - dims, a.dim())), list(range(dims))
    else:
        over_a, over_b = ([d] if isinstance(d, int) else list(d) for d in dims)
    labels_a = list(string.ascii_lowercase[: a.dim()])
    labels_b = list(string.ascii_uppercase[: b.dim()])
    for i, j in zip(over_a, over_b, strict=True):
        labels_b[j] = labels_a[i]
    return [Pair(a, b, "".join(labels_a), "".join(labels_b))]


def outer(args: Sequence[Any], kwargs: Mapping[str, Any], out: Tensor) -> list[Part]:
    """``torch.outer``: every element meets every other."""
    return [Pair(args[0], argument(args, kwargs, 1, "vec2"), "a", "b")]


def inner(args: Sequence[Any], kwargs: Mapping[str, Any], out: Tensor) -> list[Part]:
    """``torch.inner``: the last axes meet."""
    a, b = args[0], argument(args, kwargs, 1, "other")
    k = string.ascii_letters[-1]
    return [Pair(a, b, string.ascii_lowercase[: a.dim() - 1] + k, string.ascii_uppercase[: b.dim() - 1] + k)]

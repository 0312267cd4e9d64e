"""Which function calls multiply inputs by weights, and what meets what in each: one table, one small function per name.

A rule turns the arguments of one call into the parts that count:

* `Weighted`: an input that meets weights (convolution, transposed convolution, linear map, recurrent matrix),
* `Pair`: two operands of an index equation (matrix products, einsum); whether one of them is a weight or both
  are activations is decided later, by which of them grow with the number of samples,
* `Attention`: scaled dot-product attention, whose weights no call shows.
"""

from __future__ import annotations

import string
import types
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import Tensor

from snn_eval.probe.fanout import Geometry

__all__ = ["COMPOSITES", "RULES", "Attention", "NoRuleError", "Pair", "Part", "Weighted", "expand_composite"]


class NoRuleError(Exception):
    """This form of a known call has no rule; the call is recorded as unknown."""


@dataclass(slots=True)
class Weighted:
    """Input ``x`` (rows, then features) meeting ``weight`` laid out as its geometry says."""

    x: Tensor
    weight: Tensor
    geometry: Callable[[], Geometry]
    bias: bool = False
    suffix: str = ""


@dataclass(slots=True)
class Pair:
    """Operands of an index equation: an operation for each pair of elements that agree in all shared labels."""

    a: Tensor
    b: Tensor
    labels_a: str
    labels_b: str
    bias: bool = False
    suffix: str = ""


@dataclass(slots=True)
class Attention:
    """Scaled dot-product attention; ``allowed`` [..., L, S] tells which score pairs the mask lets through (None: all)."""

    query: Tensor
    key: Tensor
    value: Tensor
    allowed: Tensor | None
    mask: Tensor | None = None
    scale: float | None = None

    def weights(self) -> Tensor:
        """The softmax weights ``[..., L, S]`` in float64 (a row that may see nothing is zero)."""
        query, key = self.query.to(torch.float64), self.key.to(torch.float64)
        scores = query @ key.transpose(-1, -2) * (query.shape[-1] ** -0.5 if self.scale is None else self.scale)
        if self.mask is not None and self.mask.dtype != torch.bool:
            scores = scores + self.mask
        if self.allowed is not None:
            scores = scores.masked_fill(~self.allowed, float("-inf"))
        return torch.nan_to_num(scores.softmax(-1))


Part = Weighted | Pair | Attention
Rule = Callable[[Sequence[Any], Mapping[str, Any], Any], list[Part]]


def _argument(args: Sequence[Any], kwargs: Mapping[str, Any], index: int, name: str, default: Any = None) -> Any:
    return args[index] if len(args) > index else kwargs.get(name, default)


def _tuple(value: Any, dims: int) -> tuple[int, ...]:
    if isinstance(value, int):
        return (value,) * dims
    values = tuple(int(v) for v in value)
    return values * dims if len(values) == 1 else values


def _same_padding(x: Tensor, weight: Tensor, stride: tuple[int, ...], dilation: tuple[int, ...]) -> tuple[int, ...]:
    """Padding of ``padding='same'``: torch pads the odd element on the right, which an even kernel span needs."""
    spans = [d * (k - 1) for d, k in zip(dilation, weight.shape[2:], strict=True)]
    return tuple(span // 2 for span in spans)


def _conv_geometry(
    x: Tensor, weight: Tensor, args: Sequence[Any], kwargs: Mapping[str, Any], out: Tensor, dims: int
) -> Geometry:
    stride = _tuple(_argument(args, kwargs, 3, "stride", 1), dims)
    dilation = _tuple(_argument(args, kwargs, 5, "dilation", 1), dims)
    padding = _argument(args, kwargs, 4, "padding", 0)
    if padding == "valid":
        padding = 0
    if padding == "same":
        pads = _same_padding(x, weight, stride, dilation)
    else:
        pads = _tuple(padding, dims)
    groups = int(_argument(args, kwargs, 6, "groups", 1))
    return Geometry("conv", tuple(x.shape[-dims - 1 :]), stride, pads, dilation, (), groups, tuple(out.shape[-dims:]))


def _conv(dims: int, args: Sequence[Any], kwargs: Mapping[str, Any], out: Tensor) -> list[Part]:
    x = _argument(args, kwargs, 0, "input")
    weight = _argument(args, kwargs, 1, "weight")
    bias = _argument(args, kwargs, 2, "bias") is not None
    return [Weighted(x, weight, partial(_conv_geometry, x, weight, args, kwargs, out, dims), bias)]


def _conv_transpose_geometry(
    x: Tensor, args: Sequence[Any], kwargs: Mapping[str, Any], out: Tensor, dims: int
) -> Geometry:
    return Geometry(
        "conv_transpose",
        tuple(x.shape[-dims - 1 :]),
        _tuple(_argument(args, kwargs, 3, "stride", 1), dims),
        _tuple(_argument(args, kwargs, 4, "padding", 0), dims),
        _tuple(_argument(args, kwargs, 7, "dilation", 1), dims),
        _tuple(_argument(args, kwargs, 5, "output_padding", 0), dims),
        int(_argument(args, kwargs, 6, "groups", 1)),
        tuple(out.shape[-dims:]),
    )


def _conv_transpose(dims: int, args: Sequence[Any], kwargs: Mapping[str, Any], out: Tensor) -> list[Part]:
    x = _argument(args, kwargs, 0, "input")
    weight = _argument(args, kwargs, 1, "weight")
    bias = _argument(args, kwargs, 2, "bias") is not None
    return [Weighted(x, weight, partial(_conv_transpose_geometry, x, args, kwargs, out, dims), bias)]


def _convolution(args: Sequence[Any], kwargs: Mapping[str, Any], out: Tensor) -> list[Part]:
    """``torch.convolution``: (x, weight, bias, stride, padding, dilation, transposed, output_padding, groups)."""
    names = ("input", "weight", "bias", "stride", "padding", "dilation", "transposed", "output_padding", "groups")
    x, weight, bias, stride, padding, dilation, transposed, output_padding, groups = (
        _argument(args, kwargs, i, name) for i, name in enumerate(names)
    )
    if transposed:
        return _conv_transpose(
            weight.dim() - 2, (x, weight, bias, stride, padding, output_padding, groups, dilation), {}, out
        )
    return _conv(weight.dim() - 2, (x, weight, bias, stride, padding, dilation, groups), {}, out)


def _linear_geometry(weight: Tensor, kind: str = "linear") -> Geometry:
    return Geometry(kind, (int(weight.shape[-1]),))


def _linear(args: Sequence[Any], kwargs: Mapping[str, Any], out: Tensor) -> list[Part]:
    x = _argument(args, kwargs, 0, "input")
    weight = _argument(args, kwargs, 1, "weight")
    if weight.dim() == 1:
        weight = weight[None]
    bias = _argument(args, kwargs, 2, "bias") is not None
    return [Weighted(x, weight, partial(_linear_geometry, weight), bias)]


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


def _matmul(args: Sequence[Any], kwargs: Mapping[str, Any], out: Tensor) -> list[Part]:
    second = _argument(args, kwargs, 1, "other")
    for name in ("mat2", "tensor2", "vec"):
        second = kwargs.get(name, second)
    return _product(_argument(args, kwargs, 0, "input"), second)


def _reversed_matmul(args: Sequence[Any], kwargs: Mapping[str, Any], out: Tensor) -> list[Part]:
    return _product(args[1], args[0])


def _added_product(first: str, second: str, args: Sequence[Any], kwargs: Mapping[str, Any], out: Tensor) -> list[Part]:
    """``beta·input + alpha·(a @ b)``; batches of `addbmm` are summed, which changes no pair."""
    return _product(_argument(args, kwargs, 1, first), _argument(args, kwargs, 2, second), bias=True)


def _einsum(args: Sequence[Any], kwargs: Mapping[str, Any], out: Tensor) -> list[Part]:
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


def _tensordot(args: Sequence[Any], kwargs: Mapping[str, Any], out: Tensor) -> list[Part]:
    a, b = args[0], _argument(args, kwargs, 1, "b")
    dims = _argument(args, kwargs, 2, "dims", 2)
    if isinstance(dims, int):
        over_a, over_b = list(range(a.dim() - dims, a.dim())), list(range(dims))
    else:
        over_a, over_b = ([d] if isinstance(d, int) else list(d) for d in dims)
    labels_a = list(string.ascii_lowercase[: a.dim()])
    labels_b = list(string.ascii_uppercase[: b.dim()])
    for i, j in zip(over_a, over_b, strict=True):
        labels_b[j] = labels_a[i]
    return [Pair(a, b, "".join(labels_a), "".join(labels_b))]


def _outer(args: Sequence[Any], kwargs: Mapping[str, Any], out: Tensor) -> list[Part]:
    return [Pair(args[0], _argument(args, kwargs, 1, "vec2"), "a", "b")]


def _inner(args: Sequence[Any], kwargs: Mapping[str, Any], out: Tensor) -> list[Part]:
    a, b = args[0], _argument(args, kwargs, 1, "other")
    k = string.ascii_letters[-1]
    return [Pair(a, b, string.ascii_lowercase[: a.dim() - 1] + k, string.ascii_uppercase[: b.dim() - 1] + k)]


def _allowed(query: Tensor, key: Tensor, mask: Tensor | None, is_causal: bool) -> Tensor | None:
    """Score pairs the mask lets through, broadcastable to ``[..., L, S]``; None if all."""
    if is_causal:
        return torch.ones(query.shape[-2], key.shape[-2], dtype=torch.bool, device=query.device).tril()
    if mask is None:
        return None
    return mask if mask.dtype == torch.bool else mask != float("-inf")


def _attention(args: Sequence[Any], kwargs: Mapping[str, Any], out: Tensor) -> list[Part]:
    query, key, value = (_argument(args, kwargs, i, n) for i, n in enumerate(("query", "key", "value")))
    if _argument(args, kwargs, 4, "dropout_p", 0.0):
        raise NoRuleError
    if kwargs.get("enable_gqa", False) and key.shape[-3] != query.shape[-3]:
        repeat = query.shape[-3] // key.shape[-3]
        key, value = key.repeat_interleave(repeat, -3), value.repeat_interleave(repeat, -3)
    mask = _argument(args, kwargs, 3, "attn_mask")
    causal = bool(_argument(args, kwargs, 5, "is_causal", False))
    return [Attention(query, key, value, _allowed(query, key, mask, causal), mask, kwargs.get("scale"))]


def _cell(args: Sequence[Any], kwargs: Mapping[str, Any], out: Any) -> list[Part]:
    """Recurrent cells: ``(x, h or (h, c), w_ih, w_hh, b_ih, b_hh)``."""
    x, state, w_ih, w_hh = args[:4]
    hidden = state[0] if isinstance(state, (tuple, list)) else state
    bias = len(args) > 4 and args[4] is not None
    return [
        Weighted(x, w_ih, partial(_linear_geometry, w_ih, "linear"), bias, "input"),
        Weighted(hidden, w_hh, partial(_linear_geometry, w_hh, "recurrent"), bias, "recurrent"),
    ]


def _sequence(args: Sequence[Any], kwargs: Mapping[str, Any], out: Any) -> list[Part]:
    """Recurrent layers over a sequence: ``(x, hx, weights, has_biases, layers, dropout, train, bidirectional, batch_first)``.

    The hidden inputs are the initial state followed by the outputs but the last, so one layer shows all it did;
    inner layers of a stack, projections and packed sequences show nothing and have no rule.
    """
    if len(args) != 9 or args[4] != 1 or not isinstance(args[3], bool):
        raise NoRuleError
    x, state, weights, has_biases = args[:4]
    hidden = state[0] if isinstance(state, (tuple, list)) else state
    bidirectional, batch_first = bool(args[7]), bool(args[8])
    per_direction = 4 if has_biases else 2
    if len(weights) != per_direction * (2 if bidirectional else 1):
        raise NoRuleError
    time_axis = 1 if batch_first and x.dim() == 3 else 0
    parts: list[Part] = []
    for d, outputs in enumerate(out[0].chunk(2 if bidirectional else 1, dim=-1)):
        w_ih, w_hh = weights[d * per_direction : d * per_direction + 2]
        first = hidden[d].unsqueeze(time_axis)
        steps = outputs.shape[time_axis]
        if d == 0:
            before = torch.cat([first, outputs.narrow(time_axis, 0, steps - 1)], dim=time_axis)
        else:
            before = torch.cat([outputs.narrow(time_axis, 1, steps - 1), first], dim=time_axis)
        way = "reverse." if d else ""
        parts.append(Weighted(x, w_ih, partial(_linear_geometry, w_ih, "linear"), has_biases, way + "input"))
        parts.append(
            Weighted(before, w_hh, partial(_linear_geometry, w_hh, "recurrent"), has_biases, way + "recurrent")
        )
    return parts


RULES: dict[str, Rule] = {
    **{f"conv{d}d": partial(_conv, d) for d in (1, 2, 3)},
    **{f"conv_transpose{d}d": partial(_conv_transpose, d) for d in (1, 2, 3)},
    **dict.fromkeys(("convolution", "_convolution"), _convolution),
    "linear": _linear,
    **dict.fromkeys(("matmul", "__matmul__", "mm", "bmm", "mv", "dot", "vdot"), _matmul),
    "__rmatmul__": _reversed_matmul,
    **dict.fromkeys(("addmm", "addmm_"), partial(_added_product, "mat1", "mat2")),
    **dict.fromkeys(("baddbmm", "baddbmm_", "addbmm", "addbmm_"), partial(_added_product, "batch1", "batch2")),
    **dict.fromkeys(("addmv", "addmv_"), partial(_added_product, "mat", "vec")),
    "einsum": _einsum,
    "tensordot": _tensordot,
    **dict.fromkeys(("outer", "ger"), _outer),
    "inner": _inner,
    "scaled_dot_product_attention": _attention,
    **dict.fromkeys(("lstm_cell", "gru_cell", "rnn_tanh_cell", "rnn_relu_cell"), _cell),
    **dict.fromkeys(("lstm", "gru", "rnn_tanh", "rnn_relu"), _sequence),
}
"""Function name → rule."""


def _never(*_: Any, **__: Any) -> bool:
    return False


def _open(function: Any) -> Any:
    """A copy of a Python function that does not hand itself to a function mode, so its inner calls are seen."""
    copy = types.FunctionType(
        function.__code__,
        {**function.__globals__, "has_torch_function": _never, "has_torch_function_unary": _never},
        function.__name__,
        function.__defaults__,
        function.__closure__,
    )
    copy.__kwdefaults__ = function.__kwdefaults__
    return copy


COMPOSITES: dict[str, Any] = {
    "multi_head_attention_forward": _open(torch.nn.functional.multi_head_attention_forward),
}
"""Python functions whose body makes the calls that count: run openly instead of as one call."""


def expand_composite(name: str, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
    """Run a composite with its inner calls visible to the active function mode."""
    return COMPOSITES[name](*args, **kwargs)

"""Which function calls multiply inputs by weights, and what meets what in each: one table, one small function per name.

A rule turns the arguments of one call into the parts that count:

* `Weighted`: an input that meets weights (convolution, transposed convolution, linear map, recurrent matrix),
* `Pair`: two operands of an index equation (matrix products, einsum); whether one of them is a weight or both
  are activations is decided later, by which of them grow with the number of samples,
* `Attention`: scaled dot-product attention, whose weights no call shows.
"""

from __future__ import annotations

import types
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import torch
from torch import Tensor

from snn_eval.probe.equations import added_product, einsum, inner, matmul, outer, reversed_matmul, tensordot
from snn_eval.probe.fanout import Geometry
from snn_eval.probe.parts import Attention, NoRuleError, Part, Rule, Weighted, argument

__all__ = ["COMPOSITES", "RULES", "expand_composite"]


def _tuple(value: Any, dims: int) -> tuple[int, ...]:
    if isinstance(value, int):
        return (value,) * dims
    values = tuple(int(v) for v in value)
    return values * dims if len(values) == 1 else values


def _same_padding(weight: Tensor, dilation: tuple[int, ...]) -> tuple[int, ...]:
    """Padding of ``padding='same'``: torch pads the odd element on the right, which an even kernel span needs."""
    spans = [d * (k - 1) for d, k in zip(dilation, weight.shape[2:], strict=True)]
    return tuple(span // 2 for span in spans)


def _conv_geometry(
    x: Tensor, weight: Tensor, args: Sequence[Any], kwargs: Mapping[str, Any], out: Tensor, dims: int
) -> Geometry:
    stride = _tuple(argument(args, kwargs, 3, "stride", 1), dims)
    dilation = _tuple(argument(args, kwargs, 5, "dilation", 1), dims)
    padding = argument(args, kwargs, 4, "padding", 0)
    if padding == "valid":
        padding = 0
    pads = _same_padding(weight, dilation) if padding == "same" else _tuple(padding, dims)
    groups = int(argument(args, kwargs, 6, "groups", 1))
    return Geometry("conv", tuple(x.shape[-dims - 1 :]), stride, pads, dilation, (), groups, tuple(out.shape[-dims:]))


def _conv(dims: int, args: Sequence[Any], kwargs: Mapping[str, Any], out: Tensor) -> list[Part]:
    x = argument(args, kwargs, 0, "input")
    weight = argument(args, kwargs, 1, "weight")
    bias = argument(args, kwargs, 2, "bias") is not None
    return [Weighted(x, weight, partial(_conv_geometry, x, weight, args, kwargs, out, dims), bias)]


def _conv_transpose_geometry(
    x: Tensor, args: Sequence[Any], kwargs: Mapping[str, Any], out: Tensor, dims: int
) -> Geometry:
    return Geometry(
        "conv_transpose",
        tuple(x.shape[-dims - 1 :]),
        _tuple(argument(args, kwargs, 3, "stride", 1), dims),
        _tuple(argument(args, kwargs, 4, "padding", 0), dims),
        _tuple(argument(args, kwargs, 7, "dilation", 1), dims),
        _tuple(argument(args, kwargs, 5, "output_padding", 0), dims),
        int(argument(args, kwargs, 6, "groups", 1)),
        tuple(out.shape[-dims:]),
    )


def _conv_transpose(dims: int, args: Sequence[Any], kwargs: Mapping[str, Any], out: Tensor) -> list[Part]:
    x = argument(args, kwargs, 0, "input")
    weight = argument(args, kwargs, 1, "weight")
    bias = argument(args, kwargs, 2, "bias") is not None
    return [Weighted(x, weight, partial(_conv_transpose_geometry, x, args, kwargs, out, dims), bias)]


def _convolution(args: Sequence[Any], kwargs: Mapping[str, Any], out: Tensor) -> list[Part]:
    """``torch.convolution``: (x, weight, bias, stride, padding, dilation, transposed, output_padding, groups)."""
    names = ("input", "weight", "bias", "stride", "padding", "dilation", "transposed", "output_padding", "groups")
    x, weight, bias, stride, padding, dilation, transposed, output_padding, groups = (
        argument(args, kwargs, i, name) for i, name in enumerate(names)
    )
    if transposed:
        return _conv_transpose(
            weight.dim() - 2, (x, weight, bias, stride, padding, output_padding, groups, dilation), {}, out
        )
    return _conv(weight.dim() - 2, (x, weight, bias, stride, padding, dilation, groups), {}, out)


def _linear_geometry(weight: Tensor, kind: str = "linear") -> Geometry:
    return Geometry(kind, (int(weight.shape[-1]),))


def _linear(args: Sequence[Any], kwargs: Mapping[str, Any], out: Tensor) -> list[Part]:
    x = argument(args, kwargs, 0, "input")
    weight = argument(args, kwargs, 1, "weight")
    if weight.dim() == 1:
        weight = weight[None]
    bias = argument(args, kwargs, 2, "bias") is not None
    return [Weighted(x, weight, partial(_linear_geometry, weight), bias)]


def _allowed(query: Tensor, key: Tensor, mask: Tensor | None, is_causal: bool) -> Tensor | None:
    """Score pairs the mask lets through, broadcastable to ``[..., L, S]``; None if all."""
    if is_causal:
        return torch.ones(query.shape[-2], key.shape[-2], dtype=torch.bool, device=query.device).tril()
    if mask is None:
        return None
    return mask if mask.dtype == torch.bool else mask != float("-inf")


def _attention(args: Sequence[Any], kwargs: Mapping[str, Any], out: Tensor) -> list[Part]:
    query, key, value = (argument(args, kwargs, i, n) for i, n in enumerate(("query", "key", "value")))
    if argument(args, kwargs, 4, "dropout_p", 0.0):
        raise NoRuleError
    if kwargs.get("enable_gqa", False) and key.shape[-3] != query.shape[-3]:
        repeat = query.shape[-3] // key.shape[-3]
        key, value = key.repeat_interleave(repeat, -3), value.repeat_interleave(repeat, -3)
    mask = argument(args, kwargs, 3, "attn_mask")
    causal = bool(argument(args, kwargs, 5, "is_causal", False))
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
    """Recurrent layers over a sequence.

    Arguments are ``(x, hx, weights, has_biases, layers, dropout, train, bidirectional, batch_first)``. The
    hidden inputs are the initial state followed by the outputs but the last, so one layer shows all it did; inner
    layers of a stack, projections and packed sequences show nothing and have no rule.
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
    **dict.fromkeys(("matmul", "__matmul__", "mm", "bmm", "mv", "dot", "vdot"), matmul),
    "__rmatmul__": reversed_matmul,
    **dict.fromkeys(("addmm", "addmm_"), partial(added_product, "mat1", "mat2")),
    **dict.fromkeys(("baddbmm", "baddbmm_", "addbmm", "addbmm_"), partial(added_product, "batch1", "batch2")),
    **dict.fromkeys(("addmv", "addmv_"), partial(added_product, "mat", "vec")),
    "einsum": einsum,
    "tensordot": tensordot,
    **dict.fromkeys(("outer", "ger"), outer),
    "inner": inner,
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

"""Arithmetic that is not a synaptic operation: what each function costs, and which functions cost nothing.

Costs are of the whole call. Decisions where hardware differs: an exponential, tanh, sigmoid, root or logarithm is one
``exponential``; a division is a multiplication; layer, group and instance norm take 3 multiplications and 4 additions
an element (mean, centred square, variance, scale and shift); batch norm in evaluation is one of each.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from torch import Tensor

__all__ = ["BINARY", "COSTS", "FREE", "Cost", "Costed", "cell_cost", "is_free", "operands_of_meeting", "tensors_in"]


@dataclass(frozen=True, slots=True)
class Cost:
    """Operations of one call."""

    mul: int = 0
    add: int = 0
    compare: int = 0
    exponentials: int = 0


Args = Sequence[Any]
Kwargs = Mapping[str, Any]
CostRule = Callable[[Args, Kwargs, Any], Cost]


@dataclass(frozen=True, slots=True)
class Costed:
    """Kind of an element-wise operation (see ``trace.ElementwiseOp``) and the rule for its cost."""

    kind: str
    cost: CostRule


def tensors_in(value: Any) -> list[Tensor]:
    """Tensors in arguments or results, through lists, tuples and dictionaries."""
    if isinstance(value, Tensor):
        return [value]
    if isinstance(value, (list, tuple)):
        return [t for v in value for t in tensors_in(v)]
    if isinstance(value, dict):
        return [t for v in value.values() for t in tensors_in(v)]
    return []


def _numel(value: Any) -> int:
    return sum(t.numel() for t in tensors_in(value)[:1])


def _each(mul: int = 0, add: int = 0, compare: int = 0, exponentials: int = 0) -> CostRule:
    """So many operations for each element of the result."""

    def rule(args: Args, kwargs: Kwargs, out: Any) -> Cost:
        n = _numel(out)
        return Cost(mul * n, add * n, compare * n, exponentials * n)

    return rule


def _reduce(mul: int = 0, compare: bool = False) -> CostRule:
    """A sum (or a search for the largest): one operation for each input element beyond the first of each result."""

    def rule(args: Args, kwargs: Kwargs, out: Any) -> Cost:
        results = _numel(out)
        steps = max(_numel(args or list(kwargs.values())) - results, 0)
        return Cost(mul=mul * results, compare=steps) if compare else Cost(mul=mul * results, add=steps)

    return rule


def _window(args: Args, kwargs: Kwargs, dims: int) -> int:
    kernel = args[1] if len(args) > 1 else kwargs["kernel_size"]
    return int(kernel) ** dims if isinstance(kernel, int) else int(np.prod([int(k) for k in kernel]))


def _max_pool(dims: int) -> CostRule:
    return lambda args, kwargs, out: Cost(compare=_numel(out) * (_window(args, kwargs, dims) - 1))


def _avg_pool(dims: int) -> CostRule:
    return lambda args, kwargs, out: Cost(mul=_numel(out), add=_numel(out) * (_window(args, kwargs, dims) - 1))


def _lp_pool(dims: int) -> CostRule:
    """Sums over windows for norm 1 (sinabs' and NIR's sum pool); else a power of each element and a root, too."""

    def rule(args: Args, kwargs: Kwargs, out: Any) -> Cost:
        norm, results = (args[1] if len(args) > 1 else kwargs["norm_type"]), _numel(out)
        size, root = _window(args[1:], kwargs, dims), int(norm != 1)
        return Cost(mul=results * size * root, add=results * (size - 1), exponentials=results * root)

    return rule


_MOST = _reduce(compare=True)
_SUM = _reduce()
_MEAN = _reduce(mul=1)

BINARY = frozenset(
    {"add", "add_", "__radd__", "sub", "sub_", "__rsub__", "subtract", "mul", "mul_", "__rmul__", "multiply"}
)
"""Functions of two operands: with two activations a residual add or a gate, whose nonzero meetings are counted."""

COSTS: dict[str, Costed] = {
    **dict.fromkeys(("add", "add_", "__radd__", "sub", "sub_", "__rsub__", "subtract"), Costed("bias", _each(add=1))),
    **dict.fromkeys(
        ("mul", "mul_", "__rmul__", "multiply", "div", "div_", "__rdiv__", "__rtruediv__", "true_divide", "divide"),
        Costed("scale", _each(mul=1)),
    ),
    **dict.fromkeys(("lerp", "addcmul", "addcmul_", "addcdiv", "addcdiv_"), Costed("scale", _each(mul=2, add=1))),
    **dict.fromkeys(("pow", "pow_", "__pow__", "square", "float_power"), Costed("scale", _each(mul=1))),
    "batch_norm": Costed("norm", _each(mul=1, add=1)),
    **dict.fromkeys(("layer_norm", "group_norm", "instance_norm", "rms_norm"), Costed("norm", _each(mul=3, add=4))),
    **{f"max_pool{d}d": Costed("pool", _max_pool(d)) for d in (1, 2, 3)},
    **{f"max_pool{d}d_with_indices": Costed("pool", _max_pool(d)) for d in (1, 2, 3)},
    **{f"avg_pool{d}d": Costed("pool", _avg_pool(d)) for d in (1, 2, 3)},
    **{f"lp_pool{d}d": Costed("pool", _lp_pool(d)) for d in (1, 2, 3)},
    **{f"adaptive_avg_pool{d}d": Costed("pool", _MEAN) for d in (1, 2, 3)},
    **{f"adaptive_max_pool{d}d": Costed("pool", _MOST) for d in (1, 2, 3)},
    **dict.fromkeys(("sum", "nansum", "cumsum"), Costed("reduction", _SUM)),
    "mean": Costed("reduction", _MEAN),
    **dict.fromkeys(("max", "min", "amax", "amin", "argmax", "argmin", "topk", "sort"), Costed("reduction", _MOST)),
    **dict.fromkeys(("var", "std"), Costed("reduction", _each(mul=1, add=2))),
    **dict.fromkeys(("softmax", "log_softmax"), Costed("softmax", _each(mul=1, add=1, compare=1, exponentials=1))),
    **dict.fromkeys(
        ("relu", "relu_", "threshold", "leaky_relu", "clamp_min", "clamp_max"), Costed("activation", _each(compare=1))
    ),
    **dict.fromkeys(("clamp", "clamp_", "clip", "hardtanh", "relu6"), Costed("activation", _each(compare=2))),
    **dict.fromkeys(("maximum", "minimum"), Costed("activation", _each(compare=1))),
    **dict.fromkeys(
        (
            "sigmoid",
            "sigmoid_",
            "tanh",
            "tanh_",
            "exp",
            "exp_",
            "log",
            "sqrt",
            "rsqrt",
            "softplus",
            "erf",
            "sin",
            "cos",
        ),
        Costed("activation", _each(exponentials=1)),
    ),
    **dict.fromkeys(
        ("gelu", "silu", "elu", "mish", "selu", "celu"), Costed("activation", _each(mul=1, exponentials=1))
    ),
    **dict.fromkeys(
        (
            "gt",
            "ge",
            "lt",
            "le",
            "eq",
            "ne",
            "__gt__",
            "__ge__",
            "__lt__",
            "__le__",
            "__eq__",
            "__ne__",
            "heaviside",
            "sign",
        ),
        Costed("compare", _each(compare=1)),
    ),
    **dict.fromkeys(("floor", "ceil", "round", "round_", "trunc"), Costed("activation", _each(compare=1))),
}
"""Function name → kind and cost."""

_LSTM, _GRU = Cost(mul=3, add=1, exponentials=5), Cost(mul=3, add=2, exponentials=3)
_CELLS = {
    **dict.fromkeys(("lstm_cell", "lstm"), _LSTM),
    **dict.fromkeys(("gru_cell", "gru"), _GRU),
    **dict.fromkeys(("rnn_tanh_cell", "rnn_tanh"), Cost(exponentials=1)),
    **dict.fromkeys(("rnn_relu_cell", "rnn_relu"), Cost(compare=1)),
}


def cell_cost(name: str, out: Any) -> Cost:
    """Gates of a recurrent cell or layer beside its matrices: operations for each element of the hidden output."""
    each, hidden = _CELLS.get(name, Cost()), _numel(out)
    return Cost(each.mul * hidden, each.add * hidden, each.compare * hidden, each.exponentials * hidden)


_FREE = {
    "views and data movement": """
        view view_as reshape reshape_as flatten unflatten squeeze squeeze_ unsqueeze unsqueeze_ permute transpose
        transpose_ t swapaxes swapdims movedim moveaxis expand expand_as broadcast_to contiguous clone detach
        detach_ repeat repeat_interleave tile cat concat concatenate stack hstack vstack dstack split chunk unbind
        tensor_split narrow select index_select gather scatter scatter_ masked_select masked_fill masked_fill_ where
        __getitem__ __setitem__ copy_ fill_ zero_ pad roll flip rot90 unfold fold pixel_shuffle pixel_unshuffle
        diagonal diag tril triu take index_copy index_fill as_strided interpolate upsample embedding one_hot
        channel_shuffle meshgrid atleast_2d adjoint mT
    """,
    "types, devices, facts, creation": """
        to type type_as float double half bfloat16 int long bool cpu cuda numpy item tolist size dim ndimension
        numel stride storage_offset is_contiguous is_floating_point is_complex element_size data_ptr get_device
        requires_grad_ __get__ __set__ __delete__ __len__ __iter__ __contains__ __bool__ __int__ __float__
        __format__ __repr__ __hash__ __index__ __array__ __deepcopy__ __reduce_ex__ untyped_storage is_inference
        is_sparse is_tensor result_type zeros ones full empty rand randn randint randperm normal bernoulli arange
        linspace eye tensor as_tensor zeros_like ones_like full_like empty_like rand_like randn_like new_zeros
        new_ones new_full new_empty new_tensor bernoulli_ uniform_ normal_ random_ set_grad_enabled
        _set_grad_enabled manual_seed backward retain_grad register_hook share_memory_ isfinite isnan isinf all any
        equal allclose finfo iinfo get_default_dtype _has_compatible_shallow_copy_type __dlpack__ resize_ set_
        _is_view is_same_size has_names names apply_ map_ ndim shape __dir__ __torch_dispatch__ broadcast_tensors
    """,
    "logic on bits, sign flips, and what evaluation switches off": """
        logical_and logical_or logical_not logical_xor __and__ __or__ __xor__ __invert__ __iand__ __ior__
        bitwise_and bitwise_or bitwise_not neg neg_ __neg__ negative abs abs_ absolute positive dropout dropout1d
        dropout2d dropout3d alpha_dropout feature_dropout feature_alpha_dropout identity
    """,
}

FREE = frozenset(name for names in _FREE.values() for name in names.split())
"""Functions that move data, ask for facts or flip bits: no arithmetic counted."""


def operands_of_meeting(name: str, args: Args) -> tuple[Tensor, Tensor] | None:
    """Both operands, if the call adds or multiplies two float tensors of the same shape."""
    if name not in BINARY or len(args) < 2:
        return None
    a, b = args[0], args[1]
    if not (isinstance(a, Tensor) and isinstance(b, Tensor)) or a.shape != b.shape or not a.dim():
        return None
    return (a, b) if a.is_floating_point() and b.is_floating_point() else None


def is_free(name: str) -> bool:
    """Whether a function costs nothing (also everything that only sets modes)."""
    return name in FREE or name.startswith(("_set_", "is_", "_get_", "get_"))

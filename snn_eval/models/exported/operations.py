"""What an operation of a graph is run as: the function of torch of that name, which the probe knows, never a name of
the file's choice."""

from __future__ import annotations

import importlib
import math
import operator
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

from snn_eval.errors import CheckpointError

__all__ = ["SPIKING", "WEIGHTED", "operation"]

WEIGHTED = frozenset(
    [
        "conv1d",
        "conv2d",
        "conv3d",
        "conv_transpose1d",
        "conv_transpose2d",
        "conv_transpose3d",
        "convolution",
        "linear",
        "matmul",
        "mm",
        "bmm",
        "mv",
        "addmm",
        "addmv",
        "baddbmm",
        "addbmm",
        "einsum",
        "lstm",
        "gru",
        "rnn_tanh",
        "rnn_relu",
        "lstm_cell",
        "gru_cell",
        "rnn_tanh_cell",
        "rnn_relu_cell",
        "scaled_dot_product_attention",
    ]
)
"""Operations that multiply by weights, or activations by each other."""

SPIKING = {"sj_if": "if_", "sj_lif": "lif", "sj_plif": "plif"}
"""Neurons of spikingjelly that it exports as one operation: namespace -> its module; the first output is the spikes."""


def _slice(x: Tensor, dim: int = 0, start: int | None = None, end: int | None = None, step: int = 1) -> Tensor:
    at = dim % x.dim()
    found: Tensor = x[(*(slice(None) for _ in range(at)), slice(start, end, step))]
    return found


def _index(x: Tensor, indices: Sequence[Tensor | None]) -> Tensor:
    found: Tensor = x[tuple(slice(None) if i is None else i for i in indices)]
    return found


def _batch_norm(x: Tensor, weight: Any, bias: Any, mean: Tensor, var: Tensor, momentum: float, eps: float) -> Any:
    return torch.batch_norm(x, weight, bias, mean, var, False, momentum, eps, False), x.new_empty(0), x.new_empty(0)


def _layer_norm(x: Tensor, shape: Sequence[int], weight: Any, bias: Any, eps: float) -> Any:
    return torch.layer_norm(x, list(shape), weight, bias, eps), x.new_empty(0), x.new_empty(0)


def _to(x: Tensor, dtype: torch.dtype | None = None, **_: Any) -> Tensor:
    return x.to(dtype=dtype or x.dtype)


def _to_device(x: Tensor, _device: Any, dtype: torch.dtype, *_: Any, **__: Any) -> Tensor:
    return x.to(dtype=dtype)


def _nothing(*_: Any, **__: Any) -> None:
    return None


_ATEN: dict[str, Callable[..., Any]] = {
    "slice.Tensor": _slice,
    "index.Tensor": _index,
    "sym_size.int": lambda x, dim: x.shape[dim],
    "sym_numel.default": lambda x: x.numel(),
    "_to_copy.default": _to,
    "to.device": _to_device,
    "_unsafe_view.default": lambda x, size: x.reshape(size),
    "_softmax.default": lambda x, dim, _half: torch.softmax(x, dim),
    "_log_softmax.default": lambda x, dim, _half: torch.log_softmax(x, dim),
    "_adaptive_avg_pool2d.default": torch.nn.functional.adaptive_avg_pool2d,
    "_native_batch_norm_legit_no_training.default": _batch_norm,
    "native_layer_norm.default": _layer_norm,
    "lift_fresh_copy.default": torch.clone,
    "alias.default": torch.detach,
    **dict.fromkeys(
        (
            "_assert_tensor_metadata.default",
            "_assert_scalar.default",
            "_assert_async.msg",
            "sym_constrain_range.default",
            "sym_constrain_range_for_size.default",
        ),
        _nothing,
    ),
}
"""Operations of torch that no function has the name and arguments of."""

_NUMBERS: dict[str, Callable[..., Any]] = {
    **{f"_operator.{f.__name__}": f for f in (operator.add, operator.sub, operator.mul, operator.floordiv)},
    **{f"_operator.{f.__name__}": f for f in (operator.mod, operator.truediv, operator.neg, operator.pow)},
    **{f"_operator.{f.__name__}": f for f in (operator.eq, operator.ne, operator.lt, operator.le, operator.gt)},
    **{f"_operator.{f.__name__}": f for f in (operator.ge, operator.and_, operator.or_, operator.not_)},
    "_operator.getitem": operator.getitem,
    "math.ceil": math.ceil,
    "math.floor": math.floor,
    "math.trunc": math.trunc,
    "torch.sym_max": max,
    "torch.sym_min": min,
    "torch.sym_not": operator.not_,
    "torch.sym_float": float,
    "torch.sym_int": int,
    "torch.sym_sum": sum,
}
"""Arithmetic on sizes."""

_FACTORIES = frozenset(["zeros", "ones", "full", "empty", "arange", "linspace", "eye", "scalar_tensor"])
_TEXTS = frozenset(["gelu", "div", "pad", "einsum", "conv1d", "conv2d", "conv3d", "meshgrid", "searchsorted"])
"""Operations that take a word (``approximate``, ``rounding_mode``, ``padding``); others of words may reach files."""


def operation(target: str) -> Callable[..., Any]:
    """The function an operation is run as.

    An operation of torch is run as the function or method of its name, which the probe has rules for; without one as
    it is, and is then named as not counted. Operations beyond those on tensors and numbers are refused.

    Raises:
        CheckpointError: by the operation's name.
    """
    if target in _NUMBERS:
        return _NUMBERS[target]
    parts = target.split(".")
    if len(parts) != 5 or parts[:2] != ["torch", "ops"]:
        raise _refused(target)
    _, _, namespace, name, overload = parts
    if namespace in SPIKING and name == "forward":
        return _of_spikingjelly(namespace, target)
    if namespace != "aten":
        raise _refused(target)
    if f"{name}.{overload}" in _ATEN:
        return _ATEN[f"{name}.{overload}"]
    found = getattr(getattr(torch.ops.aten, name, None), overload, None) if not name.startswith("_") else None
    if found is None or not _on_tensors(name, found._schema):
        raise _refused(target)
    function: Callable[..., Any] = found
    for holder in (torch._C._VariableFunctions, torch._C._nn, torch.Tensor):
        function = getattr(holder, name, function)
        if function is not found:
            break
    return function


def _on_tensors(name: str, schema: Any) -> bool:
    """Whether an operation takes tensors and numbers, and only reads them or its first argument's own memory."""
    kinds = [str(argument.type) for argument in schema.arguments]
    takes = bool(kinds) and ("Tensor" in kinds[0] or name in _FACTORIES)
    return takes and (name in _TEXTS or not any("str" in kind or kind == "t" for kind in kinds))


def _of_spikingjelly(namespace: str, target: str) -> Callable[..., Any]:
    try:
        importlib.import_module(f"spikingjelly._ops.{SPIKING[namespace]}")
        found: Callable[..., Any] = getattr(torch.ops, namespace).forward.default
    except (ImportError, AttributeError) as error:
        raise CheckpointError(f"{target}: expected an operation of spikingjelly 2; pip install spikingjelly") from error
    return found


def _refused(target: str) -> CheckpointError:
    return CheckpointError(f"expected operations of torch on tensors and numbers, got {target}, which cannot be run")

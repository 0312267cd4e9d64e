"""Layers as nodes of NIR: one table, class of layer -> node and the shape of what it gives."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from spikingjelly.activation_based import layer as sj_layer
from spikingjelly.activation_based import neuron as sj
from torch import Tensor, nn

from snn_eval.errors import NetworkError
from snn_eval.models.nir.package import nir_package

__all__ = ["WRITERS", "Layer", "Shape"]

Shape = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Layer:
    """A layer, its path, and the norm behind it that is folded into its weights."""

    name: str
    module: nn.Module
    norm: nn.Module | None = None


def _weights(layer: Layer) -> tuple[Any, Any]:
    """Weight and bias as float32 arrays, the norm folded in: ``w·γ/√(σ² + ε)``, ``(b − μ)·γ/√(σ² + ε) + β``."""
    module: Any = layer.module
    weight = module.weight.detach().double()
    bias = torch.zeros(len(weight)).double() if module.bias is None else module.bias.detach().double()
    norm: Any = layer.norm
    if norm is not None:
        if norm.running_mean is None:
            raise NetworkError(
                f"{layer.name}: its norm keeps no statistics and cannot be folded; it cannot be exported"
            )
        scale = 1 / torch.sqrt(norm.running_var.double() + norm.eps)
        scale = scale if norm.weight is None else scale * norm.weight.detach().double()
        weight = weight * scale.reshape(-1, *(1 for _ in weight.shape[1:]))
        bias = (bias - norm.running_mean.double()) * scale
        bias = bias if norm.bias is None else bias + norm.bias.detach().double()
    return _array(weight), _array(bias)


def _array(values: Tensor) -> Any:
    return values.float().cpu().numpy()


def _convolution(layer: Layer, shape: Shape, dt: float) -> tuple[Any, Shape]:
    conv: Any = layer.module
    if conv.padding_mode != "zeros":
        raise NetworkError(f"{layer.name}: NIR pads with zeros, this layer with {conv.padding_mode}; not exported")
    if len(shape) != 3:
        raise NetworkError(f"{layer.name}: expected input [C,H,W], got {list(shape)}")
    weight, bias = _weights(layer)
    with torch.no_grad():
        out = nn.functional.conv2d(
            torch.zeros(1, *shape, dtype=conv.weight.dtype),
            conv.weight.cpu(),
            None,
            conv.stride,
            conv.padding,
            conv.dilation,
            conv.groups,
        )
    node = nir_package().Conv2d(shape[1:], weight, conv.stride, conv.padding, conv.dilation, conv.groups, bias)
    return node, tuple(out.shape[1:])


def _linear(layer: Layer, shape: Shape, dt: float) -> tuple[Any, Shape]:
    weight, bias = _weights(layer)
    nir = nir_package()
    return (nir.Affine(weight, bias) if bias.any() else nir.Linear(weight)), (len(weight),)


def _flatten(layer: Layer, shape: Shape, dt: float) -> tuple[Any, Shape]:
    flat: Any = layer.module
    if flat.start_dim != 1 or flat.end_dim != -1:
        raise NetworkError(
            f"{layer.name}: expected to flatten whole samples, got axes {flat.start_dim} … {flat.end_dim}"
        )
    return nir_package().Flatten({"input": np.array(shape)}, 0, -1), (int(np.prod(shape)),)


def _pool(layer: Layer, shape: Shape, dt: float) -> tuple[Any, Shape]:
    pool: Any = layer.module
    if pool.ceil_mode or not pool.count_include_pad or pool.divisor_override:
        raise NetworkError(f"{layer.name}: NIR has average pooling of whole windows only; it cannot be exported")
    kernel, stride, padding = (
        (v, v) if isinstance(v, int) else v for v in (pool.kernel_size, pool.stride, pool.padding)
    )
    with torch.no_grad():
        out = nn.functional.avg_pool2d(torch.zeros(1, *shape), kernel, stride, padding)
    return nir_package().AvgPool2d(np.array(kernel), np.array(stride), np.array(padding)), tuple(out.shape[1:])


def _fires(layer: Layer, shape: Shape) -> dict[str, Any]:
    """Threshold and reset of a neuron, for each element."""
    node: Any = layer.module
    if node.v_reset is None:
        raise NetworkError(
            f"{layer.name}: NIR's neurons are set back to a value, this one's reset is soft; not exported"
        )
    if node.v_reset != 0:
        raise NetworkError(
            f"{layer.name}: expected a neuron that starts at 0, as NIR's, got {node.v_reset}; not exported"
        )
    threshold = np.nextafter(np.float32(node.v_threshold), np.float32(-np.inf))
    return {
        "v_threshold": np.full(shape, threshold, dtype=np.float32),
        "v_reset": np.full(shape, node.v_reset, dtype=np.float32),
    }


def _if(layer: Layer, shape: Shape, dt: float) -> tuple[Any, Shape]:
    return nir_package().IF(r=np.ones(shape, dtype=np.float32), **_fires(layer, shape)), shape


def _lif(layer: Layer, shape: Shape, dt: float) -> tuple[Any, Shape]:
    node: Any = layer.module
    tau = float(node.tau) if isinstance(node, sj.LIFNode) else float(1 / node.w.detach().double().sigmoid())
    fires = _fires(layer, shape)
    gain = 1.0 if node.decay_input else tau
    values = {"tau": tau * dt, "r": gain, "v_leak": node.v_reset}
    return nir_package().LIF(**{key: np.full(shape, value) for key, value in values.items()}, **fires), shape


WRITERS: Mapping[type[nn.Module], Callable[[Layer, Shape, float], tuple[Any, Shape]]] = {
    **dict.fromkeys((nn.Conv2d, sj_layer.Conv2d), _convolution),
    **dict.fromkeys((nn.Linear, sj_layer.Linear), _linear),
    **dict.fromkeys((nn.Flatten, sj_layer.Flatten), _flatten),
    **dict.fromkeys((nn.AvgPool2d, sj_layer.AvgPool2d), _pool),
    sj.IFNode: _if,
    sj.LIFNode: _lif,
    sj.ParametricLIFNode: _lif,
}
"""Class of layer -> ``(layer, shape of its input, dt) -> (node, shape of its output)``; subclasses may do more."""

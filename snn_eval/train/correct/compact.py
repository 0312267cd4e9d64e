"""What is stored of a correction: gains inside the norms before the neurons, rows up to the last that is not 0."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor, nn

from snn_eval.models.adapters import AdaptedNetwork
from snn_eval.models.corrected import CurrentCorrection, attach, corrections

__all__ = ["compacted", "fold_gains"]

_AFFINE = (nn.modules.batchnorm._BatchNorm, nn.modules.conv._ConvNd, nn.Linear)


def compacted(module: nn.Module) -> tuple[nn.Module, dict[str, dict[str, Any]]]:
    """A copy whose corrections hold no more than what they do, and what :func:`attach` needs to make them again."""
    other = copy.deepcopy(module)
    layers = {}
    for path, part in corrections(module).items():
        holder, _, name = path.rpartition(".")
        setattr(other.get_submodule(holder), name, other.get_submodule(f"{path}.neuron"))
        shape = _needed(part)
        if shape is None:
            continue
        layers[path] = shape
        attach(other, {path: shape})
        _fill(corrections(other)[path], part)
    return other, layers


def _needed(part: CurrentCorrection) -> dict[str, Any] | None:
    rows = 0
    if part.bias is not None:
        used = part.bias.detach().any(1).nonzero()
        rows = int(used[-1]) + 1 if len(used) else 0
    gain = part.gain is not None and not torch.equal(part.gain, torch.ones_like(part.gain))
    return {**part.plain, "steps": rows, "gain": gain} if rows or gain else None


def _fill(part: CurrentCorrection, values: CurrentCorrection) -> None:
    with torch.no_grad():
        if part.bias is not None and values.bias is not None:
            part.bias.copy_(values.bias[: len(part.bias)])
        if part.gain is not None and values.gain is not None:
            part.gain.copy_(values.gain)


def fold_gains(network: AdaptedNetwork, x: Tensor) -> list[str]:
    """Put gains into the norm, convolution or linear layer before the neurons where that changes nothing else.

    ``g·(γ·y + β) = (g·γ)·y + g·β``. Which layer that is, is found by trying, in float64 on the input ``x``: the
    readout must stay what it was. Returns the paths of the corrections that lost their gain to one.
    """
    folded = []
    for path in corrections(network.module):
        part = corrections(network.module)[path]
        if part.gain is None or torch.equal(part.gain, torch.ones_like(part.gain)):
            continue
        name = _before(network, path, len(part.gain), x)
        if name is not None and _changes_nothing(network, path, name, x):
            _fold(network.module, path, name)
            folded.append(path)
    return folded


def _before(network: AdaptedNetwork, path: str, channels: int, x: Tensor) -> str | None:
    """Path of the last affine layer of so many channels that runs before some neurons, if it runs once."""
    called: list[str] = []
    stop: list[int] = []
    with _hooked(network.module, path, called, stop):
        network.run(x)
    before = [name for name in called[: stop[0]] if _channels(network.module.get_submodule(name)) == channels]
    return before[-1] if before and called.count(before[-1]) == 1 else None


@contextmanager
def _hooked(module: nn.Module, path: str, called: list[str], stop: list[int]) -> Iterator[None]:
    handles = [
        part.register_forward_hook(lambda *_, name=name: called.append(name))
        for name, part in module.named_modules()
        if isinstance(part, _AFFINE)
    ]
    handles.append(module.get_submodule(path).register_forward_pre_hook(lambda *_: stop.append(len(called))))
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


def _channels(layer: Any) -> int:
    if isinstance(layer, nn.modules.batchnorm._BatchNorm):
        return layer.num_features if layer.affine and layer.running_mean is not None else 0
    return int(layer.out_features if isinstance(layer, nn.Linear) else layer.out_channels)


def _fold(module: nn.Module, path: str, name: str) -> None:
    part, layer = corrections(module)[path], module.get_submodule(name)
    with torch.no_grad():
        gain = part.gain.detach().clone()  # type: ignore[union-attr]
        for weight in (layer.weight, layer.bias):
            if isinstance(weight, Tensor):
                weight.mul_(gain.view(-1, *(1,) * (weight.dim() - 1)))
        part.gain.fill_(1)  # type: ignore[union-attr]


def _changes_nothing(network: AdaptedNetwork, path: str, name: str, x: Tensor) -> bool:
    exact = replace(network, module=copy.deepcopy(network.module).double())
    try:
        expected = exact.run(x.double())
        _fold(exact.module, path, name)
        return torch.allclose(exact.run(x.double()), expected, rtol=1e-6, atol=1e-9)
    except (RuntimeError, TypeError):  # a network that does not run in float64
        return False

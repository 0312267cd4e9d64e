"""Cases: weights that are pruned, normalised, parametrised, quantised or folded."""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F
from case import Case, dyadic
from cases_calls import Apply
from inputs import binary, image, ternary
from torch import Tensor, nn
from torch.nn.utils import fuse_conv_bn_eval, parametrizations, parametrize, prune

__all__ = ["CASES"]

X, V = binary(4, 5, 5), binary(20)


def conv() -> nn.Conv2d:
    return dyadic(nn.Conv2d(4, 5, 3, padding=1))  # type: ignore[return-value]


def linear() -> nn.Linear:
    return dyadic(nn.Linear(20, 6))  # type: ignore[return-value]


def zeros(layer: nn.Module, share: float = 0.5) -> nn.Module:
    """A share of the weights set to exactly zero."""
    generator = torch.Generator().manual_seed(3)
    weight = layer.weight
    assert isinstance(weight, nn.Parameter)
    weight.data = weight.data * (torch.rand(weight.shape, generator=generator) >= share)
    return layer


def pruned(layer: nn.Module, how: str) -> nn.Module:
    """``torch.nn.utils.prune`` (weight = weight_orig · weight_mask in a pre-hook)."""
    if how == "unstructured":
        prune.random_unstructured(layer, "weight", amount=0.5)
    elif how == "structured":
        prune.ln_structured(layer, "weight", amount=0.4, n=1, dim=0)
    elif how == "twice":
        prune.random_unstructured(layer, "weight", amount=0.3)
        prune.l1_unstructured(layer, "weight", amount=0.3)
    elif how == "removed":
        prune.random_unstructured(layer, "weight", amount=0.5)
        prune.remove(layer, "weight")
    return layer


class Masked(nn.Module):
    """A parametrization that keeps every second weight."""

    def forward(self, w: Tensor) -> Tensor:
        return w * (torch.arange(w.numel(), device=w.device).view_as(w) % 2)


class Ternary(nn.Module):
    """A parametrization to {−1, 0, 1}."""

    def forward(self, w: Tensor) -> Tensor:
        return torch.sign(w) * (w.abs() > 0.5)


def parametrized(layer: nn.Module, how: nn.Module) -> nn.Module:
    parametrize.register_parametrization(layer, "weight", how)
    return layer


def old_weight_norm(layer: nn.Module) -> nn.Module:
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return torch.nn.utils.weight_norm(layer)


def old_spectral_norm(layer: nn.Module) -> nn.Module:
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return torch.nn.utils.spectral_norm(layer)


class MaskedLinear(nn.Linear):
    """A mask kept as a buffer and applied in forward, as sparse-training code does."""

    def __init__(self) -> None:
        super().__init__(20, 6)
        dyadic(self)
        self.register_buffer("mask", (torch.arange(120).view(6, 20) % 3 > 0).float())

    def forward(self, x: Tensor) -> Tensor:
        return F.linear(x, self.weight * self.mask, self.bias)


class Frozen(nn.Module):
    """Random features: the matrix is a buffer."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("w", dyadic(nn.Linear(20, 6)).weight.detach().clone())

    def forward(self, x: Tensor) -> Tensor:
        return F.linear(x, self.w)


def conv_bn(fused: bool) -> nn.Module:
    """Conv and batch norm in evaluation mode, apart or folded into one."""
    first, bn = conv(), nn.BatchNorm2d(5)
    bn.running_mean.copy_(torch.arange(5) / 4 + 0.03)  # type: ignore[union-attr]
    bn.running_var.copy_(torch.full((5,), 0.75))  # type: ignore[union-attr]
    first.eval(), bn.eval()
    second = dyadic(nn.Conv2d(5, 2, 3))
    return nn.Sequential(*([fuse_conv_bn_eval(first, bn)] if fused else [first, bn]), nn.ReLU(), second)


def one(name: str, module: Callable[[], nn.Module], inputs: Callable[[int], Tensor], layers: int = 1) -> Case:
    return Case(name, module, inputs, layers=layers)


CASES = [
    one("pruned_plain_zeros", lambda: zeros(conv()), X),
    one("pruned_plain_zeros_linear", lambda: zeros(linear()), V),
    one("pruned_plain_zeros_ternary_input", lambda: zeros(conv()), ternary(4, 5, 5)),
    one("pruned_plain_zeros_image", lambda: zeros(conv()), image(4, 5, 5)),
    one("pruned_plain_zeros_depthwise", lambda: zeros(dyadic(nn.Conv2d(4, 8, 3, padding=1, groups=4))), X),
    one("pruned_plain_zeros_transposed", lambda: zeros(dyadic(nn.ConvTranspose2d(4, 3, 3, 2, 1, 1))), X),
    one("pruned_everything", lambda: zeros(linear(), 1.1), V),
    one("pruned_one_weight", lambda: zeros(linear(), 0.01), V),
    *(
        one(f"prune_{how}", lambda how=how: pruned(conv(), how), X)
        for how in ("unstructured", "structured", "twice", "removed")
    ),
    *(
        one(f"prune_linear_{how}", lambda how=how: pruned(linear(), how), V)
        for how in ("unstructured", "structured", "twice", "removed")
    ),
    one("parametrized_mask", lambda: parametrized(conv(), Masked()), X),
    one("parametrized_mask_linear", lambda: parametrized(linear(), Masked()), V),
    one("parametrized_ternary", lambda: parametrized(linear(), Ternary()), V),
    one("weight_norm_old", lambda: old_weight_norm(conv()), X),
    one("weight_norm_old_linear", lambda: old_weight_norm(linear()), V),
    one("weight_norm_parametrized", lambda: parametrizations.weight_norm(conv()), X),
    one("weight_norm_parametrized_linear", lambda: parametrizations.weight_norm(linear()), V),
    one("weight_norm_of_pruned", lambda: parametrizations.weight_norm(zeros(linear())), V),
    one("spectral_norm_old", lambda: old_spectral_norm(linear()), V),
    one("spectral_norm_parametrized", lambda: parametrizations.spectral_norm(linear()), V),
    one("mask_as_buffer", MaskedLinear, V),
    one("weights_as_buffer", Frozen, V),
    one("tiny_weights", lambda: parametrized(conv(), nn.Hardtanh(-1e-9, 1e-9)), X),
    Case("batch_norm_apart", lambda: conv_bn(False), X, layers=2, dtype=torch.float64),
    Case("batch_norm_folded", lambda: conv_bn(True), X, layers=2, dtype=torch.float64),
    one(
        "linear_batch_norm",
        lambda: nn.Sequential(linear(), nn.BatchNorm1d(6), nn.ReLU(), dyadic(nn.Linear(6, 3))),
        V,
        2,
    ),
    one("layer_norm_between", lambda: nn.Sequential(linear(), nn.LayerNorm(6), dyadic(nn.Linear(6, 3))), V, 2),
    one("weight_changed_by_forward", lambda: Apply(_grow, {"fc": nn.Linear(20, 3)}), V, 2),
]


def _grow(m: Apply, x: Tensor) -> Tensor:
    """The same layer with two weights in one pass: the second has zeros."""
    y = m.fc(x)
    keep = m.fc.weight.detach().clone()
    with torch.no_grad():
        m.fc.weight.mul_(torch.arange(60).view(3, 20) % 2)
        y = y + m.fc(x)
        m.fc.weight.copy_(keep)
    return y

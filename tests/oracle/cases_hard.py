"""Cases made to break a counter: folded heads and windows, hooks, odd strides, values next to one."""

from __future__ import annotations

import types
from collections.abc import Callable

import torch
import torch.nn.functional as F
from brute import Count, einsum_pairs, linear_scatter
from case import Case, dyadic
from cases_calls import Apply, product
from inputs import binary, counts, many_levels, over_time, real
from intercept import to_numpy
from torch import Tensor, nn
from wrap import MultiSpike

__all__ = ["CASES"]

T = 3


class FoldedHeads(nn.Module):
    """Attention whose batch axis holds time, sample and head, in the given order of ``t n h``."""

    def __init__(self, order: str) -> None:
        super().__init__()
        self.order, self.spike = ["tnh".index(c) for c in order], MultiSpike(0.5)

    def forward(self, x_TNHLE: Tensor) -> Tensor:
        x = self.spike(x_TNHLE)
        folded = x.permute(*self.order, 3, 4).reshape(-1, *x.shape[3:])
        a = torch.bmm(folded, folded.mT)
        shape = [x.shape[i] for i in self.order]
        back = [self.order.index(i) for i in range(3)]
        return a.reshape(*shape, *a.shape[1:]).permute(*back, 3, 4).flatten(2)


def heads_reference(_m: nn.Module, x: Tensor) -> list[list[Count]]:
    """Spikes where the integrated input passes one half, soft reset."""
    v, counts_T = 0.0, []
    for frame in to_numpy(x)[:, 0]:
        v = v + frame
        s = (v >= 0.5).astype(float)
        v = v - 0.5 * s
        counts_T.append(einsum_pairs("hie,hje->hij", s, s))
    return [counts_T]


HEADS = [
    Case(
        f"heads_folded_{order}",
        lambda order=order: FoldedHeads(order),
        over_time(T, binary(2, 3, 4)),
        time_steps=T,
        sample_axis=1,
        reference=heads_reference,
        layers=1,
    )
    for order in ("tnh", "nth", "htn", "nht", "thn")
]


class Windows(nn.Module):
    """A linear layer over windows of a map, windows folded into the batch before or after the sample."""

    def __init__(self, sample_first: bool) -> None:
        super().__init__()
        self.sample_first, self.fc = sample_first, nn.Linear(4, 3)
        dyadic(self)

    def forward(self, x: Tensor) -> Tensor:
        w = x.unfold(1, 2, 2).unfold(2, 2, 2).flatten(3)  # [N,2,2,4]
        w = w.flatten(1, 2) if self.sample_first else w.permute(1, 2, 0, 3).flatten(0, 1)
        return self.fc(w.flatten(0, 1)).reshape(*w.shape[:2], 3).transpose(0, 0 if self.sample_first else 1).flatten(1)


def windows_reference(module: nn.Module, x: Tensor) -> list[list[Count]]:
    """All windows of the sample, whatever their order."""
    return [[linear_scatter(to_numpy(x).reshape(2, 2, 2, 2).swapaxes(1, 2).reshape(4, 4), to_numpy(module.fc.weight))]]  # type: ignore[union-attr,arg-type]


WINDOWS = [
    Case(
        f"windows_{'after' if first else 'before'}_sample",
        lambda first=first: Windows(first),
        binary(4, 4),
        reference=windows_reference,
        layers=1,
    )
    for first in (True, False)
]


def tokens_first(m: Apply, x: Tensor) -> Tensor:
    """``[L, T·N, E]``: time and sample folded in the middle."""
    t, n = x.shape[:2]
    y = m.s(m.fc(x.permute(2, 0, 1, 3).flatten(1, 2)).unflatten(1, (t, n)).permute(1, 2, 0, 3))
    return m.out(y.permute(2, 0, 1, 3).flatten(1, 2)).unflatten(1, (t, n)).permute(1, 2, 0, 3).flatten(2)


def tokens_first_reference(module: nn.Module, x: Tensor) -> list[list[Count]]:
    """Per step: the tokens of the frame, then the spikes they cause."""
    w, b = to_numpy(module.fc.weight), to_numpy(module.fc.bias)  # type: ignore[union-attr,arg-type]
    v, first, second = 0.0, [], []
    for rows in to_numpy(x)[:, 0]:
        first.append(linear_scatter(rows, w))
        v = v + (rows[:, None, :] * w).sum(-1) + b
        s = (v >= 1).astype(float)
        v = v - s
        second.append(linear_scatter(s, to_numpy(module.out.weight)))  # type: ignore[union-attr,arg-type]
    return [first, second]


MIDDLE = [
    Case(
        "time_and_sample_folded_in_the_middle",
        lambda: Apply(tokens_first, {"fc": nn.Linear(4, 4), "s": MultiSpike(), "out": nn.Linear(4, 2)}),
        over_time(T, binary(5, 4)),
        time_steps=T,
        sample_axis=1,
        reference=tokens_first_reference,
        layers=2,
    )
]


def doubled(layer: nn.Module) -> nn.Module:
    """A hook of the user's own doubles the input."""
    layer.register_forward_pre_hook(lambda _m, args: (args[0] * 2,))
    return layer


def replaced(layer: nn.Linear) -> nn.Module:
    """The forward of this one instance is replaced."""
    layer.forward = types.MethodType(lambda self, x: F.linear(x + 1, self.weight), layer)  # type: ignore[method-assign]
    return layer


class Custom(torch.autograd.Function):
    """A multiplication inside an autograd function."""

    @staticmethod
    def forward(_ctx: object, x: Tensor, w: Tensor) -> Tensor:
        return x @ w.t()


def autocast(m: Apply, x: Tensor) -> Tensor:
    with torch.autocast("cpu", dtype=torch.bfloat16):
        return m.fc(x).float()


def next_to_one(dtype: torch.dtype) -> Callable[[int], Tensor]:
    """Zeros, ones, and the number after one."""

    def make(n: int) -> Tensor:
        one = torch.ones((), dtype=dtype)
        values = torch.stack([one * 0, one, torch.nextafter(one, one * 2), torch.nextafter(one, one * 0), -one])
        return values[torch.randint(0, 5, (n, 40))]

    return make


ODD = [
    Case("users_pre_hook", lambda: doubled(dyadic(nn.Linear(9, 3))), binary(9), layers=1),
    Case(
        "users_pre_hook_inside", lambda: nn.Sequential(doubled(dyadic(nn.Linear(9, 3))), nn.ReLU()), binary(9), layers=1
    ),
    Case("forward_of_an_instance_replaced", lambda: replaced(dyadic(nn.Linear(9, 3))), binary(9), layers=1),  # type: ignore[arg-type]
    Case("autograd_function", lambda: Apply(lambda m, x: Custom.apply(x, m.w), w=(3, 9)), binary(9), layers=1),
    Case(
        "activation_checkpointing",
        lambda: Apply(
            lambda m, x: torch.utils.checkpoint.checkpoint(m.fc, x, use_reentrant=False), {"fc": nn.Linear(9, 3)}
        ),
        binary(9),
        layers=1,
    ),
    Case("autocast_to_bfloat16", lambda: Apply(autocast, {"fc": nn.Linear(9, 3)}), binary(9), layers=1),
    Case(
        "expanded_input",
        lambda: Apply(lambda m, x: m.fc(x[:, None].expand(-1, 4, -1)).flatten(1), {"fc": nn.Linear(9, 3)}),
        binary(9),
        layers=1,
    ),
    Case("strided_input", lambda: Apply(lambda m, x: m.fc(x[:, ::3]), {"fc": nn.Linear(3, 3)}), binary(9), layers=1),
    Case(
        "strided_conv_input",
        lambda: Apply(lambda m, x: m.c(x[:, 1:3, ::2]), {"c": nn.Conv2d(2, 3, 3)}),
        counts(4, 9, 5),
        layers=1,
    ),
    Case(
        "conv3d_channels_last",
        lambda: dyadic(nn.Conv3d(2, 3, 2)),
        lambda n: binary(2, 3, 3, 3)(n).to(memory_format=torch.channels_last_3d),
        layers=1,
    ),
    Case(
        "conv_on_expanded_channels",
        lambda: Apply(lambda m, x: m.c(x.expand(-1, 3, -1, -1)), {"c": nn.Conv2d(3, 2, 3, padding=1)}),
        binary(1, 5, 5),
        layers=1,
    ),
    Case(
        "module_list_in_a_loop",
        lambda: Apply(
            lambda m, x: m.l[2](m.l[1](m.l[0](x).relu()).relu()),
            {"l": nn.ModuleList(nn.Linear(6, 6) for _ in range(3))},
        ),
        binary(6),
        layers=3,
    ),
    Case(
        "two_outputs_and_a_dictionary",
        lambda: Apply(
            lambda m, x: sum({"a": m.a(x), "b": m.b(x)}.values()), {"a": nn.Linear(9, 3), "b": nn.Linear(9, 3)}
        ),
        binary(9),
        layers=2,
    ),
    Case("lazy_linear", lambda: _lazy(), binary(9), layers=1),
    Case(
        "output_without_samples_used_later",
        lambda: Apply(lambda m, x: m.fc(x) + m.fc.weight.sum(), {"fc": nn.Linear(9, 3)}),
        binary(9),
        layers=1,
    ),
    Case(
        "real_values_and_ones",
        lambda: dyadic(nn.Linear(40, 3)),
        lambda n: torch.where(torch.rand(n, 40) < 0.5, real(40)(n), binary(40)(n)),
        layers=1,
    ),
    *(
        Case(
            f"values_next_to_one_{str(dtype)[6:]}",
            lambda: dyadic(nn.Linear(40, 3)),
            next_to_one(dtype),
            dtype=dtype,
            layers=1,
        )
        for dtype in (torch.float32, torch.float64)
    ),
    product("product_late_levels", "nij,nkj->nik", lambda a, b: a @ b.mT, many_levels(2, 3, 4), samples=4),
    product("product_late_levels_collapse", "nij,nkj->nik", lambda a, b: a @ b.mT, many_levels(2, 3, 4), samples=6),
    product(
        "product_with_itself", "nij,nkj->nik", lambda a, b: a @ a.mT, counts(2, 3, 4), lambda x: (x[:, 0], x[:, 0])
    ),
]


def _lazy() -> nn.Module:
    layer = nn.LazyLinear(3)
    layer(torch.ones(1, 9))
    return dyadic(layer)


CASES = [*HEADS, *WINDOWS, *MIDDLE, *ODD]

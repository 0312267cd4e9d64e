"""Cases: attention, with hand-written references of what its products are."""

from __future__ import annotations

import math
from collections.abc import Callable

import brute
import numpy as np
import torch
import torch.nn.functional as F
from brute import Count, einsum_pairs
from case import Case, Reference, dyadic
from cases_calls import Apply
from inputs import binary, over_time, real, residual, ternary
from intercept import to_numpy
from numpy.typing import NDArray
from torch import Tensor, nn

__all__ = ["CASES"]

Array = NDArray[np.float64]
L, S, E, H = 3, 4, 4, 2


def split_qkv(x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Queries ``[N,H,L,E]``, keys and values ``[N,H,S,E]`` cut from ``[N,H,L+2S,E]``."""
    q, k, v = x.split((L, S, S), dim=2)
    return q, k, v


def sdpa_reference(
    allowed: NDArray[np.bool_] | None, scale: float | None = None, bias: float | Array = 0.0
) -> Reference:
    """q·k and weights·v over the allowed pairs only."""

    def reference(_m: nn.Module, x: Tensor) -> list[list[Count]]:
        q, k, v = (to_numpy(part)[0] for part in split_qkv(x))
        mask = np.ones((len(q), q.shape[1], k.shape[1]), bool) if allowed is None else allowed
        mask = np.broadcast_to(mask, (len(q), q.shape[1], k.shape[1]))
        return [[count] for count in brute.attention(q, k, v, mask, scale, bias)]

    return reference


def sdpa(
    name: str, inputs: Callable[[int], Tensor], allowed: NDArray[np.bool_] | None = None, **arguments: object
) -> Case:
    """A call of ``F.scaled_dot_product_attention``."""

    def attend(_m: Apply, x: Tensor) -> Tensor:
        q, k, v = split_qkv(x)
        given = {
            key: a.to(q.dtype) if isinstance(a, Tensor) and a.is_floating_point() else a for key, a in arguments.items()
        }
        return F.scaled_dot_product_attention(q, k, v, **given)  # type: ignore[arg-type]

    scale, mask = arguments.get("scale"), arguments.get("attn_mask")
    bias = to_numpy(mask) if isinstance(mask, Tensor) and mask.is_floating_point() else 0.0
    reference = sdpa_reference(allowed, scale if isinstance(scale, float) else None, bias)
    return Case(name, lambda: Apply(attend), inputs, reference=reference, drop_levels=(1,), layers=2)


def grouped(x: Tensor) -> Tensor:
    """All query heads share the first head's keys and values."""
    q, k, v = split_qkv(x)
    return F.scaled_dot_product_attention(q, k[:, :1], v[:, :1], enable_gqa=True)


MASK = np.array([[1, 0, 1, 1], [0, 1, 0, 0], [1, 1, 0, 1]], bool)
PER_HEAD = np.stack([MASK, ~MASK])
SPIKES = binary(H, L + 2 * S, E)
SDPA = [
    sdpa("sdpa_spikes", SPIKES),
    sdpa("sdpa_ternary", ternary(H, L + 2 * S, E)),
    sdpa("sdpa_residual", residual(H, L + 2 * S, E)),
    sdpa("sdpa_real", real(H, L + 2 * S, E)),
    sdpa("sdpa_scale", SPIKES, scale=0.125),
    sdpa("sdpa_causal", SPIKES, np.tril(np.ones((L, S), bool)), is_causal=True),
    sdpa("sdpa_bool_mask", SPIKES, MASK, attn_mask=torch.from_numpy(MASK)),
    sdpa("sdpa_bool_mask_per_head", SPIKES, PER_HEAD, attn_mask=torch.from_numpy(PER_HEAD)[None]),
    sdpa(
        "sdpa_float_mask_minus_infinity",
        SPIKES,
        MASK,
        attn_mask=torch.zeros(L, S).masked_fill(~torch.from_numpy(MASK), -math.inf),
    ),
    Case(
        "sdpa_positional_arguments",
        lambda: Apply(lambda m, x: F.scaled_dot_product_attention(*split_qkv(x), None, 0.0, True)),
        SPIKES,
        reference=sdpa_reference(np.tril(np.ones((L, S), bool))),
        drop_levels=(1,),
        layers=2,
    ),
    Case(
        "sdpa_without_heads",
        lambda: Apply(lambda m, x: F.scaled_dot_product_attention(*split_qkv(x[:, None]))[:, 0]),
        binary(L + 2 * S, E),
        reference=lambda m, x: sdpa_reference(None)(m, x[:, None]),
        drop_levels=(1,),
        layers=2,
    ),
    Case(
        "sdpa_grouped_queries",
        lambda: Apply(lambda m, x: grouped(x)),
        SPIKES,
        reference=lambda m, x: sdpa_reference(None)(m, torch.cat([x[:, :, :L], x[:, :1, L:].expand(-1, H, -1, -1)], 2)),
        drop_levels=(1,),
        layers=2,
    ),
    sdpa("sdpa_float_bias_forbids_nothing", SPIKES, None, attn_mask=torch.arange(L * S).view(L, S) / 4),
]


class SelfAttention(nn.Module):
    """The attention people write by hand: projections of spikes, scores, optional softmax, sum of values."""

    def __init__(self, softmax: bool, mask: bool = False) -> None:
        super().__init__()
        self.qkv = nn.Linear(E * H, 3 * E * H, bias=False)
        self.softmax, self.mask = softmax, mask
        dyadic(self)

    def forward(self, x: Tensor) -> Tensor:
        n, tokens, _ = x.shape
        q, k, v = ((self.qkv(x) > 0.5).to(x.dtype)).reshape(n, tokens, 3, H, E).permute(2, 0, 3, 1, 4)
        a = q @ k.transpose(-2, -1) * 0.25
        if self.mask:
            a = a.masked_fill(torch.ones(tokens, tokens).triu(1).bool(), -math.inf)
        a = a.softmax(-1) if self.softmax else a
        return (a @ v).transpose(1, 2).reshape(n, tokens, -1)


def by_hand_reference(softmax: bool, mask: bool = False) -> Reference:
    """The same in numpy: three multiplications as executed, masked scores included, their zero weights skipped."""

    def reference(module: nn.Module, x: Tensor) -> list[list[Count]]:
        w, rows = to_numpy(module.qkv.weight), to_numpy(x)[0]  # type: ignore[union-attr,arg-type]
        fired = (np.einsum("ti,oi->to", rows, w) > 0.5).astype(float)
        q, k, v = fired.reshape(len(rows), 3, H, E).transpose(1, 2, 0, 3)
        a = np.einsum("hij,hkj->hik", q, k) * 0.25
        if mask:
            a = np.where(np.triu(np.ones(a.shape[1:]), 1) > 0, -math.inf, a)
        a = np.exp(a) / np.exp(a).sum(-1, keepdims=True) if softmax else a
        scores, values = einsum_pairs("hik,hjk->hij", q, k), einsum_pairs("hij,hjk->hik", a, v)
        return [[brute.linear_scatter(rows, w)], [scores], [values]]

    return reference


HAND = [
    Case(
        f"attention_by_hand{'_softmax' * softmax}{'_masked' * mask}",
        lambda softmax=softmax, mask=mask: SelfAttention(softmax, mask),
        binary(5, E * H),
        reference=by_hand_reference(softmax, mask),
        layers=3,
        dtype=torch.float64,
        # softmax values are compared as numbers only when there are too many to be levels
        drop_levels=(2,) if softmax else (),
    )
    for softmax, mask in ((False, False), (True, False), (True, True))
]


# Spikformer's attention over time steps folded into the batch: [T,N,L,E]
class FoldedAttention(nn.Module):
    """Spikes attend without softmax; ``[T,N]`` is folded into the batch and two multiplications follow."""

    def __init__(self) -> None:
        super().__init__()
        from wrap import MultiSpike

        self.q, self.spike = nn.Linear(6, 6, bias=False), MultiSpike()
        dyadic(self)

    def forward(self, x: Tensor) -> Tensor:
        t, n = x.shape[:2]
        q = self.spike(self.q(x.flatten(0, 1)).unflatten(0, (t, n)))
        a = torch.einsum("tnij,tnkj->tnik", q, x)
        return (a @ x).flatten(2)


def folded_reference(module: nn.Module, x: Tensor) -> list[list[Count]]:
    """Each step by itself; the neuron integrates and fires at 1 with soft reset."""
    w, v, layers = to_numpy(module.q.weight), 0.0, ([], [], [])  # type: ignore[union-attr,arg-type,var-annotated]
    for rows in to_numpy(x)[:, 0]:
        v = v + np.einsum("ti,oi->to", rows, w)
        q = (v >= 1).astype(float)
        v = v - q
        a = np.einsum("ij,kj->ik", q, rows)
        counts = brute.linear_scatter(rows, w), einsum_pairs("ij,kj->ik", q, rows), einsum_pairs("ij,jk->ik", a, rows)
        for layer, count in zip(layers, counts, strict=True):
            layer.append(count)
    return list(layers)


FOLDED = [
    Case(
        "spikformer_attention_over_time",
        FoldedAttention,
        over_time(3, binary(4, 6)),
        time_steps=3,
        sample_axis=1,
        reference=folded_reference,
        layers=3,
    )
]


CASES = [*SDPA, *HAND, *FOLDED]

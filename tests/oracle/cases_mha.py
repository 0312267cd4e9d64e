"""Cases: ``nn.MultiheadAttention`` and the encoder layer around it, with references written by hand."""

from __future__ import annotations

import math

import brute
import numpy as np
import torch
from brute import Count, einsum_pairs
from case import Case, Reference, dyadic
from inputs import binary
from intercept import to_numpy
from numpy.typing import NDArray
from torch import Tensor, nn

__all__ = ["CASES", "MHA"]

Array = NDArray[np.float64]
E, H = 4, 2


class Mha(nn.Module):
    """``nn.MultiheadAttention`` with its inputs made from one tensor ``[N,L,E]``."""

    def __init__(self, call: dict[str, object], cross: bool = False, **options: object) -> None:
        super().__init__()
        self.attention = nn.MultiheadAttention(E * H, H, **options)  # type: ignore[arg-type]
        self.call, self.cross = call, cross
        dyadic(self)

    def forward(self, x: Tensor) -> Tensor:
        first = x if self.attention.batch_first else x.transpose(0, 1)
        q, kv = (first.split((2, 3), dim=1 if self.attention.batch_first else 0)) if self.cross else (first, first)
        call = dict(self.call)
        if "pad" in call:  # True marks keys to leave out, for all samples the same
            call["key_padding_mask"] = torch.from_numpy(~call.pop("pad")).expand(len(x), -1)  # type: ignore[operator]
        k, v = kv[..., : self.attention.kdim], kv[..., : self.attention.vdim]
        if k.shape == kv.shape == v.shape:  # the same tensor, so that torch may use one projection
            k = v = kv
        y = self.attention(q, k, v, **call)[0]
        return y if self.attention.batch_first else y.transpose(0, 1)


def _heads(rows: Array) -> Array:
    return rows.reshape(len(rows), H, E).transpose(1, 0, 2)


def mha_reference(allowed: NDArray[np.bool_] | None, need_weights: bool) -> Reference:
    """Projections of q, k, v (one matrix where they are the same input), the two products, the output projection.

    With ``need_weights`` torch executes all scores and then multiplies softmax weights, some exactly zero; without it
    torch calls ``scaled_dot_product_attention``, where forbidden pairs are not operations.
    """

    def reference(module: nn.Module, x: Tensor) -> list[list[Count]]:
        mha, rows = module.attention, to_numpy(x)[0]  # type: ignore[union-attr]
        d, b = E * H, to_numpy(mha.in_proj_bias)  # type: ignore[union-attr,arg-type]
        q_rows, kv_rows = (rows[:2], rows[2:]) if module.cross else (rows, rows)
        if mha.in_proj_weight is None:  # type: ignore[union-attr]
            w = [to_numpy(getattr(mha, f"{name}_proj_weight")) for name in "qkv"]
        else:
            w = np.split(to_numpy(mha.in_proj_weight), 3)  # type: ignore[union-attr,arg-type]
        sources = [q_rows, kv_rows[:, : w[1].shape[1]], kv_rows[:, : w[2].shape[1]]]
        q, k, v = (
            np.einsum("ti,oi->to", r, m) + b[i * d : (i + 1) * d]
            for i, (r, m) in enumerate(zip(sources, w, strict=True))
        )
        if mha.in_proj_weight is None:  # type: ignore[union-attr]
            projections = [brute.linear_scatter(r, m) for r, m in zip(sources, w, strict=True)]
        elif module.cross:
            projections = [brute.linear_scatter(q_rows, w[0]), brute.linear_scatter(kv_rows, np.concatenate(w[1:]))]
        else:
            projections = [brute.linear_scatter(rows, np.concatenate(w))]
        q, k, v = _heads(q), _heads(k), _heads(v)
        mask = (
            np.ones((H, q.shape[1], k.shape[1]), bool)
            if allowed is None
            else np.broadcast_to(allowed, (H, *allowed.shape))
        )
        z = np.where(mask, np.einsum("hie,hje->hij", q, k) / math.sqrt(E), -math.inf)
        a = np.exp(z - z.max(-1, keepdims=True))
        a /= a.sum(-1, keepdims=True)
        if need_weights:
            products = [
                einsum_pairs("hie,hje->hij", q * math.sqrt(1 / E), k),
                einsum_pairs("hij,hje->hie", a, v),
            ]
        else:
            products = list(brute.attention(q, k, v, mask))
        y = np.einsum("hij,hje->hie", a, v).transpose(1, 0, 2).reshape(-1, d)
        out = brute.linear_scatter(y, to_numpy(mha.out_proj.weight))  # type: ignore[union-attr,arg-type]
        return [[count] for count in (*projections, *products, out)]

    return reference


def mha(
    name: str, call: dict[str, object], allowed: NDArray[np.bool_] | None = None, cross: bool = False, **options: object
) -> Case:
    """A call of ``nn.MultiheadAttention``; its real-valued levels are compared by number only."""
    need = bool(call.get("need_weights", True))
    layers = 6 if "kdim" in options else 5 if cross else 4
    return Case(
        name,
        lambda: Mha(call, cross, **options),
        binary(5, E * H),
        reference=mha_reference(allowed, need),
        dtype=torch.float64,
        drop_levels=(layers - 2, layers - 1),
        layers=layers,
    )


CAUSAL = np.tril(np.ones((5, 5), bool))
BLOCK = torch.from_numpy(~CAUSAL)
KEEP = np.array([True, True, False, True, False])
MHA = [
    mha("mha_batch_first", {}, batch_first=True),
    mha("mha_time_first", {}),
    mha("mha_no_weights", {"need_weights": False}, batch_first=True),
    mha("mha_no_weights_time_first", {"need_weights": False}),
    mha("mha_bool_mask", {"attn_mask": BLOCK}, CAUSAL, batch_first=True),
    mha("mha_bool_mask_no_weights", {"attn_mask": BLOCK, "need_weights": False}, CAUSAL, batch_first=True),
    mha(
        "mha_causal_no_weights",
        {"attn_mask": BLOCK, "is_causal": True, "need_weights": False},
        CAUSAL,
        batch_first=True,
    ),
    mha("mha_key_padding", {"pad": KEEP}, np.broadcast_to(KEEP, (5, 5)), batch_first=True),
    mha(
        "mha_key_padding_no_weights",
        {"pad": KEEP, "need_weights": False},
        np.broadcast_to(KEEP, (5, 5)),
        batch_first=True,
    ),
    mha("mha_other_key_size", {}, kdim=6, vdim=3, batch_first=True),
    mha("mha_cross", {}, cross=True, batch_first=True),
    mha("mha_cross_no_weights_time_first", {"need_weights": False}, cross=True),
]


class Encoder(nn.Module):
    """torch's encoder layer: attention, residual, norm, two linear layers."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.TransformerEncoderLayer(E * H, H, dim_feedforward=10, dropout=0.0, batch_first=True)
        self.attention, self.cross = self.layer.self_attn, False
        dyadic(self)

    def forward(self, x: Tensor) -> Tensor:
        return self.layer(x)


def encoder_reference(module: nn.Module, x: Tensor) -> list[list[Count]]:
    """Attention without weights asked for, then what the two linear layers receive."""
    layers = mha_reference(None, False)(module, x)
    hooks = [
        linear.register_forward_pre_hook(
            lambda m, args: layers.append([brute.linear_scatter(to_numpy(args[0])[0], to_numpy(m.weight))])
        )
        for linear in (module.layer.linear1, module.layer.linear2)  # type: ignore[union-attr]
    ]
    module(x)
    for hook in hooks:
        hook.remove()
    return layers


ENCODER = [
    Case(
        "transformer_encoder_layer",
        Encoder,
        binary(5, E * H),
        reference=encoder_reference,
        dtype=torch.float64,
        drop_levels=(2, 3, 4, 5),
        layers=6,
    )
]

CASES = [*MHA, *ENCODER]

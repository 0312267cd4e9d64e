"""Random scaled dot-product attention: shapes, masks of every form, causal, grouped queries, in a loop or once."""

from __future__ import annotations

import math
from typing import Any

import brute
import numpy as np
import torch
import torch.nn.functional as F
from brute import Count
from case import Case, expected_of, record_case
from cases_calls import Apply
from compare import compare
from hypothesis import given
from hypothesis import strategies as st
from intercept import to_numpy
from strategies import values
from test_random import examples, variants
from torch import Tensor


@st.composite
def problems(draw: Any) -> dict[str, Any]:
    h, rows, keys, e, f = (draw(st.integers(1, n)) for n in (3, 4, 4, 3, 3))
    groups = draw(st.sampled_from([g for g in range(1, h + 1) if h % g == 0]))
    mask = draw(st.sampled_from(["none", "bool", "float", "bias", "causal", "row"]))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    allowed = rng.random({"row": (1, keys)}.get(mask, (rows, keys))) < 0.6
    if mask in ("float", "row"):  # a row that may look at nothing has no softmax
        allowed[:, 0] = True
    return {
        "q": draw(values((h, rows, e))),
        "k": draw(values((groups, keys, e))),
        "v": draw(values((groups, keys, f))),
        "mask": mask,
        "allowed": allowed,
        "bias": rng.integers(-4, 5, (rows, keys)) / 4,
        "dtype": draw(st.sampled_from((torch.float32, torch.float64))),
    }


def arguments(p: dict[str, Any], dtype: torch.dtype) -> dict[str, Any]:
    """The mask as torch wants it."""
    allowed = torch.from_numpy(p["allowed"])
    return {
        "none": {},
        "bool": {"attn_mask": allowed},
        "row": {"attn_mask": allowed},
        "float": {"attn_mask": torch.zeros(allowed.shape, dtype=dtype).masked_fill(~allowed, -math.inf)},
        "bias": {"attn_mask": torch.from_numpy(p["bias"]).to(dtype)},
        "causal": {"is_causal": True},
    }[p["mask"]]


def permitted(p: dict[str, Any]) -> tuple[np.ndarray, np.ndarray | float]:
    """Which pairs are allowed ``[H,L,S]``, and what is added to their scores."""
    shape = (len(p["q"]), p["q"].shape[1], p["k"].shape[1])
    if p["mask"] in ("none", "bias"):
        return np.ones(shape, bool), p["bias"] if p["mask"] == "bias" else 0.0
    return np.broadcast_to(np.tril(np.ones(shape[1:], bool)) if p["mask"] == "causal" else p["allowed"], shape), 0.0


@examples(40)
@given(problems())
def test_random_attention(p: dict[str, Any]) -> None:
    sizes = [p[name].size for name in "qkv"]
    joined = torch.from_numpy(variants(np.concatenate([p[name].ravel() for name in "qkv"])))

    def cut(x: Tensor) -> list[Tensor]:
        return [part.reshape(-1, *p[name].shape) for name, part in zip("qkv", x.split(sizes, 1), strict=True)]

    def attend(_m: Apply, x: Tensor) -> Tensor:
        grouped = len(p["q"]) != len(p["k"])
        return F.scaled_dot_product_attention(*cut(x), enable_gqa=grouped, **arguments(p, x.dtype))

    def reference(_m: Any, x: Tensor) -> list[list[Count]]:
        q, k, v = (to_numpy(part)[0] for part in cut(x))
        share = len(q) // len(k)
        allowed, bias = permitted(p)
        counts = brute.attention(q, k.repeat(share, 0), v.repeat(share, 0), allowed, bias=bias)
        return [[count] for count in counts]

    case = Case(
        "attention",
        lambda: Apply(attend),
        lambda n: joined[:n],
        reference=reference,
        drop_levels=(1,),
        dtype=p["dtype"],
        samples=3,
        batch_size=2,
        layers=2,
    )
    compare(case, record_case(case), expected_of(case))

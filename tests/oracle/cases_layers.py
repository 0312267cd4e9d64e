"""Cases: every layer type with every parameter it has, on inputs of every kind."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import torch
import torch.nn.functional as F
from brute import Count
from brute_conv import ConvGeometry, conv_gather
from case import Case, dyadic
from inputs import binary, counts, image, many_levels, real, residual, scaled, silent, ternary
from intercept import to_numpy
from torch import Tensor, nn

__all__ = ["CASES"]


def bare(name: str, layer: Callable[[], nn.Module], inputs: Callable[[int], Tensor], **more: object) -> Case:
    """The layer itself is the model."""
    return Case(name, lambda: dyadic(layer()), inputs, layers=1, **more)  # type: ignore[arg-type]


def same_even(conv: nn.Module, x: Tensor) -> list[list[Count]]:
    """'same' with an even kernel pads one more zero after than before: (k − 1)//2 before, the rest after."""
    (kh, kw), w = conv.kernel_size, to_numpy(conv.weight)  # type: ignore[misc]
    pad = [(0, 0), *(((k - 1) // 2, k - 1 - (k - 1) // 2) for k in (kh, kw))]
    plain = ConvGeometry((1, 1), (0, 0), (1, 1))
    count = conv_gather(np.pad(to_numpy(x)[0], pad), w, plain)
    inner = conv_gather(np.pad(np.ones(x.shape[1:]), pad), w, plain)
    return [[replace(count, dense=sum(inner.structural.values()), elements=x[0].numel())]]


def largest_first(n: int) -> Tensor:
    """The first sample shows the largest value, later ones so many others that levels are given up."""
    x = many_levels(30)(n)
    x[0, 3] = 99
    return x


X = binary(4, 7, 7)

CONV = [
    bare("conv3x3_pad1", lambda: nn.Conv2d(4, 5, 3, padding=1, bias=False), X),
    bare("conv3x3_pad1_bias", lambda: nn.Conv2d(4, 5, 3, padding=1), X),
    bare("conv3x3_on_4x4_map", lambda: nn.Conv2d(4, 5, 3, padding=1), binary(4, 4, 4)),
    bare("conv3x3_on_2x2_map", lambda: nn.Conv2d(4, 5, 3, padding=1), binary(4, 2, 2)),
    bare("conv_stride2", lambda: nn.Conv2d(4, 5, 3, stride=2, padding=1), X),
    bare("conv_stride2_even_map", lambda: nn.Conv2d(4, 5, 3, stride=2, padding=1), binary(4, 8, 8)),
    bare("conv1x1_stride2_shortcut", lambda: nn.Conv2d(4, 5, 1, stride=2, bias=False), binary(4, 8, 8)),
    bare("conv5_stride3_no_padding", lambda: nn.Conv2d(2, 3, 5, stride=3), binary(2, 9, 10)),
    bare("conv_anisotropic", lambda: nn.Conv2d(2, 3, (1, 4), (2, 1), (0, 2), (1, 2)), binary(2, 6, 9)),
    bare("conv_groups2", lambda: nn.Conv2d(4, 6, 3, padding=1, groups=2), X),
    bare("conv_depthwise", lambda: nn.Conv2d(4, 4, 3, padding=1, groups=4), X),
    bare("conv_depthwise_multiplier", lambda: nn.Conv2d(4, 8, 3, padding=1, groups=4), X),
    bare("conv_dilation2", lambda: nn.Conv2d(4, 5, 3, padding=2, dilation=2), X),
    bare("conv_padding_same", lambda: nn.Conv2d(4, 5, 3, padding="same"), X),
    bare("conv_padding_same_dilated", lambda: nn.Conv2d(4, 5, 3, padding="same", dilation=2), X),
    bare(
        "conv_same_even_kernel", lambda: nn.Conv2d(2, 5, (2, 4), padding="same"), binary(2, 6, 7), reference=same_even
    ),
    bare("conv_padding_valid", lambda: nn.Conv2d(4, 5, 3, padding="valid"), X),
    bare("conv_padding_circular", lambda: nn.Conv2d(4, 5, 3, padding=1, padding_mode="circular"), X),
    bare("conv_padding_reflect", lambda: nn.Conv2d(4, 5, 3, padding=2, padding_mode="reflect"), X),
    bare("conv_padding_replicate", lambda: nn.Conv2d(4, 5, 3, padding=1, padding_mode="replicate"), X),
    bare("conv_same_circular", lambda: nn.Conv2d(4, 5, 3, padding="same", padding_mode="circular"), X),
    bare("conv1d", lambda: nn.Conv1d(3, 5, 3, padding=1), binary(3, 12)),
    bare("conv1d_all", lambda: nn.Conv1d(4, 6, 3, stride=2, padding=2, dilation=2, groups=2), binary(4, 11)),
    bare("conv3d", lambda: nn.Conv3d(2, 3, 3, padding=1), binary(2, 3, 4, 5)),
    bare("conv3d_all", lambda: nn.Conv3d(2, 4, (1, 2, 3), (1, 2, 1), (0, 1, 1), (1, 1, 2), 2), binary(2, 3, 4, 5)),
    bare("conv_kernel_larger_than_map", lambda: nn.Conv2d(2, 3, 5, padding=2), binary(2, 2, 3)),
    bare(
        "conv_channels_last",
        lambda: nn.Conv2d(4, 5, 3, padding=1),
        lambda n: X(n).to(memory_format=torch.channels_last),
    ),
    bare(
        "conv_noncontiguous_input",
        lambda: nn.Conv2d(4, 5, 3, padding=1),
        lambda n: binary(7, 7, 4)(n).permute(0, 3, 1, 2),
    ),
]

TRANSPOSED = [
    bare("conv_transpose_k4s2p1", lambda: nn.ConvTranspose2d(4, 3, 4, stride=2, padding=1), binary(4, 5, 5)),
    bare("conv_transpose_output_padding", lambda: nn.ConvTranspose2d(4, 3, 3, 2, 1, output_padding=1), binary(4, 5, 5)),
    bare("conv_transpose_5x5_stride3", lambda: nn.ConvTranspose2d(2, 3, 5, 3, 2, output_padding=2), binary(2, 4, 3)),
    bare(
        "conv_transpose_dilated_output_padding",
        lambda: nn.ConvTranspose2d(2, 3, 2, 1, 0, 1, dilation=2),
        binary(2, 4, 3),
    ),
    bare("conv_transpose_groups", lambda: nn.ConvTranspose2d(4, 6, 3, 2, groups=2, dilation=2), binary(4, 4, 4)),
    bare("conv_transpose_depthwise", lambda: nn.ConvTranspose2d(4, 4, 2, 2, groups=4, bias=False), binary(4, 4, 4)),
    bare("conv_transpose1d", lambda: nn.ConvTranspose1d(3, 4, 3, 2, 1, 1), binary(3, 7)),
    bare("conv_transpose3d", lambda: nn.ConvTranspose3d(2, 3, 3, 2, 1, (1, 0, 1)), binary(2, 2, 3, 2)),
    bare("conv_transpose_counts", lambda: nn.ConvTranspose2d(2, 3, 3, 2), counts(2, 4, 4)),
]

LINEAR = [
    bare("linear_bias", lambda: nn.Linear(20, 7), binary(20)),
    bare("linear_nobias_bare_layer", lambda: nn.Linear(20, 7, bias=False), binary(20)),
    bare("linear_tokens", lambda: nn.Linear(6, 7), binary(5, 6)),
    bare("linear_tokens_2d", lambda: nn.Linear(6, 7, bias=False), binary(2, 3, 6)),
    bare("linear_one_output", lambda: nn.Linear(20, 1), binary(20)),
    bare("linear_one_input", lambda: nn.Linear(1, 5), binary(1)),
    bare("linear_transposed_input", lambda: nn.Linear(6, 7), lambda n: binary(6, 5)(n).transpose(1, 2)),
]

VALUES = [
    bare(f"{layer}_{kind}", make, inputs(*shape))
    for layer, make, shape in (
        ("conv", lambda: nn.Conv2d(2, 3, 3, padding=1), (2, 5, 5)),
        ("linear", lambda: nn.Linear(30, 4), (30,)),
    )
    for kind, inputs in (
        ("ternary", ternary),
        ("residual_add_1_2_3", residual),
        ("scaled_half", scaled),
        ("event_counts", counts),
        ("direct_coded_image", image),
        ("real", real),
        ("late_levels", many_levels),
        ("silent", silent),
    )
] + [
    bare("conv_scaled_threshold", lambda: nn.Conv2d(2, 3, 3), lambda n: scaled(2, 5, 5, value=0.73)(n)),
    bare("linear_late_levels_collapse", lambda: nn.Linear(30, 4), many_levels(30), samples=6),
    bare("linear_largest_value_before_the_collapse", lambda: nn.Linear(30, 4), largest_first, samples=6, batch_size=1),
    bare("conv_late_levels_collapse", lambda: nn.Conv2d(2, 3, 3), many_levels(2, 5, 5), samples=6),
    bare(
        "conv_direct_coded_dense_image", lambda: nn.Conv2d(2, 3, 3, padding=1), lambda n: torch.rand(n, 2, 5, 5) + 0.5
    ),
    bare(
        "conv_spikes_in_one_corner",
        lambda: nn.Conv2d(2, 3, 3, padding=1),
        lambda n: F.pad(binary(2, 3, 3)(n), (0, 4, 0, 4)),
    ),
    bare("linear_negative_zero", lambda: nn.Linear(12, 4), lambda n: -binary(12)(n)),
    bare("linear_16_levels", lambda: nn.Linear(40, 3), lambda n: torch.arange(40).remainder(17).expand(n, 40).float()),
    bare("linear_17_levels", lambda: nn.Linear(40, 3), lambda n: torch.arange(40).remainder(18).expand(n, 40).float()),
    bare("linear_fraction_above_integer", lambda: nn.Linear(12, 4), lambda n: binary(12)(n) + 0.25 * binary(12)(n)),
    bare("linear_one_two_in_ten_thousand", lambda: nn.Linear(500, 2), lambda n: _one_two(n)),
    bare("linear_tiny_values", lambda: nn.Linear(12, 4), lambda n: scaled(12, value=1e-40)(n), dtype=torch.float32),
]


def _one_two(n: int) -> Tensor:
    x = binary(500)(n)
    x[0, 17] = 2
    return x


DTYPES = [
    bare(f"{name}_{str(dtype).removeprefix('torch.')}", make, inputs, dtype=dtype)
    for dtype in (torch.float64, torch.bfloat16, torch.float16)
    for name, make, inputs in (
        ("conv_binary", lambda: nn.Conv2d(2, 3, 3, padding=1), binary(2, 5, 5)),
        ("linear_binary", lambda: nn.Linear(30, 4), binary(30)),
        ("linear_ternary", lambda: nn.Linear(30, 4), ternary(30)),
        ("linear_counts", lambda: nn.Linear(30, 4), counts(30)),
        ("linear_scaled", lambda: nn.Linear(30, 4), lambda n: scaled(30, value=0.1)(n)),
        ("linear_real", lambda: nn.Linear(30, 4), real(30)),
        ("conv_transpose", lambda: nn.ConvTranspose2d(2, 3, 3, 2), binary(2, 4, 4)),
    )
]

CASES = [*CONV, *TRANSPOSED, *LINEAR, *VALUES, *DTYPES]

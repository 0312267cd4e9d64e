"""Random problems for hypothesis: small shapes, values with zeros, every parameter of a layer."""

from __future__ import annotations

from typing import Any

import numpy as np
from brute_conv import ConvGeometry
from hypothesis import strategies as st
from numpy.typing import NDArray

__all__ = ["conv_problem", "conv_transpose_problem", "linear_problem", "product_problem", "values"]

KINDS = {
    "binary": (0.0, 0.0, 1.0),
    "ternary": (0.0, -1.0, 1.0),
    "counts": (0.0, 0.0, 1.0, 2.0, 3.0),
    "scaled": (0.0, 0.5),
    "quarter": (0.0, 0.25, 0.5, 0.75, 1.0),
    "zeros": (0.0,),
    "ones": (1.0,),
    "negative_zero": (0.0, -0.0, 1.0),
}


@st.composite
def values(draw: Any, shape: tuple[int, ...]) -> NDArray[np.float64]:
    """An array of that shape with values of one kind; ``real`` has more than 16 of them when it is large enough."""
    kind = draw(st.sampled_from([*KINDS, "real"]))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    if kind == "real":
        return np.round(rng.normal(size=shape) * 64) / 64 * (rng.random(shape) < 0.7)
    return rng.choice(KINDS[kind], shape)


@st.composite
def weights(draw: Any, shape: tuple[int, ...]) -> NDArray[np.float64]:
    """Dyadic weights, a share of them exactly zero."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    w = rng.integers(1, 9, shape) * rng.choice((-1, 1), shape) / 8
    return w * (rng.random(shape) >= draw(st.sampled_from((0.0, 0.0, 0.4, 1.0))))


@st.composite
def linear_problem(draw: Any) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Inputs ``[M,I]`` and weights ``[O,I]``."""
    m, i, o = (draw(st.integers(1, 6)) for _ in range(3))
    return draw(values((m, i))), draw(weights((o, i)))


def _dims(draw: Any, low: int, high: int, n: int) -> tuple[int, ...]:
    return tuple(draw(st.integers(low, high)) for _ in range(n))


@st.composite
def conv_problem(draw: Any) -> tuple[NDArray[np.float64], NDArray[np.float64], ConvGeometry]:
    """Input ``[C,*size]``, weights ``[O,C/groups,*kernel]`` and geometry, in 1 to 3 dimensions."""
    n = draw(st.integers(1, 3))
    groups, per_in, per_out = (draw(st.integers(1, 2)) for _ in range(3))
    size, kernel = _dims(draw, 1, 5 if n < 3 else 3, n), _dims(draw, 1, 3 if n < 3 else 2, n)
    g = ConvGeometry(_dims(draw, 1, 3, n), _dims(draw, 0, 2, n), _dims(draw, 1, 2, n), groups)
    x = draw(values((groups * per_in, *size)))
    return x, draw(weights((groups * per_out, per_in, *kernel))), g


@st.composite
def conv_transpose_problem(draw: Any) -> tuple[NDArray[np.float64], NDArray[np.float64], ConvGeometry]:
    """As ``conv_problem``; weights ``[C,O/groups,*kernel]``, output padding below max(stride, dilation)."""
    n = draw(st.integers(1, 3))
    groups, per_in, per_out = (draw(st.integers(1, 2)) for _ in range(3))
    size, kernel = _dims(draw, 1, 4 if n < 3 else 2, n), _dims(draw, 1, 3 if n < 3 else 2, n)
    stride, dilation = _dims(draw, 1, 3, n), _dims(draw, 1, 2, n)
    extra = tuple(draw(st.integers(0, max(s, d) - 1)) for s, d in zip(stride, dilation, strict=True))
    g = ConvGeometry(stride, _dims(draw, 0, 2, n), dilation, groups, extra)
    x = draw(values((groups * per_in, *size)))
    return x, draw(weights((groups * per_in, per_out, *kernel))), g


@st.composite
def product_problem(draw: Any) -> tuple[str, NDArray[np.float64], NDArray[np.float64]]:
    """An equation with a batch axis ``b`` and its two operands."""
    equation = draw(
        st.sampled_from(["bij,bjk->bik", "bij,bkj->bik", "bji,bjk->bik", "bhij,bhkj->bhik", "bi,bi->b", "bij,bj->bi"])
    )
    size = {label: draw(st.integers(1, 4)) for label in sorted(set(equation) - set(",->"))}
    a, b = (draw(values(tuple(size[label] for label in term))) for term in equation.split("->")[0].split(","))
    return equation, a, b

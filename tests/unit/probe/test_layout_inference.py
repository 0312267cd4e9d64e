"""Layouts inferred from hand-made observations: sizes that grow, and slices that change."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from snn_eval.probe.inventory import Operand
from snn_eval.probe.layout import Layout, Observations, infer_layout

T, N, WIDER = 4, 3, 5


def operand(x: np.ndarray) -> Operand:
    digests = tuple(x.reshape(len(x), -1).sum(1) for x in (np.moveaxis(x, a, 0) for a in range(x.ndim)))
    return Operand(x.shape, digests, frozenset(), frozenset(), False, ())


def numbered(*shape: int) -> np.ndarray:
    return np.sin(1 + np.arange(np.prod(shape), dtype=float)).reshape(shape)


def seen(
    base: np.ndarray, wider: Sequence[int], shorter: np.ndarray | None = None, changed: np.ndarray | None = None,
    looped: bool = False,
) -> Observations:  # fmt: skip
    others = [] if changed is None else [operand(changed)]
    return Observations(
        operand(base), operand(np.zeros(wider)), None if shorter is None else operand(shorter), others,
        N, WIDER, T, looped,
    )  # fmt: skip


def test_time_and_sample_on_axes_of_their_own() -> None:
    base = numbered(T, N, 6)
    changed = base.copy()
    changed[:, 0] += 1
    layout = infer_layout(seen(base, (T, WIDER, 6), base[: T - 1], changed))
    assert layout == Layout((("T",), ("N",), (6,)))
    assert (layout.time, layout.sample, layout.in_order, layout.per_sample()) == (True, True, True, (6,))
    assert layout.sizes(T, N) == (T, N, 6)


def test_time_folded_outside_of_the_samples() -> None:
    x = numbered(T, N, 6)
    changed = x.copy()
    changed[:, 0] += 1
    layout = infer_layout(seen(x.reshape(T * N, 6), (T * WIDER, 6), x[:-1].reshape(-1, 6), changed.reshape(T * N, 6)))
    assert layout is not None
    assert (layout.axes, layout.assumed, layout.leaks) == ((("T", "N"), (6,)), False, False)


def test_time_folded_inside_of_the_samples() -> None:
    x = numbered(N, T, 6)
    changed = x.copy()
    changed[0] += 1
    layout = infer_layout(
        seen(x.reshape(N * T, 6), (WIDER * T, 6), x[:, :-1].reshape(-1, 6), changed.reshape(N * T, 6))
    )
    assert layout is not None
    assert layout.axes == (("N", "T"), (6,))
    assert layout.order() == (1, 0, 2)
    assert not layout.in_order


def test_heads_folded_with_the_samples() -> None:
    x = numbered(N, 2, 6)
    changed = x.copy()
    changed[0] += 1
    layout = infer_layout(seen(x.reshape(N * 2, 6), (WIDER * 2, 6), None, changed.reshape(-1, 6), looped=True))
    assert layout is not None
    assert layout.axes == (("N", 2), (6,))
    assert layout.per_sample() == (2, 6)


def test_a_loop_holds_no_time() -> None:
    layout = infer_layout(seen(numbered(N, 4), (WIDER, 4), looped=True))
    assert layout is not None
    assert layout.axes == (("N",), (4,))
    assert layout.assumed


def test_what_does_not_grow_has_no_samples() -> None:
    layout = infer_layout(seen(numbered(6, 2), (6, 2)))
    assert layout == Layout(((6,), (2,)))
    assert not layout.sample


def test_without_a_shorter_run_the_size_tells_time() -> None:
    folded = infer_layout(seen(numbered(T * N, 2), (T * WIDER, 2)))
    beside = infer_layout(seen(numbered(T, N, 2), (T, WIDER, 2)))
    assert folded is not None
    assert beside is not None
    assert folded.axes[0] == ("T", "N")
    assert beside.axes[:2] == (("T",), ("N",))


def test_a_leak_is_seen() -> None:
    base = numbered(N, 4)
    layout = infer_layout(seen(base, (WIDER, 4), None, base + 1, looped=True))
    assert layout is not None
    assert layout.leaks


def test_shapes_that_fit_nothing_have_no_layout() -> None:
    assert infer_layout(seen(numbered(N, N), (WIDER, WIDER))) is None
    assert infer_layout(seen(numbered(N, 2), (WIDER, 2, 1))) is None
    assert infer_layout(seen(numbered(N, 2), (N + 1, 2))) is None

"""Encoders: how static samples become input of T steps; random ones draw the same for a sample wherever it is run."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from snn_eval.errors import SuiteError

__all__ = [
    "DEPEND_ON_TIME_STEPS",
    "ENCODERS",
    "SEQUENCES",
    "direct",
    "encode",
    "event",
    "latency",
    "normalised",
    "rate",
]

Encoder = Callable[[Tensor, int, NDArray[np.int64], int], Tensor]
"""``(x [N,…], time_steps, id [N], seed) -> input``."""


def direct(x: Tensor, time_steps: int, sample_id: NDArray[np.int64], seed: int) -> Tensor:
    """The sample itself, ``[N,…]``: the network's first layer gets the same graded values at every step."""
    return x


def rate(x: Tensor, time_steps: int, sample_id: NDArray[np.int64], seed: int) -> Tensor:
    """Spikes drawn independently at every step with the value as probability, ``[T,N,…]`` of 0 and 1.

    ``s[t,n,i] = 1 if u < x[n,i] else 0``, u uniform in [0, 1). The draws of a sample come from a Philox counter-based
    generator keyed by (seed, sample id) and advance by steps: they depend on neither batch, order nor T, so a prefix of
    a long run equals a short one.

    Args:
        x: ``[N,…]``, values in 0 … 1.
        time_steps: T.
        sample_id: ``[N]``.
        seed: of the encoding.

    Raises:
        SuiteError: a value outside 0 … 1.

    Source:
        J. K. Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", SC 2011 (Philox).
    """
    _check_range(x, "rate")
    size = x[0].numel() if len(x) else 0
    spikes = np.empty((time_steps, len(x), size), dtype=np.float32)
    values = x.detach().cpu().flatten(1).numpy()
    for n, number in enumerate(sample_id.tolist()):
        key = np.array([seed, number], dtype=np.int64).view(np.uint64)
        draws = np.random.Generator(np.random.Philox(key=key)).random((time_steps, size))
        spikes[:, n] = draws < values[n]
    return torch.from_numpy(spikes).reshape(time_steps, *x.shape).to(x)


def latency(x: Tensor, time_steps: int, sample_id: NDArray[np.int64], seed: int) -> Tensor:
    """One spike per nonzero value, the larger the earlier, ``[T,N,…]`` of 0 and 1.

    ``s[t,n,i] = 1 if t = round((T − 1)·(1 − x[n,i])) and x[n,i] > 0 else 0``. Depends on T: accuracy after the first
    steps of a long run says nothing about a short run.

    Args:
        x: ``[N,…]``, values in 0 … 1.
        time_steps: T.
        sample_id: not used, nothing is drawn.
        seed: not used.

    Raises:
        SuiteError: a value outside 0 … 1.
    """
    _check_range(x, "latency")
    first = torch.round((time_steps - 1) * (1 - x.double())).long()
    steps = torch.arange(time_steps, device=x.device).reshape(time_steps, *(1 for _ in x.shape))
    return ((steps == first) & (x > 0)).to(x.dtype)


def event(x: Tensor, time_steps: int, sample_id: NDArray[np.int64], seed: int) -> Tensor:
    """Event data, which come as steps: the first T of them, ``[N,T',…] -> [T,N,…]``.

    Args:
        x: ``[N,T',…]``, T' at least T.
        time_steps: T.
        sample_id: not used, nothing is drawn.
        seed: not used.

    Raises:
        SuiteError: fewer steps than T.
    """
    if x.dim() < 3 or x.shape[1] < time_steps:
        raise SuiteError(
            f"input.encoding event: expected samples of {time_steps} steps or more, got shape {list(x.shape[1:])}"
        )
    return x[:, :time_steps].transpose(0, 1).contiguous()


ENCODERS: dict[str, Encoder] = {"direct": direct, "rate": rate, "latency": latency, "event": event}
"""Name in a suite -> encoder of samples; ``event`` takes those that come as steps."""

SEQUENCES = frozenset({"rate", "latency", "event"})
"""Encoders whose outcome is time-first, ``[T,N,…]``."""

DEPEND_ON_TIME_STEPS = frozenset({"latency"})
"""Encoders whose early steps change with T."""


def encode(
    name: str,
    x: Tensor,
    time_steps: int,
    sample_id: NDArray[np.int64],
    seed: int = 0,
    *,
    mean: Sequence[float] = (0.0,),
    std: Sequence[float] = (1.0,),
    clip: bool = False,
    flatten: bool = False,
    merge: int = 1,
    pool: int = 1,
) -> Tensor:
    """Input of a network for static samples.

    Args:
        name: key of :data:`ENCODERS`.
        x: ``[N,…]``.
        time_steps: T.
        sample_id: ``[N]``, numbers of the samples in their data set.
        seed: of the encodings that draw.
        mean, std: of :func:`normalised`, which comes first (after ``merge`` and ``pool``).
        clip: values below 0 or above 1 become 0 or 1 before they are encoded.
        flatten: every sample comes out with one axis.
        merge: that many frames of events are added up into one; what is left at the end is left out.
        pool: events of that many by as many pixels are added up into one; what is left at the borders is left out.

    Returns:
        ``[N,…]`` for ``direct``, ``[T,N,…]`` for the others; ``[N,P]`` and ``[T,N,P]`` if flattened.

    Raises:
        SuiteError: an unknown name, or values the encoder cannot take.
    """
    if name not in ENCODERS:
        raise SuiteError(f"input.encoding: expected one of {', '.join(ENCODERS)}, got {name!r}")
    values = normalised(_merged(_pooled(x, pool, name), merge, name), mean, std)
    encoded = ENCODERS[name](values.clamp(0, 1) if clip else values, time_steps, sample_id, seed)
    return encoded.flatten(2 if name in SEQUENCES else 1) if flatten else encoded


def _merged(x: Tensor, merge: int, name: str) -> Tensor:
    if merge == 1:
        return x
    if name != "event":
        raise SuiteError(f"input.merge: expected encoding event, whose samples come as frames, got {name}")
    frames = x.shape[1] // merge
    return x[:, : frames * merge].reshape(len(x), frames, merge, *x.shape[2:]).sum(2, dtype=x.dtype)


def _pooled(x: Tensor, pool: int, name: str) -> Tensor:
    if pool == 1:
        return x
    if name != "event" or x.dim() != 5 or min(x.shape[3:]) < pool:
        raise SuiteError(
            f"input.pool: expected encoding event and frames of {pool}×{pool} pixels or more, got {name} and samples "
            f"of shape {list(x.shape[1:])}"
        )
    height, width = (size // pool for size in x.shape[3:])
    cut = x[..., : height * pool, : width * pool]
    return cut.reshape(*x.shape[:3], height, pool, width, pool).sum((4, 6), dtype=x.dtype)


def normalised(x: Tensor, mean: Sequence[float], std: Sequence[float]) -> Tensor:
    """``(x − mean) / std``, by one number or one for each channel of ``x`` ``[N,C,…]``; ``x`` itself for 0 and 1.

    Raises:
        SuiteError: neither one number nor as many as there are channels.
    """
    if tuple(mean) == (0.0,) and tuple(std) == (1.0,):
        return x
    channels = x.shape[1] if x.dim() > 1 else 1
    for name, values in (("mean", mean), ("std", std)):
        if len(values) not in (1, channels):
            raise SuiteError(f"input.{name}: expected 1 number or {channels}, one for each channel, got {len(values)}")
    shape = (1, -1, *(1 for _ in range(x.dim() - 2)))
    return (x - x.new_tensor(list(mean)).reshape(shape)) / x.new_tensor(list(std)).reshape(shape)


def _check_range(x: Tensor, name: str) -> None:
    if x.numel() and not bool(((x >= 0) & (x <= 1)).all()):
        raise SuiteError(
            f"input.encoding {name}: expected values in 0 … 1, got {x.min():g} … {x.max():g}; scale the data, "
            "leave out input.mean and input.std, or clip them (input.clip, --clip)"
        )

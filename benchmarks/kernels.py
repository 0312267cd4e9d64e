"""How fast the counting kernels read an activation, in GB/s beside plain sums: ``python -m benchmarks.kernels``."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import median
from time import perf_counter

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from benchmarks.document import conditions, replace_section, table
from snn_eval.probe import graded, kernels
from snn_eval.probe.jobs import BINARY, Job, work_off

SHAPES = {"small rows": (8, 64, 6272), "long rows": (4, 8, 65536), "large": (8, 64, 25088)}
"""``[T,N,M]`` of one activation: time steps, samples, elements of a sample in one step."""

ONE = np.uint32(0x3F800000)
MAGNITUDE = np.uint32(0x7FFFFFFF)
BLOCK = 1024
SECONDS = 0.3

Work = Callable[[], object]


@dataclass
class Counts:
    """What a kernel writes: nonzero inputs and operations by row, step and sample; nonzero inputs by position."""

    inputs_RTN: NDArray[np.int64]
    ops_RTN: NDArray[np.int64]
    columns_TM: NDArray[np.int32]

    @classmethod
    def zeros(cls, rows: int, shape: Sequence[int]) -> Counts:
        t, n, m = shape
        zeros = np.zeros((2, rows, t, n), np.int64)
        return cls(zeros[0], zeros[1], np.zeros((t, m), np.int32))


def _spikes(shape: Sequence[int]) -> Tensor:
    return (torch.rand(*shape) < 0.1).float()


def _levels(shape: Sequence[int]) -> Tensor:
    """Sums of three spikes: 0, 1, 2 and 3, as after residual additions."""
    return _spikes(shape) + _spikes(shape) + _spikes(shape)


def _fan(shape: Sequence[int]) -> NDArray[np.int32]:
    return np.random.default_rng(0).integers(16, 289, shape[2]).astype(np.int32)


def _bits(x: Tensor) -> NDArray[np.uint32]:
    bits: NDArray[np.uint32] = x.numpy().view(np.uint32)
    return bits


def _binary(x: Tensor, fan: NDArray[np.int32], with_columns: bool, counts: Counts) -> None:
    proven = kernels.binary(
        _bits(x), x.shape[1], fan, None, ONE, MAGNITUDE, BLOCK, counts.inputs_RTN[0], counts.ops_RTN[0], None,
        counts.columns_TM if with_columns else None, 0, x.shape[2],
    )  # fmt: skip
    if not proven:
        raise SystemExit("binary: expected the proof that a tensor of 0 and 1 holds nothing else, got none")


def _pooled(x: Tensor, fan: NDArray[np.int32], counts: Counts) -> None:
    """`binary` as a job, on all of torch's threads (on one where its OpenMP runtime does not offer them)."""
    steps, samples, size = x.shape
    job = Job(
        BINARY, x.data_ptr(), steps, samples, size, samples, BLOCK, fan.ctypes.data, 0, counts.columns_TM.ctypes.data,
        counts.inputs_RTN[0].ctypes.data, counts.ops_RTN[0].ctypes.data,
    )  # fmt: skip
    if work_off([job])[0]:
        raise SystemExit("job: expected the proof that a tensor of 0 and 1 holds nothing else, got none")


def _levelled(x: Tensor, fan: NDArray[np.int32], counts: Counts) -> None:
    values = np.array([1, 2, 3], np.float32).view(np.uint32)
    unknown = kernels.levelled(
        _bits(x), 0, x.shape[1], fan, None, values, np.arange(3), MAGNITUDE, BLOCK, counts.inputs_RTN, counts.ops_RTN,
        None, counts.columns_TM,
    )  # fmt: skip
    if unknown:
        raise SystemExit(f"levelled: expected no value but 1, 2 and 3, got {unknown} others")


def _graded(x: Tensor, fan: NDArray[np.int32], counts: Counts) -> None:
    sums = np.zeros((2, *x.shape[:2]))
    graded.graded(
        x.numpy(), x.shape[1], fan, None, BLOCK, counts.inputs_RTN[0], counts.ops_RTN[0], None, sums[0], sums[1], None
    )


def _works(shape: Sequence[int]) -> Mapping[str, tuple[Tensor, Work]]:
    """Each way to look at an activation, with the tensor it looks at; the kernels' counts are checked first."""
    spikes, levels, fan = _spikes(shape), _levels(shape), _fan(shape)
    real = levels * torch.rand(*shape)
    kernel_works: dict[str, tuple[Tensor, Callable[[Counts], None], int]] = {
        "`binary`: inputs, operations, spikes per neuron, proof": (spikes, partial(_binary, spikes, fan, True), 1),
        "`binary`: inputs, operations, proof": (spikes, partial(_binary, spikes, fan, False), 1),
        "`binary` as a job: the same on all threads": (spikes, partial(_pooled, spikes, fan), 1),
        "`levelled`: the same for values 1, 2, 3": (levels, partial(_levelled, levels, fan), 3),
        "`graded`: real values, with Σ\\|v\\|·fan-out and Σv": (real, partial(_graded, real, fan), 1),
    }
    works: dict[str, tuple[Tensor, Work]] = {
        "`x.sum()`: one read, the floor": (spikes, spikes.sum),
        "`x.sum(0)`: spikes per neuron if all are 0 or 1, unproven": (spikes, partial(spikes.flatten(0, 1).sum, 0)),
        "`(x != 0).sum((0, 1))`: the plain way": (spikes, lambda: (spikes != 0).sum((0, 1))),
    }
    for name, (x, work, rows) in kernel_works.items():
        _check(name, x, fan, work, Counts.zeros(rows, shape))
        works[name] = (x, partial(work, Counts.zeros(rows, shape)))
    return works


def _check(name: str, x: Tensor, fan: NDArray[np.int32], work: Callable[[Counts], None], counts: Counts) -> None:
    """A kernel that counts wrong has no speed."""
    work(counts)
    nonzero = x.numpy() != 0
    right = np.array_equal(counts.inputs_RTN.sum(0), nonzero.sum(2))
    right &= np.array_equal(counts.ops_RTN.sum(0), nonzero @ fan.astype(np.int64))
    if not right:
        raise SystemExit(f"{name}: its counts differ from those of numpy")


def _gigabytes_per_second(x: Tensor, work: Work) -> float:
    """Bytes of ``x`` ÷ median time of a call, over ``SECONDS`` of calls and at least five."""
    times: list[float] = []
    work()
    while len(times) < 5 or sum(times) < SECONDS:
        start = perf_counter()
        work()
        times.append(perf_counter() - start)
    return x.numel() * x.element_size() / median(times) / 1e9


def main(argv: Sequence[str] | None = None) -> int:
    """Measure, print the table, write it where asked for."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.kernels", description=__doc__)
    parser.add_argument(
        "--threads",
        type=int,
        default=torch.get_num_threads(),
        help="threads of torch's own sums and of `pool`; the other kernels use one",
    )
    parser.add_argument("--markdown", type=Path, help="write the table into the kernels section of this page")
    options = parser.parse_args(argv)
    torch.set_num_threads(options.threads)
    torch.manual_seed(0)
    works = {label: _works(shape) for label, shape in SHAPES.items()}
    labels = next(iter(works.values()))
    rows = [[name, *(f"{_gigabytes_per_second(*works[s][name]):.1f}" for s in SHAPES)] for name in labels]
    header = ["GB/s of float32", *(f"{' × '.join(map(str, shape))}" for shape in SHAPES.values())]
    text = f"{conditions(options.threads, ('torch', 'numba'))}\n\n{table(header, rows)}"
    print(text)
    if options.markdown:
        replace_section(options.markdown, "kernels", text)
    return 0


if __name__ == "__main__":
    sys.exit(main())

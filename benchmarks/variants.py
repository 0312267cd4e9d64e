"""What is compared: the bare forward, recording everything, and every peer, each as work on one batch."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass
from functools import partial
from io import StringIO
from itertools import count
from types import MappingProxyType

import numpy as np
import torch

from benchmarks.networks import Case
from benchmarks.timing import Work
from snn_eval.peers.neurobench_peer import count as count_neurobench
from snn_eval.peers.spikingjelly_peer import count as count_spikingjelly
from snn_eval.peers.syops_peer import count as count_syops
from snn_eval.peers.torch_peer import count as count_torch
from snn_eval.probe import Chunk, ProbeOptions, Recorder

__all__ = ["VARIANTS", "Variant", "same_conditions"]


@dataclass(frozen=True, slots=True)
class Variant:
    """A way of running the network: what it is called, what it yields, and how to get it ready."""

    title: str
    counts: str
    prepare: Callable[[Case], Work]


@contextmanager
def same_conditions(threads: int) -> Iterator[None]:
    """No gradients, the slow attention path, ``threads`` threads and no printing, for every variant alike."""
    fast_path = torch.backends.mha.get_fastpath_enabled()
    torch.set_num_threads(threads)
    torch.backends.mha.set_fastpath_enabled(False)
    try:
        with torch.no_grad(), redirect_stdout(StringIO()), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        torch.backends.mha.set_fastpath_enabled(fast_path)


def _bare(case: Case) -> Work:
    return partial(case.network.run, case.x)


def _ours(case: Case, chunks_a_trace: int) -> Work:
    """Record a new chunk at each call; a trace is taken every so many chunks, as a long pass does every few seconds."""
    samples = np.arange(case.x.shape[case.network.sample_axis], dtype=np.int64)
    recorder = Recorder(case.network, ProbeOptions(batch_size=len(samples)))
    targets = np.zeros_like(samples)
    recorder.prepare(Chunk(index=0, id=samples, x=case.x, target=targets))
    calls = count(1)

    def record() -> None:
        index = next(calls)
        recorder.add(Chunk(index=index, id=samples + index * len(samples), x=case.x, target=targets))
        if index % chunks_a_trace == 0:
            recorder.take()

    return record


def _neurobench(case: Case) -> Work:
    return partial(count_neurobench, case.network.module, case.x, case.network.run)


def _syops(case: Case) -> Work:
    return partial(count_syops, case.network.module, case.x, case.network.run)


def _spikingjelly(case: Case, counters: tuple[str, ...]) -> Work:
    return partial(count_spikingjelly, case.network.module, case.x, case.network.run, counters)


def _torch(case: Case) -> Work:
    return partial(count_torch, case.network.module, case.x, case.network.run)


_EVERYTHING = "exact, by value, layer, step and sample; spikes per neuron"
_EFFECTIVE = "total exact on plain networks; AC or MAC per whole tensor"
_SPIKES_ONLY = "binary inputs exact; any other value makes a call dense"

VARIANTS: Mapping[str, Variant] = MappingProxyType(
    {
        "bare": Variant("bare forward again (control)", "nothing", _bare),
        "snn_eval": Variant("**snn_eval, recording everything**", _EVERYTHING, partial(_ours, chunks_a_trace=16)),
        "snn_eval-trace": Variant(
            "**snn_eval, and a trace after every chunk**", _EVERYTHING, partial(_ours, chunks_a_trace=1)
        ),
        "spikingjelly-synop": Variant("spikingjelly SynOp", _SPIKES_ONLY, partial(_spikingjelly, counters=("SynOp",))),
        "spikingjelly": Variant(
            "spikingjelly AC + MAC + SynOp", _SPIKES_ONLY, partial(_spikingjelly, counters=("AC", "MAC", "SynOp"))
        ),
        "neurobench": Variant("NeuroBench (gradients off)", _EFFECTIVE, _neurobench),
        "syops": Variant("syops (imports mended)", "firing rate × dense; misses subclassed layers", _syops),
        "torch": Variant("torch FlopCounterMode", "dense only", _torch),
    }
)
"""Every variant, by the name the command line takes; the first is the control."""

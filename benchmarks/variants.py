"""What is compared: the bare forward, recording everything, and every peer, each as work on one batch."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass
from functools import partial
from io import StringIO
from types import MappingProxyType

import numpy as np
import torch

from benchmarks.networks import Case
from benchmarks.timing import Work
from snn_eval.peers.neurobench_peer import count as count_neurobench
from snn_eval.peers.spikingjelly_peer import count as count_spikingjelly
from snn_eval.peers.syops_peer import count as count_syops
from snn_eval.peers.torch_peer import count as count_torch

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


def _ours(case: Case) -> Work:
    from snn_eval.probe import Chunk, ProbeOptions, Recorder

    samples = np.arange(case.x.shape[case.network.sample_axis], dtype=np.int64)
    chunk = Chunk(index=0, id=samples, x=case.x, target=np.zeros_like(samples))
    # timed_chunks runs some chunks bare for the wall time; that is no part of recording one.
    recorder = Recorder(case.network, ProbeOptions(batch_size=len(samples), timed_chunks=0))
    recorder.prepare(chunk)
    return partial(recorder.record, chunk)


def _neurobench(case: Case) -> Work:
    return partial(count_neurobench, case.network.module, case.x, case.network.run)


def _syops(case: Case) -> Work:
    return partial(count_syops, case.network.module, case.x, case.network.run)


def _spikingjelly(case: Case, counters: tuple[str, ...]) -> Work:
    return partial(count_spikingjelly, case.network.module, case.x, case.network.run, counters)


def _torch(case: Case) -> Work:
    return partial(count_torch, case.network.module, case.x, case.network.run)


_EFFECTIVE = "total exact on plain networks; AC or MAC per whole tensor"
_SPIKES_ONLY = "binary inputs exact; any other value makes a call dense"

VARIANTS: Mapping[str, Variant] = MappingProxyType(
    {
        "bare": Variant("bare forward again (control)", "nothing", _bare),
        "snn_eval": Variant(
            "**snn_eval, recording everything**", "exact, by value, layer, step and sample; spikes", _ours
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

"""spikingjelly's operation counters (SynOp, AC, MAC) on one batch."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn

from snn_eval.peers.result import Counts, Forward, Peer

__all__ = ["COUNTERS", "SPIKINGJELLY", "count"]

COUNTERS = ("SynOp", "AC", "MAC")
"""spikingjelly's counters: spike-driven weight uses; every addition; multiplications of tensors that hold no spikes."""


def count(module: nn.Module, x: Tensor, forward: Forward, counters: Sequence[str] = COUNTERS) -> Counts:
    """Totals of spikingjelly's counters over the batch, as it defines them.

    A tensor is spikes where every element is 0 or 1; any other value makes the whole call a dense MAC. AC also counts
    the additions inside batch norm, pooling, means and residual additions, MAC those multiplications of batch norm.

    Source: spikingjelly 2, ``activation_based/op_counter/{synop,ac,mac}.py``.
    """
    from spikingjelly.activation_based import op_counter

    chosen = {name: getattr(op_counter, f"{name}Counter")() for name in counters}
    with op_counter.DispatchCounterMode(list(chosen.values())):
        forward(x)
    return {name: int(counter.get_total()) for name, counter in chosen.items()}


SPIKINGJELLY = Peer("spikingjelly", "spikingjelly", COUNTERS, count)

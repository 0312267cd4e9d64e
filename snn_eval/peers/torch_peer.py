"""torch's own FlopCounterMode on one batch: dense, the upper bound of every effective count."""

from __future__ import annotations

from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from snn_eval.peers.result import Counts, Forward, Peer

__all__ = ["TORCH", "count"]


def count(module: nn.Module, x: Tensor, forward: Forward) -> Counts:
    """Dense floating-point operations of the batch (two per multiply-accumulate, zeros and border taps included).

    Source: ``torch.utils.flop_counter``.
    """
    with FlopCounterMode(display=False) as counter:
        forward(x)
    return {"FLOPs": int(counter.get_total_flops())}


TORCH = Peer("torch", "torch", ("FLOPs",), count)

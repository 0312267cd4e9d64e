"""NeuroBench's SynapticOperations on one batch, through its own model wrapper and metric class."""

from __future__ import annotations

from torch import Tensor, nn

from snn_eval.peers.isolation import Runner
from snn_eval.peers.result import Counts, Forward, Peer

__all__ = ["NEUROBENCH", "count"]


def count(module: nn.Module, x: Tensor, forward: Forward) -> Counts:
    """Effective ACs, effective MACs and dense operations of the batch, as NeuroBench defines them.

    NeuroBench decides AC or MAC once per layer call: AC where every input is in {0, ±1}. The metric is called directly:
    ``Benchmark.run`` would replace an exception by 0.0. Its totals are read before it divides them by the batch
    size, so they stay integers.

    Source: NeuroBench 2.3, ``metrics/workload/synaptic_operations.py``.
    """
    from neurobench.metrics.workload import SynapticOperations
    from neurobench.models import TorchModel

    model = TorchModel(Runner(module, forward))
    metric = SynapticOperations()
    model.register_hooks()
    try:
        outputs = model(x)
        metric(model, outputs, (x, None))
    finally:
        model.cleanup_hooks()
    return {"Effective_ACs": metric.AC, "Effective_MACs": metric.MAC, "Dense": metric.total_synops}


NEUROBENCH = Peer("neurobench", "neurobench", ("Effective_ACs", "Effective_MACs", "Dense"), count)

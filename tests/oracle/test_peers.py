"""Other people's counters as a second opinion, where they are known to be right: plain linear and conv layers."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from all_cases import ALL
from case import Case, record_case
from inputs import binary, over_time
from torch import Tensor, nn

PLAIN = {
    "conv3x3_pad1",
    "conv3x3_pad1_bias",
    "conv_stride2",
    "conv1x1_stride2_shortcut",
    "conv_groups2",
    "conv_depthwise",
    "conv_dilation2",
    "linear_bias",
    "linear_tokens",
}
CASES = [case for case in ALL if case.name in PLAIN]
SPIKING = [
    case
    for case in ALL
    if case.name in {"loop_over_frames", "folded_time_first", "spikingjelly_IFNode_m", "spikingjelly_IFNode_s"}
]


def operations(case: Case) -> int:
    """All effective operations of all samples in our trace."""
    return sum(int(layer.ops_VTN.sum()) for layer in record_case(case).synaptic)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_neurobench_counts_the_same(case: Case) -> None:
    pytest.importorskip("neurobench", reason="neurobench is not installed")
    assert operations(case) == neurobench_operations(case)


def neurobench_operations(case: Case) -> int:
    from neurobench.benchmarks import Benchmark
    from neurobench.metrics.workload import SynapticOperations
    from neurobench.models import TorchModel

    class Holder(nn.Module):  # a bare layer as the model is invisible to the peer
        def __init__(self, inner: nn.Module) -> None:
            super().__init__()
            self.inner = inner

        def forward(self, x: Tensor) -> Tensor:
            return self.inner(x)

    x = case.data()
    data = torch.utils.data.TensorDataset(x, torch.zeros(len(x), dtype=torch.long))
    loader = torch.utils.data.DataLoader(data, batch_size=len(x))
    model = TorchModel(Holder(case.network().module))
    with torch.no_grad():
        result = Benchmark(model, loader, [], [], [[], [SynapticOperations]]).run(quiet=True)["SynapticOperations"]
    return round((result["Effective_MACs"] + result["Effective_ACs"]) * len(x))


@pytest.mark.parametrize("case", [*CASES, *SPIKING], ids=lambda case: case.name)
def test_spikingjelly_counts_the_same(case: Case) -> None:
    """Binary inputs only: there its SynOp counter is exact."""
    pytest.importorskip("spikingjelly", reason="spikingjelly is not installed")
    if case.name.startswith("spikingjelly"):
        case = replace(case, inputs=over_time(case.time_steps, binary(2, 6, 6)))
    assert operations(case) == spikingjelly_operations(case)


def spikingjelly_operations(case: Case) -> int:
    from spikingjelly.activation_based import op_counter

    network = case.network()
    counter = op_counter.SynOpCounter()
    with torch.no_grad(), op_counter.DispatchCounterMode([counter]):
        network.run(case.data())
    return int(counter.get_total())

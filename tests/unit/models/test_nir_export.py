"""Networks written as NIR graphs and read again: the same spikes and synaptic operations, or a layer named."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from spikingjelly.activation_based import layer, neuron, surrogate
from torch import nn

from snn_eval.data import Chunk
from snn_eval.errors import NetworkError
from snn_eval.models.adapters import adapt
from snn_eval.models.networks import build_network
from snn_eval.models.nir.building import nir_network
from snn_eval.models.nir.writing import network_to_nir, write_graph
from snn_eval.probe import ProbeOptions, record_trace

nir = pytest.importorskip("nir")

T = 6


def exact_numbers(module: nn.Module) -> nn.Module:
    """Weights of eighths and norms of powers of two: neither folding nor the order of a sum can round."""
    draw = torch.Generator().manual_seed(0)
    for part in module.modules():
        if isinstance(part, nn.Conv2d | nn.Linear):
            for values in filter(lambda p: p is not None, (part.weight, part.bias)):
                values.data = torch.randint(-8, 9, values.shape, generator=draw) / 8
        if isinstance(part, nn.BatchNorm2d):
            part.eps = 0.0
            size = part.weight.shape
            part.running_var = 4.0 ** torch.randint(-1, 2, size, generator=draw)
            part.running_mean = torch.randint(-4, 5, size, generator=draw) / 8
            part.weight.data = 2.0 ** torch.randint(-1, 2, size, generator=draw)
            part.bias.data = torch.randint(-4, 5, size, generator=draw) / 8
    return module.eval()


def trace_of(module: nn.Module, x: torch.Tensor) -> Any:
    network = adapt(module, T)
    chunks = [Chunk(0, np.arange(len(x)), x, np.zeros(len(x), dtype=np.int64))]
    return record_trace(network, chunks, ProbeOptions(batch_size=len(x), timed_chunks=0, input_kind="real"))


@pytest.mark.parametrize("kind", ["if", "lif", "plif"])
def test_ours_to_nir_to_ours_is_the_same_network(kind: str, tmp_path: Path) -> None:
    config = {"channels": [4, 6], "strides": [1, 2], "neuron": {"name": kind, "reset": "hard", "tau": 2.0}}
    module = exact_numbers(build_network("spiking-conv-net", T, config))
    write_graph(tmp_path / "a.nir", network_to_nir(module, (1, 8, 8)))
    again = nir_network(tmp_path / "a.nir", T)
    x = torch.randint(0, 17, (5, 1, 8, 8), generator=torch.Generator().manual_seed(1)) / 16
    one, other = trace_of(module, x), trace_of(again, x)
    for a, b in zip(one.neurons, other.neurons, strict=True):
        assert a.name.replace(".", "/") == b.name
        np.testing.assert_array_equal(a.spikes_TN, b.spikes_TN)
        np.testing.assert_array_equal(a.per_neuron, b.per_neuron)
        assert a.spikes_TN.sum() > 0
    for a, b in zip(one.synaptic, other.synaptic, strict=True):
        assert a.name.replace(".", "/") == b.name
        for counts in ("levels", "inputs_VTN", "ops_VTN", "ops_weighted_TN", "input_sum_TN"):
            np.testing.assert_array_equal(getattr(a, counts), getattr(b, counts))
    assert torch.equal(adapt(module, T).run(x), adapt(again, T).run(x))


def test_a_chain_of_plain_layers(tmp_path: Path) -> None:
    lif = neuron.LIFNode(tau=4.0, v_threshold=0.5, v_reset=0.0, step_mode="s", surrogate_function=surrogate.ATan())
    chain = exact_numbers(
        nn.Sequential(nn.Conv2d(2, 3, 3, groups=1), nn.AvgPool2d(2), nn.Flatten(), nn.Linear(12, 5), lif)
    )
    write_graph(tmp_path / "a.nir", network_to_nir(chain, (2, 6, 6)))
    found = nir.read(tmp_path / "a.nir")
    assert [type(found.nodes[str(i)]).__name__ for i in range(5)] == ["Conv2d", "AvgPool2d", "Flatten", "Affine", "LIF"]
    x = torch.randint(0, 9, (4, 2, 6, 6), generator=torch.Generator().manual_seed(1)) / 8
    want = adapt(chain, T).run(x)
    assert torch.equal(adapt(nir_network(tmp_path / "a.nir", T), T).run(x), want)
    assert 0 < want.mean() < 1


def test_a_membrane_exactly_at_the_threshold_fires(tmp_path: Path) -> None:
    chain = nn.Sequential(nn.Flatten(), neuron.IFNode(v_threshold=1.0))
    write_graph(tmp_path / "a.nir", network_to_nir(chain, (3,)))
    x = torch.tensor([[0.5, 1.0, 0.25]])
    assert adapt(nir_network(tmp_path / "a.nir", 2), 2).run(x).tolist() == [[[0, 1, 0]], [[1, 1, 0]]]


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"neuron": {"name": "if", "reset": "soft"}}, "stem.neuron: .* this one's reset is soft"),
        ({"pools": [2, 1]}, r"stem.pool \(MaxPool2d\): NIR has no maximum pooling"),
    ],
)
def test_what_nir_cannot_express_is_named(config: dict[str, Any], message: str) -> None:
    with pytest.raises(NetworkError, match=message):
        network_to_nir(build_network("spiking-conv-net", T, config), (1, 8, 8))


@pytest.mark.parametrize(
    ("odd", "message"),
    [
        (neuron.IzhikevichNode(), r"1 \(IzhikevichNode\): NIR has no such neuron"),
        (nn.ReLU(), r"1 \(ReLU\): expected a layer NIR has a node for"),
        (layer.SeqToANNContainer(nn.Conv2d(1, 1, 1)), r"1 \(SeqToANNContainer\)"),
        (neuron.IFNode(v_reset=-0.5), "1: expected a neuron that starts at 0, as NIR's, got -0.5"),
        (nn.BatchNorm1d(4), "1: NIR has no norm"),
        (nn.AvgPool2d(2, ceil_mode=True), "1: NIR has average pooling of whole windows only"),
    ],
)
def test_layers_that_cannot_be_exported(odd: nn.Module, message: str) -> None:
    with pytest.raises(NetworkError, match=message):
        network_to_nir(nn.Sequential(nn.Flatten(), odd), (4,))

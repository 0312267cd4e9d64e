"""The same graph here, in spikingjelly and in snntorch: equal spikes, or the first different one named."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import pytest
import torch
from helpers.shared import SHARED

from snn_eval.errors import NetworkError
from snn_eval.models.networks import build_network
from snn_eval.models.nir.building import build_graph
from snn_eval.models.nir.compare import Simulator, first_difference
from snn_eval.models.nir.reading import flat_graph
from snn_eval.models.nir.writing import network_to_nir

nir = pytest.importorskip("nir")
pytest.importorskip("nirtorch")
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::UserWarning")

T, N = 12, 3


def eighths(*shape: int, seed: int = 0) -> np.ndarray:
    draw = np.random.default_rng(seed)
    return (draw.integers(1, 9, shape) * draw.choice([-1, 1], shape) / 8).astype(np.float32)


def chain(threshold: float = 0.95, kind: str = "LIF") -> Any:
    """Two layers of neurons whose decays are 1/2 and 3/4, weights of eighths: no simulator rounds."""

    def neurons(size: int, steps: int) -> Any:
        one = np.ones(size)
        if kind == "LIF":
            return nir.LIF(one * steps * 1e-4, one * steps, one * 0, one * threshold)
        return nir.CubaLIF(
            one * 2e-4, one * steps * 1e-4, one * steps, one * 0, one * threshold, w_in=np.full(size, 2.0)
        )

    nodes = {
        "input": nir.Input(np.array([6])),
        "fc1": nir.Affine(eighths(8, 6), eighths(8, seed=1)),
        "n1": neurons(8, 2),
        "fc2": nir.Linear(eighths(4, 8, seed=2)),
        "n2": neurons(4, 4),
        "output": nir.Output(np.array([4])),
    }
    names = list(nodes)
    return nir.NIRGraph(nodes=nodes, edges=list(pairwise(names)))


def counts(*shape: int) -> torch.Tensor:
    return torch.randint(0, 3, (T, N, *shape), generator=torch.Generator().manual_seed(0)).float()


def fires(graph: Any, x: torch.Tensor) -> bool:
    with torch.no_grad():
        return 0 < float(build_graph(flat_graph(graph, "x"), len(x))(x).mean()) < 1


@pytest.mark.parametrize("kind", ["LIF", "CubaLIF"])
@pytest.mark.parametrize("simulator", ["spikingjelly", "snntorch"])
def test_a_chain_gives_the_same_spikes(simulator: Simulator, kind: str) -> None:
    assert first_difference(chain(kind=kind), counts(6), simulator) is None
    assert fires(chain(kind=kind), counts(6))


def test_a_reference_network_gives_the_same_spikes_in_spikingjelly() -> None:
    torch.manual_seed(0)
    graph = network_to_nir(
        build_network("spiking-conv-net", T, {"channels": [4, 6], "strides": [1, 2]}).eval(), (1, 8, 8)
    )
    x = torch.rand(T, N, 1, 8, 8, generator=torch.Generator().manual_seed(1)) * 4
    assert first_difference(graph, x, "spikingjelly") is None
    assert build_graph(flat_graph(graph, "x"), T)(x).unique().numel() > T


def test_the_first_difference_is_named() -> None:
    """spikingjelly fires at the threshold, NIR above it: a threshold that is met tells them apart."""
    nodes = {
        "input": nir.Input(np.array([2])),
        "n": nir.LIF(np.full(2, 2e-4), np.full(2, 2.0), np.zeros(2), np.ones(2)),
        "output": nir.Output(np.array([2])),
    }
    graph = nir.NIRGraph(nodes=nodes, edges=[("input", "n"), ("n", "output")])
    x = torch.tensor([[[0.5, 0.25], [0, 2]], [[0, 0.875], [0, 0]]])
    found = first_difference(graph, x, "spikingjelly")
    assert found is not None
    assert str(found) == "layer n, step 1, sample 0, neuron [1]: 0 here, 1 there"


@pytest.mark.parametrize(
    ("simulator", "node", "message"),
    [
        (
            "spikingjelly",
            nir.LI(np.full(6, 2e-4), np.full(6, 2.0), np.zeros(6)),
            "spikingjelly does not take this graph",
        ),
        ("snntorch", nir.LIF(np.full(6, 2e-4), np.full(6, 2.0), np.ones(6), np.ones(6)), "v_leak not supported"),
    ],
)
def test_a_graph_the_other_does_not_take(simulator: Simulator, node: Any, message: str) -> None:
    nodes = {"input": nir.Input(np.array([6])), "a": node, "output": nir.Output(np.array([6]))}
    graph = nir.NIRGraph(nodes=nodes, edges=[("input", "a"), ("a", "output")])
    with pytest.raises(NetworkError, match=message):
        first_difference(graph, counts(6), simulator)


@pytest.mark.parametrize("name", ["bias_zero", "noBias_subtract"])
def test_the_recurrent_networks_of_the_nir_paper(name: str) -> None:
    path = SHARED.parent / f"checkpoints_external/neuromorphs__NIR/paper/03_rnn/braille_noDelay_{name}.nir"
    if not path.is_file():
        pytest.skip(f"no {path}")
    assert first_difference(nir.read(path), counts(12), "spikingjelly") is None
    assert fires(nir.read(path), counts(12))

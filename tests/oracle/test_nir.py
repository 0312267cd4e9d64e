"""NIR graphs, built by hand and real ones, against brute force: same exact counts, layer by layer, step and sample."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch
from case import Case, chunks_of, expected_of
from compare import compare
from helpers.shared import SHARED
from torch import Tensor

from snn_eval.models.adapters import adapt
from snn_eval.models.nir.building import build_graph, nir_network
from snn_eval.models.nir.reading import flat_graph
from snn_eval.probe import ProbeOptions, record_trace

nir = pytest.importorskip("nir")

EXTERNAL = SHARED.parent / "checkpoints_external"
PAPER = "neuromorphs__NIR/paper/"


def dyadic_array(*shape: int, seed: int = 0) -> np.ndarray:
    """Nonzero multiples of 1/8 in [−1, 1]: sums are exact in any order."""
    draw = np.random.default_rng(seed)
    return (draw.integers(1, 9, shape) * draw.choice([-1, 1], shape) / 8).astype(np.float32)


def recurrent_graph() -> object:
    """Convolution, IF, pool, flatten, a recurrent LIF in a sub-graph, delay, scale, readout."""
    full = np.ones
    inner = nir.NIRGraph(
        nodes={
            "input": nir.Input(np.array([18])),
            "lif": nir.LIF(full(18) * 2e-4, full(18) * 2, full(18) * 0, full(18)),
            "w": nir.Affine(dyadic_array(18, 18, seed=3), dyadic_array(18, seed=4)),
            "output": nir.Output(np.array([18])),
        },
        edges=[("input", "lif"), ("lif", "w"), ("w", "lif"), ("lif", "output")],
    )
    nodes = {
        "in": nir.Input(np.array([1, 6, 6])),
        "conv": nir.Conv2d((6, 6), dyadic_array(2, 1, 3, 3), 1, 1, 1, 1, dyadic_array(2, seed=1)),
        "if": nir.IF(full((2, 6, 6)), full((2, 6, 6))),
        "pool": nir.SumPool2d(np.array([2, 2]), np.array([2, 2]), np.array([0, 0])),
        "flat": nir.Flatten({"input": np.array([2, 3, 3])}, 0, -1),
        "rnn": inner,
        "delay": nir.Delay(np.arange(18) % 3 * 1e-4),
        "scale": nir.Scale(full(18) / 2),
        "fc": nir.Linear(dyadic_array(4, 18, seed=5)),
        "li": nir.LI(full(4) * 2e-4, full(4), full(4) * 0),
        "out": nir.Output(np.array([4])),
    }
    chain = ["in", "conv", "if", "pool", "flat", "rnn", "delay", "scale", "fc", "li", "out"]
    return nir.NIRGraph(nodes=nodes, edges=[*pairwise(chain), ("flat", "scale")], type_check=False)


def events(*shape: int, time_steps: int, density: float = 0.4) -> object:
    def draw(samples: int) -> Tensor:
        return torch.randint(0, 3, (time_steps, samples, *shape)) * (torch.rand(time_steps, samples, *shape) < density)

    return lambda samples: draw(samples).float()


BY_HAND = Case(
    "nir_by_hand",
    lambda: build_graph(flat_graph(recurrent_graph(), "by hand"), 5),
    events(1, 6, 6, time_steps=5),
    time_steps=5,
    sample_axis=1,
    plan=("fold", "loop", "fold"),
    layers=3,
)
STATIC = Case(
    "nir_static",
    lambda: build_graph(flat_graph(recurrent_graph(), "by hand"), 5),
    lambda samples: torch.randint(-8, 9, (samples, 1, 6, 6)) / 8,
    time_steps=5,
    plan=("once", "loop", "fold"),
    layers=3,
)


def exact(case: Case, kind: str) -> None:
    network = adapt(case.network().module, case.time_steps, sample_axis=case.sample_axis)
    options = ProbeOptions(batch_size=case.batch_size, timed_chunks=0, input_kind=kind)
    trace = record_trace(network, chunks_of(case, case.data()), options)
    assert sum(int(neuron.spikes_TN.sum()) for neuron in trace.neurons) > 0
    want = expected_of(case)
    for neuron in trace.neurons:
        if not neuron.has_threshold:  # an integrator never spikes, whatever it gives
            want.spikes[neuron.name], want.per_neuron[neuron.name] = neuron.spikes_TN * 0, neuron.per_neuron * 0
    compare(case, trace, want)


@pytest.mark.parametrize(("case", "kind"), [(BY_HAND, "counts"), (STATIC, "real")], ids=["events", "static"])
def test_a_graph_of_many_types_is_exact(case: Case, kind: str) -> None:
    exact(case, kind)


REAL_GRAPHS: dict[str, tuple[tuple[int, ...], int, int, tuple[str, ...]]] = {
    PAPER + "03_rnn/braille_noDelay_bias_zero.nir": ((12,), 12, 4, ("fold", "loop", "fold")),
    PAPER + "03_rnn/braille_noDelay_noBias_subtract.nir": ((12,), 12, 4, ("fold", "loop", "fold")),
    PAPER + "01_lif/lif_norse.nir": ((1,), 40, 3, ("fold",)),
    PAPER + "01_lif/lif_rockpool.nir": ((1,), 40, 3, ("fold",)),
    PAPER + "01_lif/debug_spike_representation/two_lif_neurons.nir": ((1,), 100, 3, ("fold", "fold")),
    "norse__norse/norse/torch/utils/test/braille.nir": ((12,), 8, 3, ("fold", "loop", "fold")),
    PAPER + "02_cnn/cnn_sinabs.nir": ((2, 34, 34), 2, 1, ("fold",) * 5),
}
"""File -> shape of its input, T, samples, and how its calls lie in time."""


@pytest.mark.parametrize("file", REAL_GRAPHS)
def test_graphs_of_the_nir_paper_are_exact(file: str) -> None:
    path: Path = EXTERNAL / file
    shape, time_steps, samples, plan = REAL_GRAPHS[file]
    if not path.is_file():
        pytest.skip(f"no {path}")
    case = Case(
        file,
        lambda: nir_network(path, time_steps),
        events(*shape, time_steps=time_steps),
        time_steps=time_steps,
        sample_axis=1,
        samples=samples,
        plan=plan,  # type: ignore[arg-type]
        layers=len(plan),
    )
    exact(case, "counts")

"""A NIR graph in other simulators, by ``snn-eval validate``, and the suites that ``describe`` names for it."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch
from cli.conftest import Command

from snn_eval.models.manifest import shipped_checkpoint
from snn_eval.models.nir.building import nir_network
from snn_eval.run.elsewhere import drawn_for

nir = pytest.importorskip("nir")


def leaky_chain(threshold: float) -> object:
    """Two LIF layers whose decay is 1/2, weights of eighths: nothing rounds."""
    one = np.ones(4)
    weight = (np.arange(16).reshape(4, 4) % 7 - 2).astype(np.float32) / 8
    neurons = lambda: nir.LIF(one * 2e-4, one * 2, one * 0, one * threshold)  # noqa: E731
    nodes = {"input": nir.Input(np.array([4])), "a": neurons(), "w": nir.Linear(weight), "b": neurons()}
    names = [*nodes, "output"]
    return nir.NIRGraph({**nodes, "output": nir.Output(np.array([4]))}, list(pairwise(names)))


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_graph_is_compared_with_other_simulators(snn_eval: Command) -> None:
    pytest.importorskip("nirtorch")
    nir.write("chain.nir", leaky_chain(0.95))
    both = snn_eval("validate", "chain.nir", "--time-steps", "8")
    assert both.code == 0
    first, *lines = both.out.splitlines()
    network = nir_network(Path("chain.nir"), 8)
    assert first.startswith("chain.nir: ")
    assert first.endswith(" spikes here, 8 steps of 4 samples, drawn")
    assert lines == ["  spikingjelly  all spikes equal", "  snntorch      all spikes equal"]
    drawn = drawn_for(Path("chain.nir"), 8)
    with torch.no_grad():
        out = network(drawn.x)
    assert 0 < out.sum() < drawn.spikes
    shipped = shipped_checkpoint("digits-spiking-conv-net.pt")[0]
    assert snn_eval("export", str(shipped), "--nir", "digits.nir").code == 0
    one = snn_eval("validate", "digits.nir", "--against", "spikingjelly")
    assert (one.code, one.out.splitlines()[1]) == (0, "  spikingjelly  all spikes equal")
    other = snn_eval("validate", "digits.nir", "--against", "snntorch")
    assert other.code == 1
    assert "snntorch  does not take this graph: " in other.out


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_the_first_difference_is_an_exit_code(snn_eval: Command) -> None:
    """A bias on the way back is there from the first step on here, from the second in spikingjelly."""
    pytest.importorskip("nirtorch")
    one = np.ones(2)
    nodes = {
        "input": nir.Input(np.array([2])),
        "a": nir.LIF(one * 2e-4, one * 2, one * 0, one),
        "w": nir.Affine(np.zeros((2, 2), np.float32), np.array([0, 64], np.float32)),
        "output": nir.Output(np.array([2])),
    }
    edges = [("input", "a"), ("a", "w"), ("w", "a"), ("a", "output")]
    nir.write("loop.nir", nir.NIRGraph(nodes, edges))
    answer = snn_eval("validate", "loop.nir", "--against", "spikingjelly")
    assert answer.code == 1
    assert answer.out.endswith("first difference: layer a, step 0, sample 0, neuron [1]: 1 here, 0 there\n")


def test_a_graph_in_which_nothing_fires_is_not_compared(snn_eval: Command) -> None:
    nodes = {"input": nir.Input(np.array([2])), "s": nir.Scale(np.ones(2)), "output": nir.Output(np.array([2]))}
    nir.write("scale.nir", nir.NIRGraph(nodes, [("input", "s"), ("s", "output")]))
    answer = snn_eval("validate", "scale.nir")
    assert (answer.code, "expected neurons that fire, found none" in answer.err) == (2, True)
    assert "are for NIR graphs" in snn_eval("validate", "digits", "--against", "snntorch").err


@pytest.mark.parametrize(("shape", "more"), [((1, 8, 8), ""), ((64,), " --flatten")])
def test_describe_names_the_suites_a_graph_fits(snn_eval: Command, shape: tuple[int, ...], more: str) -> None:
    chain = {"flat": nir.Flatten({"input": np.array(shape)}, 0, -1)} if len(shape) > 1 else {}
    weight = np.ones((10, 64), np.float32)
    nodes = {
        "input": nir.Input(np.array(shape)),
        **chain,
        "w": nir.Linear(weight),
        "output": nir.Output(np.array([10])),
    }
    nir.write("g.nir", nir.NIRGraph(nodes, list(pairwise(nodes)), type_check=False))
    out = snn_eval("describe", "g.nir").out
    assert out.splitlines()[-1] == f"  snn-eval run --models digits g.nir{more}"
    assert snn_eval("run", "--models", "digits", "g.nir", *more.split(), "--dry-run").code == 0

"""Every type of node of NIR against its formula, written once more in numpy and float64, step by step."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from snn_eval.errors import CheckpointError
from snn_eval.models.adapters import adapt
from snn_eval.models.nir.building import BUILDERS, build_graph
from snn_eval.models.nir.reading import flat_graph

nir = pytest.importorskip("nir")

T, N = 9, 3
DT = 1e-4


def run(nodes: dict[str, Any], edges: list[tuple[str, str]], x: np.ndarray) -> np.ndarray:
    """Outcome ``[T,N,…]`` of a graph between ``in`` and ``out``."""
    ends = {"in": nir.Input(np.array(x.shape[2:])), "out": nir.Output(np.array([1]))}
    graph = nir.NIRGraph(nodes={**ends, **nodes}, edges=edges, type_check=False)
    module = build_graph(flat_graph(graph, "test"), len(x))
    with torch.no_grad():
        first = module(torch.from_numpy(x).float())
        assert torch.equal(module(torch.from_numpy(x).float()), first), "state is left over"
    return np.asarray(first)


def alone(node: Any, x: np.ndarray) -> np.ndarray:
    return run({"a": node}, [("in", "a"), ("a", "out")], x)


def given(*shape: int, seed: int = 0) -> np.ndarray:
    """Multiples of 1/8 in −1 … 2."""
    return np.random.default_rng(seed).integers(-8, 17, (T, N, *shape)) / 8


def values(low: float, high: float, seed: int, size: int = 5) -> np.ndarray:
    return np.random.default_rng(seed).uniform(low, high, size)


def fire(v: np.ndarray, node: Any) -> tuple[np.ndarray, np.ndarray]:
    z = v > node.v_threshold
    return z.astype(float), np.where(z, node.v_reset, v)


def test_if_and_i() -> None:
    x = given(5)
    node = nir.IF(values(0.5, 2, 1), values(0.5, 1.5, 2), values(-0.5, 0.2, 3))
    v, want = np.zeros((N, 5)), []
    for x_t in x:
        z, v = fire(v + node.r * x_t, node)
        want.append(z)
    np.testing.assert_array_equal(alone(node, x), want)
    assert 0 < np.sum(want) < np.size(want)
    np.testing.assert_allclose(alone(nir.I(node.r), x), np.cumsum(node.r * x, 0), rtol=1e-5, atol=1e-5)


def test_an_integrator_whose_r_is_one_over_dt_has_one() -> None:
    x, one, threshold = given(5), np.ones(5), np.ones(5)
    assert alone(nir.IF(one / DT, threshold), x).tolist() == alone(nir.IF(one, threshold), x).tolist()


def test_lif_and_li() -> None:
    x = given(5)
    node = nir.LIF(values(2e-4, 9e-4, 1), values(2, 6, 2), values(-0.2, 0.3, 3), values(0.3, 1, 4), values(-0.3, 0, 5))
    v, u, want, potentials = np.zeros((N, 5)), np.zeros((N, 5)), [], []
    for x_t in x:
        z, v = fire(v + DT / node.tau * (node.v_leak - v + node.r * x_t), node)
        u = u + DT / node.tau * (node.v_leak - u + node.r * x_t)
        want.append(z)
        potentials.append(u)
    np.testing.assert_array_equal(alone(node, x), want)
    assert 0 < np.sum(want) < np.size(want)
    np.testing.assert_allclose(alone(nir.LI(node.tau, node.r, node.v_leak), x), potentials, rtol=1e-5, atol=1e-5)


def test_cuba_lif_and_cuba_li() -> None:
    x = given(5)
    shared = {
        "tau_syn": values(2e-4, 5e-4, 1),
        "tau_mem": values(2e-4, 9e-4, 2),
        "r": values(2, 6, 3),
        "v_leak": values(-0.2, 0.3, 4),
        "w_in": values(1, 4, 5),
    }
    node = nir.CubaLIF(**shared, v_threshold=values(0.3, 1, 6), v_reset=values(-0.3, 0, 7))
    want, potentials = [], []
    i, v, u = (np.zeros((N, 5)) for _ in range(3))
    for x_t in x:
        i = i + DT / node.tau_syn * (-i + node.w_in * x_t)
        z, v = fire(v + DT / node.tau_mem * (node.v_leak - v + node.r * i), node)
        u = u + DT / node.tau_mem * (node.v_leak - u + node.r * i)
        want.append(z)
        potentials.append(u)
    np.testing.assert_array_equal(alone(node, x), want)
    assert 0 < np.sum(want) < np.size(want)
    np.testing.assert_allclose(alone(nir.CubaLI(**shared), x), potentials, rtol=1e-5, atol=1e-5)


def test_threshold_scale_and_delay() -> None:
    x = given(5)
    threshold = np.array([0, 0.5, 1, 1.5, 0.25])
    np.testing.assert_array_equal(alone(nir.Threshold(threshold), x), x > threshold)
    np.testing.assert_array_equal(alone(nir.Scale(np.arange(5) / 4), x), x * np.arange(5) / 4)
    late = np.zeros_like(x)
    for element, steps in enumerate([0, 3, 1, 12, 3]):
        late[steps:, :, element] = x[: max(T - steps, 0), :, element]
    np.testing.assert_array_equal(alone(nir.Delay(np.array([0, 3, 1, 12, 3]) * DT), x), late)
    np.testing.assert_array_equal(alone(nir.Delay(np.full(5, 2e-4)), x)[2:], x[:-2])


def test_linear_and_affine() -> None:
    x, weight, bias = given(5), given(4, 5)[0, 0], np.array([1, 0, -0.5, 2.0])
    np.testing.assert_array_equal(alone(nir.Linear(weight), x), x @ weight.T)
    np.testing.assert_array_equal(alone(nir.Affine(weight, bias), x), x @ weight.T + bias)


def test_convolutions() -> None:
    line, weight = given(4, 11), given(6, 2, 3)[0, 0]
    want = np.zeros((T, N, 6, 5))
    padded = np.pad(line, ((0, 0), (0, 0), (0, 0), (1, 1)))
    for o, p in np.ndindex(6, 5):
        group = slice(0, 2) if o < 3 else slice(2, 4)
        want[:, :, o, p] = (padded[:, :, group, 2 * p : 2 * p + 5 : 2] * weight[o]).sum((-1, -2))
    found = alone(nir.Conv1d(11, weight, 2, 1, 2, 2, np.ones(6)), line)
    np.testing.assert_array_equal(found, want + 1)
    plane, kernel = given(2, 5, 4), given(3, 2, 3, 3)[0, 0]
    same = alone(nir.Conv2d((5, 4), kernel, 1, "same", 1, 1, np.zeros(3)), plane)
    assert same.shape == (T, N, 3, 5, 4)
    np.testing.assert_array_equal(same[:, :, 1, 2, 2], (plane[:, :, :, 1:4, 1:4] * kernel[1]).sum((-1, -2, -3)))


def test_pools_and_flatten() -> None:
    x = given(2, 4, 6)
    windows = x.reshape(T, N, 2, 2, 2, 3, 2).sum((4, 6))
    two, zero = np.array([2, 2]), np.array([0, 0])
    np.testing.assert_array_equal(alone(nir.SumPool2d(two, two, zero), x), windows)
    np.testing.assert_array_equal(alone(nir.AvgPool2d(two, two, zero), x), windows / 4)
    np.testing.assert_array_equal(alone(nir.Flatten({"input": np.array([2, 4, 6])}, 0, -1), x), x.reshape(T, N, -1))
    np.testing.assert_array_equal(alone(nir.Flatten({"input": np.array([2, 4, 6])}, 1, 2), x), x.reshape(T, N, 2, -1))


def test_every_type_of_node_is_known() -> None:
    kinds = {name for name in dir(nir.ir) if isinstance(getattr(nir.ir, name), type)}
    nodes = {name for name in kinds if issubclass(getattr(nir.ir, name), nir.NIRNode)} - {"NIRNode"}
    assert nodes == set(BUILDERS) | {"Input", "Output", "NIRGraph"}


def test_spikes_go_back_a_step_later_with_the_bias_of_their_layer() -> None:
    x, one = given(3), np.ones(3)
    weight, bias = given(3, 3)[0, 0], np.array([0.25, 0, -0.125])
    nodes = {"n": nir.IF(one, one), "w": nir.Affine(weight, bias)}
    v, z, want = np.zeros((N, 3)), np.zeros((N, 3)), []
    for x_t in x:
        z, v = fire(v + x_t + z @ weight.T + bias, nodes["n"])
        want.append(z)
    found = run(nodes, [("in", "n"), ("n", "w"), ("w", "n"), ("n", "out")], x)
    np.testing.assert_array_equal(found, want)
    assert np.sum(want) > 0


def test_of_two_neurons_in_a_loop_only_the_way_back_is_late() -> None:
    x, one = given(3), np.ones(3)
    nodes = {"first": nir.IF(one, one), "second": nir.IF(one, one / 2), "back": nir.Scale(-one / 2)}
    u, v, late, want = np.zeros((N, 3)), np.zeros((N, 3)), np.zeros((N, 3)), []
    for x_t in x:
        z, u = fire(u + x_t - late / 2, nodes["first"])
        late, v = fire(v + z, nodes["second"])
        want.append(late)
    edges = [("in", "first"), ("first", "second"), ("second", "back"), ("back", "first"), ("second", "out")]
    np.testing.assert_array_equal(run(nodes, edges, x), want)
    assert np.sum(want) > 0


def test_several_edges_into_a_node_add_up_and_one_given_twice_counts_once() -> None:
    x = given(5)
    nodes = {"a": nir.Scale(np.full(5, 0.5)), "b": nir.Scale(np.full(5, 2.0))}
    edges = [("in", "a"), ("in", "b"), ("a", "out"), ("b", "out"), ("b", "out")]
    np.testing.assert_array_equal(run(nodes, edges, x), 2.5 * x)


def test_facts_are_those_of_the_cheapest_exact_update() -> None:
    one, two = np.ones(4), np.full(4, 2e-4)
    found = {}
    for name, node in {
        "if": nir.IF(one, one),
        "scaled if": nir.IF(one * 2, one),
        "lif": nir.LIF(two, one * 2, one * 0, one),
        "decaying its input": nir.LIF(two, one, one * 0.5, one),
        "cuba": nir.CubaLIF(two, two, one * 2, one * 0, one, w_in=2.0),
        "li": nir.LI(two, one * 2, one * 0),
        "threshold": nir.Threshold(one),
    }.items():
        ends = {"in": nir.Input(np.array([4])), "out": nir.Output(np.array([4]))}
        graph = nir.NIRGraph(nodes={**ends, "a": node}, edges=[("in", "a"), ("a", "out")], type_check=False)
        network = adapt(build_graph(flat_graph(graph, "x"), 3), 3, example=torch.ones(2, 4))
        facts = network.spiking_layers()["a"].neuron
        found[name] = (facts.mul, facts.add, facts.compare, facts.states, facts.has_threshold)
    assert found == {
        "if": (0, 1, 1, 1, True),
        "scaled if": (1, 1, 1, 1, True),
        "lif": (1, 1, 1, 1, True),
        "decaying its input": (2, 2, 1, 1, True),
        "cuba": (2, 2, 1, 2, True),
        "li": (1, 1, 0, 1, False),
        "threshold": (0, 0, 1, 0, True),
    }


def test_static_input_is_held_and_worked_out_once_before_the_first_neuron() -> None:
    x, weight = given(5)[0], given(4, 5, seed=2)[0, 0]
    one = np.ones(4)
    ends = {"in": nir.Input(np.array([5])), "out": nir.Output(np.array([4]))}
    nodes = {**ends, "w": nir.Linear(weight), "n": nir.IF(one, one)}
    graph = flat_graph(nir.NIRGraph(nodes=nodes, edges=[("in", "w"), ("w", "n"), ("n", "out")]), "x")
    module, calls = build_graph(graph, T), []
    module.w.register_forward_hook(lambda *_: calls.append(1))  # type: ignore[union-attr]
    static = module(torch.from_numpy(x).float())
    assert len(calls) == 1
    held = module(torch.from_numpy(np.broadcast_to(x, (T, *x.shape)).copy()).float())
    assert torch.equal(static, held)


@pytest.mark.parametrize(
    ("node", "message"),
    [
        (nir.LIF(np.full(5, 5e-5), np.ones(5), np.ones(5), np.ones(5)), r"node a \(LIF\): tau: .*at least a time step"),
        (nir.IF(np.full(5, np.nan), np.ones(5)), r"node a \(IF\): gain: expected finite numbers"),
        (nir.Linear(np.full((4, 5), np.inf)), r"node a \(Linear\): weight: expected finite numbers"),
        (nir.Linear(np.ones((2, 4, 5))), r"node a \(Linear\): weight: expected \[out, in\], got shape \[2, 4, 5\]"),
        (nir.Affine(np.ones((4, 5)), np.ones(3)), r"node a \(Affine\): bias: expected \[4\], got \[3\]"),
        (nir.Delay(np.array([-1.0])), r"node a \(Delay\): delay: expected seconds of 0 or more, got -1"),
    ],
)
def test_values_that_cannot_be_run_are_refused_by_the_node(node: Any, message: str) -> None:
    with pytest.raises(CheckpointError, match=message):
        alone(node, given(5))


def test_a_shape_that_does_not_fit_is_named() -> None:
    with pytest.raises(RuntimeError, match=r"node a \(IF\): expected input of shape \[4\], got \[5\]"):
        alone(nir.IF(np.arange(4.0), np.ones(4)), given(5))
    with pytest.raises(RuntimeError, match=r"node a: .*mat1 and mat2"):
        alone(nir.Linear(np.ones((2, 4))), given(5))

"""The dynamic neuron: each formula against slow loops, its base bit for bit, its gradients, what it says it costs."""

from __future__ import annotations

import copy
import itertools
import math
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from spikingjelly.activation_based import neuron as sj
from spikingjelly.activation_based import surrogate
from torch import Tensor, nn

from snn_eval.errors import SuiteError
from snn_eval.models.adapters import adapt
from snn_eval.models.adapters.spikingjelly_facts import neuron_facts
from snn_eval.models.dynamic_lif import DynamicLIF
from snn_eval.models.neurons import NeuronConfig, build_neuron
from snn_eval.probe import Chunk, ProbeOptions, record_trace
from snn_eval.train.fused import run_fused

SWITCHES = ("adaptive", "state_leak", "synaptic")
SUBSETS = [dict(zip(SWITCHES, on, strict=True)) for on in itertools.product((False, True), repeat=3)]
ALL = SUBSETS[-1]


def node(values: dict[str, float] | None = None, **config: Any) -> DynamicLIF:
    """A layer with these learned values; those of switches that are off are left out."""
    made = build_neuron(NeuronConfig("dynamic-lif", **{"reset": "soft", **config}))
    assert isinstance(made, DynamicLIF)
    with torch.no_grad():
        for name, value in (values or {}).items():
            if name in dict(made.named_parameters()):
                made.get_parameter(name).fill_(value)
    return made


def normal(*shape: int, seed: int = 0) -> Tensor:
    return 1.5 * torch.randn(shape, generator=torch.Generator().manual_seed(seed)) + 0.5


def spikes_of(neuron: DynamicLIF, currents: list[float]) -> list[int]:
    with torch.no_grad():
        return [int(spike) for spike in neuron.double()(torch.tensor(currents, dtype=torch.float64)[:, None])]


def test_base_by_hand() -> None:
    # u = (u + 1.5)/2: 0.75, 1.125 fires and leaves 0.125, 0.8125, 1.15625 fires and leaves 0.15625, 0.828125
    assert spikes_of(node(), [1.5] * 5) == [0, 1, 0, 1, 0]
    # 0.95, 1.425 fires and leaves 0.425, 1.1625 fires; after a hard reset, which leaves 0, it is 0.95 again
    assert spikes_of(node(), [1.9] * 3) == [0, 1, 1]
    assert spikes_of(node(reset="hard"), [1.9] * 3) == [0, 1, 0]


def test_adaptive_threshold_by_hand() -> None:
    # ρ = 1/2, β = 1: after the spike of step 2 θ is 1 + 0.5, 1 + 0.25, 1 + 0.125; u: 0.8125, 1.15625, 1.328125
    found = node({"threshold": 1, "beta": 1}, adaptive=True, rho=0.5)
    assert spikes_of(found, [1.5] * 5) == [0, 1, 0, 0, 1]


def test_synapse_by_hand() -> None:
    # tau1 = 1/2: h = 1, 1.5, 1.75, 1.875; u = 0.5, 1 fires and leaves 0, 0.875, 1.375 fires
    assert spikes_of(node({"tau1": 0.5}, synaptic=True), [1.0] * 4) == [0, 1, 0, 1]
    assert spikes_of(node(), [1.0] * 4) == [0, 0, 0, 0]


def test_leak_by_hand() -> None:
    # λ = 0.5 + 0.25: u = 0.5, 0.875, 1.15625 fires
    assert spikes_of(node({"leak_a": 0.25}, state_leak=True), [1.0] * 3) == [0, 0, 1]
    # b = -0.5: λ = 0.75 + 0.5·0.5 > 0.99: u = 0.5, 0.99·0.5 + 0.5 = 0.995, 0.99·0.995 + 0.5 fires
    assert spikes_of(node({"leak_a": 0.25, "leak_b": -0.5}, state_leak=True), [1.0] * 3) == [0, 0, 1]
    # b = 2: λ = 0.5 − 2·|-1| < 0.25: u = -1, -0.25 + 1.25 fires; with the base it is -0.5 + 1.25
    assert spikes_of(node({"leak_b": 2}, state_leak=True), [-2.0, 2.5]) == [0, 1]
    assert spikes_of(node(), [-2.0, 2.5]) == [0, 0]


class Slow:
    """One neuron in float64, every formula in its general form and no part left out, with a surrogate of its own."""

    def __init__(self, neuron: DynamicLIF, leaf: dict[str, Tensor]) -> None:
        self.neuron, self.leaf = neuron, leaf
        self.h = self.trace = self.spike = self.u = torch.zeros((), dtype=torch.float64)

    def value(self, name: str, otherwise: float) -> Tensor:
        return self.leaf.get(name, torch.tensor(otherwise, dtype=torch.float64))

    def step(self, x: Tensor) -> Tensor:
        tau, rho = self.neuron.tau, self.neuron.rho
        self.h = self.value("tau1", 0) * self.h + x
        self.trace = rho * self.trace + (1 - rho) * self.spike
        theta = self.value("threshold", self.neuron.v_threshold) + self.value("beta", 0) * self.trace
        leak = 1 - 1 / tau + self.value("leak_a", 0) - self.value("leak_b", 0) * self.u.abs() / theta
        if not 0.25 <= leak.item() <= 0.99:
            leak = torch.tensor(0.25 if leak.item() < 0.25 else 0.99, dtype=torch.float64)
        u = leak * self.u + self.h / tau
        graded = torch.atan(math.pi * (u - theta)) / math.pi
        self.spike = graded + (float(u.item() >= theta.item()) - graded).detach()
        if self.neuron.v_reset is None:
            self.u = u - (theta * self.spike).detach()
        else:
            self.u = u * (1 - self.spike.detach())
        return self.spike


def slow(neuron: DynamicLIF, x: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
    """Spikes of currents ``[T,N]`` and the learned values they depend on."""
    leaf = {name: value.detach().double().requires_grad_() for name, value in neuron.named_parameters()}
    columns = []
    for currents in x.unbind(1):
        one = Slow(neuron, leaf)
        columns.append(torch.stack([one.step(current) for current in currents]))
    return torch.stack(columns, 1), leaf


@settings(max_examples=40, deadline=None)
@given(
    switches=st.sampled_from(SUBSETS),
    reset=st.sampled_from(["soft", "hard"]),
    tau=st.sampled_from([1.5, 2.0, 3.7]),
    rho=st.sampled_from([0.0, 0.5, 0.9]),
    values=st.fixed_dictionaries(
        {
            "threshold": st.sampled_from([0.6, 1.0, 1.3]),
            "beta": st.sampled_from([0.0, 0.1, 0.8]),
            "leak_a": st.sampled_from([0.0, 0.05, -0.2, 0.6]),
            "leak_b": st.sampled_from([0.0, 0.1, -0.15, 0.7]),
            "tau1": st.sampled_from([0.0, 0.3, 0.9]),
        }
    ),
    seed=st.integers(0, 10_000),
)
def test_spikes_and_gradients_are_those_of_slow_loops(
    switches: dict[str, bool], reset: str, tau: float, rho: float, values: dict[str, float], seed: int
) -> None:
    neuron = node(values, reset=reset, tau=tau, rho=rho, **switches).double()
    x = normal(6, 5, seed=seed).double().requires_grad_()
    weight = normal(6, 5, seed=seed + 1).double()
    expected, leaf = slow(neuron, x)
    found = neuron(x)
    assert torch.equal(found, expected.detach().round())
    right = torch.autograd.grad((expected * weight).sum(), [x, *leaf.values()], allow_unused=True)
    ours = torch.autograd.grad((found * weight).sum(), [x, *neuron.parameters()], allow_unused=True)
    for name, left, other in zip(["x", *leaf], ours, right, strict=True):
        zero = torch.zeros((), dtype=torch.float64)
        torch.testing.assert_close(zero if left is None else left, zero if other is None else other, msg=name)


@pytest.mark.parametrize("switches", SUBSETS)
@pytest.mark.parametrize("reset", ["soft", "hard"])
@pytest.mark.parametrize("tau", [2.0, 1.7])
def test_zero_is_spikingjelly_bit_for_bit(tau: float, reset: str, switches: dict[str, bool]) -> None:
    other = sj.LIFNode(
        tau,
        decay_input=True,
        v_threshold=0.7,
        v_reset=None if reset == "soft" else 0.0,
        surrogate_function=surrogate.ATan(),
        detach_reset=True,
        step_mode="m",
    )
    neuron = node(tau=tau, v_threshold=0.7, reset=reset, beta=0.0, **switches)
    x = normal(12, 40, 50)
    expected = other(x)
    assert 0.1 < expected.mean() < 0.9
    assert torch.equal(neuron(x), expected)
    with torch.no_grad():
        assert torch.equal(neuron(x), expected)
    plain, ours = x.clone().requires_grad_(), x.clone().requires_grad_()
    other.reset()
    (other(plain) * x).sum().backward()
    (neuron(ours) * x).sum().backward()
    torch.testing.assert_close(ours.grad, plain.grad)
    assert all(part.grad is not None and part.grad != 0 for part in neuron.parameters())


@pytest.mark.parametrize(
    ("name", "beyond", "bound", "leads_back"),
    [("tau1", -0.2, 0.0, -1), ("tau1", 1.2, 0.95, 1), ("beta", -0.3, 0.0, -1), ("threshold", 0.02, 0.1, -1)],
)
def test_beyond_a_bound_only_gradients_that_lead_back_pass(
    name: str, beyond: float, bound: float, leads_back: int
) -> None:
    neuron, at_bound = node({name: beyond}, **ALL), node({name: bound}, **ALL)
    x = normal(6, 9)
    assert torch.equal(neuron(x), at_bound(x))
    assert getattr(neuron.learned(), name) == torch.tensor(bound)
    for sign in (1, -1):
        (gradient,) = torch.autograd.grad(sign * getattr(neuron.learned(), name), neuron.get_parameter(name))
        assert gradient == (sign if sign == leads_back else 0)
        (gradient,) = torch.autograd.grad(sign * getattr(at_bound.learned(), name), at_bound.get_parameter(name))
        assert gradient == sign


LEARNED = {"threshold": 0.9, "beta": 0.2, "leak_a": 0.1, "leak_b": 0.1, "tau1": 0.3}

# model, states, mul, add, compare of the base (I − u, its share, their sum, θ·S away), then what each switch adds
COSTS = [
    ({}, LEARNED, ("lif", 1, 1, 3, 1)),
    ({"synaptic": True}, LEARNED, ("dynamic-lif", 2, 1 + 1, 3 + 1, 1)),
    ({"adaptive": True}, LEARNED, ("dynamic-lif", 2, 1 + 2, 3 + 2, 1)),
    ({"state_leak": True}, LEARNED, ("dynamic-lif", 1, 1 + 2, 3, 1 + 2)),
    ({"state_leak": True, "adaptive": True}, LEARNED, ("dynamic-lif", 2, 1 + 2 + 3, 3 + 2, 1 + 2)),
    (ALL, LEARNED, ("dynamic-lif", 3, 1 + 1 + 2 + 3, 3 + 1 + 2, 1 + 2)),
    (ALL, LEARNED | {"tau1": 0.0}, ("dynamic-lif", 2, 1 + 2 + 3, 3 + 2, 1 + 2)),
    (ALL, LEARNED | {"leak_a": 0.0}, ("dynamic-lif", 3, 1 + 1 + 2 + 3, 3 + 1 + 2, 1 + 2)),
    (ALL, {"beta": 0.0}, ("lif", 1, 1, 3, 1)),
    (ALL, {"beta": -0.4, "tau1": -0.1}, ("lif", 1, 1, 3, 1)),
    ({"reset": "hard"} | ALL, LEARNED, ("dynamic-lif", 3, 1 + 1 + 2 + 3, 2 + 1 + 2, 1 + 2)),
]


@pytest.mark.parametrize(("config", "values", "expected"), COSTS)
def test_costs(config: dict[str, Any], values: dict[str, float], expected: tuple[object, ...]) -> None:
    said = node(values, **config).neuron_model
    assert tuple(said[key] for key in ("model", "states", "mul", "add", "compare")) == expected
    assert said["reset"] == config.get("reset", "soft")


@pytest.mark.parametrize("reset", ["soft", "hard"])
def test_the_base_costs_what_that_of_spikingjelly_does(reset: str) -> None:
    facts = neuron_facts(sj.LIFNode(decay_input=True, v_reset=None if reset == "soft" else 0.0))
    said = node(reset=reset).neuron_model
    assert facts is not None
    assert {key: getattr(facts.neuron, key) for key in said if key != "multi_step"} | {"multi_step": True} == said


def test_a_network_with_it_is_measured() -> None:
    neuron = node(LEARNED, **ALL)
    module = nn.Sequential(nn.Linear(3, 4, bias=False), neuron, nn.Linear(4, 2, bias=False))
    network = adapt(module, 5)
    x = normal(6, 3)
    trace = record_trace(
        network, iter([Chunk(0, np.arange(6), x, np.zeros(6, np.int64))]), ProbeOptions(batch_size=6, input_kind="real")
    )
    (layer,) = trace.neurons
    assert (layer.model, layer.states, layer.mul, layer.add, layer.compare) == ("dynamic-lif", 3, 7, 6, 3)
    with torch.no_grad():
        current = module[0](x).double()
        spikes = slow(neuron.double(), current.flatten().expand(5, -1))[0].unflatten(1, current.shape).round()
    assert layer.spikes_TN.tolist() == spikes.sum(2).int().tolist()
    assert 0 < spikes.mean() < 1
    readout = next(layer for layer in trace.synaptic if layer.name == "2")
    assert int(readout.ops_VTN.sum()) == int(spikes.sum()) * 2
    assert not trace.unknown


@pytest.mark.parametrize("switches", SUBSETS)
def test_only_switches_that_are_on_learn(switches: dict[str, bool]) -> None:
    names = {"adaptive": {"threshold", "beta"}, "state_leak": {"leak_a", "leak_b"}, "synaptic": {"tau1"}}
    expected = set().union(*(names[switch] for switch, on in switches.items() if on))
    neuron = node(LEARNED, **switches)
    assert {name: value.shape for name, value in neuron.state_dict().items()} == dict.fromkeys(expected, ())
    other = node(**switches)
    other.load_state_dict(neuron.state_dict())
    x = normal(5, 20)
    assert torch.equal(other(x), neuron(x))
    assert torch.equal(copy.deepcopy(neuron)(x), neuron(x))


def test_first_values_are_those_of_the_configuration() -> None:
    found = node(v_threshold=0.8, beta=0.25, **ALL).state_dict()
    expected = {"threshold": 0.8, "beta": 0.25, "leak_a": 0, "leak_b": 0, "tau1": 0}
    assert found == {name: torch.tensor(float(value)) for name, value in expected.items()}


def test_every_call_begins_at_rest() -> None:
    neuron, x = node(LEARNED, **ALL), normal(5, 30)
    assert torch.equal(neuron(x), neuron(x))
    assert torch.equal(neuron(x[:3]), neuron(x)[:3])


def test_half_precision_is_computed_in_float32() -> None:
    neuron, x = node(LEARNED, **ALL), normal(5, 300).bfloat16()
    assert neuron(x).dtype == torch.bfloat16
    assert torch.equal(neuron(x).float(), neuron(x.float()))


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"name": "if", "adaptive": True}, "neuron adaptive: a switch of dynamic-lif, if has none"),
        ({"name": "plif", "synaptic": True}, "neuron synaptic: a switch of dynamic-lif, plif has none"),
        ({"state_leak": 1}, "neuron state_leak: expected true or false, got 1"),
        ({"rho": 1.0}, "expected rho within .0, 1. and beta of 0 or more, got 1.0 and 0.1"),
        ({"beta": -0.1}, "got 0.9 and -0.1"),
        ({"beta": math.nan}, "got 0.9 and nan"),
        ({"adaptive": True, "v_threshold": 0.05}, "expected v_threshold ≥ 0.1 with adaptive, got 0.05"),
        ({"state_leak": True, "tau": 1.2}, "expected tau within 4/3 and 100 with state_leak, got 1.2"),
        ({"reset": "none"}, "expected hard or soft"),
    ],
)
def test_wrong_values_of_the_neuron_are_one_line(config: dict[str, Any], message: str) -> None:
    with pytest.raises(SuiteError, match=message) as caught:
        build_neuron(NeuronConfig(**{"name": "dynamic-lif", **config}))
    assert "\n" not in str(caught.value)


def test_bounds_of_tau_are_included() -> None:
    assert {node(state_leak=True, tau=tau).tau for tau in (4 / 3, 100.0)} == {4 / 3, 100.0}


@pytest.mark.parametrize("tau", [4 / 3, 100.0])
def test_the_leak_is_learned_from_where_it_is_at_its_bound(tau: float) -> None:
    neuron, x = node(state_leak=True, tau=tau), normal(6, 9) * (1 + tau / 4)
    spikes = neuron(x)
    assert 0 < spikes.mean() < 1
    found = torch.autograd.grad((spikes * x).sum(), [neuron.leak_a, neuron.leak_b])
    expected = torch.autograd.grad((run_fused(neuron, x) * x).sum(), [neuron.leak_a, neuron.leak_b])
    assert all(gradient != 0 for gradient in found)
    torch.testing.assert_close(found, expected)

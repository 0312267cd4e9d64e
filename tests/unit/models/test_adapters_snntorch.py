"""snnTorch networks through the adapter: feed, reset, readout, roles, and the facts of every neuron class."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import pytest
import snntorch
import torch
from torch import Tensor, nn

from snn_eval.models.adapters import adapt
from snn_eval.models.adapters.snntorch_facts import neuron_facts

X = torch.rand(3, 6, generator=torch.Generator().manual_seed(0))


def seeded(build: Callable[[], nn.Module]) -> nn.Module:
    with torch.random.fork_rng():
        torch.manual_seed(3)
        return build()


class Loop(nn.Module):
    """The usual shape of an snnTorch network: a loop over time in forward, states passed by hand."""

    def __init__(self, returns: str = "spikes", layer: nn.Module | None = None) -> None:
        super().__init__()
        self.num_steps, self.returns = 7, returns
        self.fc1, self.lif1 = nn.Linear(6, 5), layer or snntorch.Leaky(0.9, threshold=0.3)
        self.fc2, self.lif2 = nn.Linear(5, 4), snntorch.Leaky(0.9, threshold=0.3)

    def forward(self, x: Tensor) -> Any:
        mem1, mem2 = self.lif1.init_leaky(), self.lif2.init_leaky()
        spikes, membranes = [], []
        for _ in range(self.num_steps):
            spk1, mem1 = self.lif1(self.fc1(x), mem1)
            spk2, mem2 = self.lif2(self.fc2(spk1), mem2)
            spikes.append(spk2)
            membranes.append(mem2)
        stacked = torch.stack(spikes)
        both = (stacked, torch.stack(membranes))
        return {"spikes": stacked, "sum": stacked.sum(0), "both": both}[self.returns]


@pytest.mark.parametrize(
    ("returns", "index", "steps"), [("spikes", 0, 7), ("sum", 0, 1), ("both", 0, 7), ("both", 1, 7)]
)
def test_loop_inside_forward(returns: str, index: int, steps: int) -> None:
    network = adapt(seeded(lambda: Loop(returns)), 7, output_index=index, example=X)
    assert network.feed == "whole"
    assert network.run(X).shape == (steps, 3, 4)
    # the membrane of a layer is read out of that layer as its spikes are
    assert {name: found.role for name, found in network.spiking_layers().items()} == {
        "lif1": "hidden",
        "lif2": "output",
    }


def test_number_of_steps_of_a_loop_inside() -> None:
    network = adapt(seeded(Loop), 7, example=X)
    shorter = network.with_time_steps(4)
    assert shorter is not None
    assert torch.equal(shorter.run(X), network.run(X)[:4])
    assert network.run(X).shape[0] == 7


def sequential(last: nn.Module | None = None) -> nn.Sequential:
    parts = [nn.Linear(6, 5), snntorch.Leaky(0.8, threshold=0.3, init_hidden=True), nn.Linear(5, 4)]
    last = last or snntorch.Leaky(0.8, threshold=0.3, init_hidden=True, output=True)
    return nn.Sequential(*parts, last)


def test_step_by_step_module_is_looped_by_the_adapter() -> None:
    network = adapt(seeded(sequential), 9, example=X)
    assert network.feed == "steps"
    readout = network.run(X)
    assert readout.shape == (9, 3, 4)
    assert network.spiking_layers()["3"].role == "output"
    by_hand = seeded(sequential)
    with torch.no_grad():
        steps = [by_hand(X)[0] for _ in range(9)]
    assert torch.equal(readout, torch.stack(steps))
    sequence = adapt(seeded(sequential), 9, sample_axis=1)
    assert torch.equal(sequence.run(X.repeat(9, 1, 1)), readout)


class LoopOverInput(nn.Module):
    """A loop over the steps of its input, which lie on the first axis or behind the samples."""

    def __init__(self, axis: int) -> None:
        super().__init__()
        self.axis, self.fc, self.lif = axis, nn.Linear(6, 4), snntorch.Leaky(0.8, threshold=0.3)

    def forward(self, x: Tensor) -> Tensor:
        membrane = self.lif.reset_mem()
        spikes = []
        for x_t in x.unbind(self.axis):
            spike, membrane = self.lif(self.fc(x_t), membrane)
            spikes.append(spike)
        return torch.stack(spikes, self.axis)


@pytest.mark.parametrize(("axis", "feed", "static_feed"), [(0, "whole", "sequence"), (1, "batch-first", "batch-first")])
def test_the_axis_of_time_is_found(axis: int, feed: str, static_feed: str) -> None:
    x = torch.rand(7, 3, 6, generator=torch.Generator().manual_seed(2))
    network = adapt(seeded(lambda: LoopOverInput(axis)), 7, sample_axis=1, example=x)
    assert network.feed == feed
    by_hand = adapt(seeded(lambda: LoopOverInput(0)), 7, sample_axis=1, feed="whole")
    assert torch.equal(network.run(x), by_hand.run(x))
    static = adapt(seeded(lambda: LoopOverInput(axis)), 7, example=x[0])
    assert static.feed == static_feed
    assert torch.equal(static.run(x[0]), by_hand.run(x[0].expand(7, 3, 6)))
    assert not torch.equal(static.run(x[0])[0], static.run(x[0])[-1])


def neurons() -> list[tuple[str, nn.Module]]:
    """Every class that keeps a state between calls, with hidden state; 5 features in, 5 out."""
    hidden: dict[str, Any] = {"init_hidden": True, "threshold": 0.2}
    return [
        ("Leaky", snntorch.Leaky(0.9, **hidden)),
        ("Lapicque", snntorch.Lapicque(0.9, **{**hidden, "threshold": 0.02})),
        ("Synaptic", snntorch.Synaptic(0.8, 0.9, **hidden)),
        ("Alpha", snntorch.Alpha(0.9, 0.8, **{**hidden, "threshold": 0.02})),
        ("RLeaky", snntorch.RLeaky(0.9, linear_features=5, **hidden)),
        ("RLeaky one to one", snntorch.RLeaky(0.9, all_to_all=False, V=0.5, **hidden)),
        ("RSynaptic", snntorch.RSynaptic(0.8, 0.9, linear_features=5, **hidden)),
        ("DeltaLeaky", snntorch.DeltaLeaky(beta=0.9, delta_threshold=0.1, init_hidden=True)),
        ("SLSTM", snntorch.SLSTM(5, 5, **{**hidden, "threshold": 0.02})),
    ]


@pytest.mark.parametrize("name", [name for name, _ in neurons()])
def test_state_is_reset_in_every_class(name: str) -> None:
    """Also for other batch sizes in between, and in a child of a child, where snnTorch's own reset does not look."""
    neuron = seeded(lambda: dict(neurons())[name])
    module = nn.Sequential(nn.Sequential(nn.Linear(6, 5, bias=False), neuron))
    nn.init.constant_(module[0][0].weight, 0.04)  # so weak that spikes change from step to step
    network = adapt(module, 5, example=X)
    first = network.run(X)
    assert first.shape == (5, 3, 5)
    network.run(torch.rand(2, 6))
    assert torch.equal(network.run(X), first)
    assert not all(torch.equal(first[0], step) for step in first)
    assert network.spiking_layers()["0.1"].role == "output"


def test_inference_mode_and_no_grad_give_the_same() -> None:
    network = adapt(seeded(sequential), 4, example=X)
    first = network.run(X)
    with torch.inference_mode():
        assert torch.equal(network.run(X), first)
    assert torch.equal(network.run(X), first)


def test_reset_leaves_other_networks_alone() -> None:
    other = seeded(sequential)
    other(X)
    before = other[1].mem.clone()
    adapt(seeded(sequential), 3).run(X)
    assert torch.equal(other[1].mem, before)


def test_convolutional_lstm() -> None:
    module = snntorch.SConv2dLSTM(1, 2, 3, init_hidden=True, threshold=0.01)
    network = adapt(nn.Sequential(module, nn.Flatten()), 3, example=torch.rand(2, 1, 4, 4))
    assert network.run(torch.rand(2, 1, 4, 4)).shape == (3, 2, 2 * 4 * 4)


def all_steps_at_once() -> list[tuple[str, nn.Module, int]]:
    return [
        ("LeakyParallel", snntorch.LeakyParallel(6, 4), 0),
        ("StateLeaky", snntorch.StateLeaky(0.9, channels=6), 0),
        ("StateLeaky membrane", snntorch.StateLeaky(0.9, channels=6, output=False), 0),
        ("LinearLeaky", snntorch.LinearLeaky(0.9, 6, 4), 0),
        ("AssociativeLeaky", snntorch.AssociativeLeaky(6, 2, 2, 4), 0),
    ]


@pytest.mark.parametrize("name", [row[0] for row in all_steps_at_once()])
def test_neurons_that_take_all_steps_at_once(name: str) -> None:
    module = next(row[1] for row in all_steps_at_once() if row[0] == name)
    network = adapt(nn.Sequential(module), 5, sample_axis=1)
    readout = network.run(torch.rand(5, 3, 6))
    assert network.feed == "sequence"
    assert readout.shape[:2] == (5, 3)
    assert list(network.unknown_neurons()) == ([] if name == "LeakyParallel" else ["0"])


SOFT, HARD, NONE = "subtract", "zero", "none"
KNOWN: list[tuple[nn.Module, str, str, tuple[int, int, int, int]]] = [
    # module, model, reset, (states, mul, add, compare)
    (snntorch.Leaky(0.9), "lif", "soft", (1, 1, 1 + 1, 1)),
    (snntorch.Leaky(0.9, reset_mechanism=HARD), "lif", "hard", (1, 1, 1, 1)),
    (snntorch.Leaky(0.9, reset_mechanism=NONE), "lif", "none", (1, 1, 1, 1)),
    (snntorch.Leaky(0.9, reset_delay=False), "lif", "soft", (1, 1, 1 + 1 + 1, 1 + 1)),
    (snntorch.Leaky(0.9, graded_spikes_factor=2.0), "lif", "soft", (1, 1, 1 + 1, 1)),
    (snntorch.Lapicque(0.9), "lif", "soft", (1, 2, 1 + 1, 1)),
    (snntorch.Synaptic(0.8, 0.9), "synaptic", "soft", (2, 2, 2 + 1, 1)),
    (snntorch.Synaptic(0.8, 0.9, reset_mechanism=HARD), "synaptic", "hard", (2, 2, 2, 1)),
    (snntorch.Alpha(0.9, 0.8), "alpha", "hard", (3, 3, 3, 1)),
    (snntorch.Alpha(0.9, 0.8, reset_mechanism=SOFT), "alpha", "soft", (3, 3, 3 + 2, 1)),
    (snntorch.RLeaky(0.9, linear_features=5), "rlif", "soft", (2, 1, 2 + 1, 1)),
    (snntorch.RSynaptic(0.8, 0.9, linear_features=5), "rsynaptic", "soft", (3, 2, 3 + 1, 1)),
    (snntorch.DeltaLeaky(beta=0.9), "delta-lif", "none", (1, 1, 2, 1)),
]
BY_CALLS: list[tuple[nn.Module, str, int]] = [
    (snntorch.SLSTM(5, 5), "slstm", 2),
    (snntorch.SConv2dLSTM(1, 2, 3), "sconv2dlstm", 2),
    (snntorch.LeakyParallel(6, 4), "lif-parallel", 1),
]
UNKNOWN: list[tuple[nn.Module, str, bool]] = [
    (snntorch.StateLeaky(0.9, channels=6), "convolution", True),
    (snntorch.StateLeaky(0.9, channels=6, output=False), "convolution", False),
    (snntorch.LinearLeaky(0.9, 6, 4), "convolution", True),
    (snntorch.AssociativeLeaky(6, 2, 2, 4), "associative memory", False),
    (snntorch.AssociativeLeaky(6, 2, 2, 4, use_q_projection=False), "associative memory", True),
    (snntorch.Leaky(0.9, state_quant=torch.round), "state_quant", True),
]


@pytest.mark.parametrize(("module", "model", "reset", "costs"), KNOWN, ids=lambda value: type(value).__name__)
def test_known_neuron(module: nn.Module, model: str, reset: str, costs: tuple[int, int, int, int]) -> None:
    facts = neuron_facts(module)
    assert facts is not None
    assert facts.unknown == ""
    found = facts.neuron
    assert (found.model, found.reset, found.has_threshold) == (model, reset, True)
    assert (found.states, found.mul, found.add, found.compare) == costs


@pytest.mark.filterwarnings("ignore:Inhibition is an unstable feature:UserWarning")
def test_inhibition_compares_twice() -> None:
    facts = neuron_facts(snntorch.Leaky(0.9, inhibition=True))
    assert facts is not None
    assert facts.neuron.compare == 1 + 1


@pytest.mark.parametrize(("module", "model", "states"), BY_CALLS, ids=lambda value: type(value).__name__)
def test_a_neuron_that_costs_what_it_executes(module: nn.Module, model: str, states: int) -> None:
    facts = neuron_facts(module)
    assert facts is not None
    assert facts.unknown == ""
    found = facts.neuron
    assert (found.model, found.counted, found.states) == (model, "calls", states)
    assert (found.mul, found.add, found.compare) == (0, 0, 0)


@pytest.mark.parametrize(("module", "reason", "spikes"), UNKNOWN, ids=lambda value: type(value).__name__)
def test_unknown_neuron_is_named(module: nn.Module, reason: str, spikes: bool) -> None:
    facts = neuron_facts(module)
    assert facts is not None
    assert facts.neuron.model == "unknown"
    assert reason in facts.unknown
    assert facts.neuron.has_threshold is spikes


def test_every_class_of_the_framework_is_covered() -> None:
    modules = {name for name, cls in inspect.getmembers(snntorch, inspect.isclass) if issubclass(cls, nn.Module)}
    layers = {"BatchNormTT1d", "BatchNormTT2d", "GradedSpikes"}  # no neurons
    abstract = {"SpikingNeuron", "LIF"}
    tested = {type(row[0]).__name__ for row in (*KNOWN, *BY_CALLS, *UNKNOWN)}
    assert modules - abstract - layers == tested


def test_a_class_without_rule_is_unknown() -> None:
    from snntorch._neurons.leakykernel import LeakyKernel

    class Changed(snntorch.Leaky):
        def forward(self, input_: Tensor, mem: Tensor | None = None) -> Any:
            return super().forward(input_, mem)

    kernel, changed = neuron_facts(LeakyKernel(3, 3)), neuron_facts(Changed(0.9))
    assert kernel is not None
    assert kernel.unknown == "no rule for this class"
    assert changed is not None
    assert changed.unknown == "overrides forward of Leaky"
    assert neuron_facts(nn.Linear(2, 2)) is None
    assert neuron_facts(snntorch.RLeaky(0.9, all_to_all=False).recurrent) is None


@pytest.mark.parametrize(
    ("build", "inner"),
    [
        (
            lambda: snntorch.RLeaky(0.9, linear_features=5, init_hidden=True, reset_mechanism="zero", threshold=0.2),
            "recurrent",
        ),
        (
            lambda: snntorch.RSynaptic(
                0.8, 0.9, linear_features=5, init_hidden=True, reset_mechanism="zero", threshold=0.2
            ),
            "recurrent",
        ),
        (lambda: snntorch.SLSTM(5, 5, init_hidden=True, reset_mechanism="zero", threshold=0.01), "lstm_cell"),
    ],
)
def test_recurrent_part_runs_once_a_step_with_the_same_values(build: Callable[[], nn.Module], inner: str) -> None:
    """snnTorch runs it twice where the membrane is reset to zero."""
    calls = []
    original, adapted = seeded(build), seeded(build)
    x = torch.rand(6, 3, 5)
    getattr(original, inner).register_forward_hook(lambda *_: calls.append("original"))
    getattr(adapted, inner).register_forward_hook(lambda *_: calls.append("adapted"))
    with torch.no_grad():
        expected = torch.stack([original(x_t) for x_t in x])
    network = adapt(adapted, 6, sample_axis=1, example=x)
    calls_before = calls.count("adapted")
    assert torch.equal(network.run(x), expected)
    assert calls.count("original") == 2 * 6
    assert calls.count("adapted") - calls_before == 6
    assert expected.sum() > 0

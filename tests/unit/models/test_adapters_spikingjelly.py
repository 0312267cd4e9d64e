"""SpikingJelly networks through the adapter: feed, reset, readout, roles, and the facts of every neuron class."""

from __future__ import annotations

import inspect
from typing import Any

import pytest
import torch
from spikingjelly.activation_based import functional, layer, surrogate
from spikingjelly.activation_based import neuron as sj
from spikingjelly.activation_based.model import sew_resnet
from torch import Tensor, nn

from snn_eval.errors import NetworkError
from snn_eval.models.adapters import adapt
from snn_eval.models.adapters.spikingjelly_facts import neuron_facts
from snn_eval.models.network import Network


def small(head: nn.Module | None = None, step_mode: str = "s", seed: int = 0) -> nn.Sequential:
    """Conv 1→4, IF, Linear 4·4·4→20, IF, and a head."""
    torch.manual_seed(seed)
    parts = [layer.Conv2d(1, 4, 3, padding=1), sj.IFNode(), layer.Flatten(), layer.Linear(64, 20), sj.LIFNode()]
    network = nn.Sequential(*parts, *([head] if head is not None else []))
    with torch.no_grad():
        for weight in network.parameters():
            weight.mul_(4)
    functional.set_step_mode(network, step_mode)
    return network


X = torch.rand(3, 1, 4, 4, generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize(("step_mode", "feed"), [("s", "steps"), ("m", "sequence")])
def test_both_step_modes_give_the_same_readout(step_mode: str, feed: str) -> None:
    network = adapt(small(step_mode=step_mode), 6, example=X)
    assert network.feed == feed
    assert isinstance(network, Network)
    readout = network.run(X)
    assert readout.shape == (6, 3, 20)
    assert readout.sum() > 0
    torch.testing.assert_close(readout, adapt(small(), 6, feed="steps").run(X))


def test_sequence_input_equals_static_input_repeated() -> None:
    static = adapt(small(step_mode="m"), 5).run(X)
    for step_mode, feed in (("s", "steps"), ("m", "sequence")):
        sequence = adapt(small(step_mode=step_mode), 5, sample_axis=1)
        assert torch.equal(sequence.run(X.repeat(5, 1, 1, 1, 1)), static)
        assert sequence.feed == feed


@pytest.mark.parametrize("step_mode", ["s", "m"])
def test_state_is_reset_before_every_run(step_mode: str) -> None:
    module = small(step_mode=step_mode)
    network = adapt(module, 4)
    first = network.run(X)
    assert torch.equal(network.run(X), first)
    network.run(1 - X)
    for part in module:
        if isinstance(part, sj.BaseNode):
            part.v = torch.full_like(torch.as_tensor(part.v), 0.9)
    assert torch.equal(network.run(X), first)


def test_fewer_steps_are_the_first_steps() -> None:
    network = adapt(small(step_mode="m"), 8, example=X)
    shorter = network.with_time_steps(3)
    assert shorter is not None
    assert shorter.time_steps == 3
    assert torch.equal(shorter.run(X), network.run(X)[:3])
    assert network.with_time_steps(8) is network


def test_a_layer_bound_to_one_number_of_steps() -> None:
    network = adapt(nn.Sequential(layer.Linear(4, 3, step_mode="m"), sj.PSN(T=4)), 4, example=torch.rand(2, 4))
    assert network.run(torch.rand(2, 4)).shape == (4, 2, 3)
    assert network.with_time_steps(2) is None


class Loop(nn.Module):
    """Runs time itself: returns every step, their sum, or both."""

    def __init__(self, returns: str = "steps", follow: bool = True) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.fc, self.lif = nn.Linear(16, 5), sj.LIFNode()
        self.returns, self.time_steps, self.follow = returns, 4, follow

    def forward(self, x: Tensor) -> Any:
        steps = [self.lif(3 * self.fc(x.flatten(1))) for _ in range(self.time_steps if self.follow else 4)]
        stacked = torch.stack(steps)
        return {"steps": stacked, "sum": stacked.sum(0), "list": steps, "both": (stacked.mean(0), stacked)}[
            self.returns
        ]


@pytest.mark.parametrize(
    ("returns", "index", "shape"),
    [
        ("steps", 0, (4, 3, 5)),
        ("sum", 0, (1, 3, 5)),
        ("list", 0, (4, 3, 5)),
        ("both", 0, (1, 3, 5)),
        ("both", 1, (4, 3, 5)),
    ],
)
def test_time_loop_inside(returns: str, index: int, shape: tuple[int, ...]) -> None:
    network = adapt(Loop(returns), 4, output_index=index, example=X)
    assert network.feed == "whole"
    assert network.run(X).shape == shape
    assert network.spiking_layers()["lif"].role == "output"


def test_time_steps_of_a_loop_inside_are_set_on_a_copy_and_checked() -> None:
    network = adapt(Loop(), 4, example=X)
    longer = network.with_time_steps(7)
    assert longer is not None
    assert longer.run(X).shape == (7, 3, 5)
    assert torch.equal(longer.run(X)[:4], network.run(X))
    assert network.run(X).shape == (4, 3, 5)
    assert longer.module.fc is network.module.fc
    assert adapt(Loop(follow=False), 4, example=X).with_time_steps(7) is None


@pytest.mark.parametrize("follow", ["input", "attribute", "neither"])
def test_time_steps_of_a_loop_over_a_sequence(follow: str) -> None:
    class Sequence(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.fc, self.lif, self.time_steps = nn.Linear(4, 2), sj.LIFNode(), 4

        def forward(self, x: Tensor) -> Tensor:
            steps = {"input": len(x), "attribute": self.time_steps, "neither": 4}[follow]
            return torch.stack([self.lif(self.fc(x[t])) for t in range(steps)]).sum(0)

    network = adapt(Sequence(), 4, sample_axis=1, example=torch.rand(4, 3, 4))
    assert network.feed == "whole"
    longer = network.with_time_steps(6)
    assert (longer is None) == (follow == "neither")
    if longer is not None:
        assert longer.run(torch.rand(6, 3, 4)).shape == (1, 3, 2)
        assert longer.spiking_layers()["lif"].role == "output"


@pytest.mark.parametrize("step_mode", ["s", "m"])
def test_inference_mode_and_no_grad_give_the_same(step_mode: str) -> None:
    network = adapt(small(step_mode=step_mode), 4, example=X)
    first = network.run(X)
    with torch.inference_mode():
        assert torch.equal(network.run(X), first)
    assert torch.equal(network.run(X), first)


def test_static_stem_inside_the_module() -> None:
    class Stem(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv, self.neuron = nn.Conv2d(1, 2, 3), sj.IFNode(step_mode="m")

        def forward(self, x: Tensor) -> Tensor:
            out: Tensor = self.neuron(self.conv(x).unsqueeze(0).repeat(4, 1, 1, 1, 1)).flatten(2)
            return out

    network = adapt(Stem(), 4, example=X)
    assert network.feed == "whole"
    assert network.run(X).shape == (4, 3, 2 * 2 * 2)
    with pytest.raises(NetworkError, match="expected \\[8,1,K\\]"):
        adapt(Stem(), 8, feed="whole", example=X)


def roles(network: Any) -> dict[str, str]:
    return {name: spiking.role for name, spiking in network.spiking_layers().items()}


@pytest.mark.parametrize("step_mode", ["s", "m"])
def test_output_role(step_mode: str) -> None:
    assert roles(adapt(small(None, step_mode), 4, example=X)) == {"1": "hidden", "4": "output"}
    assert roles(adapt(small(layer.Linear(20, 20), step_mode), 4, example=X)) == {"1": "hidden", "4": "hidden"}
    assert roles(adapt(small(layer.VotingLayer(10), step_mode), 4, example=X)) == {"1": "hidden", "4": "output"}


def test_output_role_of_a_silent_network() -> None:
    """Every spike is 0, so no comparison of values could tell the layers apart."""
    module = small(layer.Linear(20, 20, bias=False), "m")
    with torch.no_grad():
        for weight in module.parameters():
            weight.zero_()
    assert roles(adapt(module, 4, example=X)) == {"1": "hidden", "4": "hidden"}
    assert roles(adapt(module[:5], 4, example=X)) == {"1": "hidden", "4": "output"}


def test_roles_are_unknown_until_something_ran() -> None:
    network = adapt(small(), 4)
    with pytest.raises(NetworkError, match="example="):
        network.spiking_layers()
    network.run(X)
    assert roles(network)["4"] == "output"


def test_roles_can_be_given() -> None:
    assert roles(adapt(small(), 4, example=X, roles={"1": "encoder"}))["1"] == "encoder"
    with pytest.raises(NetworkError, match="no spiking layer named 'x'; there are: 1, 4"):
        adapt(small(), 4, roles={"x": "gate"})


def test_observing_leaves_no_trace() -> None:
    """Hooks are gone and random numbers of the caller are not used."""
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    network = adapt(small_without_seeding(), 4, example=X)
    assert torch.equal(torch.rand(3), expected)
    assert not any(part._forward_hooks for part in network.module.modules())


def small_without_seeding() -> nn.Module:
    with torch.random.fork_rng():
        return small()


def test_eval_mode_and_no_gradients() -> None:
    network = adapt(small().train(), 4)
    assert not network.module.training
    assert not network.run(X.requires_grad_()).requires_grad
    X.requires_grad_(False)


def test_a_network_measured_between_epochs_can_be_trained_on() -> None:
    module = small()
    adapt(module, 4).run(X)
    assert all(weight.requires_grad for weight in module.parameters())


def test_the_first_run_draws_what_any_run_draws() -> None:
    class Noisy(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.inner = small()

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.inner(x + torch.rand_like(x))

    network = adapt(Noisy(), 4)
    torch.manual_seed(1)
    first = network.run(X)  # finds out first how the network works
    torch.manual_seed(1)
    assert torch.equal(network.run(X), first)


def test_mixed_step_modes() -> None:
    module = small(step_mode="m")
    module[1].step_mode = "s"
    with pytest.raises(NetworkError, match="1 is single-step and 4 is multi-step"):
        adapt(module, 4, example=X)


def test_neuron_run_step_by_step_inside_a_multi_step_container() -> None:
    recurrent = layer.LinearRecurrentContainer(sj.LIFNode(), 6, 6, step_mode="m")
    network = adapt(nn.Sequential(layer.Linear(4, 6, step_mode="m"), recurrent), 5, example=torch.rand(2, 4))
    assert network.feed == "sequence"
    assert network.run(torch.rand(2, 4)).shape == (5, 2, 6)
    assert roles(network) == {"1.sub_module": "output"}


@pytest.mark.parametrize(
    ("wrap", "message"),
    [
        (lambda m: nn.DataParallel(m), "DataParallel cannot be measured"),
        (lambda m: nn.Sequential(torch.jit.script(nn.Linear(4, 4)), m), "0: TorchScript cannot be measured"),
        (lambda m: torch.compile(m), "compiled module cannot be measured"),
    ],
)
@pytest.mark.filterwarnings("ignore:.*torch.jit:FutureWarning")
def test_refused_by_name(wrap: Any, message: str) -> None:
    with pytest.raises(NetworkError, match=message):
        adapt(wrap(small()), 4)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: adapt(small(), 0), "time_steps: expected 1 or more"),
        (lambda: adapt(small(), 4, sample_axis=2), "sample_axis: expected 0"),
        (lambda: adapt(small(), 4, sample_axis=1).run(X.repeat(3, 1, 1, 1, 1)), "expected 4 time steps first"),
        (lambda: adapt(Loop("both"), 4, output_index=2, feed="whole").run(X), "returns 2 values, output_index is 2"),
        (lambda: adapt(layer.Conv2d(1, 2, 1), 1).run(X), "readout: expected"),
        (lambda: adapt(small(), 4).run(X[:0]), "expected 1 sample or more"),
        (lambda: adapt(small(), 4, framework="brian"), "framework: expected"),
    ],
)
def test_wrong_input_is_one_line(call: Any, message: str) -> None:
    with pytest.raises(NetworkError, match=message) as caught:
        call()
    assert "\n" not in str(caught.value)


def mnist() -> nn.Module:
    parts = [layer.Conv2d(1, 32, 3, padding=1, bias=False), layer.BatchNorm2d(32), sj.IFNode(), layer.MaxPool2d(2)]
    parts += [layer.Conv2d(32, 32, 3, padding=1, bias=False), layer.BatchNorm2d(32), sj.IFNode(), layer.MaxPool2d(2)]
    parts += [layer.Flatten(), layer.Linear(1568, 256, bias=False), sj.IFNode(), layer.Linear(256, 10, bias=False)]
    network = nn.Sequential(*parts, sj.IFNode())
    functional.set_step_mode(network, "m")
    return network


def test_the_mnist_network_of_the_peer_study() -> None:
    network = adapt(mnist(), 8, example=torch.rand(2, 1, 28, 28))
    assert (network.feed, roles(network)) == (
        "sequence",
        {"2": "hidden", "6": "hidden", "10": "hidden", "12": "output"},
    )


def test_sew_resnet18_of_the_peer_study() -> None:
    module = sew_resnet.sew_resnet18(cnf="ADD", spiking_neuron=sj.IFNode, num_classes=100)
    functional.set_step_mode(module, "m")
    network = adapt(module, 4, example=torch.randn(1, 3, 32, 32))
    assert network.run(torch.randn(2, 3, 32, 32)).shape == (4, 2, 100)
    # the first; two in each of 8 blocks; one in each of 3 shortcuts
    assert list(roles(network).values()) == ["hidden"] * (1 + 2 * 8 + 3)


TABLE = sj.FewSpikeTable([1.0, 0.5], [1.0, 0.5], [1.0, 0.5])
KNOWN: list[tuple[nn.Module, str, str, tuple[int, int, int, int]]] = [
    # module, model, reset, (states, mul, add, compare)
    (sj.SimpleIFNode(), "if", "hard", (1, 0, 1, 1)),
    (sj.IFNode(), "if", "hard", (1, 0, 1, 1)),
    (sj.IFNode(v_reset=None), "if", "soft", (1, 0, 1 + 1, 1)),
    (sj.HalfThresholdIFNode(), "if", "soft", (1, 0, 1 + 1, 1)),
    (sj.ActivationAwareIFNode(), "if", "soft", (1, 0, 1 + 1, 1)),
    (sj.SimpleLIFNode(2.0, True), "lif", "hard", (1, 1, 2, 1)),
    (sj.LIFNode(), "lif", "hard", (1, 1, 2, 1)),
    (sj.LIFNode(decay_input=False), "lif", "hard", (1, 1, 1, 1)),
    (sj.LIFNode(v_reset=0.1), "lif", "hard", (1, 1, 2 + 1, 1)),
    (sj.LIFNode(v_reset=None), "lif", "soft", (1, 1, 2 + 1, 1)),
    (sj.OTTTLIFNode(), "lif", "soft", (1, 1, 1 + 1, 1)),
    (sj.SLTTLIFNode(), "lif", "hard", (1, 1, 2, 1)),
    (sj.ParametricLIFNode(), "plif", "hard", (1, 1, 2, 1)),
    (sj.KLIFNode(), "klif", "hard", (1, 1 + 1, 2, 2)),
    (sj.KLIFNode(scale_reset=True), "klif", "hard", (1, 1 + 1 + 1, 2, 2)),
    (sj.ILIFNode(), "ilif", "soft", (1, 1, 1 + 1, 4)),
    (sj.CUBALIFNode(), "cuba-lif", "hard", (2, 2, 2, 1)),
    (sj.IzhikevichNode(), "izhikevich", "hard", (2, 3 + 2, 5 + 4, 1)),
    (sj.QIFNode(), "qif", "hard", (1, 3, 4, 1)),
    (sj.RAFNode(), "raf", "hard", (2, 4, 3, 1)),
    (sj.TernaryIFNode(), "ternary-if", "hard", (1, 0, 1, 2)),
    (sj.TernaryLIFNode(v_reset=None), "ternary-lif", "soft", (1, 1, 2 + 1, 2)),
    (sj.MPBNLIFNode(out_features=3), "mpbn-lif", "hard", (1, 1 + 1, 1 + 1, 1)),
    (sj.MPBNLIFNode(out_features=3, mpbn=False), "mpbn-lif", "hard", (1, 1, 1, 1)),
    (sj.GatedLIFNode(T=4), "glif", "gated", (2, 2 + 1, 2 + 2, 1)),
    (sj.STBIFNode(1.0, 4), "st-bif", "bipolar", (2, 1, 3, 4)),
    (sj.DSRIFNode(), "if", "soft", (1, 0, 1 + 1, 1)),
    (sj.DSRLIFNode(), "lif", "soft", (1, 2, 1 + 1, 1)),
    (sj.PSN(T=5), "psn", "none", (5, 5, 5, 1)),
    (sj.SlidingPSN(k=3), "sliding-psn", "none", (3, 3, 3, 1)),
    (sj.ILCIFNode(2, 3), "if", "hard", (1, 0, 1 + 1, 1)),
    (sj.ILCLIFNode(2, 3), "lif", "hard", (1, 1, 1 + 1, 1)),
    (sj.ILCCUBALIFNode(2, 3), "cuba-lif", "hard", (2, 2, 2 + 1, 1)),
    (sj.NoisyCUBALIFNode(3, is_training=False), "cuba-lif", "hard", (2, 2, 2, 1)),
    (sj.NoisyILCCUBALIFNode(2, 3, is_training=False), "cuba-lif", "hard", (2, 2, 2 + 1, 1)),
]
INTEGRATORS: list[tuple[nn.Module, tuple[int, int, int, int]]] = [
    (sj.NonSpikingIFNode(), (1, 0, 1, 0)),
    (sj.NonSpikingIFNode(decode="max-mem"), (1, 0, 1, 1)),
    (sj.NonSpikingLIFNode(), (1, 1, 2, 0)),
    (sj.NonSpikingLIFNode(decode="mean-mem"), (1, 1, 2 + 1, 0)),
    (sj.NoisyNonSpikingIFNode(3, is_training=False), (1, 0, 1, 0)),
]
UNKNOWN: list[tuple[nn.Module, str, bool]] = [
    (sj.EIFNode(), "exp", True),
    (sj.ComplementaryLIFNode(), "sigmoid", True),
    (sj.LIAFNode(torch.relu, False), "graded", False),
    (sj.MaskedPSN(2, 4), "depends on the step", True),
    (sj.FewSpikeNode(TABLE), "inner steps", False),
    (sj.FewSpikeNode(TABLE, step_mode="m"), "inner steps", True),
    (sj.HGNode([TABLE, TABLE], [0.0]), "inner steps", False),
    (sj.OutlierAwareThresholdNode(TABLE, TABLE, 1.0), "inner steps", False),
    (sj.FlexSN(lambda x, v: (x, v), 1), "function of the user", True),
    (sj.NoisyCUBALIFNode(3), "noise", True),
    (sj.NoisyILCCUBALIFNode(2, 3), "noise", True),
    (sj.NoisyNonSpikingIFNode(3), "noise", False),
    (sj.IFNode(surrogate_function=surrogate.ATan(spiking=False)), "not in spiking mode", False),
    (sj.IFNode(surrogate_function=surrogate.MultiLevelSpikeCount(4)), "counts", True),
]


@pytest.mark.parametrize(("module", "model", "reset", "costs"), KNOWN, ids=lambda value: type(value).__name__)
def test_known_neuron(module: nn.Module, model: str, reset: str, costs: tuple[int, int, int, int]) -> None:
    facts = neuron_facts(module)
    assert facts is not None
    assert facts.unknown == ""
    found = facts.neuron
    assert (found.model, found.reset, found.has_threshold) == (model, reset, True)
    assert (found.states, found.mul, found.add, found.compare) == costs


@pytest.mark.parametrize(("module", "costs"), INTEGRATORS, ids=lambda value: type(value).__name__)
def test_integrator_never_counts_as_spiking(module: nn.Module, costs: tuple[int, int, int, int]) -> None:
    facts = neuron_facts(module)
    assert facts is not None
    found = facts.neuron
    assert not found.has_threshold
    assert (found.states, found.mul, found.add, found.compare) == costs


@pytest.mark.parametrize(("module", "reason", "spikes"), UNKNOWN, ids=lambda value: type(value).__name__)
def test_unknown_neuron_is_named(module: nn.Module, reason: str, spikes: bool) -> None:
    facts = neuron_facts(module)
    assert facts is not None
    assert facts.neuron.model == "unknown"
    assert reason in facts.unknown
    assert facts.neuron.has_threshold is spikes


def test_every_class_of_the_framework_is_covered() -> None:
    abstract = {"BaseNode", "SimpleBaseNode", "NonSpikingBaseNode", "ILCBaseNode", "NoisyBaseNode", "NoisyILCBaseNode"}
    abstract |= {"NoisyNonSpikingBaseNode", "AdaptBaseNode", "MPBNBaseNode"}
    classes = {
        name for name, cls in inspect.getmembers(sj, inspect.isclass) if issubclass(cls, nn.Module) and name != "nn"
    }
    tested = {type(row[0]).__name__ for row in (*KNOWN, *INTEGRATORS, *UNKNOWN)}
    assert classes - abstract == tested


def test_subclasses() -> None:
    class Renamed(sj.IFNode):
        pass

    class Changed(sj.LIFNode):
        def single_step_functional_forward(self, inputs: Any, states: Any, **kwargs: Any) -> Any:
            return super().single_step_functional_forward(inputs, states, **kwargs)

    renamed, changed = neuron_facts(Renamed()), neuron_facts(Changed())
    assert renamed == neuron_facts(sj.IFNode())
    assert changed is not None
    assert changed.unknown == "overrides single_step_functional_forward of LIFNode"
    network = adapt(nn.Sequential(nn.Linear(16, 2), Changed()), 3, example=X.flatten(1))
    assert network.unknown_neurons() == {"1": f"Changed: {changed.unknown}"}
    assert network.run(X.flatten(1)).shape == (3, 3, 2)
    assert neuron_facts(nn.Linear(2, 2)) is None

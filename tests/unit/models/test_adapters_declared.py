"""A spiking class of the user's own that declares itself is measured as one named in Python, alone or among others."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
import pytest
import torch
from spikingjelly.activation_based import neuron
from torch import Tensor, nn

from snn_eval.errors import NetworkError
from snn_eval.models.adapters import adapt
from snn_eval.models.network import NeuronModel
from snn_eval.probe import Chunk, ProbeOptions, record_trace
from snn_eval.trace import Trace

T, N = 4, 3


class Accumulate(nn.Module):
    """Fires where the sum of its input reaches 1, and begins anew."""

    def __init__(self) -> None:
        super().__init__()
        self.v: Tensor | float = 0.0

    def reset(self) -> None:
        self.v = 0.0

    def forward(self, x: Tensor) -> Tensor:
        v = self.v + x
        spike = (v >= 1).to(x.dtype)
        self.v = v * (1 - spike)
        return spike


class Declared(Accumulate):
    neuron_model: ClassVar[dict[str, Any]] = {"model": "if", "states": 1, "mul": 1, "add": 2, "compare": 1}


class ByCalls(Accumulate):
    neuron_model: ClassVar[dict[str, Any]] = {"model": "if", "states": 1}


class AllSteps(Accumulate):
    neuron_model: ClassVar[dict[str, Any]] = {"model": "if", "states": 1, "multi_step": True}

    def forward(self, x: Tensor) -> Tensor:
        return torch.stack([super(AllSteps, self).forward(x_t) for x_t in x])


class Loop(nn.Module):
    """A network that declares nothing but calls its neuron T times."""

    def __init__(self, spiking: nn.Module) -> None:
        super().__init__()
        self.first, self.spiking, self.last = nn.Linear(2, 2), spiking, nn.Linear(2, 2)
        with torch.no_grad():
            for part in (self.first, self.last):
                part.weight.copy_(torch.eye(2))
                part.bias.zero_()

    def forward(self, x: Tensor) -> Tensor:
        return self.last(self.spiking(self.first(x)))


X = torch.tensor([[0.5, 1.0], [0.25, 0.0], [0.4, 2.0]])


def traced(spiking: nn.Module, **given: Any) -> Trace:
    network = adapt(Loop(spiking), T, **given)
    return record_trace(
        network, iter([Chunk(0, np.arange(N), X, np.zeros(N, np.int64))]), ProbeOptions(batch_size=N, input_kind="real")
    )


def test_spikes_and_costs_are_those_of_naming_it_in_python() -> None:
    facts = NeuronModel("if", "own", 1, 1, 2, 1)
    named = traced(
        Accumulate(),
        neurons={Accumulate: facts},
        reset=lambda network: network.spiking.reset(),  # type: ignore[union-attr]
    )
    declared = traced(Declared())
    # 0.5 fires at steps 2 and 4, 1 and 2 at every step, 0.25 at step 4, 0.4 at step 3, 0 never
    expected = [[1, 0, 1], [2, 0, 1], [1, 0, 2], [2, 1, 1]]
    for trace in (named, declared):
        (layer,) = trace.neurons
        assert layer.spikes_TN.tolist() == expected
        assert (layer.model, layer.states, layer.mul, layer.add, layer.compare) == ("if", 1, 1, 2, 1)
        assert not trace.elementwise or all(op.name != "spiking" for op in trace.elementwise)


def test_without_costs_an_update_is_what_it_is_seen_to_execute() -> None:
    trace = traced(ByCalls())
    (layer,) = trace.neurons
    assert (layer.mul, layer.add, layer.compare) == (0, 0, 0)
    own = [op for op in trace.elementwise if op.name.startswith("spiking:")]
    seen = [sum(getattr(op, name) for op in own) for name in ("mul", "add", "compare")]
    assert seen == [2, 2 * 2, 2]  # of 2 neurons at one step: v·(1 − spike); v + x and 1 − spike; v ≥ 1
    assert {op.steps for op in own} == {T}
    assert not trace.unknown


class OwnWeights(ByCalls):
    """Keeps its weights itself, and adds its state to what they give: two tensors of one shape."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.tensor([[1.0, 0.0], [0.0, 1.0]]))

    def forward(self, x: Tensor) -> Tensor:
        self.v = torch.zeros_like(x) if isinstance(self.v, float) else self.v
        return super().forward(nn.functional.linear(x, self.weight))


def test_weights_of_its_own_are_a_layer_and_its_sums_are_its_update() -> None:
    trace = traced(OwnWeights())
    assert trace.neurons[0].spikes_TN.tolist() == [[1, 0, 1], [2, 0, 1], [1, 0, 2], [2, 1, 1]]
    first, own, last = trace.synaptic
    assert (first.name, own.name, last.name) == ("first", "spiking", "last")
    # each nonzero current meets the one weight of its column that is not zero
    assert own.ops_VTN.sum(0).tolist() == [[2, 1, 2]] * T
    assert all(op.kind != "residual_add" for op in trace.elementwise)


def test_all_steps_at_once() -> None:
    trace = traced(AllSteps())
    assert trace.neurons[0].spikes_TN.tolist() == [[1, 0, 1], [2, 0, 1], [1, 0, 2], [2, 1, 1]]


def test_state_does_not_survive() -> None:
    network = adapt(Loop(Declared()), T)
    assert torch.equal(network.run(X), network.run(X))


def test_beside_neurons_of_a_framework() -> None:
    module = nn.Sequential(nn.Linear(2, 2), neuron.IFNode(), nn.Linear(2, 2), Declared(), nn.Linear(2, 2))
    network = adapt(module, T, example=X)
    assert list(network.spiking_layers()) == ["1", "3"]
    assert [layer.neuron.model for layer in network.spiking_layers().values()] == ["if", "if"]
    assert torch.equal(network.run(X), network.run(X))


@pytest.mark.parametrize(
    ("declared", "told"),
    [
        ({"states": 1}, "expected 'model', found none"),
        ({"model": "if"}, "expected 'states', found none"),
        ({"model": "if", "state": 1}, "unknown key 'state'; did you mean 'states'?"),
        ({"model": "if", "states": "one"}, "states: expected int, got 'one'"),
        ({"model": "if", "states": True}, "states: expected int, got True"),
        ({"model": "if", "states": -1}, "states: expected 0 or more, got -1"),
        ({"model": 3, "states": 1}, "model: expected str, got 3"),
    ],
)
def test_a_wrong_declaration_is_one_line(declared: dict[str, Any], told: str) -> None:
    class Wrong(Accumulate):
        neuron_model = declared

    with pytest.raises(NetworkError) as caught:
        adapt(Loop(Wrong()), T)
    assert str(caught.value) == f"Wrong.neuron_model: {told}"


def test_one_step_beside_all_steps_is_refused() -> None:
    with pytest.raises(NetworkError, match="got both"):
        adapt(nn.Sequential(Declared(), AllSteps()), T)
    with pytest.raises(NetworkError, match="got both"):
        adapt(nn.Sequential(neuron.IFNode(step_mode="m"), Declared()), T)

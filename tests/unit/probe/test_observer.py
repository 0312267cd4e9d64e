"""What an observed run shows: costed, free, unknown or synaptic; whose a call is; what fed it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from snn_eval.errors import NetworkError
from snn_eval.models.adapters import adapt
from snn_eval.models.network import NeuronModel, SpikingLayer
from snn_eval.probe.inventory import Event, Inventory, Operand
from snn_eval.probe.lively import lively_output
from snn_eval.probe.observer import take_inventory


class Does(nn.Module):
    """A network of one function, with a linear layer and a parameter at hand."""

    def __init__(self, function: Callable[[Any, Tensor], Tensor]) -> None:
        super().__init__()
        self.fc, self.w, self.function = nn.Linear(4, 3), nn.Parameter(torch.ones(4, 3)), function

    def forward(self, x: Tensor) -> Tensor:
        return self.function(self, x)


def seen(function: Callable[[Any, Tensor], Tensor]) -> Inventory:
    return take_inventory(adapt(Does(function), time_steps=1), torch.rand(2, 4))


def only(found: Inventory) -> Event:
    (event,) = found.events
    return event


def test_a_layer() -> None:
    event = only(seen(lambda m, x: m.fc(x)))
    assert event.identity == ("synaptic", "fc", "linear")
    assert event.elements == 2 * 3
    assert (event.operands[0].shape, event.operands[0].direct) == ((2, 4), True)
    assert event.operands[0].producers == {"input"}


@pytest.mark.parametrize(
    "free", [torch.Tensor.contiguous, torch.t, torch.neg, lambda x: x[:, :1], lambda x: x.double()]
)
def test_free_functions_are_no_events_and_leave_the_input_direct(free: Callable[[Tensor], Tensor]) -> None:
    assert seen(lambda m, x: free(x).reshape(2, -1)).events == []
    assert only(seen(lambda m, x: m.fc(x.view(2, 4)))).operands[0].direct


def test_arithmetic_on_the_input_is_no_longer_the_input() -> None:
    scaled, layer = seen(lambda m, x: m.fc(x * 2)).events
    assert (scaled.kind, scaled.cost.mul) == ("elementwise", 2 * 4)
    assert not layer.operands[0].direct
    assert layer.operands[0].origins == {"input"}
    assert layer.operands[0].producers == {scaled.name}


def test_arithmetic_on_weights_alone_is_no_event() -> None:
    assert only(seen(lambda m, x: F.linear(x, (m.fc.weight * 2).relu()))).kind == "synaptic"


def test_weights_made_of_data_are_marked() -> None:
    made = seen(lambda m, x: F.conv1d(x[None], m.fc(x).mean().view(1, 1, 1).expand(2, 2, 1))[0]).events[-1]
    assert made.made_weights
    assert not only(seen(lambda m, x: m.fc(x))).made_weights


def test_what_has_no_rule_is_unknown_by_name() -> None:
    event = only(seen(lambda m, x: torch.cdist(x, x)))
    assert (event.kind, event.function, event.elements) == ("unknown", "cdist", 2 * 2)
    event = only(seen(lambda m, x: torch.einsum("ni,ij,nk->nj", x, m.w, x)))
    assert (event.kind, event.function) == ("unknown", "einsum")


def test_two_activations_meet_and_a_parameter_does_not() -> None:
    found = seen(lambda m, x: m.fc(x).relu() * m.fc(x) + m.w[0])
    product = next(e for e in found.events if e.function == "__mul__" or e.function == "mul")
    assert product.two_activations
    assert len(product.operands) == 2
    assert [index is not None for index, _ in found.binary] == [True]  # of the sum, shapes differ


def test_a_residual_of_a_parameter_is_seen_but_no_meeting() -> None:
    found = seen(lambda m, x: m.w[:2] * m.fc(x))
    assert found.binary == [(None, "")]
    assert not found.events[-1].two_activations


def test_values_written_into_a_tensor_come_along() -> None:
    def write(m: Any, x: Tensor) -> Tensor:
        held = torch.zeros(2, 4)
        held[:, :2] = x[:, :2]
        return m.fc(held)

    assert only(seen(write)).operands[0].origins == {"input"}


def test_tensors_without_plain_memory_are_refused() -> None:
    with pytest.raises(NetworkError, match="expected plain tensors"):
        seen(lambda m, x: torch.sparse.mm(x.to_sparse(), m.w))


def test_released_inventories_hold_no_tensors() -> None:
    found = seen(lambda m, x: m.fc(x)).released()
    assert found.keep == []
    assert only(found).parts == ()
    assert only(found).operands[0].digests


LAYER = SpikingLayer(nn.Identity(), NeuronModel("if", "soft", 1, 0, 1, 1, output_index=1))


@pytest.mark.parametrize("kind", [tuple, list])
def test_lively_neurons_answer_every_change(kind: type) -> None:
    current = torch.linspace(0, 1, 50)
    silent = torch.zeros(50)
    first = lively_output((current,), kind([None, silent]), LAYER)
    moved = lively_output((current + 4e-4,), kind([None, silent]), LAYER)
    assert type(first) is kind
    assert set(first[1].tolist()) == {0.0, 1.0}
    assert not torch.equal(first[1], moved[1])


def test_lively_neurons_of_other_shapes_keep_their_spikes() -> None:
    silent = torch.zeros(3)
    assert lively_output((torch.ones(2),), silent, LAYER) is silent
    assert lively_output((), silent, LAYER) is silent


def test_an_operand_is_compared_by_its_digests() -> None:
    first: Operand = seen(lambda m, x: m.fc(x * 0)).events[-1].operands[0]
    other: Operand = seen(lambda m, x: m.fc(x * 0 + 1)).events[-1].operands[0]
    assert [len(d) for d in first.digests] == [2, 4]
    assert (first.digests[0] == 0).all()
    assert (other.digests[0] != 0).all()

"""What no Python call shows is named, state is found behind thresholds, and chunks must fit the first."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from spikingjelly.activation_based import layer, neuron
from torch import Tensor, nn

from snn_eval.errors import InputError, NetworkError, UnknownOperationError
from snn_eval.models.adapters import adapt
from snn_eval.probe import Chunk, ProbeOptions, Recorder, record_trace


class Scripted(nn.Module):
    """A linear layer, and a second one inside a script function."""

    def __init__(self) -> None:
        super().__init__()
        self.a, self.b = nn.Linear(4, 5), nn.Linear(5, 3)
        source = "def product(x, w):\n    return torch.matmul(x, w.t())\n"
        self.product = torch.jit.CompilationUnit(source).product

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.product(self.a(x), self.b.weight)
        return out


class Twice(nn.Module):
    """Gives a bilinear layer its one input twice."""

    def __init__(self, layer: nn.Module) -> None:
        super().__init__()
        self.layer = layer

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.layer(x, x)
        return out


class Remembering(nn.Module):
    """A state that survives runs, too small to pass the threshold at once."""

    def __init__(self) -> None:
        super().__init__()
        self.fc, self.head, self.runs = nn.Linear(4, 5), nn.Linear(5, 3), 0.0

    def forward(self, x: Tensor) -> Tensor:
        self.runs += 1e-4
        out: Tensor = self.head((self.fc(x + self.runs) > 0).float())
        return out


def chunk(x: Tensor, index: int = 0) -> Chunk:
    n = len(x)
    return Chunk(index, np.arange(n) + 100 * index, x, np.zeros(n, np.int64))


def test_a_product_in_a_script_function_is_named() -> None:
    x = torch.rand(2, 4)
    trace = record_trace(adapt(Scripted(), 1), [chunk(x)], ProbeOptions(batch_size=2))
    assert [layer.name for layer in trace.synaptic] == ["a"]
    (unknown,) = trace.unknown
    assert "script function" in unknown.name
    with pytest.raises(UnknownOperationError, match="script function"):
        Recorder(adapt(Scripted(), 1), ProbeOptions(batch_size=2, strict=True)).prepare(chunk(x))


@pytest.mark.parametrize("module", [nn.Linear(4, 3), nn.Bilinear(4, 4, 3)], ids=["a rule", "no rule"])
def test_products_of_a_seen_call_are_not_named_twice(module: nn.Module) -> None:
    wrapped = module if isinstance(module, nn.Linear) else Twice(module)
    trace = record_trace(adapt(wrapped, 1), [chunk(torch.rand(2, 4))], ProbeOptions(batch_size=2))
    assert not any("script function" in unknown.name for unknown in trace.unknown)


def test_state_behind_a_threshold_is_found() -> None:
    with pytest.raises(NetworkError, match="state leaks between batches"):
        Recorder(adapt(Remembering(), 1), ProbeOptions(batch_size=2)).prepare(chunk(torch.rand(2, 4)))


def test_state_that_appears_later_is_found_by_verify() -> None:
    module = nn.Sequential(nn.Linear(4, 3))
    recorder = Recorder(adapt(module, 1), ProbeOptions(batch_size=2))
    recorder.add(chunk(torch.rand(2, 4)))
    recorder.verify(chunk(torch.rand(2, 4)))
    with torch.no_grad():
        module[0].bias += 1
    with pytest.raises(NetworkError, match="other values"):
        recorder.verify(chunk(torch.rand(2, 4)))


def test_a_chunk_of_another_shape_is_refused() -> None:
    module = nn.Sequential(nn.Conv2d(1, 2, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten())
    recorder = Recorder(adapt(module, 1), ProbeOptions(batch_size=3))
    recorder.add(chunk(torch.ones(3, 1, 8, 8)))
    with pytest.raises(InputError, match=r"\(1, 16, 16\), in the first chunk it had \(1, 8, 8\)"):
        recorder.add(chunk(torch.ones(3, 1, 16, 16), 1))


def test_ids_and_samples_must_agree() -> None:
    recorder = Recorder(adapt(nn.Linear(4, 3), 1), ProbeOptions(batch_size=3))
    wrong = Chunk(0, np.arange(2), torch.ones(3, 4), np.zeros(2, np.int64))
    with pytest.raises(InputError, match="2 ids, but 3 samples"):
        recorder.add(wrong)


@pytest.mark.parametrize(
    ("options", "words"), [({"input_kind": "foo"}, "input_kind"), ({"batch_size": 0}, "1 or more")]
)
def test_options_are_checked(options: dict[str, object], words: str) -> None:
    with pytest.raises(InputError, match=words):
        ProbeOptions(**options)  # type: ignore[arg-type]


class Flipped(nn.Module):
    """A linear layer that sees the samples in reverse order."""

    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(4, 3)

    def forward(self, x: Tensor) -> Tensor:
        return self.fc(x.flip(0)).flip(0)  # type: ignore[no-any-return]


def test_samples_in_another_order_are_not_charged_to_the_wrong_one() -> None:
    x = (torch.rand(4, 4, generator=torch.Generator().manual_seed(0)) < 0.5).float()
    trace = record_trace(adapt(Flipped(), 1), [chunk(x)], ProbeOptions(batch_size=4))
    (layer,) = trace.synaptic
    assert not layer.attributed
    assert layer.ops_VTN.sum() == 3 * int(x.sum())


def test_a_network_that_writes_to_its_input_leaves_the_chunk_as_it_was() -> None:
    module = nn.Sequential(nn.ReLU(inplace=True), nn.Linear(4, 3))
    x = torch.tensor([[1.0, -1.0, 0.0, 2.0], [-1.0, -1.0, 3.0, 0.0]])
    given = x.clone()
    trace = record_trace(adapt(module, 1), [chunk(given)], ProbeOptions(batch_size=2))
    assert torch.equal(given, x)
    assert trace.synaptic[0].ops_VTN.sum(axis=0).tolist() == [[3 * 2, 3 * 1]]


def test_one_step_of_a_multi_step_network_is_no_axis_of_its_neurons() -> None:
    x = torch.rand(2, 1, 6, 6)
    conv, fire, flat = layer.Conv2d(1, 3, 3, step_mode="m"), neuron.IFNode(step_mode="m"), layer.Flatten(step_mode="m")
    module = nn.Sequential(conv, fire, flat)
    trace = record_trace(adapt(module, 1, example=x), [chunk(x)], ProbeOptions(batch_size=2))
    assert trace.neurons[0].shape == (3, 4, 4)
    assert trace.synaptic[0].input_shape == (1, 6, 6)


class ThroughNumpy(nn.Module):
    """A layer, then a matrix product made by numpy."""

    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(4, 5)

    def forward(self, x: Tensor) -> Tensor:
        return torch.from_numpy(self.fc(x).numpy() @ np.ones((5, 3), np.float32))


def test_values_that_leave_torch_are_named() -> None:
    trace = record_trace(adapt(ThroughNumpy(), 1), [chunk(torch.rand(2, 4))], ProbeOptions(batch_size=2))
    assert [layer.name for layer in trace.synaptic] == ["fc"]
    assert [(u.name, u.calls, u.elements) for u in trace.unknown] == [("numpy", 1, 5)]

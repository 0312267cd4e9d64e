"""Groups of jobs made once count later chunks rightly: smaller ones, other values, changed weights."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from snn_eval.errors import InputError, NetworkError, NotFiniteError
from snn_eval.models.adapters import adapt
from snn_eval.models.network import NeuronModel
from snn_eval.probe import Chunk, ProbeOptions, Recorder
from snn_eval.trace import Trace

FACTS = NeuronModel("step", "none", 0, 0, 0, 1)


class Fire(nn.Module):
    size = 1.0

    def forward(self, x: Tensor) -> Tensor:
        return self.size * (x > 0).to(x.dtype)


class Net(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(1)
        self.first, self.fire, self.second, self.other = nn.Linear(4, 6), Fire(), nn.Linear(6, 5), Fire()
        self.third, self.kept = nn.Linear(5, 3), list[Tensor]()

    def forward(self, x: Tensor) -> Tensor:
        a = self.fire(self.first(x))
        b = self.other(self.second(a))
        self.kept = [x.clone(), a.clone(), b.clone()]
        return self.third(b)


def recorder(module: nn.Module) -> Recorder:
    network = adapt(module, 1, neurons={Fire: FACTS}, example=torch.zeros(2, 4))
    recording = Recorder(network, ProbeOptions(batch_size=5, timed_chunks=0))
    recording.prepare(chunk(0))
    return recording


def chunk(index: int, n: int = 5) -> Chunk:
    x = torch.randn(n, 4, generator=torch.Generator().manual_seed(index))
    return Chunk(index, np.arange(n) + 10 * index, x, np.zeros(n, np.int64))


def assert_counted(trace: Trace, module: Net, n: int = 5) -> None:
    weights = (module.first.weight, module.second.weight, module.third.weight)
    for layer, x, weight in zip(trace.synaptic, module.kept, weights, strict=True):
        met = (x[:n] != 0).double() @ (weight != 0).double().sum(0)
        np.testing.assert_array_equal(layer.ops_VTN.sum(0)[0], met)
        np.testing.assert_array_equal(layer.inputs_VTN.sum(0)[0], (x[:n] != 0).sum(1))
    for neuron, spikes in zip(trace.neurons, module.kept[1:], strict=True):
        np.testing.assert_array_equal(neuron.spikes_TN[0], (spikes[:n] != 0).sum(1))
        np.testing.assert_array_equal(neuron.per_neuron[0], (spikes[:n] != 0).sum(0))


@pytest.mark.parametrize("threads", [1, 2])
def test_chunk_after_chunk(threads: int) -> None:
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        module = Net()
        recording = recorder(module)
        for index, n in ((1, 5), (2, 5), (3, 2), (4, 5)):
            assert_counted(recording.record(chunk(index, n)), module, n)
    finally:
        torch.set_num_threads(before)


def test_another_size_of_spike_is_found_and_then_expected() -> None:
    module = Net()
    recording = recorder(module)
    assert_counted(recording.record(chunk(1)), module)
    module.fire.size = 2.0
    for index in (2, 3):
        trace = recording.record(chunk(index))
        assert_counted(trace, module)
        assert trace.synaptic[1].levels.tolist() == [2.0]
    module.fire.size = 1.0
    assert_counted(recording.record(chunk(4)), module)


def test_weights_changed_between_chunks_are_seen() -> None:
    module = Net()
    recording = recorder(module)
    assert_counted(recording.record(chunk(1)), module)
    with torch.no_grad():
        module.second.weight[:, 0] = 0
    assert_counted(recording.record(chunk(2)), module)
    module.third.weight = nn.Parameter(torch.tensor([[1.0, 0, 0, 0, 0]] * 3))
    assert_counted(recording.record(chunk(3)), module)


class Loop(nn.Module):
    """Reads the same real input at each of four steps; ``change`` is what happens before the third."""

    def __init__(self, change: Callable[[Loop, Tensor], Tensor] = lambda net, x: x) -> None:
        super().__init__()
        torch.manual_seed(2)
        self.layer, self.fire, self.change = nn.Linear(4, 6), Fire(), change
        self.kept = list[tuple[Tensor, Tensor]]()

    def forward(self, x: Tensor) -> Tensor:
        self.kept, out = [], []
        for step in range(4):
            if step == 2:
                x = self.change(self, x)
            self.kept.append((x.clone(), self.layer.weight.detach().clone()))
            out.append(self.fire(self.layer(x)))
        return torch.stack(out)


def _other_input(_net: Loop, x: Tensor) -> Tensor:
    return x * (x > -0.5)


def _other_weights(net: Loop, x: Tensor) -> Tensor:
    net.layer.weight = nn.Parameter(net.layer.weight * (torch.arange(4) != 1))
    return x


@pytest.mark.parametrize("change", [lambda _net, x: x, _other_input, _other_weights])
def test_an_input_that_comes_again_counts_at_each_step_as_what_it_is_there(
    change: Callable[[Loop, Tensor], Tensor],
) -> None:
    module = Loop(change)
    network = adapt(module, 4, neurons={Fire: FACTS}, example=torch.zeros(2, 4))
    recording = Recorder(network, ProbeOptions(batch_size=5, timed_chunks=0))
    for index, n in ((1, 5), (2, 5), (3, 2), (4, 5)):
        layer = recording.record(chunk(index, n)).synaptic[0]
        met = [(x != 0).double() @ (weight != 0).double().sum(0) for x, weight in module.kept]
        np.testing.assert_array_equal(layer.ops_VTN.sum(0), torch.stack(met)[:, :n])


def test_weights_changed_within_a_run_are_seen() -> None:
    """Each layer meets the weights as they are when it is called."""

    class Twice(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer, self.fire = nn.Linear(4, 4), Fire()

        def forward(self, x: Tensor) -> Tensor:
            with torch.no_grad():
                self.layer.weight.fill_(1)
            a = self.layer(self.fire(x))
            with torch.no_grad():
                self.layer.weight[:2] = 0
            return a + self.layer(self.fire(x))

    network = adapt(Twice(), 1, neurons={Fire: FACTS}, example=torch.zeros(2, 4))
    given = chunk(1)
    trace = Recorder(network, ProbeOptions(batch_size=5, timed_chunks=0)).record(given)
    spikes = (given.x > 0).sum(1)
    np.testing.assert_array_equal(trace.synaptic[0].ops_VTN.sum(0)[0], 4 * spikes)
    np.testing.assert_array_equal(trace.synaptic[1].ops_VTN.sum(0)[0], 2 * spikes)


class Mixer(nn.Module):
    """Reads its input transposed, through a weight of its own."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.tensor([[1.0, 0, 0], [1, 1, 0], [1, 1, 1]]))

    def forward(self, x: Tensor) -> Tensor:
        return torch.nn.functional.linear(x.transpose(-1, -2), self.weight)


class Mixing(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.fire, self.mix, self.head, self.read = Fire(), Mixer(), nn.Linear(9, 2), list[Tensor]()

    def forward(self, x: Tensor) -> Tensor:
        spikes = self.fire(x)
        self.read = [spikes.clone()]
        return self.head(self.mix(spikes).flatten(1))


def test_a_module_that_reads_its_input_in_another_order() -> None:
    module = Mixing()
    network = adapt(module, 1, neurons={Fire: FACTS}, example=torch.zeros(2, 3, 3))
    x = torch.randn(5, 3, 3, generator=torch.Generator().manual_seed(0))
    given = Chunk(0, np.arange(5), x, np.zeros(5, np.int64))
    trace = Recorder(network, ProbeOptions(batch_size=5, timed_chunks=0)).record(given)
    fan = (module.mix.weight != 0).sum(0)
    met = (module.read[0].transpose(-1, -2) != 0) * fan
    np.testing.assert_array_equal(trace.synaptic[0].ops_VTN.sum(0)[0], met.sum((1, 2)))


def test_weights_masked_anew_at_each_step_behind_their_version() -> None:
    class Masked(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.fire, self.layer = Fire(), nn.Linear(4, 4, bias=False)
            nn.init.ones_(self.layer.weight)

        def forward(self, x: Tensor) -> Tensor:
            out = []
            for t in range(3):
                self.layer.weight.data = torch.ones(4, 4)
                self.layer.weight.data[: t + 1] = 0
                out.append(self.layer(self.fire(x)))
            return torch.stack(out)

    network = adapt(Masked(), 3, neurons={Fire: FACTS}, example=torch.zeros(2, 4))
    trace = Recorder(network, ProbeOptions(batch_size=5, timed_chunks=0)).record(chunk(1))
    spikes = (chunk(1).x > 0).sum(1)
    expected = [[(3 - t) * int(n) for n in spikes] for t in range(3)]
    np.testing.assert_array_equal(trace.synaptic[0].ops_VTN.sum(0), expected)


def test_after_a_chunk_that_failed_nothing_more_is_counted() -> None:
    recording = recorder(Net())
    recording.add(chunk(1))
    broken = chunk(2)
    broken.x[0, 0] = float("nan")
    with pytest.raises(NotFiniteError):
        recording.add(broken)
    for again in (lambda: recording.add(chunk(3)), recording.take):
        with pytest.raises(NetworkError, match="begin with a new recorder"):
            again()


def test_a_chunk_without_samples_is_refused() -> None:
    with pytest.raises(InputError, match="expected samples, found none"):
        recorder(Net()).add(chunk(1, n=0))


def test_prepared_outside_and_recorded_inside_inference_mode() -> None:
    module = Net()
    recording = recorder(module)
    with torch.inference_mode():
        trace = recording.record(chunk(1))
    assert_counted(trace, module)

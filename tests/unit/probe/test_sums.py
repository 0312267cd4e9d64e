"""Meetings of residual sums that follow from other counts are those that are there, or somebody looks at the sums."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from snn_eval.errors import NetworkError
from snn_eval.models.adapters import adapt
from snn_eval.models.network import NeuronModel
from snn_eval.probe import Chunk, ProbeOptions, Recorder
from snn_eval.trace import Trace

FACTS = NeuronModel("step", "none", 0, 0, 0, 1)
SEEN: list[tuple[Tensor, Tensor]] = []


class Fire(nn.Module):
    """Without memory; ``signed`` neurons also fire −1."""

    def __init__(self) -> None:
        super().__init__()
        self.signed = False

    def forward(self, x: Tensor) -> Tensor:
        spikes = (x > 0.2).to(x.dtype)
        return spikes - (x < -0.6).to(x.dtype) if self.signed else spikes


class Residual(nn.Module):
    """Two residual blocks; nothing that counts reads the last sum, which goes through a pool."""

    def __init__(self, between: Callable[[Tensor], Tensor] = lambda x: x) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.between = between
        self.stem, self.a, self.b = nn.Linear(5, 8), nn.Linear(8, 8), nn.Linear(8, 8)
        self.fire, self.fire_a, self.fire_b = Fire(), Fire(), Fire()
        self.pool, self.head = nn.MaxPool1d(2), nn.Linear(4, 3)

    def forward(self, x: Tensor) -> Tensor:
        first = self.fire(self.stem(x))
        made = self.fire_a(self.a(first))
        SEEN.append((first.clone(), made.clone()))
        second = first + made
        made = self.fire_b(self.b(second))
        SEEN.append((second.clone(), made.clone()))
        return self.head(self.pool(self.between(second + made)))


def chunk(index: int = 0, n: int = 6, scale: float = 3.0) -> Chunk:
    x = scale * torch.randn(n, 5, generator=torch.Generator().manual_seed(index))
    return Chunk(index, np.arange(n) + 10 * index, x, np.zeros(n, np.int64))


def recorder(module: nn.Module) -> Recorder:
    network = adapt(module, 1, neurons={Fire: FACTS}, example=chunk().x)
    return Recorder(network, ProbeOptions(batch_size=6, timed_chunks=0))


def meetings_of(recording: Recorder, given: Chunk) -> list[list[int]]:
    """Meetings of both sums for each sample, as counted; SEEN then begins with the same run's operands."""
    recording.prepare(chunk())
    SEEN.clear()
    return meetings(recording.record(given))


def meetings(trace: Trace) -> list[list[int]]:
    return [op.effective_TN[0].tolist() for op in trace.elementwise if op.effective_TN is not None]


def expected() -> list[list[int]]:
    return [((a != 0) & (b != 0)).sum(1).tolist() for a, b in SEEN[:2]]


def test_sums_of_spikes_need_no_mode() -> None:
    recording = recorder(Residual())
    found = meetings_of(recording, chunk(1))
    assert found == expected()
    assert any(map(any, found))
    assert not recording._plan.needs_mode
    assert len(recording._plan.sums) == 2
    SEEN.clear()
    found = meetings(recording.record(chunk(2, n=4)))  # a smaller batch, and no second look any more
    assert found == [of_sum[:4] for of_sum in expected()]
    assert len(SEEN) == 2
    recording.verify(chunk(2, n=4))


def test_negative_spikes_that_come_late_are_looked_at() -> None:
    module = Residual()
    recording = recorder(module)
    recording.prepare(chunk())
    recording.record(chunk(1))
    module.fire_a.signed = module.fire.signed = True
    SEEN.clear()
    found = meetings(recording.record(chunk(2)))
    assert any(bool(((a + b) == 0)[(a != 0) & (b != 0)].any()) for a, b in SEEN[:2])
    assert found == expected()
    assert recording._plan.needs_mode
    SEEN.clear()
    assert meetings(recording.record(chunk(3))) == expected()


@pytest.mark.parametrize("between", [lambda x: x.mul_(0), lambda x: x.data.mul_(0), lambda x: x.relu_().sub_(1)])
def test_a_sum_changed_before_it_is_counted_is_looked_at(between: Callable[[Tensor], Tensor]) -> None:
    recording = recorder(Residual(between))
    assert meetings_of(recording, chunk(1)) == expected()
    assert recording._plan.needs_mode


def test_a_sum_changed_later_on_is_an_error_at_the_end() -> None:
    module = Residual()
    recording = recorder(module)
    recording.prepare(chunk())
    recording.record(chunk(1))
    module.between = lambda x: x.data.mul_(0)
    recording.record(chunk(2))
    with pytest.raises(NetworkError, match="other calls"):
        recording.verify(chunk(2))


def test_a_random_network_is_looked_at() -> None:
    module = Residual()
    module.stem = nn.Sequential(nn.Linear(5, 8), Noise())
    recording = recorder(module)
    recording.prepare(chunk())
    assert not recording._plan.sums
    assert recording._plan.needs_mode


class Noise(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x + torch.rand_like(x)


def test_the_modules_are_left_as_they_were() -> None:
    module = Residual()
    recorder(module).record(chunk())
    assert not any("forward" in part.__dict__ for part in module.modules())


class Variant(Residual):
    """The same blocks, joined in a way that could be mistaken for a plain sum of what is counted."""

    def __init__(self, join: Callable[[Tensor, Tensor], Tensor], before: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.join, self.before = join, before

    def forward(self, x: Tensor) -> Tensor:
        first = self.fire(self.stem(self.before(x)))
        made = self.fire_a(self.a(first))
        SEEN.append((first.clone(), made.clone()))
        return self.head(self.pool(self.join(first, made)))


@pytest.mark.parametrize("join", [lambda a, b: torch.add(a, b, alpha=-1), lambda a, b: a.add(b, alpha=2)])
def test_a_scaled_sum_is_looked_at_even_where_the_first_chunk_is_silent(join: Callable[..., Tensor]) -> None:
    recording = recorder(Variant(join, lambda x: x))
    recording.prepare(chunk(scale=0.0))
    recording.record(chunk(scale=0.0))
    SEEN.clear()
    assert meetings(recording.record(chunk(1))) == expected()


def test_a_network_that_writes_its_input_is_not_run_on_it_twice() -> None:
    recording = recorder(Variant(torch.add, lambda x: x.sub_(0.5).div_(0.25)))
    assert meetings_of(recording, chunk(1)) == expected()


class Halves(nn.Module):
    """The parts of one tensor go separate ways: one through a block, one around it."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(2)
        self.stem, self.fire, self.block, self.fire_b = nn.Linear(5, 8), Fire(), nn.Linear(4, 4), Fire()
        self.pool, self.head = nn.MaxPool1d(2), nn.Linear(2, 3)

    def forward(self, x: Tensor) -> Tensor:
        u, v = self.fire(self.stem(x)).chunk(2, -1)
        made = self.fire_b(self.block(u))
        SEEN.append((v.clone(), made.clone()))
        return self.head(self.pool(v + made))


def test_slices_of_one_tensor_are_told_apart() -> None:
    recording = recorder(Halves())
    recording.prepare(chunk(scale=0.0))
    recording.record(chunk(scale=0.0))
    SEEN.clear()
    assert meetings(recording.record(chunk(1))) == expected()[:1]


def test_a_neuron_that_makes_a_product_of_its_own_beside_a_sum() -> None:
    from spikingjelly.activation_based import neuron

    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            torch.manual_seed(0)
            self.a, self.b, self.c = nn.Linear(5, 6), nn.Linear(6, 6), nn.Linear(6, 3)
            self.na, self.nb = neuron.PSN(T=4), neuron.PSN(T=4)

        def forward(self, x_TNC: Tensor) -> Tensor:
            first = self.na(self.a(x_TNC))
            made = self.nb(self.b(first))
            SEEN.append((first.clone(), made.clone()))
            return self.c(first + made)

    network = adapt(Net(), 4, feed="sequence", example=chunk().x)
    recording = Recorder(network, ProbeOptions(batch_size=6, timed_chunks=0))
    recording.prepare(chunk())
    SEEN.clear()
    trace = recording.record(chunk(1))
    first, made = SEEN[0]
    found = next(op.effective_TN for op in trace.elementwise if op.effective_TN is not None)
    np.testing.assert_array_equal(found, ((first != 0) & (made != 0)).sum(-1))

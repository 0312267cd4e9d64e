"""The recorder from outside: prepare, add, take, verify, what it refuses and what it leaves behind."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from snn_eval.errors import NetworkError, NothingCountedError, UnknownOperationError
from snn_eval.models.adapters import adapt
from snn_eval.models.network import Network, NeuronModel, SpikingLayer
from snn_eval.probe import Chunk, ProbeOptions, Recorder, record_trace

FACTS = NeuronModel("if", "hard", 0, 0, 0, 1)


class Fire(nn.Module):
    """Fires where its input reaches one; no state, so sums are easy."""

    def forward(self, x: Tensor) -> Tensor:
        return (x >= 1).to(x.dtype)


class Steps(nn.Module):
    """linear → spikes → linear, the same input at each step; ``change`` stands between the layers."""

    def __init__(self, change: Callable[[Any, Tensor], Tensor] = lambda m, s: s) -> None:
        super().__init__()
        self.time_steps, self.change = 3, change
        self.first, self.fire, self.last = nn.Linear(4, 6, bias=False), Fire(), nn.Linear(6, 2, bias=False)
        for weight in self.parameters():
            nn.init.ones_(weight)

    def forward(self, x: Tensor) -> Tensor:
        return torch.stack([self.last(self.change(self, self.fire(self.first(x)))) for _ in range(self.time_steps)])


class Tiny:
    """A network written from the protocol alone."""

    def __init__(self, module: nn.Module, time_steps: int = 3, neuron: NeuronModel = FACTS, reason: str = "") -> None:
        self.module, self.time_steps, self.sample_axis = module.eval(), time_steps, 0
        self.neuron, self.reason = neuron, reason

    def run(self, x: Tensor) -> Tensor:
        if hasattr(self.module, "time_steps"):
            self.module.time_steps = self.time_steps
        return self.module(x)

    def spiking_layers(self) -> dict[str, SpikingLayer]:
        return {n: SpikingLayer(m, self.neuron) for n, m in self.module.named_modules() if isinstance(m, Fire)}

    def unknown_neurons(self) -> dict[str, str]:
        return dict.fromkeys(self.spiking_layers(), self.reason) if self.reason else {}

    def with_time_steps(self, time_steps: int) -> Network | None:
        return Tiny(self.module, time_steps, self.neuron, self.reason)


def chunk(rows: list[list[float]], index: int = 0, first: int = 0) -> Chunk:
    ids = np.arange(first, first + len(rows))
    return Chunk(index, ids, torch.tensor(rows, dtype=torch.float32), np.zeros(len(rows), np.int64))


ROWS = [[1.0, 0, 0, 0], [0, 0, 0, 0], [1, 1, 0, 1]]


def recorder(change: Callable[[Any, Tensor], Tensor] = lambda m, s: s, **options: Any) -> Recorder:
    return Recorder(Tiny(Steps(change)), ProbeOptions(**{"batch_size": 3, **options}))


def test_what_is_counted() -> None:
    trace = recorder().record(chunk(ROWS))
    first, last = trace.synaptic
    assert (first.name, last.name) == ("first", "last")
    assert first.time_invariant
    assert first.ops_VTN.sum(0).tolist() == [[1 * 6, 0, 3 * 6]] * 3
    assert last.ops_VTN.sum(0).tolist() == [[6 * 2, 0, 6 * 2]] * 3
    assert (first.dense_ops, last.dense_ops) == (4 * 6, 6 * 2)
    assert trace.neurons[0].spikes_TN.tolist() == [[6, 0, 6]] * 3
    assert trace.neurons[0].per_neuron.tolist() == [[2] * 6] * 3
    assert trace.graph == (("input", "first"), ("first", "fire"), ("fire", "last"))
    assert trace.output.readout_TNK is not None
    assert trace.output.readout_TNK[:, :, 0].tolist() == [[6, 0, 6]] * 3


def test_padding_is_dropped() -> None:
    whole, padded = recorder().record(chunk(ROWS)), recorder(batch_size=8).record(chunk(ROWS))
    for a, b in zip(whole.synaptic, padded.synaptic, strict=True):
        np.testing.assert_array_equal(a.ops_VTN, b.ops_VTN)
    np.testing.assert_array_equal(whole.neurons[0].per_neuron, padded.neurons[0].per_neuron)
    assert padded.output.readout_TNK is not None
    assert padded.output.readout_TNK.shape[1] == 3


def test_take_begins_anew() -> None:
    recording = recorder()
    recording.add(chunk(ROWS[:1]))
    recording.add(chunk(ROWS[1:], 1, first=1))
    assert recording.take().synaptic[0].ops_VTN.sum(0)[0].tolist() == [6, 0, 3 * 6]
    with pytest.raises(NetworkError, match="no chunk has been recorded"):
        recording.take()
    assert recording.record(chunk(ROWS[2:])).synaptic[0].ops_VTN.sum(0)[0].tolist() == [3 * 6]


def test_unprepared() -> None:
    with pytest.raises(NetworkError, match="has not been prepared"):
        recorder().take()
    assert recorder().notes == ()
    with pytest.raises(NetworkError, match="nothing to record"):
        record_trace(Tiny(Steps()), [])


def test_a_map_above_the_limit_is_summed_over_time() -> None:
    trace = recorder(per_step_map_limit=3 * 6 - 1).record(chunk(ROWS))
    assert not trace.neurons[0].per_step_map
    assert trace.neurons[0].per_neuron.tolist() == [2 * 3] * 6
    assert recorder(per_step_map_limit=3 * 6).record(chunk(ROWS)).neurons[0].per_step_map


def test_a_replaced_weight_is_seen() -> None:
    module = Steps()
    recording = Recorder(Tiny(module), ProbeOptions(batch_size=3))
    recording.prepare(chunk(ROWS))
    module.last.weight = nn.Parameter(torch.tensor([[1.0] * 6, [0.0] * 6]))
    last = recording.record(chunk(ROWS)).synaptic[1]
    assert last.ops_VTN.sum(0)[0].tolist() == [6 * 1, 0, 6 * 1]
    assert last.structural_ops_VTN is not None
    assert last.structural_ops_VTN.sum(0)[0].tolist() == [6 * 2, 0, 6 * 2]
    with torch.no_grad():
        module.last.weight[1] = 5
    assert recording.record(chunk(ROWS)).synaptic[1].ops_VTN.sum(0)[0].tolist() == [6 * 2, 0, 6 * 2]


def late_change(write: Callable[[Tensor], None]) -> tuple[Recorder, list[bool]]:
    """A recorder prepared on a network that begins to change its spikes in place only afterwards."""
    late: list[bool] = []

    def change(m: Steps, spikes: Tensor) -> Tensor:
        if late:
            write(spikes[:, :3])
        return spikes

    recording = recorder(change)
    recording.prepare(chunk(ROWS))
    late.append(True)
    return recording, late


def test_spikes_changed_in_place_later_on_are_an_error() -> None:
    recording, _ = late_change(lambda part: part.zero_())
    with pytest.raises(NetworkError, match="changed in place"):
        recording.record(chunk(ROWS))


def test_spikes_changed_behind_the_version_are_found_by_a_last_look() -> None:
    recording, _ = late_change(lambda part: part.data.zero_())
    recording.record(chunk(ROWS))
    with pytest.raises(NetworkError, match="what fire reads or makes is changed afterwards"):
        recording.verify(chunk(ROWS))


@pytest.mark.parametrize("write", [Tensor.zero_, lambda part: part.data.zero_()])
@pytest.mark.parametrize("silent_first", [False, True])
def test_spikes_changed_in_place_from_the_beginning_are_counted_as_they_were(write: Any, silent_first: bool) -> None:
    """Of the neuron as it made them, of the layer behind it as it read them."""

    def change(m: Steps, spikes: Tensor) -> Tensor:
        write(spikes[:, :3])
        return spikes

    recording = recorder(change)
    recording.prepare(chunk([[-9.0] * 4] * 3 if silent_first else ROWS))
    trace = recording.record(chunk(ROWS))
    recording.verify(chunk(ROWS))
    assert trace.neurons[0].spikes_TN[0].tolist() == [6, 0, 6]
    assert trace.synaptic[1].ops_VTN.sum(0)[0].tolist() == [3 * 2, 0, 3 * 2]


def test_no_spikes_of_zero_and_one() -> None:
    """Graded spikes leave the first tier behind, in the neuron and in the layer that reads them."""

    class Graded(Fire):
        def forward(self, x: Tensor) -> Tensor:
            return x * (x >= 1)

    module = Steps()
    module.fire = Graded()
    trace = Recorder(Tiny(module), ProbeOptions(batch_size=3)).record(chunk(ROWS))
    assert trace.neurons[0].spikes_TN.tolist() == [[6, 0, 6]] * 3
    assert trace.neurons[0].per_neuron.tolist() == [[2] * 6] * 3
    assert trace.synaptic[1].levels.tolist() == [1, 3]
    assert trace.synaptic[1].ops_VTN[:, 0].tolist() == [[6 * 2, 0, 0], [0, 0, 6 * 2], [0, 0, 0]]


def test_strict_names_what_has_no_rule() -> None:
    def odd(m: Steps, s: Tensor) -> Tensor:
        return torch.cdist(s[:, None], torch.zeros(1, 6, 6))[:, 0]

    assert [u.name for u in recorder(odd).record(chunk(ROWS)).unknown] == ["cdist"]
    with pytest.raises(UnknownOperationError, match=r"cdist \(3 calls"):
        recorder(odd, strict=True).prepare(chunk(ROWS))


def test_weights_made_of_data_are_unknown() -> None:
    def made(m: Steps, s: Tensor) -> Tensor:
        return F.linear(s, s.sum(0).expand(6, 6))

    trace = recorder(made).record(chunk(ROWS))
    assert any("weights made of data" in u.name for u in trace.unknown)
    assert [layer.name for layer in trace.synaptic] == ["first", "last"]


def test_a_neuron_without_a_rule_is_unknown() -> None:
    neuron = NeuronModel("unknown", "unknown", 0, 0, 0, 0)
    network = Tiny(Steps(), neuron=neuron, reason="no rule for this class")
    (unknown,) = Recorder(network, ProbeOptions(batch_size=3)).record(chunk(ROWS)).unknown
    assert unknown.name == "neuron update of fire (no rule for this class)"
    assert (unknown.calls, unknown.elements) == (3, 6)


def test_spikes_without_a_layer() -> None:
    with pytest.raises(NothingCountedError, match="not one synaptic operation"):
        Recorder(Tiny(nn.Sequential(Fire(), nn.Unflatten(0, (1, -1))), 1)).prepare(chunk(ROWS))


def test_an_error_of_the_network_leaves_its_modules_as_they_were() -> None:
    def fails(m: Steps, s: Tensor) -> Tensor:
        if m.first.weight[0, 0] == 0:
            raise RuntimeError("a fault")
        return s

    recording = recorder(fails)
    recording.prepare(chunk(ROWS))
    with torch.no_grad():
        recording.network.module.first.weight[0, 0] = 0  # type: ignore[union-attr,operator,index]
    with pytest.raises(RuntimeError, match="a fault"):
        recording.add(chunk(ROWS))
    assert all("forward" not in vars(m) for m in recording.network.module.modules())
    assert torch.backends.mha.get_fastpath_enabled()


@pytest.mark.parametrize("more", [0, 1])
def test_verify_sees_calls_that_came_or_went(more: int) -> None:
    calls = [1 - more]

    def some(m: Steps, s: Tensor) -> Tensor:
        return torch.matmul(s, torch.eye(6)) if calls[0] else s

    recording = recorder(some)
    recording.prepare(chunk(ROWS))
    recording.verify(chunk(ROWS))
    calls[0] = more
    with pytest.raises(NetworkError, match="made other calls than in the first batch"):
        recording.verify(chunk(ROWS))
    if not more:  # where no call needed the function mode, a new one is first seen by verify
        with pytest.raises(NetworkError, match="made other calls than in the first batch"):
            recording.add(chunk(ROWS))


def test_bare_time_is_noted_beside_the_recorded() -> None:
    recording = recorder()
    recording.add(chunk(ROWS))
    recording.time_bare(chunk(ROWS))
    facts = recording.take().facts
    assert len(facts.bare_forward_s) == 1
    assert facts.bare_forward_s[0] > 0
    assert facts.wall_s > 0
    assert (facts.batch_size, facts.dtype, facts.notes) == (3, "float32", ())


def test_declared_input() -> None:
    assert recorder().record(chunk(ROWS)).input_events_TN is None
    events = recorder(input_kind="spikes").record(chunk(ROWS))
    assert events.input_events_TN is not None
    assert events.input_events_TN.tolist() == [[1, 0, 3]]
    assert events.synaptic[0].source == "spikes"


def test_many_classes_are_summarised() -> None:
    trace = recorder(max_classes=1).record(chunk(ROWS))
    assert trace.output.readout_TNK is None
    assert trace.output.summary is not None
    assert trace.output.classes == 2


def test_an_adapted_network_of_one_step() -> None:
    trace = record_trace(adapt(nn.Sequential(nn.Linear(4, 2)), time_steps=1), [chunk(ROWS)], ProbeOptions(batch_size=3))
    assert trace.synaptic[0].ops_VTN.sum(0).tolist() == [[1 * 2, 0, 3 * 2]]
    assert trace.elementwise[0].add == 2  # the bias
    assert trace.neurons == ()

"""Corrected networks: the formula against a loop, start potentials as currents, zero changes no bit, files, costs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from spikingjelly.activation_based import neuron as sj
from torch import Tensor, nn

from snn_eval.errors import SuiteError
from snn_eval.models.adapters import adapt
from snn_eval.models.checkpoint import Checkpoint, load_checkpoint, load_weights, save_checkpoint
from snn_eval.models.corrected import CurrentCorrection, attach, corrected_network, corrections, start_current
from snn_eval.models.networks import build_network
from snn_eval.probe import Chunk, ProbeOptions, record_trace

CONFIG = {"in_shape": [1, 6, 6], "layers": ["3C3", "AP2", "FC5", "FC4"]}
NEURONS = [
    {"name": "if", "reset": "soft"},
    {"name": "lif"},
    {"name": "plif"},
    {"name": "dynamic-lif", "reset": "soft"},
    {"name": "dynamic-lif", "adaptive": True, "state_leak": True, "synaptic": True},
]
LAYERS = {
    "layers.0.neuron": {"channels": 3, "steps": 2, "gain": True},
    "layers.2.neuron": {"channels": 5, "steps": 4, "gain": False},
}


def seeded(neuron: dict[str, Any], time_steps: int = 4) -> nn.Module:
    torch.manual_seed(1)
    module = build_network("layered-net", time_steps, {**CONFIG, "neuron": neuron}).eval()
    for part in module.modules():
        if isinstance(part, nn.modules.batchnorm._BatchNorm):
            nn.init.constant_(part.bias, 1.2)  # so that all layers fire
    return module


def filled(module: nn.Module) -> nn.Module:
    generator = torch.Generator().manual_seed(2)
    with torch.no_grad():
        for part in corrections(module).values():
            for weight in part.parameters():
                weight.add_(0.4 * torch.rand(weight.shape, generator=generator) - 0.2)
    return module


def ran(module: nn.Module, x: Tensor, time_steps: int = 4) -> Tensor:
    return adapt(module, time_steps).run(x)


@pytest.mark.parametrize("shape", [(4, 2, 3), (4, 2, 3, 5, 5), (1, 2, 3, 5, 5), (6, 2, 3)])
def test_the_current_is_scaled_and_shifted_by_step_and_channel(shape: tuple[int, ...]) -> None:
    torch.manual_seed(0)
    part = CurrentCorrection(3, 4, gain=True)
    with torch.no_grad():
        part.bias.normal_()  # type: ignore[union-attr]
        part.gain.normal_()  # type: ignore[union-attr]
        current = torch.randn(shape)
        expected = current.clone()
        for t in range(shape[0]):
            for c in range(3):
                expected[t, :, c] *= part.gain[c]  # type: ignore[index]
                if t < 4:  # nothing behind the last row
                    expected[t, :, c] += part.bias[t, c]  # type: ignore[index]
        assert torch.equal(part(current), expected)


@pytest.mark.parametrize("neuron", NEURONS, ids=str)
def test_corrections_of_zero_change_no_bit(neuron: dict[str, Any]) -> None:
    x = torch.rand(3, 1, 6, 6, generator=torch.Generator().manual_seed(0))
    plain, corrected = seeded(neuron), seeded(neuron)
    attach(corrected, LAYERS)
    expected = ran(plain, x)
    assert torch.equal(ran(corrected, x), expected)
    assert not torch.equal(ran(filled(corrected), x), expected)


@pytest.mark.parametrize("neuron", NEURONS[:4], ids=str)
def test_a_shorter_run_is_the_beginning_of_a_longer_one(neuron: dict[str, Any]) -> None:
    x = torch.rand(3, 1, 6, 6, generator=torch.Generator().manual_seed(0))
    module = seeded(neuron)
    attach(module, LAYERS)
    network = adapt(filled(module), 4, example=x)
    readouts = {}
    for steps in (1, 3, 4, 7):
        other = network.with_time_steps(steps)
        assert other is not None
        readouts[steps] = other.run(x)
    for steps in (1, 3, 4):
        assert torch.allclose(readouts[7][:steps], readouts[steps], rtol=0, atol=1e-6)
    assert float(readouts[7].std(0).max()) > 0.01  # it fires


@pytest.mark.parametrize(
    "make",
    [
        lambda: sj.IFNode(v_reset=None, step_mode="m"),
        lambda: sj.IFNode(step_mode="m"),
        lambda: sj.LIFNode(tau=2.5, v_reset=None, step_mode="m"),
        lambda: sj.LIFNode(tau=2.5, decay_input=False, step_mode="m"),
        lambda: sj.ParametricLIFNode(init_tau=3.0, v_reset=None, step_mode="m"),
        lambda: sj.ParametricLIFNode(init_tau=3.0, decay_input=False, step_mode="m"),
    ],
)
def test_a_start_potential_is_a_first_current(make: Any) -> None:
    torch.manual_seed(0)
    current = torch.rand(5, 1, 20, dtype=torch.float64)
    potential = 0.6 * torch.rand(20, dtype=torch.float64)
    started, shifted = make().double(), make().double()
    started.v = potential.expand(1, 20).clone()
    first = current.clone()
    first[0] += start_current(shifted, potential).detach()
    assert torch.equal(started(current), shifted(first))
    assert torch.allclose(started.v, shifted.v, rtol=0, atol=1e-12)


def test_start_potentials_need_a_known_charge() -> None:
    with pytest.raises(SuiteError, match="expected IF or LIF neurons, got ReLU"):
        start_current(nn.ReLU(), torch.zeros(2))


def test_a_file_of_it_is_read_like_any_other(tmp_path: Path) -> None:
    module = seeded(NEURONS[0])
    attach(module, LAYERS)
    filled(module)
    config = {"arch": "layered-net", "config": {**CONFIG, "neuron": NEURONS[0]}, "layers": LAYERS}
    stored = Checkpoint(module.state_dict(), arch="corrected", config=config, time_steps=4)
    save_checkpoint(tmp_path / "c.pt", stored)
    found = load_checkpoint(tmp_path / "c.pt")
    assert found.config == config
    other = build_network(found.arch or "", 4, found.config or {})
    load_weights(other, found)
    x = torch.rand(3, 1, 6, 6)
    assert torch.equal(ran(other, x), ran(module, x))


def test_what_cannot_be_corrected_is_told_in_a_line() -> None:
    values = {"arch": "layered-net", "config": CONFIG}
    for layers, line in (
        ({"layers.9.neuron": {"channels": 3, "steps": 1}}, "expected neurons at layers.9.neuron, found none"),
        ({"": {"channels": 3, "steps": 1}}, "got the neurons alone"),
    ):
        with pytest.raises(SuiteError, match=line):
            corrected_network(4, **values, layers=layers)
    with pytest.raises(SuiteError, match=r"one of your own, net.py:make; name it again with --arch"):
        corrected_network(4, arch="net.py:make", config={}, layers={})


@pytest.mark.parametrize("layers", [5, [1], {"layers.0.neuron": 3}])
def test_a_table_of_corrections_that_is_none_is_told_in_a_line(layers: Any) -> None:
    with pytest.raises(SuiteError, match="expected a table of channels, steps and gain"):
        attach(seeded({"name": "if"}), layers)


def test_what_a_correction_costs_is_in_the_trace() -> None:
    """Additions at the steps that have a row, multiplications where there is a gain; layers are seen as before."""
    x = torch.rand(8, 1, 6, 6, generator=torch.Generator().manual_seed(3))
    chunk = Chunk(0, np.arange(8), x, np.zeros(8, np.int64))
    options = ProbeOptions(batch_size=8, input_kind="real")
    module = seeded(NEURONS[0])
    attach(module, LAYERS)
    trace = record_trace(adapt(filled(module), 4), [chunk], options)
    plain = record_trace(adapt(seeded(NEURONS[0]), 4), [chunk], options)
    costs = {op.name: (op.kind, op.steps, op.mul, op.add) for op in trace.elementwise if "correction" in op.name}
    first, second = 3 * 6 * 6, 5  # neurons
    assert costs == {
        "layers.0.neuron.correction:mul": ("scale", 4, first, 0),
        "layers.0.neuron.correction:add": ("bias", 2, 0, first),
        "layers.2.neuron.correction": ("bias", 4, 0, second),
    }
    assert [layer.name for layer in trace.synaptic] == [layer.name for layer in plain.synaptic]
    assert [layer.neurons for layer in trace.neurons] == [layer.neurons for layer in plain.neurons]
    assert trace.output.causal == plain.output.causal == "yes"

"""Dynamic coding: each formula against the same written out, switched off bit for bit, gradients, costs, causality."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from snn_eval.errors import NetworkError, RefusedError
from snn_eval.metrics import measure
from snn_eval.metrics.readout import require_prefix
from snn_eval.models.adapters import adapt
from snn_eval.models.coding import ChannelGain, CurrentAttention, Gain, TemporalConv
from snn_eval.models.networks import build_network
from snn_eval.probe import Chunk, ProbeOptions, record_trace
from snn_eval.trace import Trace

STEPS = 4
X = torch.rand(3, 2, 8, 8, generator=torch.Generator().manual_seed(0))
FRAMES = torch.randint(0, 3, (STEPS, 3, 2, 8, 8), generator=torch.Generator().manual_seed(1)).float()
CURRENTS = torch.randn(STEPS, 3, 5, 4, 4, generator=torch.Generator().manual_seed(2))


def network(coding: str, time_steps: int = STEPS) -> Any:
    torch.manual_seed(0)
    neuron = {"name": "lif", "reset": "soft", "v_threshold": 0.3}
    config = {"in_shape": [2, 8, 8], "layers": ["5C3", "AP2", "FC10"], "neuron": neuron, "coding": coding}
    module = build_network("layered-net", time_steps, config).eval()
    weights: dict[str, Tensor] = network("none").state_dict() if coding != "none" else {}
    module.load_state_dict(weights, strict=False)  # those of the base, whatever a coding drew
    return module


def recorded(module: nn.Module, x: Tensor = X) -> Trace:
    frames = x.dim() == 5
    adapted = adapt(module, STEPS, sample_axis=int(frames), example=x)
    options = ProbeOptions(batch_size=3, input_kind="counts" if frames else "real", strict=True)
    return record_trace(adapted, [Chunk(0, np.arange(3), x, np.zeros(3, np.int64))], options)


CODINGS = [("gain", X), ("channel-gain", X), ("attention", X), ("gain", FRAMES), ("temporal-conv", FRAMES)]


@pytest.mark.parametrize(("coding", "x"), CODINGS)
def test_begins_as_the_network_without_it_bit_for_bit(coding: str, x: Tensor) -> None:
    module, base = network(coding), network("none")
    assert torch.equal(module(x), base(x))  # executed, as in training
    with torch.no_grad():
        assert torch.equal(module(x), base(x))


@pytest.mark.parametrize("coding", ["gain", "channel-gain"])
def test_a_gain_of_exactly_one_is_not_executed(coding: str) -> None:
    module = network(coding)
    seen: list[Tensor] = []
    module.layers[0].neuron.register_forward_pre_hook(lambda _m, args: seen.append(args[0]))
    with torch.no_grad():
        module(X)
        module.layers[0].coding.k[1] = 0.5
        module(X)
    assert seen[0].stride(0) == 0  # one current, held
    assert seen[1].stride(0) > 0
    trace = recorded(network(coding))
    assert not [op for op in trace.elementwise if "coding" in op.name]


@pytest.mark.parametrize(("coding", "x"), CODINGS)
def test_what_is_learned_gets_a_gradient_from_its_start(coding: str, x: Tensor) -> None:
    module = network(coding).train()
    module(x).square().sum().backward()
    learned = dict(module.named_parameters())
    first = {"attention": "layers.0.coding.expand", "temporal-conv": "coding.weight"}
    assert bool(learned[first.get(coding, "layers.0.coding.k")].grad.any())


def test_gain_is_its_formula_for_fewer_and_more_steps() -> None:
    gain, channel = Gain(STEPS), ChannelGain(STEPS, 5)
    k = [0.3, -0.7, 0.0, 2.0]
    with torch.no_grad():
        gain.k.copy_(torch.tensor(k))
        channel.k.copy_(torch.arange(20).reshape(4, 5) / 10 - 1)
        for steps in (2, 4, 6):
            currents = CURRENTS[torch.arange(steps) % STEPS]
            coded, coded_channels = gain(currents), channel(currents)
            for t in range(steps):
                row = min(t, STEPS - 1)
                assert torch.allclose(coded[t], currents[t] * (1 + math.tanh(k[row])))
                for c in range(5):
                    factor = 1 + math.tanh((5 * row + c) / 10 - 1)
                    assert torch.allclose(coded_channels[t, :, c], currents[t, :, c] * factor, atol=1e-6)


def test_attention_is_its_formula() -> None:
    torch.manual_seed(0)
    attention = CurrentAttention(STEPS, 5)
    nn.init.normal_(attention.expand)
    with torch.no_grad():
        gates = []
        for n in range(3):
            pooled = [[function(CURRENTS[t, n]) for t in range(STEPS)] for function in (torch.mean, torch.max)]
            time = sum(attention.expand @ torch.relu(attention.squeeze @ torch.stack(values)) for values in pooled)
            space = [attention.second(torch.relu(attention.first(CURRENTS[t, n : n + 1])))[0] for t in range(STEPS)]
            gates.append(torch.stack([2 / (1 + torch.exp(-time[t] * space[t])) for t in range(STEPS)]))
        assert torch.allclose(attention(CURRENTS), CURRENTS * torch.stack(gates, 1), atol=1e-5)
        held = CURRENTS[:1].expand(STEPS, -1, -1, -1, -1)
        assert torch.allclose(attention(held), attention(held.contiguous()), atol=1e-6)
        with pytest.raises(NetworkError, match="expected at most 4 time steps, got 5"):
            attention(CURRENTS[[0, 1, 2, 3, 3]])


def test_temporal_conv_is_its_formula_and_causal() -> None:
    conv = TemporalConv(2)
    long = torch.randn(7, 3, 2, 2, 2)
    with torch.no_grad():
        conv.weight.copy_(torch.randn(2, 5))
        out = conv(long)
        for t in range(7):
            for c in range(2):
                expected = sum(conv.weight[c, j] * long[t - j, :, c] for j in range(5) if t >= j)
                assert torch.allclose(out[t, :, c], expected, atol=1e-6)
        assert torch.equal(conv(long[:3]), out[:3])
        conv.weight[:, 2] = 0  # a tap that is not executed
        assert torch.allclose(conv(long)[5, :, 0], sum(conv.weight[0, j] * long[5 - j, :, 0] for j in (0, 1, 3, 4)))


def test_temporal_conv_refuses_images() -> None:
    with pytest.raises(NetworkError, match="expected event frames"):
        network("temporal-conv")(X)


@pytest.mark.parametrize("coding", ["gain", "channel-gain"])
def test_a_gain_costs_one_product_a_current_and_step(coding: str) -> None:
    module, base = network(coding), recorded(network("none"))
    with torch.no_grad():
        module.layers[0].coding.k.fill_(1e-6)  # too little to change a spike
    trace = recorded(module)
    (gain,) = [op for op in trace.elementwise if "coding" in op.name]
    neurons = 5 * 8 * 8
    assert (gain.steps, gain.mul, gain.add, gain.compare, gain.exponentials) == (STEPS, neurons, 0, 0, 0)
    energies = []
    for found in (base, trace):
        assert [int(n.spikes_TN.sum()) for n in found.neurons] == [int(n.spikes_TN.sum()) for n in base.neurons]
        measured, _ = measure(found, ["energy_total"], conventions=["exact"], energy_models=["horowitz-45nm-fp32"])
        (total,) = [m for m in measured if m.scope == "network"]
        assert total.unit == "J/sample"
        energies.append(total.value)
    assert energies[1] - energies[0] == pytest.approx(STEPS * neurons * 3.7e-12, rel=1e-6)  # 3.7 pJ a product


def test_attention_is_found_not_causal_and_gains_are_causal() -> None:
    for coding in ("gain", "channel-gain", "attention"):
        module = network(coding)
        with torch.no_grad():
            for parameter in module.layers[0].coding.parameters():
                parameter.normal_()
        trace = recorded(module)
        if coding == "attention":
            assert (trace.output.causal, trace.output.not_causal_layer) == ("no", "layers.0.coding")
            with pytest.raises(RefusedError, match=r"the network is not causal \(layer layers.0.coding\)"):
                require_prefix(trace, "early exit")
        else:
            require_prefix(trace, "early exit")


@pytest.mark.parametrize("coding", ["gain", "channel-gain"])
def test_a_shorter_run_is_the_beginning_of_a_longer_one(coding: str) -> None:
    module = network(coding)
    with torch.no_grad():
        module.layers[0].coding.k.normal_()
    adapted = adapt(module, STEPS, example=X)
    for steps in (2, 7):
        other = adapted.with_time_steps(steps)
        assert other is not None
        readout = other.run(X)
        assert len(readout) == steps
        assert torch.equal(readout[:2], adapted.run(X)[:2])

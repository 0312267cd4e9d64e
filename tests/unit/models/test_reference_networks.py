"""Reference networks, neurons and encoders: shapes, sums shown, and the laws that keep results repeatable."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from spikingjelly.activation_based import functional

from snn_eval.errors import SuiteError
from snn_eval.models.adapters import adapt
from snn_eval.models.encoders import DEPEND_ON_TIME_STEPS, ENCODERS, SEQUENCES, encode
from snn_eval.models.networks import build_network
from snn_eval.models.neurons import NeuronConfig, build_neuron
from snn_eval.models.user import load_component

X = torch.rand(5, 1, 8, 8, generator=torch.Generator().manual_seed(0))
IDS = np.array([4, 9, 2, 100, 7])


def network(**config: Any) -> torch.nn.Module:
    torch.manual_seed(0)
    return build_network("spiking-conv-net", 6, {"channels": [4, 8], "strides": [1, 2], **config})


def test_shapes_and_parameters() -> None:
    module = network()
    assert module(X).shape == (6, 5, 10)
    convolutions = 4 * 1 * 9 + 8 * 4 * 9
    norms = 2 * (4 + 8)
    head = 8 * 4 * 4 * 10 + 10
    assert sum(weight.numel() for weight in module.parameters()) == convolutions + norms + head


def test_stem_runs_once_for_all_steps_and_the_adapter_finds_that_out() -> None:
    module = network()
    calls: list[torch.Size] = []
    module.stem.conv.register_forward_hook(lambda _m, _i, out: calls.append(out.shape))
    adapted = adapt(module, 6, example=X)
    calls.clear()
    adapted.run(X)
    assert calls == [(5, 4, 8, 8)]
    assert adapted.feed == "whole"
    assert {found.role for found in adapted.spiking_layers().values()} == {"hidden"}
    assert adapted.unknown_neurons() == {}


def test_other_numbers_of_steps() -> None:
    adapted = adapt(network(), 6, example=X)
    shorter = adapted.with_time_steps(2)
    assert shorter is not None
    assert torch.equal(shorter.run(X), adapted.run(X)[:2])


def test_every_layer_after_the_stem_is_driven_by_spikes() -> None:
    module = network(neuron={"v_threshold": 0.2}).eval()
    inputs = []
    for part in (module.blocks[0].conv, module.head[1]):
        part.register_forward_pre_hook(lambda _m, args: inputs.append(args[0]))
    with torch.no_grad():
        module(X)
    assert all(set(x.unique().tolist()) == {0.0, 1.0} for x in inputs)


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"channels": [4], "strides": [1, 2]}, "as many strides as channels, got 2 and 1"),
        ({"size": 3}, "does not take these values"),
        ({"neuron": {"name": "lfi"}}, "neuron: expected one of if, lif, plif, dynamic-lif, relu, got 'lfi'"),
        ({"neuron": {"reset": "none"}}, "neuron reset: expected hard or soft"),
        ({"neuron": {"name": "lif", "tau": 0.5}}, "expected v_threshold > 0 and tau > 1"),
        ({"neuron": {"taw": 2}}, "does not take these values"),
    ],
)
def test_wrong_values_are_one_line(config: dict[str, Any], message: str) -> None:
    with pytest.raises(SuiteError, match=message) as caught:
        network(**config)
    assert "\n" not in str(caught.value)


def test_unknown_architecture() -> None:
    with pytest.raises(SuiteError, match=r"expected one of spiking-conv-net, .*got 'resnet'"):
        build_network("resnet", 4, {})


@pytest.mark.parametrize("name", ["if", "lif", "plif"])
@pytest.mark.parametrize("reset", ["hard", "soft"])
def test_neurons_integrate_leak_and_reset(name: str, reset: Any) -> None:
    """Input 0.7 a step, τ = 2, threshold 1; membranes computed by hand."""
    neuron = build_neuron(NeuronConfig(name, reset))
    with torch.no_grad():
        spikes = neuron(torch.full((4, 1, 1), 0.7)).flatten().tolist()
    keep, after, v, expected = (1.0 if name == "if" else 0.5), (lambda v: 0.0 if reset == "hard" else v - 1), 0.0, []
    for _ in range(4):
        v = keep * v + 0.7
        expected.append(float(v >= 1))
        v = after(v) if v >= 1 else v
    assert spikes == expected
    assert sum(spikes) > 0
    assert functional.reset_net(neuron) is None


def test_rate_encoding_is_a_function_of_seed_sample_and_step() -> None:
    whole = encode("rate", X, 6, IDS, seed=3)
    assert whole.shape == (6, 5, 1, 8, 8)
    assert set(whole.unique().tolist()) == {0.0, 1.0}
    assert torch.equal(encode("rate", X, 4, IDS, seed=3), whole[:4])
    order = [3, 0, 4, 1, 2]
    assert torch.equal(encode("rate", X[order], 6, IDS[order], seed=3), whole[:, order])
    assert torch.equal(encode("rate", X[1:2], 6, IDS[1:2], seed=3), whole[:, 1:2])
    assert not torch.equal(encode("rate", X, 6, IDS, seed=4), whole)


def test_rate_encoding_has_the_value_as_probability() -> None:
    x = torch.tensor([[0.0, 0.25, 1.0]]).repeat(200, 1)
    spikes = encode("rate", x, 50, np.arange(200))
    mean = spikes.mean((0, 1))
    assert (mean[0], mean[2]) == (0, 1)
    # 10,000 draws: five standard deviations of √(0.25·0.75/10000)
    assert abs(mean[1] - 0.25) < 5 * (0.25 * 0.75 / 10_000) ** 0.5


def test_latency_encoding() -> None:
    spikes = encode("latency", torch.tensor([[1.0, 0.5, 0.25, 0.0]]), 5, np.array([0]))
    # one spike each, at round(4·(1 − x)): 0, 2, 3, and none for zero
    assert spikes[:, 0].argmax(0).tolist()[:3] == [0, 2, 3]
    assert spikes.sum((0, 1)).tolist() == [1, 1, 1, 0]


def test_direct_encoding_is_the_sample_itself() -> None:
    assert encode("direct", X, 6, IDS) is X


def test_frames_are_added_up_into_fewer() -> None:
    frames = torch.arange(2 * 7 * 3, dtype=torch.float32).reshape(2, 7, 3)
    merged = encode("event", frames, 3, np.arange(2), merge=2)
    expected = torch.stack([frames[:, 0] + frames[:, 1], frames[:, 2] + frames[:, 3], frames[:, 4] + frames[:, 5]])
    assert torch.equal(merged, expected)  # the seventh is left out
    assert torch.equal(encode("event", frames, 3, np.arange(2)), frames[:, :3].transpose(0, 1))
    with pytest.raises(SuiteError, match="expected samples of 4 steps or more"):
        encode("event", frames, 4, np.arange(2), merge=2)
    with pytest.raises(
        SuiteError, match=r"input\.merge: expected encoding event, whose samples come as frames, got direct"
    ):
        encode("direct", frames, 3, np.arange(2), merge=2)


def test_pixels_are_added_up_into_fewer() -> None:
    frames = torch.randint(0, 3, (2, 3, 2, 5, 4), generator=torch.Generator().manual_seed(0)).float()
    pooled = encode("event", frames, 3, np.arange(2), pool=2)
    expected = 4 * torch.nn.functional.avg_pool2d(frames.flatten(0, 1), 2).unflatten(0, (2, 3))
    assert torch.equal(pooled, expected.transpose(0, 1))  # the fifth row is left out
    with pytest.raises(SuiteError, match=r"input\.pool: expected encoding event and frames of 6×6 pixels or more"):
        encode("event", frames, 3, np.arange(2), pool=6)
    with pytest.raises(SuiteError, match=r"input\.pool: expected encoding event .*, got direct and samples of shape"):
        encode("direct", frames, 3, np.arange(2), pool=2)


def test_encoders_say_what_they_give() -> None:
    static = torch.tensor([[0.9, 0.4]])
    for name in ENCODERS:
        x = static.expand(9, 1, 2).transpose(0, 1) if name == "event" else static  # events come as steps
        short, long = encode(name, x, 3, np.array([0])), encode(name, x, 9, np.array([0]))
        assert (short.shape == (3, 1, 2)) == (name in SEQUENCES)
        changes = name in SEQUENCES and not torch.equal(long[:3], short)
        assert changes == (name in DEPEND_ON_TIME_STEPS)


@pytest.mark.parametrize("name", ["rate", "latency"])
def test_values_out_of_range(name: str) -> None:
    with pytest.raises(SuiteError, match="expected values in 0 … 1, got 0 … 16; scale the data"):
        encode(name, torch.tensor([[0.0, 16.0]]), 3, np.array([0]))
    with pytest.raises(SuiteError, match="expected one of direct, rate, latency, event, got 'poisson'"):
        encode("poisson", X, 3, IDS)


def test_component_of_the_user(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text("def build(n):\n    return n + 1\nVALUE = 3\n")
    (tmp_path / "broken.py").write_text("1 / 0\n")
    assert load_component("mine.py:build", tmp_path)(1) == 2
    for name, message in (
        ("mine.py", "expected file.py:function"),
        ("none.py:build", "expected the file"),
        ("mine.py:other", "expected a function other"),
        ("mine.py:VALUE", "expected a function VALUE"),
        ("broken.py:build", "failed: ZeroDivisionError"),
    ):
        with pytest.raises(SuiteError, match=message):
            load_component(name, tmp_path)


@pytest.mark.parametrize(
    ("values", "words"),
    [({"in_channels": 1.5}, "spiking-conv-net does not take"), ({"neuron": {"model": 3}}, "NeuronConfig")],
)
def test_values_a_layer_refuses_are_one_line(values: dict[str, object], words: str) -> None:
    with pytest.raises(SuiteError, match=words) as caught:
        build_network("spiking-conv-net", 2, values)
    assert "\n" not in str(caught.value)

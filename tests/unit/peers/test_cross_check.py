"""Each peer on networks small enough to count by hand, where the peer is known to be right."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from importlib.util import find_spec

import pytest
import torch
from torch import Tensor, nn

from snn_eval.errors import InputError
from snn_eval.peers import PEERS, PeerResult, cross_check


def needs(name: str) -> pytest.MarkDecorator:
    return pytest.mark.skipif(find_spec(name) is None, reason=f"{name} is not installed: pip install {name}")


@pytest.fixture
def conv() -> nn.Conv2d:
    """2 → 3 channels, 3×3, no padding: on a 5×5 map 3×3 output positions."""
    torch.manual_seed(0)
    return nn.Conv2d(2, 3, 3, bias=False)


@pytest.fixture
def spikes() -> Tensor:
    """4 samples; in each a spike in the middle (meets all 9 taps) and one in a corner (meets 1), in channel 0."""
    x = torch.zeros(4, 2, 5, 5)
    x[:, 0, 2, 2] = 1
    x[:, 0, 0, 0] = 1
    return x


def values(results: list[PeerResult]) -> Mapping[str, float]:
    assert [r.error for r in results] == [None] * len(results)
    return {r.quantity: r.value for r in results if r.value is not None}


@needs("neurobench")
def test_neurobench_counts_every_weight_a_spike_meets(conv: nn.Conv2d, spikes: Tensor) -> None:
    counts = values(cross_check(conv, spikes, ["neurobench"]))
    assert counts == {
        "Effective_ACs": 4 * (9 + 1) * 3,
        "Effective_MACs": 0,
        "Dense": 4 * (3 * 3) * (3 * 3) * 2 * 3,
    }


@needs("neurobench")
def test_neurobench_calls_a_layer_with_one_graded_input_mac(spikes: Tensor, conv: nn.Conv2d) -> None:
    spikes[0, 0, 2, 2] = 0.5
    counts = values(cross_check(conv, spikes, ["neurobench"]))
    assert (counts["Effective_ACs"], counts["Effective_MACs"]) == (0, 4 * (9 + 1) * 3)


@needs("spikingjelly")
def test_spikingjelly_counts_spike_driven_weights(conv: nn.Conv2d, spikes: Tensor) -> None:
    counts = values(cross_check(conv, spikes, ["spikingjelly"]))
    assert counts == {"SynOp": 4 * (9 + 1) * 3, "AC": 4 * (9 + 1) * 3, "MAC": 0}


@needs("spikingjelly")
def test_spikingjelly_makes_a_graded_tensor_dense(conv: nn.Conv2d, spikes: Tensor) -> None:
    counts = values(cross_check(conv, 2 * spikes, ["spikingjelly"]))
    assert counts == {"SynOp": 0, "AC": 0, "MAC": 4 * (3 * 3) * (3 * 3) * 2 * 3}


@needs("syops")
@needs("spikingjelly")
def test_syops_multiplies_rate_by_dense_operations(conv: nn.Conv2d, spikes: Tensor) -> None:
    dense = 4 * (3 * 3) * (3 * 3) * 2 * 3
    counts = values(cross_check(conv, spikes, ["syops"]))
    assert counts["OPs"] == dense
    assert counts["ACs"] == pytest.approx(dense * (4 * 2) / (4 * 2 * 5 * 5))
    assert counts["MACs"] == 0


@needs("syops")
@needs("spikingjelly")
def test_syops_on_a_linear_layer_is_exact_and_undivided() -> None:
    x = torch.tensor([[1.0, 0.0, 0.0, 1.0], [0.0, 0.0, 1.0, 0.0]])
    counts = values(cross_check(nn.Linear(4, 5, bias=False), x, ["syops"]))
    assert counts == {"OPs": 2 * 4 * 5, "ACs": 3 * 5, "MACs": 0}


def test_torch_counts_two_operations_per_dense_multiplication(conv: nn.Conv2d, spikes: Tensor) -> None:
    assert values(cross_check(conv, spikes, ["torch"])) == {"FLOPs": 2 * 4 * (3 * 3) * (3 * 3) * 2 * 3}


@needs("neurobench")
@needs("spikingjelly")
def test_peers_agree_on_a_two_layer_network_of_spikes() -> None:
    network = nn.Sequential(nn.Linear(4, 3, bias=False), nn.Threshold(1e9, 1.0), nn.Linear(3, 2, bias=False))
    x = torch.eye(4)[:2]  # one spike in each of 2 samples; the threshold makes every hidden value 1
    expected = 2 * 1 * 3 + 2 * 3 * 2
    assert values(cross_check(network, x, ["neurobench"]))["Effective_ACs"] == expected
    assert values(cross_check(network, x, ["spikingjelly"]))["SynOp"] == expected


def test_forward_decides_how_often_the_network_runs(conv: nn.Conv2d, spikes: Tensor) -> None:
    once = values(cross_check(conv, spikes, ["torch"]))["FLOPs"]
    steps = values(cross_check(conv, spikes, ["torch"], forward=lambda x: conv(x) + conv(x) + conv(x)))["FLOPs"]
    assert steps == 3 * once


def test_gradients_and_inference_mode_of_the_caller_do_not_matter(conv: nn.Conv2d, spikes: Tensor) -> None:
    outside = cross_check(conv, spikes)
    with torch.inference_mode():
        inside = cross_check(conv, spikes)
    assert inside == outside


def test_the_module_is_left_as_it_was(conv: nn.Conv2d, spikes: Tensor) -> None:
    network = nn.Sequential(conv, nn.BatchNorm2d(3)).train()
    before = {name: (set(vars(m)), m.training, len(m._forward_hooks), len(m._forward_pre_hooks))
              for name, m in network.named_modules()}  # fmt: skip
    random_state = torch.get_rng_state()
    cross_check(network, spikes, forward=lambda x: network(torch.rand_like(x)))
    after = {name: (set(vars(m)), m.training, len(m._forward_hooks), len(m._forward_pre_hooks))
             for name, m in network.named_modules()}  # fmt: skip
    assert after == before
    assert torch.equal(torch.get_rng_state(), random_state)


def test_an_exception_becomes_the_answer_and_leaves_no_hook(conv: nn.Conv2d) -> None:
    results = cross_check(conv, torch.zeros(1, 7, 5, 5))
    installed = [r for r in results if r.version is not None]
    assert installed
    assert all(r.value is None and r.error and "RuntimeError" in r.error and "\n" not in r.error for r in installed)
    assert not conv._forward_hooks
    assert not conv._forward_pre_hooks


def test_a_missing_peer_says_how_to_install_it(
    conv: nn.Conv2d, spikes: Tensor, monkeypatch: pytest.MonkeyPatch
) -> None:
    absent = replace(PEERS["neurobench"], distribution="no-such-counter")
    monkeypatch.setattr("snn_eval.peers.check.PEERS", {"neurobench": absent})
    results = cross_check(conv, spikes, ["neurobench"])
    assert [r.quantity for r in results] == list(absent.quantities)
    assert all(r.version is None and r.value is None for r in results)
    assert all("pip install no-such-counter" in (r.error or "") for r in results)


def test_an_unknown_peer_is_refused(conv: nn.Conv2d, spikes: Tensor) -> None:
    with pytest.raises(InputError, match=r"unknown peer 'neurobranch': expected some of neurobench"):
        cross_check(conv, spikes, ["neurobranch"])

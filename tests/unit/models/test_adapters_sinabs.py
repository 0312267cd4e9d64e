"""sinabs networks through the adapter: order of axes, reset, facts, states in files. Skips without sinabs."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from snn_eval.models.adapters import adapt
from snn_eval.models.checkpoint import load_checkpoint, load_weights

layers = pytest.importorskip("sinabs.layers", reason="sinabs is not installed")
from sinabs.activation import MaxSpike, MembraneReset, MembraneSubtract, SingleSpike  # noqa: E402

from snn_eval.models.adapters.sinabs_facts import neuron_facts  # noqa: E402

T = 6
X = torch.rand(T, 3, 1, 6, 6, generator=torch.Generator().manual_seed(0)) * 9


def seeded(make: Callable[..., nn.Module], **values: Any) -> nn.Module:
    with torch.random.fork_rng():
        torch.manual_seed(4)
        return make(**values)


def squeezed(**size: int) -> nn.Module:
    first = (nn.Conv2d(1, 4, 3), layers.IAFSqueeze(**size), nn.AvgPool2d(2))
    last = layers.LIFSqueeze(tau_mem=4.0, spike_threshold=0.02, **size)
    return nn.Sequential(*first, nn.Flatten(), nn.Linear(16, 3), last)


@pytest.mark.parametrize("size", [{"batch_size": 1}, {"batch_size": 7}, {"num_timesteps": 50}])
def test_a_batch_or_number_of_steps_written_into_the_network_does_not_matter(size: dict[str, int]) -> None:
    network = adapt(seeded(squeezed, **size), T, sample_axis=1, example=X)
    readout = network.run(X)
    assert network.feed == "flat"
    alone = seeded(squeezed, num_timesteps=T)
    with torch.no_grad():
        for n in range(3):
            empty(alone)
            assert torch.equal(readout[:, n], alone(X[:, n]))
    assert readout.sum() > 0
    network.run(X[:, :2])
    assert torch.equal(network.run(X), readout)


def empty(module: nn.Module) -> None:
    """sinabs' own reset."""
    for part in module.modules():
        if isinstance(part, layers.StatefulLayer):
            part.reset_states()


def test_static_input_is_repeated() -> None:
    network = adapt(seeded(squeezed, batch_size=1), T, example=X[0])
    assert torch.equal(network.run(X[0]), network_of_sequence().run(X[0].expand(T, *X[0].shape)))


def network_of_sequence() -> Any:
    return adapt(seeded(squeezed, batch_size=1), T, sample_axis=1)


def test_samples_first_and_last_output_only() -> None:
    class Last(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.fc, self.lif = nn.Linear(36, 4), layers.LIF(tau_mem=3.0)

        def forward(self, x: Tensor) -> Tensor:
            spikes: Tensor = self.lif(self.fc(x.flatten(2)))
            return spikes[:, -1]

    network = adapt(seeded(Last), T, sample_axis=1, example=X)
    assert network.feed == "batch-first"
    assert network.run(X).shape == (1, 3, 4)
    assert network.with_time_steps(4) is not None


def test_the_state_in_a_file_is_left_out(tmp_path: Path) -> None:
    module = seeded(squeezed, batch_size=3)
    with torch.no_grad():
        module(X.transpose(0, 1).flatten(0, 1))
    assert module[1].v_mem.numel()
    torch.save(module.state_dict(), tmp_path / "run.pt")
    fresh = squeezed(batch_size=3)
    load_weights(fresh, load_checkpoint(tmp_path / "run.pt"))
    assert torch.equal(fresh[0].weight, module[0].weight)
    assert fresh[1].v_mem.numel() == 0


ONCE = {"spike_fn": SingleSpike}
FACTS: list[tuple[nn.Module, tuple[str, str, int, int, int, int]]] = [
    (layers.IAF(**ONCE), ("if", "soft", 1, 0, 2, 1)),
    (layers.IAFSqueeze(batch_size=1), ("if", "soft", 1, 0, 2, 2)),
    (layers.IAF(spike_threshold=2.0), ("if", "soft", 1, 2, 2, 2)),
    (layers.IAF(spike_fn=MaxSpike(3), min_v_mem=-1.0), ("if", "soft", 1, 0, 2, 4)),
    (layers.IAF(**ONCE, reset_fn=MembraneReset()), ("if", "hard", 1, 0, 1, 1)),
    (layers.IAF(reset_fn=MembraneSubtract(0.5)), ("if", "soft", 1, 1, 2, 2)),
    (layers.LIF(5.0, **ONCE), ("lif", "soft", 1, 1, 3, 1)),
    (layers.LIF(5.0, norm_input=False, **ONCE), ("lif", "soft", 1, 1, 2, 1)),
    (layers.LIF(5.0, tau_syn=2.0, **ONCE), ("cuba-lif", "soft", 2, 2, 4, 1)),
    (layers.LIFRecurrent(5.0, nn.Linear(2, 2), **ONCE), ("rlif", "soft", 2, 1, 4, 1)),
    (layers.ALIF(5.0, torch.tensor(9.0)), ("alif", "soft", 2, 3, 5, 1)),
    (layers.ExpLeak(5.0), ("li", "none", 1, 1, 1, 0)),
]


@pytest.mark.parametrize(("node", "wanted"), FACTS, ids=lambda value: type(value).__name__)
def test_facts(node: nn.Module, wanted: tuple[str, str, int, int, int, int]) -> None:
    facts = neuron_facts(node)
    assert facts is not None
    assert not facts.unknown
    n = facts.neuron
    assert (n.model, n.reset, n.states, n.mul, n.add, n.compare) == wanted


class Own(layers.LIF):  # type: ignore[misc, name-defined]
    def forward(self, input_data: Tensor) -> Tensor:
        spikes: Tensor = super().forward(2 * input_data)
        return spikes


@pytest.mark.parametrize(
    ("node", "reason"),
    [
        (Own(5.0), "overrides forward of LIF"),
        (layers.IAF(spike_fn=object()), "no rule for its spike_fn"),
        (layers.IAF(reset_fn=lambda spikes, state, threshold: state), "no rule for its reset_fn"),
    ],
)
def test_an_update_without_a_rule_is_named(node: nn.Module, reason: str) -> None:
    facts = neuron_facts(node)
    assert facts is not None
    assert reason in facts.unknown
    assert neuron_facts(nn.ReLU()) is None

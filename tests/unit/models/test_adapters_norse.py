"""norse networks through the adapter: states handed on, feed, roles, facts, refusals. Skips without norse."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from snn_eval.errors import NetworkError
from snn_eval.models.adapters import adapt
from snn_eval.models.adapters.told import found_out

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # norse 1.1 scripts functions as it is imported
    snn = pytest.importorskip("norse.torch", reason="norse is not installed")
    from norse.torch.functional.reset import reset_subtract
    from norse.torch.module.lif_correlation import LIFCorrelation

    from snn_eval.models.adapters.norse_facts import neuron_facts

T = 6
X = torch.rand(3, 8, generator=torch.Generator().manual_seed(0)) * 9
LIF = snn.LIFParameters(v_th=torch.tensor(0.2))


def seeded(make: Callable[[], nn.Module]) -> nn.Module:
    with torch.random.fork_rng():
        torch.manual_seed(3)
        return make()


def cells() -> nn.Module:
    return snn.SequentialState(nn.Linear(8, 5), snn.LIFCell(LIF), nn.Linear(5, 4), snn.LICell())


def test_the_state_of_cells_is_handed_on_and_begins_anew() -> None:
    network = adapt(seeded(cells), T, example=X)
    assert network.feed == "steps"
    readout = network.run(X)
    module, state, steps = seeded(cells), None, []
    with torch.no_grad():
        for _ in range(T):
            out, state = module(X, state)
            steps.append(out)
    assert torch.equal(readout, torch.stack(steps))
    assert not torch.equal(steps[0], steps[-1])
    network.run(torch.rand(2, 8))
    assert torch.equal(network.run(X), readout)
    assert {name: layer.role for name, layer in network.spiking_layers().items()} == {"1": "hidden", "3": "output"}
    assert "answer the membrane of 3 at each of 6 steps" in found_out(network, T)


def test_layers_take_all_steps_at_once_as_their_cells_do_one_by_one() -> None:
    def layers() -> nn.Module:
        return snn.SequentialState(nn.Linear(8, 5), snn.LIF(LIF), nn.Linear(5, 4), snn.LI())

    x = torch.rand(T, 3, 8, generator=torch.Generator().manual_seed(1)) * 9
    together = adapt(seeded(layers), T, sample_axis=1, example=x)
    one_by_one = adapt(seeded(cells), T, sample_axis=1, example=x)
    assert (together.feed, one_by_one.feed) == ("sequence", "steps")
    assert torch.allclose(together.run(x), one_by_one.run(x), atol=1e-6)


def test_lift_gives_a_cell_all_steps() -> None:
    network = adapt(nn.Sequential(snn.Lift(nn.Linear(8, 5)), snn.Lift(snn.LIFCell(LIF))), T, example=X)
    assert network.feed == "sequence"
    assert network.run(X).shape == (T, 3, 5)


class Custom(nn.Module):
    """Takes a state and does not return it."""

    def __init__(self) -> None:
        super().__init__()
        self.fc, self.lif = nn.Linear(8, 5), snn.LIFCell(LIF)

    def forward(self, x: Tensor, state: Any = None) -> Any:
        spikes: Tensor = self.lif(self.fc(x), state)[0]
        return spikes


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: snn.SequentialState(nn.Linear(8, 5), snn.LIFCell(), snn.LIF()), "1 takes one step and 2 takes all"),
        (Custom, r"expected \(output, state\)"),
    ],
)
def test_what_cannot_be_called_is_refused(make: Callable[[], nn.Module], message: str) -> None:
    with pytest.raises(NetworkError, match=message):
        adapt(make(), T, example=X)


class Own(snn.LIFCell):  # type: ignore[misc, name-defined]
    def forward(self, x: Tensor, state: Any = None) -> Any:
        return super().forward(2 * x, state)


SOFT = snn.LIFBoxParameters(reset_method=reset_subtract)
RESTING = snn.LIFParameters(v_leak=torch.tensor(-0.1))
FACTS: list[tuple[nn.Module, tuple[str, str, int, int, int, int]]] = [
    (snn.LIFCell(), ("cuba-lif", "hard", 2, 2, 3, 1)),
    (snn.LIF(RESTING), ("cuba-lif", "hard", 2, 2, 4, 1)),
    (snn.LIFBoxCell(), ("lif", "hard", 1, 1, 2, 1)),
    (snn.LIFBoxCell(SOFT), ("lif", "soft", 1, 1, 3, 1)),
    (snn.IAFCell(), ("if", "hard", 1, 0, 1, 1)),
    (snn.LICell(), ("cuba-li", "none", 2, 2, 3, 0)),
    (snn.LIBoxCell(), ("li", "none", 1, 1, 2, 0)),
    (snn.LIFRefracCell(), ("cuba-lif-refrac", "hard", 3, 2, 4, 3)),
    (snn.LSNN(), ("lsnn", "hard", 3, 3, 5, 1)),
    (snn.IzhikevichCell(snn.tonic_spiking), ("izhikevich", "hard", 2, 5, 6, 1)),
]


@pytest.mark.parametrize(("node", "wanted"), FACTS, ids=lambda value: type(value).__name__)
def test_facts(node: nn.Module, wanted: tuple[str, str, int, int, int, int]) -> None:
    facts = neuron_facts(node)
    assert facts is not None
    assert not facts.unknown
    n = facts.neuron
    assert (n.model, n.reset, n.states, n.mul, n.add, n.compare) == wanted


def test_every_neuron_of_norse_has_facts() -> None:
    """No class of norse's modules that returns spikes and a state is passed over."""
    kinds = {name: cls for name, cls in vars(snn).items() if isinstance(cls, type) and issubclass(cls, nn.Module)}
    stateful = [n for n in kinds if n.startswith(("LIF", "LSNN", "LI", "IAF", "Izh", "Coba")) and "Adjoint" not in n]
    assert len(stateful) > 25
    from snn_eval.models.adapters.norse_facts import _RULES

    assert [name for name in stateful if kinds[name] not in _RULES and "Lift" not in name] == ["LIFCorrelation"]


@pytest.mark.parametrize(
    ("node", "reason"),
    [
        (Own(), "overrides forward of LIFCell"),
        (snn.LIFBoxCell(snn.LIFBoxParameters(reset_method=lambda z, v, r, th: v)), "its reset is a function"),
        (LIFCorrelation(2, 2), "no rule for this class"),
    ],
)
def test_an_update_without_a_rule_is_named(node: nn.Module, reason: str) -> None:
    facts = neuron_facts(node)
    assert facts is not None
    assert reason in facts.unknown
    assert facts.neuron.model == "unknown"


def test_a_cell_with_a_function_of_the_users_is_unknown() -> None:
    cell = snn.LIFCell()
    cell.activation = lambda x, state, p, dt: (x, state)
    facts = neuron_facts(cell)
    assert facts is not None
    assert "activation" in facts.unknown
    assert neuron_facts(nn.Linear(1, 1)) is None

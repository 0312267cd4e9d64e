"""The operation budget and the prior against slow, obvious computations; gradients; what training does with them."""

from __future__ import annotations

from collections.abc import Callable
from itertools import product
from pathlib import Path

import pytest
import torch
from spikingjelly.activation_based import layer, neuron
from torch import Tensor, nn
from torch.nn import functional as F

from snn_eval.errors import NetworkError
from snn_eval.models.adapters import adapt
from snn_eval.suite import TrainSection, load_suite, with_values
from snn_eval.train import train
from snn_eval.train.budget import Budget, budget_of, operations_driven, sum_of_weights
from snn_eval.train.losses import firing_rate
from snn_eval.train.trainee import Trainee

T, N = 3, 2


def lif() -> nn.Module:
    return neuron.LIFNode(step_mode="m", v_threshold=0.1)


@pytest.fixture(autouse=True)
def _seed() -> None:
    torch.manual_seed(0)


def trainee_of(*parts: nn.Module, shape: tuple[int, ...] = (2, 6, 6)) -> tuple[Trainee, Tensor]:
    x = torch.rand(N, *shape)
    network = adapt(nn.Sequential(*parts), T, feed="sequence")
    return Trainee(network, x, 3, torch.device("cpu")), x


def conv(inputs: int, outputs: int, kernel: int, **values: int) -> nn.Module:
    return layer.Conv2d(inputs, outputs, kernel, step_mode="m", bias=False, **values)


def head(inputs: int) -> tuple[nn.Module, nn.Module]:
    return layer.Flatten(step_mode="m"), layer.Linear(inputs, 3, step_mode="m")


def taps(size: int, kernel: int, stride: int, padding: int) -> int:
    """Pairs of an output position and an input position within the image, along both axes, one by one."""
    out = (size + 2 * padding - kernel) // stride + 1
    found = 0
    for row, column, i, j in product(range(out), range(out), range(kernel), range(kernel)):
        y, x = row * stride - padding + i, column * stride - padding + j
        found += 0 <= y < size and 0 <= x < size
    return found


def test_operations_behind_strides_pools_and_groups() -> None:
    trainee, x = trainee_of(
        conv(2, 4, 3, padding=1),
        lif(),  # "1": 4 × 6 × 6
        conv(4, 6, 3, stride=2, padding=1),
        lif(),  # "3": 6 × 3 × 3
        layer.BatchNorm2d(6, step_mode="m"),
        conv(6, 6, 3, padding=1, groups=3),
        lif(),  # "6": 6 × 3 × 3
        layer.Dropout(0.5, step_mode="m"),
        layer.AvgPool2d(3, step_mode="m"),
        *head(6),
    )
    assert operations_driven(trainee, x) == {
        "1": taps(6, 3, 2, 1) * 4 * 6,
        "3": taps(3, 3, 1, 1) * 6 * 6 // 3,
        "6": 6 * 3,
    }


def test_operations_behind_a_maximum_pool() -> None:
    trainee, x = trainee_of(conv(2, 4, 3, padding=1), lif(), layer.MaxPool2d(2, step_mode="m"), *head(36))
    assert operations_driven(trainee, x) == {"1": 36 * 3}


class Branches(nn.Module):
    """Two layers of neurons: one is read twice, their sum once."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second, self.out = nn.Linear(5, 4), nn.Linear(4, 4), nn.Linear(4, 3)
        self.a, self.b = lif(), lif()

    def forward(self, x_TNI: Tensor) -> Tensor:
        a = self.a(self.first(x_TNI))
        output: Tensor = self.out(a + self.b(self.second(a)))
        return output


def test_a_layer_read_twice_drives_both() -> None:
    trainee, x = trainee_of(Branches(), shape=(5,))
    assert operations_driven(trainee, x) == {"0.a": 4 * 4 + 4 * 3, "0.b": 4 * 3}


class Functional(nn.Module):
    """Pools called as functions, two in one module; with ``weighted`` the second convolution too."""

    def __init__(self, weighted: bool) -> None:
        super().__init__()
        self.first, self.second, self.out = nn.Conv2d(2, 4, 3, padding=1), nn.Conv2d(4, 5, 3), nn.Linear(5, 3)
        self.a, self.b, self.weighted = lif(), lif(), weighted

    def forward(self, x_TNCHW: Tensor) -> Tensor:
        a = F.max_pool2d(self.a(self.first(x_TNCHW.flatten(0, 1)).unflatten(0, (len(x_TNCHW), -1))).flatten(0, 1), 2)
        current = F.conv2d(a, self.second.weight) if self.weighted else self.second(a)
        b = F.max_pool2d(self.b(current.unflatten(0, (len(x_TNCHW), -1))).flatten(0, 1), 1)
        output: Tensor = self.out(b.flatten(1)).unflatten(0, (len(x_TNCHW), -1))
        return output


def test_pools_called_as_functions_are_followed() -> None:
    trainee, x = trainee_of(Functional(weighted=False))
    assert operations_driven(trainee, x) == {"0.a": taps(3, 3, 1, 0) * 4 * 5, "0.b": 5 * 3}


def test_a_module_that_computes_with_weights_and_without_is_refused() -> None:
    trainee, x = trainee_of(Functional(weighted=True))
    with pytest.raises(NetworkError, match=r'computes with weights and without.*budget_form="spikes"'):
        operations_driven(trainee, x)


def small() -> tuple[Trainee, Tensor]:
    return trainee_of(conv(2, 4, 3, padding=1), lif(), conv(4, 6, 3, stride=2, padding=1), lif(), *head(54))


def passed(trainee: Trainee, x: Tensor) -> list[tuple[str, Tensor]]:
    with trainee.named_spikes() as spikes:
        trainee.readout(x)
    return spikes


def spent(spikes: list[tuple[str, Tensor]], fan_out: Callable[[str], float]) -> float:
    """Σ r·n·fanout ÷ Σ n·fanout, spike by spike."""
    above = below = 0.0
    for name, output in spikes:
        neurons = output[0, 0].numel()
        rate = sum(output.flatten().tolist()) / (T * N * neurons)
        above += rate * neurons * fan_out(name)
        below += neurons * fan_out(name)
    return above / below


def test_share_of_operations_and_of_spikes() -> None:
    trainee, x = small()
    spikes = passed(trainee, x)
    fan_out = {"1": taps(6, 3, 2, 1) * 4 * 6 / (4 * 36), "3": 3.0}
    by_operations = spent(spikes, fan_out.__getitem__)
    by_spikes = spent(spikes, lambda _: 1.0)
    assert 0.02 < by_operations < 0.9
    assert abs(by_operations - by_spikes) > 1e-3  # or the two forms could not be told apart
    operations = budget_of(trainee, x, TrainSection(budget=0.01, budget_weight=2.0))
    alone = budget_of(trainee, x, TrainSection(budget=0.01, budget_weight=2.0, budget_form="spikes"))
    assert operations is not None
    assert alone is not None
    assert operations.share(spikes).item() == pytest.approx(by_operations, rel=1e-6)
    assert operations.penalty(spikes).item() == pytest.approx(2 * (by_operations - 0.01), rel=1e-6)
    assert alone.share(spikes).item() == pytest.approx(by_spikes, rel=1e-6)
    assert alone.share(spikes).item() == firing_rate(output for _, output in spikes).item()


def test_steps_told_one_by_one_are_the_same_share() -> None:
    trainee, x = small()
    spikes = passed(trainee, x)
    budget = Budget(0.1, 1.0, operations_driven(trainee, x))
    stepwise = [(name, step) for name, output in spikes for step in output]
    assert budget.share(stepwise).item() == pytest.approx(budget.share(spikes).item(), rel=1e-6)


def test_the_gradient_reaches_every_weight_before_a_spike_and_none_below_the_budget() -> None:
    trainee, x = small()
    operations = operations_driven(trainee, x)
    trainee.module.train()
    Budget(0.0, 1.0, operations).penalty(passed(trainee, x)).backward()  # type: ignore[no-untyped-call]
    gradients = {name: weight.grad for name, weight in trainee.module.named_parameters()}
    for name in ("0.weight", "2.weight"):
        gradient = gradients[name]
        assert gradient is not None
        assert gradient.abs().flatten(1).sum(1).gt(0).all()
    assert gradients["5.weight"] is None
    trainee.module.zero_grad()
    below = Budget(1.0, 1.0, operations).penalty(passed(trainee, x))
    below.backward()  # type: ignore[no-untyped-call]
    assert below.item() == 0
    assert not any(weight.grad is not None and weight.grad.any() for weight in trainee.module.parameters())


def test_finding_operations_leaves_the_network_as_it_was() -> None:
    trainee, x = trainee_of(conv(2, 4, 3), layer.BatchNorm2d(4, step_mode="m"), lif(), *head(64))
    trainee.module.train()
    before = {key: value.clone() for key, value in trainee.module.state_dict().items()}
    random = torch.get_rng_state()
    operations_driven(trainee, x)
    assert trainee.module.training
    assert torch.equal(torch.get_rng_state(), random)
    assert all(torch.equal(before[key], value) for key, value in trainee.module.state_dict().items())


def test_a_network_whose_spikes_nothing_reads_is_told_to_count_spikes() -> None:
    trainee, x = trainee_of(layer.Flatten(step_mode="m"), layer.Linear(72, 3, step_mode="m"), lif())
    with pytest.raises(NetworkError, match=r'no weighted layer .* train\.budget_form="spikes"'):
        budget_of(trainee, x, TrainSection(budget=0.1))
    assert budget_of(trainee, x, TrainSection(budget=0.1, budget_form="spikes")) is not None


@pytest.mark.parametrize("values", [{}, {"budget": 0.1, "budget_weight": 0.0}])
def test_no_budget(values: dict[str, float]) -> None:
    trainee, x = small()
    assert budget_of(trainee, x, TrainSection(**values)) is None


def test_prior_sums_weights_of_convolutions_and_linear_layers_alone() -> None:
    module = nn.Sequential(conv(1, 1, 2), nn.BatchNorm2d(1), nn.Linear(2, 1))
    with torch.no_grad():
        module[0].weight.copy_(torch.tensor([[[[1.0, -2.0], [0.5, 0.0]]]]))
        module[2].weight.copy_(torch.tensor([[-4.0, 0.25]]))
    shared = nn.Sequential(module, module[2])
    total = sum_of_weights(shared)
    assert total.item() == 7.75
    total.backward()  # type: ignore[no-untyped-call]
    assert torch.equal(module[2].weight.grad, torch.tensor([[-1.0, 1.0]]))
    assert sum_of_weights(nn.ReLU()).item() == 0


def test_training_keeps_to_the_budget_and_the_prior(tmp_path: Path) -> None:
    values = {"model.config.channels": [4, 8], "input.time_steps": 2, "train.epochs": 2, "train.rate_penalty": 0.0}
    suite = with_values(load_suite("digits"), values)
    free = train(suite, tmp_path / "free", seed=1)
    bound = train(with_values(suite, {"train.budget": 0.02, "train.budget_weight": 30.0}), tmp_path / "b", seed=1)
    assert bound.last.validation_firing_rate < 0.7 * free.last.validation_firing_rate
    heavy = train(with_values(suite, {"train.prior": 0.02}), tmp_path / "prior", seed=1)

    def weights(path: Path) -> float:
        state = torch.load(path, weights_only=True)["state_dict"]
        return sum(value.float().abs().sum().item() for value in state.values() if value.dim() > 1)

    assert weights(heavy.last_checkpoint) < 0.8 * weights(free.last_checkpoint)

"""Correction of whole networks on digits: what it brings, what it leaves alone, that it repeats, what it refuses."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from snn_eval.errors import DataError, NetworkError
from snn_eval.models.adapters import AdaptedNetwork, adapt
from snn_eval.models.checkpoint import Checkpoint, load_checkpoint, load_weights
from snn_eval.models.convert import converted
from snn_eval.models.corrected import attach, corrections
from snn_eval.models.networks import build_network
from snn_eval.suite import CorrectSection, load_suite, with_values
from snn_eval.train.correct import correct_network
from snn_eval.train.correct.compact import compacted, fold_gains
from snn_eval.train.correct.images import Images
from snn_eval.train.correct.keeping import kept
from snn_eval.train.correct.places import places, with_corrections
from snn_eval.train.correct.prefix import settled_rates
from snn_eval.train.correct.twin import twin_means
from snn_eval.train.correct.work import Work, prefix_accuracy
from snn_eval.train.samples import Samples, load_samples
from snn_eval.train.trainee import Trainee

SHIPPED = Path(__file__).parents[3] / "checkpoints" / "digits-spiking-conv-net.pt"
ANN = {"in_shape": [1, 8, 8], "layers": ["8C3", "AP2", "FC24", "FC10"], "neuron": {"name": "relu"}}
PREFIX = CorrectSection(mode="prefix", batches=6, samples=200)
SMALL = CorrectSection(mode="prefix", batches=4, samples=100, readout=True, iterations=8, learning_rate=1e-2)


@pytest.fixture(scope="module")
def samples() -> Samples:
    return load_samples(load_suite("digits"), None)


@pytest.fixture(scope="module")
def shipped() -> AdaptedNetwork:
    stored = load_checkpoint(SHIPPED)
    module = build_network(stored.arch or "", 8, stored.config or {})
    load_weights(module, stored)
    return adapt(module, 8)


@pytest.fixture(scope="module")
def ann(samples: Samples) -> Checkpoint:
    """Trained on all training images at once."""
    torch.manual_seed(0)
    module = build_network("layered-net", 1, ANN)
    x, target = samples.training.tensors()
    optimizer = torch.optim.Adam(module.parameters(), lr=1e-2)
    for _ in range(40):
        loss = functional.cross_entropy(module(x)[0], target)
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
    return Checkpoint(module.state_dict(), arch="layered-net", config=ANN, time_steps=1)


def spiking(ann: Checkpoint, samples: Samples, time_steps: int) -> AdaptedNetwork:
    x = samples.training.tensors()[0][:400]
    stored = converted(ann, [x], len(x), time_steps)
    module = build_network("layered-net", time_steps, stored.config or {})
    load_weights(module, stored)
    return adapt(module, time_steps)


def work_of(network: AdaptedNetwork, samples: Samples) -> Work:
    example = samples.at(torch.arange(3).numpy())[0]
    found = places(network, example)
    images = Images.drawn(samples, fitted=128, held=60, batch_size=32, seed=3)
    return Work(Trainee(with_corrections(network, found), example, 10, torch.device("cpu")), found, images)


def test_prefix_raises_early_accuracy_and_says_what_it_took(samples: Samples, shipped: AdaptedNetwork) -> None:
    before = {name: value.clone() for name, value in shipped.module.state_dict().items()}
    made = correct_network(shipped, samples, PREFIX)
    report = made.report
    assert report.loss_after < report.loss_before
    assert sum(report.after[:4]) > sum(report.before[:4])
    assert report.samples == 6 * 64 + 200
    assert set(report.kept_layers) == set(made.layers)
    assert all(shape["steps"] <= 4 and not shape["gain"] for shape in made.layers.values())
    assert report.parameters == sum(
        part.bias.numel() for part in corrections(made.module).values() if part.bias is not None
    )
    # the network it was given is as it was, and so is all but the corrections of the one it made
    after = made.module.state_dict()
    for name, value in before.items():
        assert torch.equal(shipped.module.state_dict()[name], value)
        assert torch.equal(after[name], value)


def test_the_report_is_the_accuracy_of_what_it_made(samples: Samples, shipped: AdaptedNetwork) -> None:
    made = correct_network(shipped, samples, PREFIX)
    right = torch.zeros(8)
    network = adapt(made.module, 8)
    for x, target in samples.checked():
        readout = network.run(x)
        for t in range(8):
            right[t] += (readout[: t + 1].mean(0).argmax(1) == target).sum()
    assert list(made.report.after) == pytest.approx((right / len(samples.validation)).tolist())


def test_a_seed_gives_the_same_network_again(samples: Samples, shipped: AdaptedNetwork) -> None:
    first, second, other = (correct_network(shipped, samples, SMALL, seed=seed) for seed in (1, 1, 2))
    assert first.layers == second.layers
    assert first.report.after == second.report.after
    mine, same, another = (made.module.state_dict() for made in (first, second, other))
    assert all(torch.equal(mine[name], same[name]) for name in mine)
    assert any(not torch.equal(mine[name], another.get(name, torch.zeros(()))) for name in mine)


def test_nothing_asked_for_changes_nothing(samples: Samples, shipped: AdaptedNetwork) -> None:
    made = correct_network(shipped, samples, CorrectSection())
    assert (made.layers, made.report.kept_layers, made.report.parameters, made.report.samples) == ({}, (), 0, 0)
    assert made.report.before == made.report.after
    assert not corrections(made.module)
    assert made.module.state_dict().keys() == shipped.module.state_dict().keys()


def test_learned_numbers_are_a_hundredth_of_the_parameters_at_most(samples: Samples, shipped: AdaptedNetwork) -> None:
    made = correct_network(shipped, samples, SMALL.model_copy(update={"mode": "none"}))
    assert 0 < made.report.parameters <= 18418 // 100
    assert made.report.loss_after < made.report.loss_before


def test_a_change_that_does_not_help_is_put_back(samples: Samples, shipped: AdaptedNetwork) -> None:
    work = work_of(shipped, samples)
    place, loss = work.found[0], work.loss()
    bias = work.correction(place).bias
    assert bias is not None
    with kept(work, place, loss) as judged, torch.no_grad():
        bias.fill_(-1.0)  # nothing fires any more
    assert (judged.is_kept, judged.loss) == (False, loss)
    assert not bias.any()
    assert work.loss() == loss
    with kept(work, place, loss + 100) as judged, torch.no_grad():
        bias.fill_(-1.0)
    assert judged.is_kept
    assert judged.loss == work.loss() > loss
    assert bool((bias == -1).all())


def test_settled_rates_are_those_of_the_second_half(samples: Samples, shipped: AdaptedNetwork) -> None:
    work = work_of(shipped, samples)
    found = settled_rates(work, 2)
    outputs: list[Tensor] = []
    handle = shipped.module.get_submodule("blocks.0.neuron").register_forward_hook(
        lambda *args: outputs.append(args[2])
    )
    for x, _ in work.images.batches(2):
        shipped.run(x)
    handle.remove()
    expected = torch.stack([part[4:].double().mean((0, 1, 3, 4)) for part in outputs]).mean(0)
    assert len(outputs) == 2
    assert torch.allclose(found["blocks.0.neuron"], expected, rtol=0, atol=1e-12)


def test_images_are_apart_and_in_a_fixed_order(samples: Samples) -> None:
    first, second = (Images.drawn(samples, fitted=300, held=100, batch_size=64, seed=5) for _ in range(2))
    assert (first.fitted == second.fitted).all()
    assert (len(first.fitted), len(first.held), first.count) == (300, 100, 400)
    assert not set(first.fitted) & set(first.held)
    assert [len(target) for _, target in first.batches()] == [64, 64, 64, 64, 44]
    assert [len(target) for _, target in first.batches(2)] == [64, 64]
    few = Images.drawn(samples, fitted=5000, held=5000, batch_size=64, seed=5)
    assert len(few.held) == len(samples.training) // 3
    assert few.count == len(samples.training)
    part = samples.training
    one = replace(part, id=part.id[:1], x=part.x[:1], target=part.target[:1])
    with pytest.raises(DataError, match="expected 2 training images or more, found 1"):
        Images.drawn(replace(samples, training=one), fitted=5, held=5, batch_size=64, seed=5)


def test_a_conversion_is_near_its_ann_and_its_twin_corrects_few_steps(samples: Samples, ann: Checkpoint) -> None:
    module = build_network("layered-net", 1, ANN)
    load_weights(module, ann)
    x, target = samples.validation.tensors()
    with torch.no_grad():
        wanted = float((module.eval()(x)[0].argmax(1) == target).double().mean())
    long = correct_network(spiking(ann, samples, 32), samples, CorrectSection())
    assert wanted > 0.9
    assert abs(long.report.before[-1] - wanted) < 0.02
    short = correct_network(spiking(ann, samples, 4), samples, CorrectSection(mode="twin", batches=6, samples=300))
    assert short.report.after[-1] > short.report.before[-1] + 0.1
    assert short.report.after[-1] > wanted - 0.05


def test_twin_means_are_those_of_clipped_rectifiers(samples: Samples, ann: Checkpoint) -> None:
    network = spiking(ann, samples, 3)
    work = work_of(network, samples)
    found = twin_means(work, 2)
    first: Any = network.module.get_submodule("layers.0")
    x = torch.cat([x for x, _ in work.images.batches(2)])
    with torch.no_grad():
        activation = first.norm(first.conv(x)).clamp(0, 1).double()
    assert torch.allclose(found["layers.0.neuron"], activation.mean((0, 2, 3)), rtol=0, atol=1e-7)


def test_gains_go_into_the_norm_before_the_neurons(samples: Samples, shipped: AdaptedNetwork) -> None:
    work = work_of(shipped, samples)
    with torch.no_grad():
        for place in work.found:
            gain = work.correction(place).gain
            assert gain is not None
            gain.uniform_(0.5, 1.5)
    network, x = work.trainee.network, samples.at(torch.arange(40, 60).numpy())[0]
    expected = replace(network, module=network.module.double()).run(x.double())
    folded = fold_gains(network, x.double())
    module, layers = compacted(network.module)
    assert folded == ["stem.neuron", "blocks.0.neuron"]
    assert layers == {}
    found = replace(shipped, module=module).run(x.double())
    assert torch.allclose(found, expected, rtol=0, atol=1e-9)


class _Shared(nn.Module):
    """A norm that something else reads, too: no gain may go into it."""

    def __init__(self, base: Any) -> None:
        super().__init__()
        self.base, self.time_steps = base, 4

    def forward(self, x: Tensor) -> Tensor:
        current = self.base.norm(self.base.conv(x)).expand(4, *[-1] * 4)
        readout: Tensor = (self.base.neuron(current) + current).mean((3, 4))
        return readout


def test_gains_stay_where_something_else_reads_the_norm() -> None:
    torch.manual_seed(0)
    config = {"in_shape": [1, 6, 6], "layers": ["5C3", "FC4"], "neuron": {"name": "if"}}
    base: Any = build_network("layered-net", 4, config)
    module = _Shared(base.layers[0])
    attach(module, {"base.neuron": {"channels": 5, "steps": 0, "gain": True}})
    gain = corrections(module)["base.neuron"].gain
    assert gain is not None
    with torch.no_grad():
        gain.fill_(2.0)
    x = torch.rand(3, 1, 6, 6)
    assert fold_gains(adapt(module, 4, example=x), x) == []
    assert torch.equal(gain, torch.full((5,), 2.0))


def test_a_corrected_network_is_corrected_further(samples: Samples, shipped: AdaptedNetwork) -> None:
    first = correct_network(shipped, samples, PREFIX)
    again = correct_network(adapt(first.module, 8), samples, CorrectSection())
    assert again.report.before == first.report.after
    assert again.layers == first.layers
    mine, same = first.module.state_dict(), again.module.state_dict()
    assert all(torch.equal(mine[name], same[name]) for name in mine)


def layered(**values: Any) -> AdaptedNetwork:
    torch.manual_seed(0)
    config = {"in_shape": [1, 8, 8], "layers": ["3C3", "FC10"], **values}
    module = build_network("layered-net", 4, config)
    for name, weight in module.named_parameters():
        if name in ("layers.0.norm.bias", "layers.0.coding.expand"):
            nn.init.uniform_(weight, 1, 2)  # so that it fires, and that attention attends
    return adapt(module, 4)


@pytest.mark.parametrize(
    ("make", "line"),
    [
        (lambda: replace(layered(), time_steps=1), "expected T of 2 or more, got 1"),
        (lambda: replace(layered(), readout="last"), "expected model.readout mean or count, got last"),
        (lambda: layered(coding="attention"), "expected a causal network"),
        (
            lambda: adapt(nn.Sequential(nn.Flatten(), nn.Linear(64, 10)), 4),
            "expected a readout of each of 4 steps, got one",
        ),
    ],
)
def test_what_cannot_be_corrected_is_refused(samples: Samples, make: Any, line: str) -> None:
    with pytest.raises(NetworkError, match=line):
        correct_network(make(), samples, PREFIX)


def test_steps_one_by_one_are_refused_by_the_neurons_name(samples: Samples) -> None:
    import snntorch

    net = nn.Sequential(nn.Flatten(), nn.Linear(64, 12), snntorch.Leaky(beta=0.9, init_hidden=True), nn.Linear(12, 10))
    with pytest.raises(NetworkError, match=r"expected neurons that take all steps in one call, .* 4 calls of .* at 2"):
        correct_network(adapt(net, 4), samples, PREFIX)


def test_a_twin_needs_converted_neurons(samples: Samples) -> None:
    with pytest.raises(NetworkError, match="twin: expected IF neurons with a soft reset"):
        correct_network(layered(neuron={"name": "lif"}), samples, CorrectSection(mode="twin"))


def test_accuracy_of_the_first_steps(samples: Samples, shipped: AdaptedNetwork) -> None:
    trainee = work_of(shipped, samples).trainee

    def batches() -> Iterator[tuple[Tensor, Tensor]]:
        yield samples.at(torch.arange(0, 10).numpy())
        yield samples.at(torch.arange(10, 13).numpy())

    x, target = samples.at(torch.arange(13).numpy())
    readout = shipped.run(x)
    expected = [float((readout[: t + 1].sum(0).argmax(1) == target).double().mean()) for t in range(8)]
    assert prefix_accuracy(trainee, batches()) == pytest.approx(expected)


def test_suite_values_are_kept_to(samples: Samples, shipped: AdaptedNetwork) -> None:
    suite = with_values(load_suite("digits"), {"correct.mode": "prefix", "correct.batches": 2, "correct.samples": 50})
    made = correct_network(shipped, samples, suite.correct)
    assert made.report.samples == 2 * 64 + 50


def test_a_threshold_below_its_bound_counts_as_the_bound() -> None:
    values = {"name": "dynamic-lif", "reset": "soft", "adaptive": True}
    module = build_network("layered-net", 4, {"in_shape": [1, 8, 8], "layers": ["4C3", "FC10"], "neuron": values})
    with torch.no_grad():
        module.get_parameter("layers.0.neuron.threshold").fill_(-0.2)
    network = adapt(module, 4, feed="whole")
    (place,) = places(network, torch.rand(3, 1, 8, 8))
    assert place.threshold == pytest.approx(0.1)

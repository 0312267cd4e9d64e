"""What cannot be measured says so in one clear line; what is noticed is written into the trace."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
import torch.nn.functional as F
from case import Case, dyadic, record_case
from cases_calls import Apply
from inputs import binary
from torch import Tensor, nn
from wrap import Spike

from snn_eval.errors import NetworkError, NotFiniteError, NothingCountedError, SnnEvalError, UnknownOperationError


class Net(nn.Module):
    """linear → spikes → linear over three steps, with a change made to what the first layer gives."""

    def __init__(self, change: Callable[[Net, Tensor], Tensor] = lambda m, y: y) -> None:
        super().__init__()
        self.time_steps, self.change, self.leak = 3, change, torch.zeros(())
        self.fc, self.spike, self.out = nn.Linear(8, 6), Spike(), nn.Linear(6, 2)
        dyadic(self)

    def forward(self, x: Tensor) -> Tensor:
        return torch.stack([self.out(self.spike(self.change(self, self.fc(x)))) for _ in range(self.time_steps)])


def case(change: Callable[[Net, Tensor], Tensor]) -> Case:
    return Case("error", lambda: Net(change), binary(8), time_steps=3, samples=7)


def one_line(error: pytest.ExceptionInfo[SnnEvalError], *words: str) -> None:
    text = str(error.value)
    assert "\n" not in text
    assert len(text) > 20
    for word in words:
        assert word in text, f"{word!r} not in {text!r}"


def test_nothing_noticed_in_a_clean_network() -> None:
    facts = record_case(case(lambda m, y: y)).facts
    assert not facts.stochastic
    assert facts.notes == ()


def test_hidden_randomness_is_noted() -> None:
    trace = record_case(case(lambda m, y: y + torch.rand_like(y)))
    assert trace.facts.stochastic
    assert any("random" in note.lower() for note in trace.facts.notes)


def test_dropout_left_on_is_noted() -> None:
    trace = record_case(case(lambda m, y: F.dropout(y, 0.5, training=True)))
    assert trace.facts.stochastic


def test_random_state_of_the_caller_is_left_alone() -> None:
    torch.manual_seed(5)
    before = torch.random.get_rng_state()
    made = case(lambda m, y: y)
    from case import chunks_of

    from snn_eval.probe import ProbeOptions, Recorder

    network, x = made.network(), made.data()
    torch.random.set_rng_state(before)
    recorder = Recorder(network, ProbeOptions(batch_size=3, timed_chunks=0))
    recorder.prepare(chunks_of(made, x)[0])
    recorder.record(chunks_of(made, x)[0])
    assert torch.equal(torch.random.get_rng_state(), before)


def leaking(m: Net, y: Tensor) -> Tensor:
    """State that outlives the run and that no reset knows of."""
    m.leak = m.leak + y.detach().abs().sum() / 64
    return y + m.leak


def test_state_leaking_between_batches_is_refused() -> None:
    with pytest.raises(NetworkError) as error:
        record_case(case(leaking))
    one_line(error, "state")


@pytest.mark.parametrize(
    "mix",
    [
        lambda m, y: y - y.mean(0, keepdim=True),
        lambda m, y: y + y.flip(0),
        lambda m, y: y + y.max(),
        lambda m, y: y.cumsum(0),
    ],
    ids=["mean", "flip", "maximum", "cumsum"],
)
def test_samples_leaking_into_each_other_are_noted(mix: Callable[[Net, Tensor], Tensor]) -> None:
    trace = record_case(case(mix))
    assert any("sample" in note.lower() for note in trace.facts.notes), trace.facts.notes


def test_batch_norm_over_the_batch_is_noted() -> None:
    """Statistics of the batch couple its samples."""
    trace = record_case(case(lambda m, y: F.batch_norm(y, None, None, training=True)))
    assert any("sample" in note.lower() for note in trace.facts.notes), trace.facts.notes


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), -float("inf")])
def test_not_finite_activation_fails_the_run(bad: float) -> None:
    def spoil(m: Apply, x: Tensor) -> Tensor:
        y = m.a(x).relu()
        return m.b(torch.cat([y[:, :1] * 0 + bad, y[:, 1:]], 1))

    parts = lambda: {"a": nn.Linear(8, 4), "b": nn.Linear(4, 2)}  # noqa: E731
    with pytest.raises(NotFiniteError) as error:
        record_case(Case("nan", lambda: Apply(spoil, parts()), binary(8)))
    one_line(error, "b")


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
@pytest.mark.parametrize("layer", ["conv", "linear", "product"])
def test_one_bad_input_element_late_in_the_set_is_found(layer: str, bad: float) -> None:
    def inputs(n: int) -> Tensor:
        x = torch.zeros(n, 2, 5, 5)
        x[-1, 1, 4, 4] = bad
        return x

    module: dict[str, Callable[[], nn.Module]] = {
        "conv": lambda: dyadic(nn.Conv2d(2, 3, 3)),
        "linear": lambda: nn.Sequential(nn.Flatten(), dyadic(nn.Linear(50, 3))),
        "product": lambda: Apply(lambda m, x: x[:, 0] @ x[:, 1]),
    }
    with pytest.raises(NotFiniteError) as error:
        record_case(Case("late", module[layer], inputs, samples=5, batch_size=2))
    one_line(error)


class NoLayers(nn.Module):
    """Spikes, but no operation."""

    def __init__(self) -> None:
        super().__init__()
        self.spike = Spike()
        self.time_steps = 3

    def forward(self, x: Tensor) -> Tensor:
        return torch.stack([self.spike(x) for _ in range(self.time_steps)])


def test_network_in_which_nothing_was_counted() -> None:
    with pytest.raises(NothingCountedError) as error:
        record_case(Case("nothing", NoLayers, binary(8), time_steps=3))
    one_line(error)


def test_silent_network_is_not_nothing_counted() -> None:
    """All counts zero is a result; no call seen is not."""
    trace = record_case(Case("silent", lambda: nn.Sequential(nn.Linear(8, 3), Spike()), lambda n: torch.zeros(n, 8)))
    assert trace.synaptic[0].ops_VTN.sum() == 0


class Half(nn.Module):
    """A part of a network that hides in TorchScript."""

    def __init__(self, inner: nn.Module) -> None:
        super().__init__()
        self.inner, self.spike = inner, Spike()

    def forward(self, x: Tensor) -> Tensor:
        return self.spike(self.inner(x))


@pytest.mark.filterwarnings("ignore:`torch.jit:FutureWarning", "ignore::DeprecationWarning")
@pytest.mark.parametrize("how", ["script", "trace"])
def test_torchscript_is_refused_by_name(how: str) -> None:
    def module() -> nn.Module:
        inner = dyadic(nn.Linear(8, 3))
        return Half(torch.jit.script(inner) if how == "script" else torch.jit.trace(inner, torch.ones(1, 8)))

    with pytest.raises(NetworkError) as error:
        record_case(Case("script", module, binary(8)))
    one_line(error, "TorchScript", "inner")


def test_data_parallel_is_refused_by_name() -> None:
    with pytest.raises(NetworkError) as error:
        record_case(Case("parallel", lambda: Half(nn.DataParallel(nn.Linear(8, 3))), binary(8)))
    one_line(error, "DataParallel")


UNRULED: dict[str, Callable[[], nn.Module]] = {
    "bilinear": lambda: Apply(lambda m, x: m.b(x, x), {"b": nn.Bilinear(8, 8, 3)}),
    "cdist": lambda: Apply(lambda m, x: torch.cdist(x[:, None, :4], x[:, None, 4:])),
    "einsum_three_operands": lambda: Apply(lambda m, x: torch.einsum("ni,ij,jk->nk", x, m.w, m.v), w=(8, 4), v=(4, 2)),
    "two_layer_lstm": lambda: Apply(lambda m, x: m.r(x[:, None])[0], {"r": nn.LSTM(8, 3, 2, batch_first=True)}),
    "bidirectional_gru": lambda: Apply(
        lambda m, x: m.r(x[:, None])[0], {"r": nn.GRU(8, 3, bidirectional=True, batch_first=True)}
    ),
    "projected_lstm": lambda: Apply(
        lambda m, x: m.r(x[:, None])[0], {"r": nn.LSTM(8, 5, proj_size=3, batch_first=True)}
    ),
    "fft": lambda: Apply(lambda m, x: torch.fft.rfft(x).abs()),
    "linalg_multi_dot": lambda: Apply(lambda m, x: torch.linalg.multi_dot([x, m.w, m.v]), w=(8, 4), v=(4, 2)),
    "chained_addbmm": lambda: Apply(
        lambda m, x: torch.addbmm(torch.zeros(2, 2), x.reshape(-1, 2, 4), x.reshape(-1, 4, 2)).expand(len(x), 2, 2)
    ),
}


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize("name", sorted(UNRULED))
def test_an_operation_without_a_rule_is_never_silent(name: str) -> None:
    """Counted or named as unknown with calls and elements; under strict an error names it."""
    made = Case(name, UNRULED[name], binary(8))
    trace = record_case(made)
    assert trace.unknown or trace.synaptic
    for unknown in trace.unknown:
        assert unknown.name
        assert unknown.calls >= 1
        assert unknown.elements >= 1
    if trace.unknown:
        with pytest.raises(UnknownOperationError) as error:
            record_case(made, strict=True)
        one_line(error)


@pytest.mark.parametrize("name", ["bilinear", "cdist"])
def test_certainly_unknown_operations_are_named(name: str) -> None:
    trace = record_case(Case(name, UNRULED[name], binary(8)))
    assert [unknown.calls for unknown in trace.unknown if name in unknown.name.lower()] == [1], trace.unknown

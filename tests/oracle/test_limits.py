"""Where the usual assumptions end: exact, or named as unknown, or refused in one line; never a wrong number."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from brute import Count, einsum_pairs, linear_scatter
from brute_conv import ConvGeometry, conv_scatter
from case import Case, dyadic, record_case
from cases_calls import Apply
from inputs import binary, over_time
from intercept import to_numpy
from torch import Tensor, nn
from wrap import MultiSpike, Spike

from snn_eval.errors import NetworkError, SnnEvalError
from snn_eval.trace import Trace


def totals(trace: Trace) -> list[int]:
    """Effective operations of each sample over all layers; of the set where a layer is not attributed."""
    parts = [layer.ops_VTN.reshape(-1, layer.ops_VTN.shape[-1]).sum(0) for layer in trace.synaptic]
    return list(np.sum(parts, axis=0))


def right_or_named(case: Case, count: Callable[[nn.Module, Tensor], list[Count]]) -> None:
    """The trace's totals are brute force's, per sample or for the set; or the operation is named as unknown."""
    try:
        trace = record_case(case)
    except SnnEvalError as error:
        refused = str(error)
        assert "\n" not in refused
        return
    if trace.unknown:
        return
    module, x = case.network().module, case.data()
    want = [
        sum(sum(c.ops.values()) for c in count(module, x.narrow(case.sample_axis, n, 1))) for n in range(case.samples)
    ]
    got = totals(trace)
    assert got == want or (not trace.synaptic[0].attributed and sum(got) == sum(want))


# Operations that mix axes ------------------------------------------------------------------------------------------


class OverTime(nn.Module):
    """Spikes of all steps ``[T,N,F]`` taken together by one operation."""

    def __init__(self, how: str, steps: int = 4, features: int = 5) -> None:
        super().__init__()
        self.how, self.spike = how, MultiSpike()
        self.w = nn.Parameter(torch.zeros(steps, steps))
        self.conv = nn.Conv1d(features, features, 3, padding=1)
        dyadic(self)

    def forward(self, x: Tensor) -> Tensor:
        s = self.spike(x)
        if self.how == "attention":
            q = s.transpose(0, 1)
            return ((q @ q.mT) @ q).transpose(0, 1)
        if self.how == "convolution":
            return self.conv(s.permute(1, 2, 0)).permute(2, 0, 1)
        return torch.einsum("st,tnf->snf", self.w, s)


def over_time_counts(module: nn.Module, x: Tensor) -> list[Count]:
    with torch.no_grad():
        module.spike.reset()  # type: ignore[union-attr,operator]
        s = to_numpy(module.spike(x))[:, 0]  # type: ignore[operator]
    if module.how == "attention":
        return [einsum_pairs("if,jf->ij", s, s), einsum_pairs("ij,jf->if", np.einsum("if,jf->ij", s, s), s)]
    if module.how == "convolution":
        return [conv_scatter(s.T, to_numpy(module.conv.weight), ConvGeometry((1,), (1,), (1,)))]  # type: ignore[union-attr,arg-type]
    return [linear_scatter(s.T, to_numpy(module.w))]  # type: ignore[arg-type]


@pytest.mark.parametrize("how", ["attention", "convolution", "matrix"])
def test_operations_across_time_keep_their_samples_totals(how: str) -> None:
    case = Case(how, lambda: OverTime(how), over_time(4, binary(5)), time_steps=4, sample_axis=1)
    right_or_named(case, over_time_counts)


class SampleGroups(nn.Module):
    """Each sample convolved as a group of one convolution: samples lie in the channels."""

    def __init__(self) -> None:
        super().__init__()
        self.w = nn.Parameter(torch.zeros(3, 2, 3, 3))
        dyadic(self)

    def forward(self, x: Tensor) -> Tensor:
        n = len(x)
        y = F.conv2d(x.reshape(1, -1, *x.shape[2:]), self.w.repeat(n, 1, 1, 1), groups=n)
        return y.reshape(n, -1)


def conv_counts(module: nn.Module, x: Tensor) -> list[Count]:
    return [conv_scatter(to_numpy(x)[0], to_numpy(module.w), ConvGeometry((1, 1), (0, 0), (1, 1)))]  # type: ignore[arg-type]


def test_samples_as_groups_of_a_convolution() -> None:
    right_or_named(Case("groups", SampleGroups, binary(2, 5, 5)), conv_counts)


def fc_counts(module: nn.Module, x: Tensor) -> list[Count]:
    return [linear_scatter(to_numpy(x), to_numpy(module.fc.weight))]  # type: ignore[union-attr,arg-type]


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize(
    "function",
    [
        lambda m, x: torch.vmap(m.fc)(x),
        lambda m, x: torch.stack([m.fc(row) for row in x]),
        lambda m, x: torch.cat([m.fc(x[: len(x) // 2]), m.fc(x[len(x) // 2 :])]),
        lambda m, x: torch.sparse.mm(x.to_sparse(), m.fc.weight.t()),
        lambda m, x: (x[:, None, :] * m.fc.weight).sum(-1) if len(x) < 0 else m.fc(x),
        lambda m, x: torch.compile(m.fc, backend="eager")(x),
    ],
    ids=["vmap", "one by one", "halves", "sparse", "dense", "compiled"],
)
def test_odd_ways_to_call_a_linear_layer(function: Callable[..., Tensor]) -> None:
    right_or_named(Case("odd", lambda: Apply(function, {"fc": nn.Linear(8, 3)}), binary(8)), fc_counts)


def test_weights_made_from_activations() -> None:
    """A convolution whose kernel depends on the input multiplies activations: a product or unknown, not a layer."""

    def dynamic(m: Apply, x: Tensor) -> Tensor:
        return F.conv2d(x, m.fc(x.flatten(1)).mean(0).view(2, 1, 3, 3), groups=1)

    case = Case("dynamic", lambda: Apply(dynamic, {"fc": nn.Linear(25, 18)}), binary(1, 5, 5))
    try:
        trace = record_case(case)
    except SnnEvalError:
        return
    assert trace.unknown or any("sample" in note for note in trace.facts.notes) or len(trace.synaptic) == 2


def test_compiled_modules_are_refused_by_name() -> None:
    module = lambda: torch.compile(dyadic(nn.Linear(8, 3)), backend="eager")  # noqa: E731
    with pytest.raises(NetworkError, match=r"(?i)compile") as error:
        record_case(Case("compiled", module, binary(8)))  # type: ignore[arg-type]
    assert "\n" not in str(error.value)


# Calls that depend on the data -------------------------------------------------------------------------------------


@pytest.mark.parametrize("bright", [0, 3, 5])
def test_calls_that_depend_on_the_data_are_refused(bright: int) -> None:
    """One bright sample makes an extra layer run, in the first chunk or in a later one."""

    def branch(m: Apply, x: Tensor) -> Tensor:
        y = m.a(x)
        return m.b(y) if x.max() > 5 else y

    def inputs(n: int) -> Tensor:
        x = binary(8)(n)
        x[bright, 0] = 9
        return x

    case = Case(
        "branch", lambda: Apply(branch, {"a": nn.Linear(8, 8), "b": nn.Linear(8, 8)}), inputs, samples=6, batch_size=2
    )
    with pytest.raises(SnnEvalError) as error:
        record_case(case)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("every", [2, 3])
def test_a_layer_run_at_some_steps_only_keeps_its_totals(every: int) -> None:
    class Slow(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.time_steps, self.a, self.s, self.b = 6, nn.Linear(8, 6), Spike(), nn.Linear(6, 2)
            dyadic(self)

        def forward(self, x: Tensor) -> Tensor:
            y, out = torch.zeros(len(x), 2), []
            for t in range(self.time_steps):
                s = self.s(self.a(x))
                y = y + self.b(s) if t % every == 0 else y
                out.append(y)
            return torch.stack(out)

    def count(module: nn.Module, x: Tensor) -> list[Count]:
        module.s.reset()  # type: ignore[union-attr,operator]
        found = []
        with torch.no_grad():
            for t in range(6):
                s = module.s(module.a(x))  # type: ignore[operator]
                found.append(linear_scatter(to_numpy(x), to_numpy(module.a.weight)))  # type: ignore[union-attr,arg-type]
                if t % every == 0:
                    found.append(linear_scatter(to_numpy(s), to_numpy(module.b.weight)))  # type: ignore[union-attr,arg-type]
        return found

    right_or_named(Case("slow", Slow, binary(8), time_steps=6), count)

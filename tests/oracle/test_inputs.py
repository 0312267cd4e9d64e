"""Inputs and networks that experiments must not break: no empty samples, token ids, fixed sizes."""

from __future__ import annotations

import pytest
import torch
from case import Case, dyadic, record_case
from cases_calls import Apply
from inputs import binary, counts, over_time
from torch import Tensor, nn
from wrap import MultiSpike, Spike

from snn_eval.errors import SnnEvalError


def test_padding_and_experiments_feed_only_real_samples() -> None:
    """A network that divides by the sum of its input knows no empty sample."""

    def normalised(m: Apply, x: Tensor) -> Tensor:
        return m.fc(x / x.sum(1, keepdim=True))

    def inputs(n: int) -> Tensor:
        x = binary(8)(n)
        x[:, 0] = 1
        return x

    case = Case("normalised", lambda: Apply(normalised, {"fc": nn.Linear(8, 3)}), inputs, samples=5, batch_size=4)
    layer = record_case(case).synaptic[0]
    assert layer.ops_VTN.sum((0, 1)).tolist() == [3 * int(row.count_nonzero()) for row in case.data()]


@pytest.mark.parametrize("dtype", [torch.int64, torch.int32])
def test_token_ids_stay_token_ids(dtype: torch.dtype) -> None:
    class Tokens(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.embed, self.fc = nn.Embedding(7, 6), nn.Linear(6, 3)
            dyadic(self)

        def forward(self, x: Tensor) -> Tensor:
            return self.fc(self.embed(x)).flatten(1)

    case = Case("tokens", Tokens, lambda n: torch.randint(0, 7, (n, 4)).to(dtype))
    layer = record_case(case).synaptic[0]
    assert layer.ops_VTN.sum((0, 1)).tolist() == [4 * 6 * 3] * 4


@pytest.mark.parametrize("dtype", [torch.uint8, torch.bool, torch.int16])
def test_inputs_of_other_types(dtype: torch.dtype) -> None:
    make = counts(8)
    case = Case(
        "typed", lambda: Apply(lambda m, x: m.fc(x.float()), {"fc": nn.Linear(8, 3)}), lambda n: make(n).to(dtype)
    )
    layer = record_case(case).synaptic[0]
    assert layer.ops_VTN.sum((0, 1)).tolist() == [3 * int(row.count_nonzero()) for row in case.data()]


def test_a_batch_size_written_into_the_network() -> None:
    """State made for four samples: measured with batches of four, or refused in one line."""

    class Fixed(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.time_steps, self.fc = 3, dyadic(nn.Linear(8, 3))
            self.s = Spike()

        def forward(self, x: Tensor) -> Tensor:
            total = torch.zeros(4, 3)
            return torch.stack([total + self.s(self.fc(x)) for _ in range(self.time_steps)])

    try:
        trace = record_case(Case("fixed", Fixed, binary(8), time_steps=3, batch_size=4))
    except SnnEvalError as error:
        refused = str(error)
        assert "\n" not in refused
        assert "batch" in refused or "sample" in refused
    else:
        assert trace.synaptic[0].attributed


def test_a_number_of_steps_written_into_the_network() -> None:
    """A time embedding fits T steps only: causality is then unknown, counts are exact."""

    class Embedded(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.position, self.s, self.fc = nn.Parameter(torch.zeros(4, 1, 6)), MultiSpike(), nn.Linear(6, 2)
            dyadic(self)

        def forward(self, x: Tensor) -> Tensor:
            return self.fc(self.s(x + self.position))

    case = Case("embedded", Embedded, over_time(4, binary(6)), time_steps=4, sample_axis=1)
    trace = record_case(case)
    assert trace.output.causal == "unknown"
    assert trace.synaptic[0].steps == 4

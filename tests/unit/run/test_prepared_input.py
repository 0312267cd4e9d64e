"""Input and readout set on the command line: what the network gets, what decides, and whose identity it changes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from snn_eval.models.adapters import Readout, adapt
from snn_eval.models.encoders import encode
from snn_eval.run.plan import Cell, Request, plan
from snn_eval.suite import Suite, load_suite, with_values

X = torch.tensor([[[[0.2, 0.4], [0.0, 1.0]]]])
ID = np.array([7])


def test_normalised_clipped_and_flattened() -> None:
    got = encode("direct", X, 3, ID, mean=[0.2], std=[0.5], clip=True, flatten=True)
    assert torch.allclose(got, torch.tensor([[0.0, 0.4, 0.0, 1.0]]))  # (0 − 0.2) / 0.5 < 0 and (1 − 0.2) / 0.5 > 1
    spikes = encode("rate", X, 3, ID, mean=[0.2], std=[0.5], clip=True, flatten=True)
    assert spikes.shape == (3, 1, 4)
    assert spikes[:, 0, 2].tolist() == [0, 0, 0]
    assert spikes[:, 0, 3].tolist() == [1, 1, 1]


@pytest.mark.parametrize(
    ("how", "expected"),
    [("mean", [[1.0], [5.0], [3.0]]), ("count", [[1.0], [5.0], [3.0]]), ("last", [[3.0]]), ("max", [[5.0]])],
)
def test_what_of_the_steps_decides(how: Readout, expected: list[list[float]]) -> None:
    class Given(nn.Module):
        def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
            return x, torch.tensor([1.0, 5.0, 3.0]).reshape(3, 1, 1).expand(3, x.shape[1], 1)

    network = adapt(Given(), 3, sample_axis=1, feed="whole", output_index=1, readout=how)
    assert network.run(torch.zeros(3, 2, 1))[:, 1].tolist() == expected


@pytest.fixture
def checkpoint(tmp_path: Path) -> Path:
    torch.save({"weight": torch.zeros(10, 64)}, tmp_path / "a.pth")
    return tmp_path / "a.pth"


def cell(checkpoint: Path, **flags: object) -> Cell:
    return plan(Request(models=(("digits", checkpoint),), **flags))[0]  # type: ignore[arg-type]


def test_each_flag_makes_another_cell_and_is_told(checkpoint: Path) -> None:
    flags: list[tuple[dict[str, object], str]] = [
        ({"normalize": ((0.5,), (0.25,))}, "mean 0.5, std 0.25"),
        ({"encoding": "rate"}, "encoding rate"),
        ({"clip": True}, "clip"),
        ({"flatten": True}, "flatten"),
        ({"feed": "steps"}, "feed steps"),
        ({"readout": "max"}, "readout max"),
        ({"output_index": 1}, "output-index 1"),
    ]
    plain = cell(checkpoint)
    assert plain.notes == ()
    cells = [cell(checkpoint, **flag) for flag, _ in flags]
    assert len({c.id for c in [plain, *cells]}) == len(flags) + 1
    assert [c.notes for c in cells] == [(f"in place of the suite's: {told}",) for _, told in flags]


def test_an_encoding_makes_the_input_spikes(checkpoint: Path) -> None:
    assert cell(checkpoint).suite.input.kind == "real"
    assert cell(checkpoint, encoding="latency").suite.input.kind == "spikes"
    assert cell(checkpoint, encoding="direct").suite.input.kind == "real"


def test_keys_added_later_are_written_only_where_they_are_set() -> None:
    suite = load_suite("digits")
    assert {"clip", "flatten"} & suite.model_dump()["input"].keys() == set()
    assert "readout" not in suite.model_dump(mode="json")["model"]
    changed: Suite = with_values(suite, {"input.clip": True, "model.readout": "last"})
    assert changed.model_dump()["input"]["clip"] is True
    assert with_values(changed, {"input.flatten": True}).model_dump(mode="json")["model"]["readout"] == "last"

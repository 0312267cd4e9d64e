"""Tensors that are no plain block of numbers are refused by name, wherever in a file they are, and fill no memory."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from snn_eval.errors import CheckpointError
from snn_eval.models.checkpoint import Checkpoint, load_checkpoint, load_weights

WEIGHT = torch.arange(6.0).reshape(2, 3)


@pytest.mark.filterwarnings("ignore:.*:DeprecationWarning", "ignore:.*:UserWarning")
@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: WEIGHT.to_sparse(), "a sparse one"),
        (lambda: WEIGHT.to_sparse_csr(), "a sparse one"),
        (lambda: torch.quantize_per_tensor(WEIGHT, 0.1, 0, torch.qint8), "a quantised one"),
        (lambda: WEIGHT.to("meta"), "one without numbers"),
        (lambda: torch.zeros(1).expand(10**9), "one of 4,000,000,000 bytes that repeats 4"),
    ],
)
@pytest.mark.parametrize("under", [(), ("optimizer", 0)])
def test_odd_tensors_are_refused(tmp_path: Path, make: Callable[[], Tensor], words: str, under: tuple[object]) -> None:
    path = tmp_path / "odd.pth"
    torch.save({"state_dict": {"weight": WEIGHT}, "optimizer": [make()]} if under else {"weight": make()}, path)
    name = "optimizer.0" if under else "weight"
    with pytest.raises(CheckpointError, match=f"odd.pth: {name}: expected a plain dense tensor, got {words}") as caught:
        load_checkpoint(path)
    assert "\n" not in str(caught.value)


def test_a_small_expanded_tensor_is_read(tmp_path: Path) -> None:
    torch.save({"weight": torch.ones(1).expand(3, 2)}, tmp_path / "w.pth")
    assert load_checkpoint(tmp_path / "w.pth").state_dict["weight"].tolist() == [[1, 1]] * 3


def test_a_tree_that_holds_itself_ends(tmp_path: Path) -> None:
    tree: dict[str, object] = {"state_dict": {"weight": WEIGHT}}
    tree["self"] = tree
    torch.save(tree, tmp_path / "w.pth")
    assert torch.equal(load_checkpoint(tmp_path / "w.pth").state_dict["weight"], WEIGHT)


def test_weights_that_cannot_be_copied_are_one_line() -> None:
    class Refusing(nn.Linear):
        def _load_from_state_dict(self, *_: object, **__: object) -> None:
            raise RuntimeError("no copy\nfrom this type")

    weights = nn.Linear(3, 2).state_dict()
    with pytest.raises(CheckpointError, match="the weights do not fit: no copy from this type"):
        load_weights(Refusing(3, 2), Checkpoint(weights))

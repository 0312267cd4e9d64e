"""Files made elsewhere: names of tensors that begin otherwise, weights under any key, programs refused by name."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from snn_eval.errors import CheckpointError
from snn_eval.models.checkpoint import load_checkpoint, load_trusted_module, load_weights
from snn_eval.models.names import matched_names


@pytest.mark.parametrize(
    ("given", "expected", "prefixes"),
    [
        (["a.w", "b.w"], ["a.w", "b.w"], ("", "")),
        (["module.a.w", "module.b.w"], ["a.w", "b.w"], ("module.", "")),
        (["a.w", "b.w"], ["net.a.w", "net.b.w"], ("", "net.")),
        (["net.1.w"], ["layer.1.w"], ("net.", "layer.")),
        (["module.model.a.w", "module.model.b.w"], ["a.w", "b.w"], ("module.model.", "")),
        (["a.w", "b.w"], ["a.w", "c.w"], None),
        (["a.w"], ["a.w", "b.w"], None),
        (["net.a.w", "head.b.w"], ["a.w", "b.w"], None),
        ([], [], ("", "")),
    ],
)
def test_what_names_begin_with(given: list[str], expected: list[str], prefixes: tuple[str, str] | None) -> None:
    assert matched_names(given, expected) == prefixes


class Layer(nn.Module):
    """A network that keeps its layers under an attribute."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Sequential(nn.Flatten(), nn.Linear(2, 3))


def weights() -> dict[str, Tensor]:
    return {"net.1.weight": torch.arange(6.0).reshape(3, 2), "net.1.bias": torch.ones(3)}


@pytest.mark.parametrize("zipped", [True, False])
@pytest.mark.parametrize("wrap", [dict, lambda w: {"net": w, "epoch": 3}, lambda w: {"a": {"weights": w}, "lr": 0.1}])
def test_weights_reach_a_network_that_names_them_otherwise(tmp_path: Path, wrap: Any, zipped: bool) -> None:
    torch.save(wrap(weights()), tmp_path / "w.pth", _use_new_zipfile_serialization=zipped)
    network = Layer()
    note = load_weights(network, load_checkpoint(tmp_path / "w.pth"))
    assert network.layer[1].weight.tolist() == [[0, 1], [2, 3], [4, 5]]
    told = "those of the file begin with 'net.', the network's with 'layer.'"
    assert note == f"w.pth: names of tensors agree but for their beginning: {told}"


def test_equal_names_need_no_word(tmp_path: Path) -> None:
    torch.save(Layer().state_dict(), tmp_path / "w.pth")
    assert load_weights(Layer(), load_checkpoint(tmp_path / "w.pth")) == ""


def test_of_two_state_dicts_under_keys_of_their_own_none_is_chosen(tmp_path: Path) -> None:
    torch.save({"generator": weights(), "critic": weights()}, tmp_path / "two.pth")
    with pytest.raises(CheckpointError, match="expected one state dict, found 2: 'generator', 'critic'; save the one"):
        load_checkpoint(tmp_path / "two.pth")


def test_a_program_of_torch_export_is_refused_by_name(tmp_path: Path) -> None:
    torch.export.save(torch.export.export(nn.Linear(2, 2), (torch.ones(1, 2),)), tmp_path / "p.pt2")
    for load in (load_checkpoint, load_trusted_module):
        with pytest.raises(CheckpointError, match=r"got a program of torch.export; save state_dict\(\) of the module"):
            load(tmp_path / "p.pt2")

"""Standing around a module: what is called, what stays hidden from a function mode, and what is left behind."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from snn_eval.probe.around import Around, stand_around


class Sees(TorchFunctionMode):
    def __init__(self) -> None:
        super().__init__()
        self.names: list[str] = []

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        self.names.append(func.__name__)
        return func(*args, **(kwargs or {}))


class Doubles(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        if x.shape[0] == 0:
            raise ValueError("empty")
        return torch.mul(x, 2)


@pytest.mark.parametrize("hooked", [False, True])
@pytest.mark.parametrize("hidden", [False, True])
@pytest.mark.parametrize("mode_is_on", [False, True])
def test_before_and_after(hooked: bool, hidden: bool, mode_is_on: bool) -> None:
    if hidden and not mode_is_on:
        pytest.skip("there is nothing to hide from")
    module, told, own = Doubles(), [], []
    if hooked:
        module.register_forward_hook(lambda *_: own.append("own"))
    around = Around(
        before=lambda inputs: told.append(("before", float(torch.sum(inputs[0])))),
        after=lambda output: told.append(("after", float(torch.sum(output)))),
        hidden=hidden,
    )
    if not mode_is_on and not hooked:
        around = Around(after=around.after)
    restore = stand_around(module, around, mode_is_on)
    mode = Sees()
    with mode:
        assert module(torch.ones(3)).tolist() == [2, 2, 2]
    assert told[-1] == ("after", 3 * 2)
    if hooked or mode_is_on:
        assert told[0] == ("before", 3)
        assert ("mul" in mode.names) is not hidden
        assert "sum" not in mode.names  # what is done around is never seen
    restore()
    told.clear()
    module(torch.ones(3))
    assert told == []
    assert "forward" not in vars(module)
    assert len(own) == 2 * hooked


@pytest.mark.parametrize("mode_is_on", [False, True])
def test_reading_without_a_mode(mode_is_on: bool) -> None:
    module, sums = Doubles(), []
    restore = stand_around(module, Around(before=lambda inputs: sums.append(float(inputs[0].sum()))), mode_is_on)
    module(torch.ones(5))
    restore()
    assert sums == [5]


@pytest.mark.parametrize("hooked", [False, True])
def test_an_error_inside_comes_through_and_the_mode_sees_again(hooked: bool) -> None:
    module = Doubles()
    if hooked:
        module.register_forward_pre_hook(lambda *_: None)
    restore = stand_around(module, Around(after=lambda _: None, hidden=True), mode_is_on=True)
    mode = Sees()
    with mode:
        with pytest.raises(ValueError, match="empty"):
            module(torch.ones(0))
        torch.add(torch.ones(1), 1)
    restore()
    assert "add" in mode.names


def test_a_forward_of_the_instance_is_put_back() -> None:
    module = Doubles()
    own = module.forward
    module.forward = own  # type: ignore[method-assign]
    stand_around(module, Around(after=lambda _: None), mode_is_on=False)()
    assert vars(module)["forward"] is own

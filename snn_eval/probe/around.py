"""Standing around a module's forward, unseen by a function mode, and leaving it as it was found."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

__all__ = ["Around", "Standing", "stand_around"]


@dataclass(frozen=True, slots=True)
class Around:
    """What to do around a module: ``before(inputs)``, ``after(output)``; ``hidden``: the mode sees nothing inside."""

    before: Callable[[Any], None] | None = None
    after: Callable[[Any], None] | None = None
    hidden: bool = False


def stand_around(module: nn.Module, around: Around, mode_is_on: bool) -> Callable[[], None]:
    """Do so at every call of the module, until the returned function is called."""
    place = _Place(module, around, mode_is_on)
    place.put_up()
    return place.take_down


class Standing:
    """Standing around many modules, at one run after another: what stands there is made once. A context manager."""

    def __init__(self, arounds: Iterable[tuple[nn.Module, Around]], mode_is_on: bool) -> None:
        self._places = [_Place(module, around, mode_is_on) for module, around in arounds]
        self._up = 0

    def __enter__(self) -> None:
        for place in self._places:
            place.put_up()
            self._up += 1

    def __exit__(self, *_: object) -> None:
        while self._up:
            self._up -= 1
            self._places[self._up].take_down()


class _Place:
    """Where one module is stood around.

    Hooks would do, but torch calls a module without hooks by a shorter way, and on small layers that is felt; where
    the module has hooks of its own (which may change what goes in and comes out), hooks it is.
    """

    def __init__(self, module: nn.Module, around: Around, mode_is_on: bool) -> None:
        self.module, self.around = module, around
        self.surround = _unseen if mode_is_on else _plain
        self.own: Any = None
        self.forward: Callable[..., Any] | None = None
        self.remove: Callable[[], None] | None = None

    def put_up(self) -> None:
        module = self.module
        if module._forward_hooks or module._forward_pre_hooks:
            self.remove = _by_hooks(module, self.around)
            return
        own = module.__dict__.get("forward")
        if self.forward is None or own is not self.own:
            self.own, self.forward = own, self.surround(module.forward, self.around)
        module.__dict__["forward"] = self.forward

    def take_down(self) -> None:
        if self.remove is not None:
            self.remove()
            self.remove = None
        elif self.own is None:
            del self.module.__dict__["forward"]
        else:
            self.module.__dict__["forward"] = self.own


def _plain(inner: Callable[..., Any], around: Around) -> Callable[..., Any]:
    """Where no mode is on there is nothing to hide from; one of ``before`` and ``after`` is given."""
    before, after = around.before, around.after

    def reading(*inputs: Any, **named: Any) -> Any:
        if before is not None:
            before(inputs)
        return inner(*inputs, **named)

    def spiking(*inputs: Any, **named: Any) -> Any:
        output = inner(*inputs, **named)
        if after is not None:
            after(output)
        return output

    return reading if after is None else spiking


def _unseen(inner: Callable[..., Any], around: Around) -> Callable[..., Any]:
    before, after, hidden = around.before, around.after, around.hidden

    def forward(*inputs: Any, **named: Any) -> Any:
        with torch._C.DisableTorchFunction():
            if before is not None:
                before(inputs)
            if hidden:
                output = inner(*inputs, **named)
                if after is not None:
                    after(output)
                return output
        output = inner(*inputs, **named)
        if after is not None:
            with torch._C.DisableTorchFunction():
                after(output)
        return output

    return forward


def _by_hooks(module: nn.Module, around: Around) -> Callable[[], None]:
    guards: list[Any] = []

    def enter(_module: nn.Module, inputs: Any) -> None:
        guard = torch._C.DisableTorchFunction()
        guard.__enter__()
        guards.append(guard)
        if around.before is not None:
            around.before(inputs)
        if not around.hidden:
            guards.pop().__exit__(None, None, None)

    def leave(_module: nn.Module, _inputs: Any, output: Any) -> None:
        try:
            if around.after is not None and output is not None:  # None: the module raised; its error is on its way
                with torch._C.DisableTorchFunction():
                    around.after(output)
        finally:
            if guards:
                guards.pop().__exit__(None, None, None)

    handles = [module.register_forward_pre_hook(enter), module.register_forward_hook(leave, always_call=True)]

    def restore() -> None:
        for handle in handles:
            handle.remove()

    return restore

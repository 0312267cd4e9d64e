"""syops 0.0.5 on one batch, imported under names that spikingjelly 2 no longer has.

syops asks for ``spikingjelly.clock_driven`` and for a progress bar it does not declare. Stand-ins for both live in
``sys.modules`` only while syops is imported; the imported modules are kept here, not in ``sys.modules``.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from importlib import import_module
from types import ModuleType
from typing import Any

from torch import Tensor, nn

from snn_eval.peers.isolation import Runner
from snn_eval.peers.result import Counts, Forward, Peer

__all__ = ["SYOPS", "count", "load", "shimmed"]

_NEURONS = (
    "IFNode",
    "LIFNode",
    "ParametricLIFNode",
    "MultiStepIFNode",
    "MultiStepLIFNode",
    "MultiStepParametricLIFNode",
)


class _SilentBar:
    """Stands in for ``progress.bar.Bar``: nothing is printed."""

    suffix = ""

    def __init__(self, *_: Any, **__: Any) -> None:
        pass

    def next(self) -> None:
        """Advance."""

    def finish(self) -> None:
        """End."""


@contextmanager
def shimmed() -> Iterator[None]:
    """Let syops be imported; on exit ``sys.modules`` holds exactly what it held before, syops' own entries included.

    A neuron class that spikingjelly still has is passed on; a missing one becomes an empty class that no module is an
    instance of, so syops never matches it.
    """
    stand_ins = _stand_ins()
    saved = {name: sys.modules[name] for name in list(sys.modules) if name in stand_ins or _is_syops(name)}
    for name in saved:
        del sys.modules[name]
    sys.modules.update(stand_ins)
    try:
        yield
    finally:
        for name in [n for n in sys.modules if n in stand_ins or _is_syops(n)]:
            del sys.modules[name]
        sys.modules.update(saved)


def _is_syops(name: str) -> bool:
    return name == "syops" or name.startswith("syops.")


def _stand_ins() -> Mapping[str, ModuleType]:
    base = import_module("spikingjelly.activation_based")
    neurons = import_module("spikingjelly.activation_based.neuron")
    neuron = ModuleType("spikingjelly.clock_driven.neuron")
    for name in _NEURONS:
        setattr(neuron, name, getattr(neurons, name, None) or type(name, (), {}))
    clock_driven = ModuleType("spikingjelly.clock_driven")
    clock_driven.neuron = neuron  # type: ignore[attr-defined]
    clock_driven.surrogate = import_module(f"{base.__name__}.surrogate")  # type: ignore[attr-defined]
    clock_driven.functional = import_module(f"{base.__name__}.functional")  # type: ignore[attr-defined]
    bar = ModuleType("progress.bar")
    bar.Bar = _SilentBar  # type: ignore[attr-defined]
    progress = ModuleType("progress")
    progress.bar = bar  # type: ignore[attr-defined]
    return {module.__name__: module for module in (clock_driven, neuron, progress, bar)}


@cache
def load() -> ModuleType:
    """The syops package, imported once under the shim."""
    with shimmed():
        return import_module("syops")


def count(module: nn.Module, x: Tensor, forward: Forward) -> Counts:
    """OPs, ACs and MACs of the batch, as syops defines them: firing rate × dense operations per module.

    Bias, batch norm, pooling and neuron updates are counted in; modules are matched by exact type, so subclasses count
    nothing. syops divides its totals by the length of the input's first axis (T for ``[T,N,…]``); that is undone here.

    Source: syops 0.0.5, ``engine.py`` and ``ops.py``.
    """
    totals, _ = load().get_model_complexity_info(
        Runner(module, forward), (1,), dataloader=[(x, None)], print_per_layer_stat=False, as_strings=False
    )
    ops, acs, macs = (float(total) * len(x) for total in totals[:3])
    return {"OPs": ops, "ACs": acs, "MACs": macs}


SYOPS = Peer("syops", "syops", ("OPs", "ACs", "MACs"), count)

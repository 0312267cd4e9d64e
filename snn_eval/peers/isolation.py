"""Leaves a module as it was after a peer has run on it: peers forget hooks, attributes and training flags."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from snn_eval.peers.result import Forward

__all__ = ["Runner", "preserved"]

_HOOK_TABLES = (
    "_forward_hooks",
    "_forward_hooks_with_kwargs",
    "_forward_hooks_always_called",
    "_forward_pre_hooks",
    "_forward_pre_hooks_with_kwargs",
)


class Runner(nn.Module):
    """A root module around ``net`` that runs ``forward_pass``: peers search the children of what they are given.

    A bare layer given as the network becomes a child, so that peers which look at children only still see it.
    """

    def __init__(self, net: nn.Module, forward_pass: Forward) -> None:
        super().__init__()
        self.net = net
        self.training = net.training
        self._forward_pass = forward_pass

    def forward(self, x: Tensor) -> Tensor:
        """Run the whole forward pass."""
        return self._forward_pass(x)


@contextmanager
def preserved(module: nn.Module) -> Iterator[None]:
    """Put ``module`` into evaluation mode and restore on exit what a peer may change, exception or not.

    Restored: of every submodule the added attributes, the hooks and the training flag; and torch's random state. The
    neurons' state is what the last forward pass left.
    """
    before = [(m, set(vars(m)), m.training, _hook_ids(m)) for m in module.modules()]
    state = torch.get_rng_state()
    module.eval()
    try:
        yield
    finally:
        torch.set_rng_state(state)
        for submodule, names, training, hooks in before:
            for name in set(vars(submodule)) - names:
                delattr(submodule, name)
            submodule.training = training
            _drop_new_hooks(submodule, hooks)


def _hook_ids(module: nn.Module) -> dict[str, set[Any]]:
    return {table: set(getattr(module, table)) for table in _HOOK_TABLES}


def _drop_new_hooks(module: nn.Module, before: dict[str, set[Any]]) -> None:
    for table, known in before.items():
        hooks = getattr(module, table)
        for key in set(hooks) - known:
            del hooks[key]

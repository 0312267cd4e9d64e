"""Runs other people's counters on one batch and returns what each says, or why it says nothing."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from contextlib import redirect_stdout
from io import StringIO
from types import MappingProxyType

import torch
from torch import Tensor, nn

from snn_eval.errors import InputError
from snn_eval.peers.isolation import preserved
from snn_eval.peers.neurobench_peer import NEUROBENCH
from snn_eval.peers.result import Forward, Peer, PeerResult
from snn_eval.peers.spikingjelly_peer import SPIKINGJELLY
from snn_eval.peers.syops_peer import SYOPS
from snn_eval.peers.torch_peer import TORCH

__all__ = ["PEERS", "cross_check"]

PEERS: Mapping[str, Peer] = MappingProxyType({p.name: p for p in (NEUROBENCH, SYOPS, SPIKINGJELLY, TORCH)})
"""Every peer there is an adapter for, by name."""


def cross_check(
    module: nn.Module, x: Tensor, peers: Sequence[str] = tuple(PEERS), forward: Forward | None = None
) -> list[PeerResult]:
    """Count one batch with other people's tools, each by its own definition.

    Args:
        module: the network, run in evaluation mode; hooks, attributes and training flags are restored.
        x: one batch, as ``forward`` wants it.
        peers: names out of ``PEERS``.
        forward: one complete forward pass that resets the network's state first (``Network.run``); by default
            ``module(x)``, right for networks without state or that reset it themselves.

    Returns:
        One result per peer and quantity: a total over the batch, or the reason there is none.

    Raises:
        InputError: a name that is not in ``PEERS``.

    Example:
        >>> results = cross_check(nn.Linear(4, 3, bias=False), torch.ones(2, 4), ["torch"])
        >>> results[0].quantity, results[0].value == 2 * (2 * 4 * 3)
        ('FLOPs', True)
    """
    unknown = [name for name in peers if name not in PEERS]
    if unknown:
        raise InputError(f"unknown peer {unknown[0]!r}: expected some of {', '.join(PEERS)}")
    return [result for name in peers for result in _ask(PEERS[name], module, x, forward or module)]


def _ask(peer: Peer, module: nn.Module, x: Tensor, forward: Forward) -> list[PeerResult]:
    version = peer.version()
    if version is None:
        reason = f"not installed: expected the package {peer.distribution}; pip install {peer.distribution}"
        return [PeerResult(peer.name, None, quantity, None, reason) for quantity in peer.quantities]
    try:
        counts = _count_quietly(peer, module, x, forward)
    except Exception as problem:  # whatever it is, it is the peer's answer and goes into the result
        reason = " ".join(f"{type(problem).__name__}: {problem}".split())
        return [PeerResult(peer.name, version, quantity, None, reason) for quantity in peer.quantities]
    return [PeerResult(peer.name, version, quantity, counts[quantity]) for quantity in peer.quantities]


def _count_quietly(peer: Peer, module: nn.Module, x: Tensor, forward: Forward) -> Mapping[str, int | float]:
    """Run a peer without gradients, printing and warnings; its warnings are no concern of our user's."""
    with (
        preserved(module),
        torch.inference_mode(False),
        torch.no_grad(),
        redirect_stdout(StringIO()),
        warnings.catch_warnings(),
    ):
        warnings.simplefilter("ignore")
        return peer.count(module, x, forward)

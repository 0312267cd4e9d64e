"""Other people's counters, run on our batch as a second opinion."""

from __future__ import annotations

from snn_eval.peers.check import PEERS, cross_check
from snn_eval.peers.result import Peer, PeerResult

__all__ = ["PEERS", "Peer", "PeerResult", "cross_check"]

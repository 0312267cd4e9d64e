"""What a peer is and what it answers: the two types every adapter shares, and how a peer is found."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import metadata

from torch import Tensor, nn

__all__ = ["Counts", "Forward", "Peer", "PeerResult"]

Counts = Mapping[str, int | float]
"""A peer's totals over the batch, by the peer's own name of the quantity."""

Forward = Callable[[Tensor], Tensor]
"""One complete forward pass: resets state, then runs all steps."""


@dataclass(frozen=True, slots=True)
class PeerResult:
    """One quantity as one peer counts it.

    Attributes:
        peer: name of the tool.
        version: installed version; None where the tool is not installed.
        quantity: the peer's own name of what it counts.
        value: total over the batch, in the peer's own definition; None where it gave none.
        error: why there is no value (not installed, or the text of the exception it raised); None otherwise.
    """

    peer: str
    version: str | None
    quantity: str
    value: int | float | None
    error: str | None = None


@dataclass(frozen=True, slots=True)
class Peer:
    """Another tool's counter, ready to be run.

    Attributes:
        name: name of the tool, as in the results.
        distribution: what ``pip`` calls it.
        quantities: what it counts, in its own words.
        count: runs it on one batch: ``(module, x, forward) -> totals``. The module may be left with hooks and
            attributes of the peer; ``cross_check`` removes them.
    """

    name: str
    distribution: str
    quantities: tuple[str, ...]
    count: Callable[[nn.Module, Tensor, Forward], Counts]

    def version(self) -> str | None:
        """Installed version, or None where the tool is not installed."""
        try:
            return metadata.version(self.distribution)
        except metadata.PackageNotFoundError:
            return None

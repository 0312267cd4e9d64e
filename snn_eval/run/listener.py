"""Tells whoever watches how far a run is, so that nothing below the command line prints."""

from __future__ import annotations

from typing import Protocol

__all__ = ["Listener", "Silent"]


class Listener(Protocol):
    """Watches a run. Samples are counted over one cell."""

    def begin(self, title: str, samples: int) -> None:
        """A cell of ``samples`` samples begins."""
        ...

    def stage(self, text: str) -> None:
        """What the cell is doing now, in a few words."""
        ...

    def skip(self, samples: int) -> None:
        """So many samples were recorded by an earlier, interrupted run."""
        ...

    def advance(self, samples: int) -> None:
        """So many more samples are recorded."""
        ...

    def end(self) -> None:
        """The cell ended, well or not."""
        ...

    def warn(self, text: str) -> None:
        """Something the user should know and that is no error."""
        ...


class Silent:
    """Watches and says nothing."""

    def begin(self, title: str, samples: int) -> None:
        """See Listener."""

    def stage(self, text: str) -> None:
        """See Listener."""

    def skip(self, samples: int) -> None:
        """See Listener."""

    def advance(self, samples: int) -> None:
        """See Listener."""

    def end(self) -> None:
        """See Listener."""

    def warn(self, text: str) -> None:
        """See Listener."""

"""Why something failed, as part of one line for the user."""

from __future__ import annotations

__all__ = ["reason"]

_LONGEST = 200


def reason(error: BaseException) -> str:
    """The error's text on one line, or its kind where it has none.

    >>> reason(ValueError("odd header\\nand more"))
    'odd header and more'
    """
    return (" ".join(str(error).split()) or type(error).__name__)[:_LONGEST]

"""Compares text with a committed file; ``SNN_EVAL_WRITE_GOLDEN=1`` writes the file anew, for a change that is meant."""

from __future__ import annotations

import os
from pathlib import Path

__all__ = ["assert_golden"]

_FOLDER = Path(__file__).parents[1] / "golden"


def assert_golden(name: str, text: str) -> None:
    """Fail unless ``text`` is the content of ``tests/golden/<name>``."""
    path = _FOLDER / name
    if os.environ.get("SNN_EVAL_WRITE_GOLDEN"):
        path.write_text(text, encoding="utf-8")
    assert text == path.read_text(encoding="utf-8"), f"tests/golden/{name} differs; if meant, write it anew (see above)"

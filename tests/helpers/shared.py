"""Real data sets for tests, where they are there: the folder SNN_EVAL_SHARED_DATA, else ../shared/data."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

SHARED = Path(os.environ.get("SNN_EVAL_SHARED_DATA") or Path(__file__).parents[3] / "shared" / "data")


def needs(*files: str) -> pytest.MarkDecorator:
    """Skip a test, with the reason, where one of these files is missing."""
    missing = [name for name in files if not (SHARED / name).is_file()]
    return pytest.mark.skipif(bool(missing), reason=f"no {', '.join(missing)} in {SHARED}")

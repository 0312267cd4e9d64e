"""A chunk's facts are of every sample it holds."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from snn_eval.data import Chunk
from snn_eval.errors import DataError


@pytest.mark.parametrize(
    ("facts", "named"),
    [
        ({"target": np.zeros(2, np.int64)}, "target of 3 samples, got 2"),
        ({"group_id": np.zeros(4, np.int64)}, "group_id of 3 samples, got 4"),
        ({"valid_steps": np.zeros(1, np.int64)}, "valid_steps of 3 samples, got 1"),
    ],
)
def test_facts_of_another_number_of_samples_are_refused(facts: dict[str, Any], named: str) -> None:
    given = {"target": np.zeros(3, np.int64)} | facts
    with pytest.raises(DataError, match=f"chunk 7: expected {named}"):
        Chunk(7, np.arange(3), torch.zeros(3, 1), **given)

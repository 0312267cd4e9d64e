"""Shape of a sample and number of classes, as the catalogue says them, are those of the data."""

from __future__ import annotations

import pytest
from helpers.shared import SHARED

from snn_eval.data import DATASETS, DataOptions, load_dataset
from snn_eval.errors import DataError


@pytest.mark.parametrize("name", DATASETS)
def test_the_catalogue_says_what_a_sample_is(name: str) -> None:
    try:
        data = load_dataset(name, "test", DataOptions(folder=SHARED, download=False, partial=True))
    except DataError:
        pytest.skip(f"no test part of {name} in {SHARED}")
    assert DATASETS[name].shape == data.sample_shape[-3:]
    assert DATASETS[name].classes == len(data.classes)

"""N-MNIST from its official files: every event in its bin, parts that never change, damage named."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from helpers.shared import SHARED

from snn_eval.data import DATASETS, DataOptions, load_dataset
from snn_eval.data.nmnist import read_recording
from snn_eval.errors import DataError, SuiteError
from snn_eval.models.encoders import encode

Event = tuple[int, int, int, int]
PARTIAL = DataOptions(partial=True)


def packed(events: list[Event]) -> bytes:
    """Bytes of events (x, y, polarity, time in µs), one bit after the other as the format says."""
    out = bytearray()
    for x, y, polarity, time in events:
        out += int(f"{x:08b}{y:08b}{polarity:01b}{time:023b}", 2).to_bytes(5, "big")
    return bytes(out)


def write(folder: Path, part: str, label: int, number: int, events: list[Event]) -> Path:
    path = folder / "N-MNIST" / part / str(label) / f"{number:05}.bin"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(packed(events))
    return path


EVENTS = [(0, 0, 1, 0), (33, 2, 0, 999), (33, 2, 0, 1_000), (33, 2, 0, 1_999), (5, 33, 1, 299_999), (5, 5, 1, 300_000)]


def test_every_event_is_in_its_frame(tmp_path: Path) -> None:
    write(tmp_path, "Test", 7, 1, EVENTS)
    write(tmp_path, "Test", 2, 4, [])
    data = load_dataset("nmnist", "test", DataOptions(tmp_path, partial=True))
    assert (data.id.tolist(), data.target.tolist(), data.sample_shape) == ([60_000, 60_003], [7, 2], (300, 2, 34, 34))
    x = data.batch(slice(None)).numpy()
    want = np.zeros((2, 300, 2, 34, 34), dtype=np.float32)
    want[0, 0, 1, 0, 0] = want[0, 0, 0, 2, 33] = want[0, 299, 1, 33, 5] = 1
    want[0, 1, 0, 2, 33] = 2
    np.testing.assert_array_equal(x, want)
    assert data.notes == (
        "partial data: 2 of the 10,000 recordings of N-MNIST's Test",
        "events after 300 ms are left out: 1 of 6",
    )
    np.testing.assert_array_equal(data.batch(np.array([1, 0])).numpy(), want[::-1])


def test_the_clock_that_ran_over_is_counted_on() -> None:
    x, _, _, time = read_recording(packed([(1, 1, 0, 8_000), (9, 240, 0, 5), (2, 1, 0, 10), (3, 3, 1, 20)]), "a.bin")
    assert (x.tolist(), time.tolist()) == ([1, 2, 3], [8_000, 8_202, 8_212])


def test_training_recordings_are_in_their_part_whatever_else_is_there(tmp_path: Path) -> None:
    options = DataOptions(tmp_path, partial=True)
    for number in range(1, 41):
        write(tmp_path, "Train", number % 10, number, EVENTS)
    train, validation = (load_dataset("nmnist", part, options) for part in ("train", "validation"))
    assert sorted([*train.id.tolist(), *validation.id.tolist()]) == list(range(40))
    assert [(validation.id // 10).tolist()] == [[0, 1, 2, 3]], "one of every ten"
    kept = set(validation.id.tolist())
    for number in range(1, 41, 3):
        (tmp_path / f"N-MNIST/Train/{number % 10}/{number:05}.bin").unlink()
    assert set(load_dataset("nmnist", "validation", options).id.tolist()) <= kept
    assert DATASETS["nmnist"].parts == {"train": 54_000, "validation": 6_000, "test": 10_000}


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda folder: write(folder, "Test", 1, 3, [(34, 0, 0, 0)]), "expected pixels 0 … 33, got 34"),
        (lambda folder: write(folder, "Test", 1, 3, []).write_bytes(b"1234567"), "events of 5 bytes, got 7 bytes"),
        (lambda folder: write(folder, "Test", 1, 10_001, []), "10001.bin: no number of a recording"),
        (lambda folder: [write(folder, "Test", label, 3, []) for label in (1, 2)], "each number once, .*also in 1"),
    ],
)
def test_damage_is_named(spoil: object, message: str, tmp_path: Path) -> None:
    spoil(tmp_path)  # type: ignore[operator]
    with pytest.raises(DataError, match=message):
        load_dataset("nmnist", "test", DataOptions(tmp_path, partial=True))


def test_a_part_of_the_recordings_only_where_that_is_asked_for(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"10,000 recordings in .*Test, found 0; unpack Train\.zip and Test\.zip there"):
        load_dataset("nmnist", "test", DataOptions(tmp_path, partial=True))
    write(tmp_path, "Test", 0, 1, EVENTS)
    with pytest.raises(DataError, match=r"expected 10,000 recordings in .*, found 1; --partial-data uses those"):
        load_dataset("nmnist", "test", DataOptions(tmp_path))


def test_steps_of_events_are_the_first_of_them(tmp_path: Path) -> None:
    write(tmp_path, "Test", 7, 1, EVENTS)
    data = load_dataset("nmnist", "test", DataOptions(tmp_path, partial=True))
    x = data.batch(slice(None))
    steps = encode("event", x, 2, data.id)
    assert steps.shape == (2, 1, 2, 34, 34)
    assert steps.sum((1, 2, 3, 4)).tolist() == [2, 2]
    with pytest.raises(SuiteError, match="expected samples of 301 steps or more, got shape"):
        encode("event", x, 301, data.id)


@pytest.mark.skipif(not (SHARED / "N-MNIST").is_dir(), reason=f"no N-MNIST in {SHARED}")
def test_real_recordings() -> None:
    data = load_dataset("nmnist", "test", DataOptions(SHARED, partial=True))
    assert np.bincount(data.target).tolist() == [8, 14, 8, 11, 14, 7, 10, 15, 2, 11]
    assert data.notes[1] == "events after 300 ms are left out: 2,257 of 385,596"
    assert data.batch(slice(0, 100)).sum() == 385_596 - 2_257

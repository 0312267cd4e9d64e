"""From folders of frames to a record, and what is said where the frames are not there."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from cli.conftest import Command
from helpers.frames import GESTURE, IMAGES, drawn, write_frames

from snn_eval.record import read_record
from snn_eval.trace_file import read_trace

STEPS = 3
SUITE = """
[suite]
name = "small"
version = 1
[data]
name = "{name}"
frames = 3
[input]
encoding = "event"
kind = "counts"
time_steps = 3
pool = {pool}
[model]
{network}
coding = "temporal-conv"
neuron = {{ name = "dynamic-lif", v_threshold = 0.5, adaptive = true }}
[train]
epochs = 1
batch_size = 4
"""
LAYERS = """arch = "layered-net"
[model.config]
in_shape = [2, 8, 8]
layers = ["4C5s2", "8C3g2", "8C3d2", "FC10"]"""
BLOCKS = """arch = "seven-block-net"
[model.config]
in_shape = [2, 16, 16]
channels = [4, 4]
classes = 11"""


def images(data: Path) -> None:
    """Cats and dogs: 3 … 22 are trained on or for validation, by their names, 990 … 999 are tested."""
    for number in (*range(3, 23), *range(990, 1000)):
        name = f"frames_number_{STEPS}_split_by_number/{('cat', 'dog')[number % 2]}/"
        name += f"cifar10_{('cat', 'dog')[number % 2]}_{number}.npz"
        write_frames(data / IMAGES / name, drawn(number, STEPS))


def gestures(data: Path) -> None:
    """One gesture each of nine people; 5 and 14 are for validation, 24 … 26 are tested."""
    for person in (4, 5, 6, 7, 14, 15, 24, 25, 26):
        part = "test" if person > 23 else "train"
        name = f"frames_number_{STEPS}_split_by_number/{part}/{person % 11}/user{person:02}_natural_0.npz"
        write_frames(data / GESTURE / name, drawn(person, STEPS))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "pool", "network", "written", "tested", "number_of"),
    [
        ("cifar10-dvs", 2, LAYERS, images, range(990, 1000), lambda k: k % 1000),
        ("dvs-gesture", 1, BLOCKS, gestures, range(24, 27), lambda k: 1 + k // (5 * 11 * 100)),
    ],
)
def test_frames_are_trained_on_and_measured(
    name: str,
    pool: int,
    network: str,
    written: Callable[[Path], None],
    tested: range,
    number_of: Callable[[int], int],
    snn_eval: Command,
    tmp_path: Path,
) -> None:
    written(tmp_path / "data")
    (tmp_path / "small.toml").write_text(SUITE.format(name=name, pool=pool, network=network))
    where = ("--data-dir", "data", "--partial-data")
    trained = snn_eval("train", "small.toml", *where, "--quiet")
    assert trained.code == 0, trained.err
    (checkpoint,) = tmp_path.glob("reports/trained/*/best.pt")
    answer = snn_eval("run", "--models", "small.toml", str(checkpoint), *where, "--strict", "--quiet")
    assert answer.code == 0, answer.err
    record = read_record(answer.last / "record.json")
    assert any("partial data" in note for note in record.notes)
    trace = read_trace(answer.last / "trace.h5")
    found = [number_of(int(k)) for k in trace.samples.id]
    assert sorted(found) == list(tested)
    side = 16 // pool
    pixels = [drawn(number, STEPS).reshape(STEPS, 2, side, pool, side, pool).sum((3, 5)) for number in found]
    events = np.count_nonzero(np.stack(pixels, axis=1), axis=(2, 3, 4))
    assert np.array_equal(trace.input_events_TN, events)  # type: ignore[arg-type]


@pytest.mark.parametrize("name", ["snn-eval-cifar10-dvs", "snn-eval-dvs-gesture"])
def test_suites_are_valid_without_their_data_and_say_what_is_missing(
    name: str, snn_eval: Command, tmp_path: Path
) -> None:
    answer = snn_eval("validate", name, "--data-dir", str(tmp_path / "data"))
    assert answer.code == 0, answer.err
    first, *facts = answer.out.splitlines()
    assert first == f"{name} v1: valid, 7 ablations"
    missing = [fact.split(None, 2)[2] for fact in facts if fact.strip().startswith("no data")]
    assert [fact.split(":")[0] for fact in missing] == ["train", "validation", "test"]
    assert all("expected frames in" in fact and "spikingjelly makes them: " in fact for fact in missing)


def test_a_folder_of_recordings_is_told_from_none(snn_eval: Command, small: Path, tmp_path: Path) -> None:
    raw = tmp_path / "data" / GESTURE / "extract/DvsGesture/user24_led.aedat"
    raw.parent.mkdir(parents=True)
    raw.touch()
    answer = snn_eval("run", "--models", "snn-eval-dvs-gesture", str(small), "--data-dir", "data")
    assert answer.code == 2
    (line,) = answer.err.strip().splitlines()
    assert "found recordings as events, which are not read yet; spikingjelly makes them: DVS128Gesture(root, " in line

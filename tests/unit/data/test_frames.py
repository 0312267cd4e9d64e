"""CIFAR10-DVS and DVS128 Gesture from folders of frames: parts, classes and ids by name, damage named in one line."""

from __future__ import annotations

import hashlib
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from helpers.frames import GESTURE, IMAGES, drawn, write_frames

from snn_eval.data import DATASETS, DataOptions, DataSource, is_here, load_dataset
from snn_eval.data.dataset import ArrayDataset
from snn_eval.errors import DataError

STEPS = 4


def partial(folder: Path) -> DataOptions:
    return DataOptions(folder, partial=True)


def gesture(folder: Path, part: str) -> ArrayDataset:
    return load_dataset("dvs-gesture", part, partial(folder))


def test_parts_of_cifar10_dvs_are_the_first_nine_tenths_by_name_and_the_rest(tmp_path: Path) -> None:
    names = [f"cifar10_cat_{number}" for number in range(1000)]
    for name in names[::7]:
        write_frames(tmp_path / IMAGES / f"frames_number_2_split_by_number/cat/{name}.npz", np.zeros((2, 2, 1, 1)))
    parts = {part: load_dataset("cifar10-dvs", part, partial(tmp_path)) for part in ("train", "validation", "test")}
    ids = {part: set(data.id.tolist()) for part, data in parts.items()}
    last = sorted(names)[900:]
    assert ids["test"] == {3000 + names.index(name) for name in last} & set(range(3000, 4000, 7))
    assert ids["train"] | ids["validation"] == set(range(3000, 4000, 7)) - ids["test"]
    assert not ids["train"] & ids["validation"]
    assert all((data.target == 3).all() for data in parts.values())
    assert parts["test"].notes[0] == "partial data: 143 of the 10,000 recordings of CIFAR10DVS"
    for name in names[::14]:  # a recording is in its part whatever else is there
        (tmp_path / IMAGES / f"frames_number_2_split_by_number/cat/{name}.npz").unlink()
    assert set(load_dataset("cifar10-dvs", "validation", partial(tmp_path)).id.tolist()) <= ids["validation"]


def test_a_tenth_of_what_is_trained_on_is_for_validation() -> None:
    from snn_eval.data.cifar10_dvs import _parts

    parts = np.array([part for _, part in _parts()]).reshape(10, 1000)
    for part, samples in {"train": 810, "validation": 90, "test": 100}.items():
        assert ((parts == part).sum(1) == samples).all()
        assert DATASETS["cifar10-dvs"].parts[part] == 10 * samples


def test_frames_are_the_files_in_the_order_of_their_ids(tmp_path: Path) -> None:
    made = {number: drawn(number) for number in (10, 9, 0)}
    for number, frames in made.items():
        name = f"frames_number_{STEPS}_split_by_number/frog/cifar10_frog_{number}.npz"
        write_frames(tmp_path / IMAGES / name, frames.astype((float, np.uint8, np.float32)[number % 3]))
    data = load_dataset("cifar10-dvs", "train", partial(tmp_path))
    assert (data.id.tolist(), data.sample_shape) == ([6000, 6009, 6010], (STEPS, 2, 16, 16))
    assert np.array_equal(data.batch(np.array([2, 0])).numpy(), np.stack([made[10], made[0]]).astype(np.float32))
    assert [chunk.x.shape[0] for chunk in data.chunks(2)] == [2, 1]
    assert data.batch(slice(0, 1)).dtype == data.batch(slice(1, 2)).dtype
    assert data.notes[1] == "frames of 16×16 pixels, the camera has 128×128"


def test_people_decide_the_parts_of_dvs_gesture(tmp_path: Path) -> None:
    for person in range(1, 30):
        part = "train" if person <= 23 else "test"
        name = f"{part}/{person % 11}/user{person:02}_led_0.npz"
        write_frames(tmp_path / GESTURE / f"frames_number_{STEPS}_split_by_number" / name, drawn(person))
    people = {part: (gesture(tmp_path, part).id // 5500 + 1).tolist() for part in ("train", "validation", "test")}
    assert people["test"] == list(range(24, 30))
    order = sorted(range(1, 24), key=lambda person: hashlib.sha256(f"dvs-gesture-1:{person}".encode()).digest())
    assert people["validation"] == sorted(order[:3])
    assert sorted(people["train"] + people["validation"]) == list(range(1, 24))
    data = gesture(tmp_path, "test")
    names = ["right_hand_wave", "left_hand_wave", "right_arm_clockwise", "right_arm_counter_clockwise"]
    assert [data.classes[k] for k in data.target[-1:]] == ["arm_roll"]  # user 29: folder 7
    assert [DATASETS["dvs-gesture"].load("test", partial(tmp_path)).classes[k] for k in (1, 3, 4, 5)] == names
    assert data.target.tolist() == [sorted(map(str, range(11))).index(str(p % 11)) for p in range(24, 30)]


def test_equal_frames_have_equal_fingerprints_however_they_are_packed(tmp_path: Path) -> None:
    prints = []
    for folder, changed, packed in (("a", 0, True), ("b", 0, False), ("c", 1, True)):
        frames = drawn(1)
        frames[0, 0, 0, 0] += changed
        name = f"frames_number_{STEPS}_split_by_number/test/3/user24_lab_0.npz"
        write_frames(tmp_path / folder / GESTURE / name, frames, packed=packed)
        prints.append(gesture(tmp_path / folder, "test").fingerprint)
    assert prints[0] == prints[1] != prints[2]


def test_the_folder_is_chosen_by_its_number_of_frames(tmp_path: Path) -> None:
    for steps in (STEPS, 6):
        name = f"frames_number_{steps}_split_by_number/test/3/user24_lab_0.npz"
        write_frames(tmp_path / GESTURE / name, drawn(steps, steps))
    options = partial(tmp_path)
    assert load_dataset(DataSource("dvs-gesture", frames=6), "test", options).sample_shape == (6, 2, 16, 16)
    with pytest.raises(DataError, match=r"expected data\.frames to choose from frames_number_4_.*, frames_number_6_"):
        load_dataset("dvs-gesture", "test", options)
    with pytest.raises(DataError, match=r"frames in .*frames_number_9_split_by_number, found frames_number_4_.*_6_"):
        load_dataset(DataSource("dvs-gesture", frames=9), "test", options)
    with pytest.raises(DataError, match=r"digits: expected no data\.frames"):
        load_dataset(DataSource("digits", frames=9), "test", options)
    with pytest.raises(DataError, match=r"data\.frames: expected a data set by name, got images"):
        DataSource(images="photos", frames=9)


def test_what_is_not_there_is_said_with_how_to_make_it(tmp_path: Path) -> None:
    source = DataSource("cifar10-dvs", frames=20)
    assert not is_here(source, "test", partial(tmp_path))
    make = r"CIFAR10DVS\(root, data_type='frame', frames_number=20, split_by='number'\)"
    with pytest.raises(DataError, match=rf"frames_number_20_split_by_number, found none; spikingjelly makes .*{make}"):
        load_dataset(source, "test", partial(tmp_path))
    (tmp_path / IMAGES / "extract/airplane").mkdir(parents=True)
    (tmp_path / IMAGES / "extract/airplane/cifar10_airplane_0.aedat").touch()
    with pytest.raises(DataError, match="found recordings as events, which are not read yet; spikingjelly makes"):
        load_dataset(source, "test", partial(tmp_path))
    for number in (999, 998):
        name = f"frames_number_20_split_by_number/ship/cifar10_ship_{number}.npz"
        write_frames(tmp_path / IMAGES / name, drawn(1, 20))
    assert is_here(source, "test", partial(tmp_path))
    with pytest.raises(DataError, match=r"expected 10,000 recordings in .*, found 2; --partial-data uses those"):
        load_dataset(source, "test", DataOptions(tmp_path))
    with pytest.raises(DataError, match=r"expected recordings of part train in .*, found none"):
        load_dataset(source, "train", partial(tmp_path))
    (tmp_path / IMAGES / "frames_number_20_split_by_number.building").touch()
    with pytest.raises(DataError, match="expected all frames, they were not finished"):
        load_dataset(source, "test", partial(tmp_path))


def _cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-30])


def _other_key(path: Path) -> None:
    np.savez(path, events=np.zeros(3))


def _objects(path: Path) -> None:
    np.savez(path, frames=np.array([{}, {}], dtype=object))


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (_cut, "expected a readable .npz file of frames, got File is not a zip file"),
        (_other_key, "expected an .npz file with the key frames, found events"),
        (_objects, r"expected frames \[4,2,H,W\] of numbers, got \|O \[2\]"),
        (lambda path: write_frames(path, drawn(1, 5)), r"expected frames \[4,2,H,W\] of numbers, got <f8 \[5, 2,"),
        (lambda path: write_frames(path, np.zeros((4, 2, 8, 16))), r"\[4, 2, 16, 16\] as in user24_lab_0.npz, got"),
        (lambda path: path.rename(path.with_name("user30_led_0.npz")), "expected user<person>.*got user30_led_0"),
        (lambda path: path.rename(path.with_name("user25_led_0.txt")), "each once, got user25_led_0.txt"),
        (lambda path: path.parent.rename(path.parent.with_name("11")), "expected folders 0, 1, 10, 2, .*, found 11"),
    ],
)
def test_damage_is_named(spoil: Callable[[Path], object], message: str, tmp_path: Path) -> None:
    top = tmp_path / GESTURE / f"frames_number_{STEPS}_split_by_number/test"
    write_frames(top / "0/user24_lab_0.npz", drawn(0))
    write_frames(top / "3/user25_led_0.npz", drawn(1))
    spoil(top / "3/user25_led_0.npz")
    with pytest.raises(DataError, match=message):
        gesture(tmp_path, "test")


def test_what_is_wrong_inside_is_found_when_it_is_read(tmp_path: Path) -> None:
    top = tmp_path / GESTURE / f"frames_number_{STEPS}_split_by_number/test/0"
    for person, frames in ((24, drawn(0)), (25, -drawn(1)), (26, drawn(2) + 0.5), (27, drawn(3)), (28, drawn(4))):
        write_frames(top / f"user{person}_led_0.npz", frames)
    flipped = top / "user27_led_0.npz"
    content = bytearray(flipped.read_bytes())
    with zipfile.ZipFile(flipped) as archive:
        start = archive.getinfo("frames.npy").header_offset
    content[start + 1000] ^= 1  # one bit of a frame
    flipped.write_bytes(bytes(content))
    data = gesture(tmp_path, "test")
    write_frames(top / "user28_led_0.npz", drawn(5))
    assert np.array_equal(data.batch(slice(0, 1))[0].numpy(), drawn(0).astype(np.float32))
    for place, message in (
        (1, "user25_led_0.npz: expected numbers of events, whole and not negative"),
        (2, "user26_led_0.npz: expected numbers of events, whole"),
        (3, "user27_led_0.npz: expected a readable .npz file of frames, got Bad CRC-32"),
        (4, "user28_led_0.npz: expected the frames it had when the data were opened, found others"),
    ):
        with pytest.raises(DataError, match=message):
            data.batch(np.array([place]))

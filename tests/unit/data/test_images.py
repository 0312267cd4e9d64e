"""A folder of images: what stands in it is what comes out, and each damaged or odd file is named."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from snn_eval.data import DataSource, load_dataset
from snn_eval.errors import DataError


def pixels(seed: int, *shape: int) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, shape or (4, 6), dtype=np.uint8)


def save(path: Path, array: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(array).save(path)


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """Ten images of each of two classes."""
    for number in range(10):
        save(tmp_path / f"photos/cat/{number}.png", pixels(number))
        save(tmp_path / f"photos/dog/{number}.bmp", pixels(100 + number))
    (tmp_path / "photos/cat/.hidden").write_text("")
    (tmp_path / "photos/dog/Thumbs.db").write_text("")
    return tmp_path


def source(folder: Path, **values: object) -> DataSource:
    return replace(DataSource(images="photos", folder=folder), **values)  # type: ignore[arg-type]


def test_classes_are_folders_and_every_image_is_in_one_part(photos: Path) -> None:
    parts = [load_dataset(source(photos), split) for split in ("test", "validation", "train")]
    assert [len(part) for part in parts] == [2 * 2, 2 * 1, 2 * 7]  # 20, 10 and 70 % of ten a class
    assert parts[0].classes == ("cat", "dog")
    assert parts[0].x.shape == (4, 1, 4, 6)
    assert parts[0].divisor == 255
    for part in parts:
        for image, target, number in zip(part.x, part.target, part.id.tolist(), strict=True):
            expected = pixels(number if target == 0 else 100 + number - 10)  # cats are numbered before dogs
            np.testing.assert_array_equal(image[0], expected)
    assert len(np.unique(np.concatenate([part.id for part in parts]))) == 20


def test_shares_of_the_suite(photos: Path) -> None:
    assert len(load_dataset(source(photos, shares={"test": 0.5, "train": 0.5}), "test")) == 10


def test_the_fingerprint_is_of_the_images_not_of_their_place(photos: Path) -> None:
    before = load_dataset(source(photos), "test")
    (photos / "photos").rename(photos / "moved")
    assert load_dataset(source(photos, images=str(photos / "moved")), "test").fingerprint == before.fingerprint
    for path in (photos / "moved/cat").glob("*.png"):
        save(path, 255 - np.asarray(Image.open(path)))
    assert load_dataset(source(photos, images="moved"), "test").fingerprint != before.fingerprint


def test_folders_for_parts(tmp_path: Path) -> None:
    for part, names in (("train", "ab"), ("test", "abc")):
        for name in names:
            for number in range(10):
                save(tmp_path / f"photos/{part}/{name}/{number}.png", pixels(number))
    test, train, validation = (load_dataset(source(tmp_path), split) for split in ("test", "train", "validation"))
    assert test.target.tolist() == [0] * 10 + [1] * 10 + [2] * 10
    assert test.classes == train.classes == ("a", "b", "c")
    assert (len(train), len(validation)) == (18, 2)
    assert not set(test.id.tolist()) & {*train.id.tolist(), *validation.id.tolist()}


def test_colour_is_three_planes(tmp_path: Path) -> None:
    colour = pixels(0, 4, 6, 3)
    save(tmp_path / "photos/a/x.png", colour)
    with_alpha = np.concatenate([colour, np.full((4, 6, 1), 7, np.uint8)], axis=2)
    save(tmp_path / "photos/b/y.tiff", with_alpha)
    part = load_dataset(source(tmp_path, shares={"test": 1.0}), "test")
    np.testing.assert_array_equal(part.x, np.stack([colour.transpose(2, 0, 1)] * 2))


def test_every_format_is_read(tmp_path: Path) -> None:
    flat = np.full((8, 8), 128, np.uint8)
    for ending in ("png", "jpg", "jpeg", "bmp", "tif", "tiff", "PNG"):
        save(tmp_path / f"photos/a/{ending}.{ending}", flat)
    part = load_dataset(source(tmp_path, shares={"test": 1.0}), "test")
    np.testing.assert_array_equal(part.x, np.full((7, 1, 8, 8), 128))
    save(tmp_path / "gifs/a/x.gif", flat)
    assert load_dataset(source(tmp_path, images="gifs", shares={"test": 1.0}), "test").x.shape[2:] == (8, 8)


def test_size_resizes_height_first(photos: Path) -> None:
    save(photos / "photos/cat/0.png", np.full((20, 10), 9, np.uint8))
    part = load_dataset(source(photos, size=(2, 3), shares={"test": 1.0}), "test")
    assert part.x.shape == (20, 1, 2, 3)
    np.testing.assert_array_equal(part.x[0], np.full((1, 2, 3), 9))


def test_a_photo_is_turned_as_its_file_says(tmp_path: Path) -> None:
    image = Image.fromarray(pixels(0))
    exif = image.getexif()
    exif[0x0112] = 6  # turn by 90° clockwise to see it upright
    (tmp_path / "photos/a").mkdir(parents=True)
    image.save(tmp_path / "photos/a/x.png", exif=exif)
    part = load_dataset(source(tmp_path, shares={"test": 1.0}), "test")
    np.testing.assert_array_equal(part.x[0, 0], np.rot90(pixels(0), -1))


def test_given_classes_decide_the_order(photos: Path) -> None:
    part = load_dataset(source(photos, classes=("dog", "cat"), shares={"test": 1.0}), "test")
    np.testing.assert_array_equal(part.x[0, 0], pixels(100))
    with pytest.raises(DataError, match=r"data.classes: expected the folders of .*, cat, dog; got cat, fox"):
        load_dataset(source(photos, classes=("cat", "fox")), "test")


def _damaged(folder: Path) -> None:
    path = folder / "photos/cat/3.png"
    path.write_bytes(path.read_bytes()[:40])


def _text(folder: Path) -> None:
    (folder / "photos/dog/3.bmp").write_text("no image")


def _empty(folder: Path) -> None:
    (folder / "photos/cat/3.png").write_bytes(b"")


def _other_size(folder: Path) -> None:
    save(folder / "photos/dog/3.bmp", pixels(0, 5, 6))


def _colour(folder: Path) -> None:
    save(folder / "photos/dog/3.bmp", pixels(0, 4, 6, 3))


def _deep(folder: Path) -> None:
    save(folder / "photos/cat/3.png", pixels(0).astype(np.uint16))


def _other_ending(folder: Path) -> None:
    (folder / "photos/dog/notes.txt").write_text("")


def _empty_class(folder: Path) -> None:
    (folder / "photos/fox").mkdir()


def _nested(folder: Path) -> None:
    save(folder / "photos/val/cat/1.png", pixels(0))


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (_damaged, r"cat/3.png: expected an image, got a damaged one"),
        (_text, r"dog/3.bmp: expected an image, got a damaged one \(UnidentifiedImageError"),
        (_empty, r"cat/3.png: expected an image, got a damaged one"),
        (_other_size, r"dog/3.bmp: expected 4×6 grey like 0.png, got 5×6 grey; data.size"),
        (_colour, r"dog/3.bmp: expected 4×6 grey like 0.png, got 4×6 colour"),
        (_deep, r"cat/3.png: expected 8 bits a channel, grey or RGB, got mode I;16"),
        (_other_ending, r"dog/notes.txt: expected an image \(.png"),
        (_empty_class, r"expected images in .*photos/fox, found none"),
        (_nested, r"photos/val: expected images, found the folder cat; parts are named train, validation, test"),
    ],
)
def test_what_cannot_be_used_is_named(spoil: object, message: str, photos: Path) -> None:
    spoil(photos)  # type: ignore[operator]
    with pytest.raises(DataError, match=message) as error:
        load_dataset(source(photos, shares={"test": 1.0}), "test")
    assert "\n" not in str(error.value)


def test_no_folder(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"data.images: expected the folder .*photos, found none"):
        load_dataset(source(tmp_path), "test")
    (tmp_path / "photos").write_text("")
    with pytest.raises(DataError, match="found a file"):
        load_dataset(source(tmp_path), "test")

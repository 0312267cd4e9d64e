"""A network of several files: they are found, they are all part of what it is, and two of them do not meet."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from snn_eval.models.user import load_component
from snn_eval.models.user_sources import imported_files, sources_sha256


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "layers").mkdir()
    files = {
        "net.py": (
            "import os\nimport snn_blocks as b\n"
            "def make():\n    from layers.conv import depth\n    return b.width, depth\n"
        ),
        "snn_blocks.py": "import snn_constants\nimport net\nwidth = snn_constants.width\n",
        "snn_constants.py": "width = 7\n",
        "layers/__init__.py": "",
        "layers/conv.py": "depth = 3\n",
        "stranger.py": "1/0\n",
    }
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    return tmp_path


def test_imported_files_are_found_and_no_others(folder: Path) -> None:
    found = [path.relative_to(folder).as_posix() for path in imported_files(folder / "net.py")]
    assert found == ["layers/__init__.py", "layers/conv.py", "snn_blocks.py", "snn_constants.py"]


def test_the_hash_follows_each_of_them(folder: Path) -> None:
    first = sources_sha256(folder / "net.py")
    (folder / "stranger.py").write_text("2/0\n")
    assert sources_sha256(folder / "net.py") == first
    seen = {first}
    for path in [folder / "net.py", *imported_files(folder / "net.py")]:
        path.write_text(path.read_text() + "\n")
        seen.add(sources_sha256(folder / "net.py"))
    assert len(seen) == 6  # the first and one for each of five files


def test_a_file_alone_has_the_hash_of_its_content(folder: Path) -> None:
    (folder / "net.py").write_text("import torch\n")
    assert sources_sha256(folder / "net.py") == hashlib.sha256(b"import torch\n").hexdigest()
    (folder / "net.py").write_text("no Python: (\n")
    assert sources_sha256(folder / "net.py") == hashlib.sha256(b"no Python: (\n").hexdigest()


def test_two_folders_with_files_of_the_same_name(folder: Path) -> None:
    other = folder / "other"
    other.mkdir()
    (other / "net.py").write_text("from snn_blocks import width\ndef make():\n    return width\n")
    (other / "snn_blocks.py").write_text("width = 8\n")
    assert load_component("net.py:make", folder)() == (7, 3)
    assert load_component("net.py:make", other)() == 8
    assert load_component("net.py:make", folder)() == (7, 3)

"""Suites and checkpoints are found in a checkout and in an installed copy, and nothing else is taken for them."""

from __future__ import annotations

from pathlib import Path

import pytest

import snn_eval
from snn_eval.data.shipped import shipped_folder
from snn_eval.errors import InputError


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An installed copy: the package beside other people's folders, no checkout around it."""
    folder = tmp_path / "snn_eval"
    folder.mkdir()
    monkeypatch.setattr(snn_eval, "__file__", str(folder / "__init__.py"))
    return folder


def test_installed_copy_ignores_a_folder_of_someone_else(package: Path) -> None:
    (package.parent / "suites").mkdir()
    with pytest.raises(InputError, match="the folder suites is missing from this installation"):
        shipped_folder("suites")
    (package / "_shipped" / "suites").mkdir(parents=True)
    assert shipped_folder("suites") == package / "_shipped" / "suites"


def test_checkout_comes_first(package: Path) -> None:
    (package / "_shipped" / "suites").mkdir(parents=True)
    (package.parent / "suites").mkdir()
    (package.parent / "pyproject.toml").touch()
    assert shipped_folder("suites") == package.parent / "suites"


def test_this_project_has_both() -> None:
    assert (shipped_folder("suites") / "digits.toml").is_file()
    assert (shipped_folder("checkpoints") / "MANIFEST.toml").is_file()

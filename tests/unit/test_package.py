"""Promises every file keeps: public means listed, the first line says why, no path of somebody's machine."""

from __future__ import annotations

import ast
import doctest
import importlib
import pkgutil
import re
import subprocess
import warnings
from pathlib import Path
from types import ModuleType

import pytest

import snn_eval

ROOT = Path(__file__).resolve().parents[2]
SOURCES = sorted((ROOT / "snn_eval").rglob("*.py"))
MODULES = sorted(
    m.name for m in pkgutil.walk_packages(snn_eval.__path__, "snn_eval.") if not m.name.endswith("__main__")
)
OPTIONAL = ("norse", "sinabs")
MACHINE_PATH = re.compile(r"(?<![\w.])/(home|Users|work|opt|root|mnt)/\w")


def tracked() -> list[Path]:
    """Files of the repository (of the folder, where git does not know it)."""
    done = subprocess.run(["git", "-C", str(ROOT), "ls-files", "-z"], capture_output=True, text=True, check=False)
    names = [name for name in done.stdout.split("\0") if name]
    found = [ROOT / name for name in names] or [p for p in ROOT.rglob("*") if ".venv" not in p.parts]
    return [path for path in found if path.is_file()]


def imported(name: str) -> ModuleType:
    """The module; an adapter of a framework that is not installed is skipped."""
    try:
        with warnings.catch_warnings():
            if any(package in name for package in OPTIONAL):  # norse still asks for what torch will drop
                warnings.simplefilter("ignore", FutureWarning)
            return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name not in OPTIONAL:
            raise
        pytest.skip(f"{error.name} is not installed")


@pytest.mark.parametrize("name", MODULES)
def test_public_means_listed(name: str) -> None:
    module = imported(name)
    tree = ast.parse(Path(str(module.__file__)).read_text(encoding="utf-8"))
    defined = {
        node.name
        for node in tree.body
        if isinstance(node, ast.FunctionDef | ast.ClassDef | ast.AsyncFunctionDef) and not node.name.startswith("_")
    }
    listed = getattr(module, "__all__", [])
    assert len(set(listed)) == len(listed)
    assert [entry for entry in listed if not hasattr(module, entry)] == [], "listed and not there"
    assert sorted(defined - set(listed)) == [], "public by name and not listed in __all__"


@pytest.mark.parametrize("name", MODULES)
def test_examples_in_docstrings_hold(name: str) -> None:
    assert doctest.testmod(imported(name)).failed == 0


@pytest.mark.parametrize("path", SOURCES, ids=lambda p: str(p.relative_to(ROOT)))
def test_first_line_says_why(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    first = (ast.get_docstring(ast.parse(text)) or "").partition("\n")[0]
    assert text.startswith(('"""', 'r"""'))
    assert len(first.split()) >= 4


@pytest.mark.parametrize("path", SOURCES, ids=lambda p: str(p.relative_to(ROOT)))
def test_annotations_are_lazy(path: Path) -> None:
    assert "from __future__ import annotations" in path.read_text(encoding="utf-8") or path.read_text().count("\n") <= 2


def test_no_path_of_a_machine() -> None:
    found = []
    for path in tracked():
        try:
            text = path.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue
        found += [
            f"{path.relative_to(ROOT)}: {line.strip()}" for line in text.splitlines() if MACHINE_PATH.search(line)
        ]
    assert found == []


def test_scripts_are_executable() -> None:
    for name in ("run_eval.sh", "scripts/test", "scripts/check", ".ci/run"):
        assert (ROOT / name).stat().st_mode & 0o111, name

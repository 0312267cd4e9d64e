"""Finds a suite by name or file and reads its TOML."""

from __future__ import annotations

import tomllib
from difflib import get_close_matches
from pathlib import Path

from snn_eval.data.shipped import shipped_folder
from snn_eval.errors import SuiteError
from snn_eval.suite.rows import check_rows
from snn_eval.suite.sections import Suite
from snn_eval.suite.values import validated

__all__ = ["load_suite", "suite_names", "with_tables_beside"]


def suite_names() -> list[str]:
    """Names of the suites that come with the project, sorted."""
    return sorted(path.stem for path in shipped_folder("suites").glob("*.toml"))


def load_suite(name_or_path: str | Path) -> Suite:
    """Read a suite by name (one that comes with the project) or from a ``.toml`` file.

    Raises:
        SuiteError: no such suite, no valid TOML, an unknown key (the nearest one is named), or a wrong value; one line
            with file and key.
    """
    path = _find(name_or_path)
    try:
        values = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise SuiteError(f"{path}: expected a readable suite file, got {error}") from error
    except (ValueError, RecursionError) as error:  # TOMLDecodeError, or a number of thousands of digits
        raise SuiteError(f"{path}: expected TOML, got {error}") from error
    suite = validated(values, str(path), None if _is_name(name_or_path) else path.parent)
    check_rows(suite, str(path))  # a wrong key is found now, not after hours of training
    return suite


def with_tables_beside(suite: Suite) -> Suite:
    """The suite with paths of energy tables that start, like all others in a file of a user, from the file's folder."""
    folder, names = suite.folder, suite.evaluate.energy
    if folder is None or not any(name.endswith(".toml") for name in names):
        return suite
    found = [str(folder / name) if name.endswith(".toml") else name for name in names]
    return suite.model_copy(update={"evaluate": suite.evaluate.model_copy(update={"energy": found})})


def _is_name(name_or_path: str | Path) -> bool:
    return isinstance(name_or_path, str) and not name_or_path.endswith(".toml")


def _find(name_or_path: str | Path) -> Path:
    if not _is_name(name_or_path):
        path = Path(name_or_path)
        if not path.is_file():
            raise SuiteError(f"{path}: expected a suite file, found {'a folder' if path.is_dir() else 'none'}")
        return path
    name, names = str(name_or_path), suite_names()
    if name not in names:
        near = get_close_matches(name.lower(), names, n=1)
        hint = f"; did you mean {near[0]!r}?" if near else f"; there are: {', '.join(names)}"
        raise SuiteError(f"unknown suite {name!r}{hint}")
    return shipped_folder("suites") / f"{name}.toml"

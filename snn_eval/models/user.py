"""Components of a user's own, named ``file.py:function`` or ``package.module:function`` in a suite or command."""

from __future__ import annotations

import contextlib
import importlib
import importlib.util
import os
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

from snn_eval.errors import SuiteError

__all__ = ["load_component"]

_before: frozenset[str] = frozenset()
_folder: str | None = None
"""Modules there were before the folder was added to the search path, and the folder."""


def load_component(name: str, folder: Path | None = None) -> Callable[..., Any]:
    """The callable ``function`` of ``file.py`` or ``package.module``; loading runs the file, which is the user's own.

    It may import other files of its folder; an installed package of the same name comes first.

    Args:
        name: ``path/to/file.py:function`` or ``package.module:function``.
        folder: what a relative path, and the search for a module, starts from; by default the current folder.

    Raises:
        SuiteError: not of that form, no such file, module or function, or the file fails.
    """
    file, colon, function = name.rpartition(":")
    dotted = bool(file) and all(part.isidentifier() for part in file.split(".")) and not file.endswith(".py")
    if not colon or not (dotted or file.endswith(".py")) or not function.isidentifier():
        raise SuiteError(f"{name!r}: expected file.py:function or package.module:function")
    start = folder or Path.cwd()
    module = _imported(name, file, start) if dotted else _run(name, start / file)
    component = getattr(module, function, None)
    if not callable(component):
        place = file if dotted else start / file
        raise SuiteError(f"{name!r}: expected a function {function} in {place}, found none")
    found: Callable[..., Any] = component
    return found


def _run(name: str, path: Path) -> ModuleType:
    """The module a file makes."""
    if not path.is_file():
        raise SuiteError(f"{name!r}: expected the file {path}, found none")
    spec = importlib.util.spec_from_file_location(f"snn_eval_user_{path.stem}", path)
    if spec is None or spec.loader is None:
        raise SuiteError(f"{name!r}: {path} cannot be loaded as Python")
    _search_in(str(path.parent.resolve()))
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # where dataclasses and pickle look for the names of a class's file
    try:
        spec.loader.exec_module(module)
    except (Exception, SystemExit) as error:  # the user's file may raise anything; the cause belongs into one line
        del sys.modules[spec.name]
        raise SuiteError(f"{name!r}: {path} failed: {type(error).__name__}: {error}") from error
    return module


def _imported(name: str, dotted: str, folder: Path) -> ModuleType:
    """A module by its dotted name: installed, or in the folder."""
    _search_in(str(folder.resolve()))
    try:
        return importlib.import_module(dotted)
    except (Exception, SystemExit) as error:  # as above
        raise SuiteError(f"{name!r}: importing {dotted} failed: {type(error).__name__}: {error}") from error


def _search_in(folder: str) -> None:
    """Let imports look into this folder, last, and forget what was imported from the folder before: two networks may
    each have a ``blocks.py`` beside them."""
    global _before, _folder
    if folder == _folder:
        return
    if _folder is not None:
        with contextlib.suppress(ValueError):
            sys.path.remove(_folder)
        for name in set(sys.modules) - _before:
            if _is_users(name, _folder):
                del sys.modules[name]
    importlib.invalidate_caches()
    sys.path.append(folder)
    _before, _folder = frozenset(sys.modules), folder


def _is_users(name: str, folder: str) -> bool:
    """Whether a module was imported from the user's folder, which may also hold an environment or this package."""
    file = getattr(sys.modules[name], "__file__", None) or ""
    return file.startswith(folder + os.sep) and "site-packages" not in file and not name.startswith("snn_eval.")

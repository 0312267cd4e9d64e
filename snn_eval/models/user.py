"""Components of a user's own, named ``file.py:function`` in a suite or on the command line."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from snn_eval.errors import SuiteError

__all__ = ["load_component"]


def load_component(name: str, folder: Path | None = None) -> Callable[..., Any]:
    """The callable ``function`` of ``file.py``; loading runs the file, which is the user's own.

    Args:
        name: ``path/to/file.py:function``.
        folder: what a relative path starts from; by default the current folder.

    Raises:
        SuiteError: not of that form, no such file or function, or the file fails.
    """
    file, colon, function = name.rpartition(":")
    if not colon or not file.endswith(".py") or not function.isidentifier():
        raise SuiteError(f"{name!r}: expected file.py:function")
    path = (folder or Path.cwd()) / file
    if not path.is_file():
        raise SuiteError(f"{name!r}: expected the file {path}, found none")
    spec = importlib.util.spec_from_file_location(f"snn_eval_user_{path.stem}", path)
    if spec is None or spec.loader is None:
        raise SuiteError(f"{name!r}: {path} cannot be loaded as Python")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # where dataclasses and pickle look for the names of a class's file
    try:
        spec.loader.exec_module(module)
    except (Exception, SystemExit) as error:  # the user's file may raise anything; the cause belongs into one line
        del sys.modules[spec.name]
        raise SuiteError(f"{name!r}: {path} failed: {type(error).__name__}: {error}") from error
    component = getattr(module, function, None)
    if not callable(component):
        raise SuiteError(f"{name!r}: expected a function {function} in {path}, found none")
    found: Callable[..., Any] = component
    return found

"""Which files a user's own architecture is made of: its file and, from the folder beside it, all that it imports."""

from __future__ import annotations

import ast
import hashlib
import importlib.util
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from snn_eval.models.digest import file_sha256

__all__ = ["component_sha256", "imported_files", "neurons_sha256", "own_neurons", "place_of", "sources_sha256"]


def own_neurons(config: Mapping[str, Any]) -> tuple[str, ...]:
    """Names ``file.py:Class`` of a user's neurons in the values of one of our networks, or of one within another."""
    neuron, inner = config.get("neuron"), config.get("config")
    name = neuron.get("name") if isinstance(neuron, Mapping) else None
    own = (name,) if isinstance(name, str) and ":" in name else ()
    return own + (own_neurons(inner) if isinstance(inner, Mapping) else ())


def place_of(name: str, folder: Path | None) -> Path:
    """What the path of a user's neuron starts from: the suite's folder if it is there, else the current one."""
    return folder if folder is not None and (folder / name.rpartition(":")[0]).is_file() else Path()


def neurons_sha256(config: Mapping[str, Any], folder: Path | None) -> str | None:
    """SHA-256 of what the user's neurons in a network's values are made of; None where there are none."""
    found = [component_sha256(name, place_of(name, folder)) or "" for name in own_neurons(config)]
    return "-".join(found) or None


def component_sha256(name: str, folder: Path) -> str | None:
    """SHA-256 of what a component ``file.py:function`` or ``package.module:function`` is made of; None for no such.

    Of a module within a package, all files of its folder count. Nothing is run.
    """
    file = name.rpartition(":")[0]
    if file.endswith(".py"):
        path = folder / file
        return sources_sha256(path) if path.is_file() else None
    parts = file.split(".")
    if not all(part.isidentifier() for part in parts):
        return None
    found = _module_file(parts, folder)
    if found is None:
        return None
    if len(parts) == 1 and found.name != "__init__.py":
        return sources_sha256(found)
    files = sorted(found.parent.glob("*.py"))
    return hashlib.sha256("\n".join(f"{path.name}\0{file_sha256(path)}" for path in files).encode()).hexdigest()


def _module_file(parts: list[str], folder: Path) -> Path | None:
    """The file of a module by the parts of its name: of an installed package, else in the folder."""
    try:
        spec = importlib.util.find_spec(parts[0])
    except (ImportError, ValueError):  # of a module that was not imported in the usual way
        spec = None
    origin = spec.origin if spec is not None else None
    if origin is not None and origin.endswith("__init__.py"):
        base = Path(origin).parent.parent
    else:
        base = folder if origin is None or not origin.endswith(".py") else Path(origin).parent
    path = base.joinpath(*parts)
    return next((file for file in (path.with_suffix(".py"), path / "__init__.py") if file.is_file()), None)


def sources_sha256(file: Path) -> str:
    """SHA-256 of a Python file; with those it imports from its own folder, of all their names and contents.

    Raises:
        CheckpointError: one of them cannot be read.
    """
    beside = imported_files(file)
    if not beside:
        return file_sha256(file)
    named = [f"{path.relative_to(file.parent).as_posix()}\0{file_sha256(path)}" for path in [file, *beside]]
    return hashlib.sha256("\n".join(named).encode()).hexdigest()


def imported_files(file: Path) -> list[Path]:
    """Files of the folder that ``file`` imports, directly or through others, by name; of a package, all its modules.

    Found by reading, not by running: an import inside a function counts, one by a computed name is not seen.
    """
    found: set[Path] = set()
    waiting = [file]
    while waiting:
        for name in _top_level_imports(waiting.pop()):
            module, package = file.parent / f"{name}.py", file.parent / name
            files = list(package.rglob("*.py")) if package.is_dir() else [module] if module.is_file() else []
            new = {path for path in files if path != file} - found
            found |= new
            waiting += new
    return sorted(found)


def _top_level_imports(file: Path) -> set[str]:
    """First parts of the names a file imports; none where it is no Python, which is told when it is loaded."""
    try:
        tree = ast.parse(file.read_bytes())
    except (OSError, SyntaxError, ValueError, RecursionError, MemoryError):
        return set()
    names: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names.add(node.module.partition(".")[0])
    return names

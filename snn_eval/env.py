"""Says where and with what a result was made: source state, packages, machine. For records and for bug reports."""

from __future__ import annotations

import hashlib
import os
import platform
import subprocess
import sys
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from snn_eval import __version__

__all__ = [
    "PACKAGES",
    "Environment",
    "Source",
    "code_version",
    "cores",
    "environment",
    "machine",
    "package_versions",
    "source",
]

PACKAGES = (
    *("torch", "torchvision", "numpy", "numba", "spikingjelly", "snntorch", "norse", "sinabs"),
    *("scikit-learn", "h5py", "pydantic"),
)
"""Packages whose version can change a number or a file."""


@dataclass(frozen=True, slots=True)
class Source:
    """State of the checkout the package runs from; both None where it is installed without one."""

    commit: str | None = None
    dirty: bool | None = None


@dataclass(frozen=True, slots=True)
class Environment:
    """All that ``snn-eval env`` prints. ``cores`` are those this process may use; ``memory_bytes`` is the machine's."""

    version: str
    source: Source
    python: str
    system: str
    machine: str
    cores: int
    memory_bytes: int | None
    packages: dict[str, str]


def environment() -> Environment:
    """Describe this process's environment. Imports none of the packages it names."""
    return Environment(
        version=__version__,
        source=source(),
        python=f"{platform.python_implementation()} {platform.python_version()}",
        system=platform.platform(),
        machine=machine(),
        cores=cores(),
        memory_bytes=_memory_bytes(),
        packages=package_versions(),
    )


def package_versions(names: tuple[str, ...] = PACKAGES) -> dict[str, str]:
    """Versions of the named packages; one that is not installed is left out."""
    found = {}
    for name in names:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found


def source(folder: Path | None = None) -> Source:
    """Commit of the checkout that holds the package (or ``folder``), and whether tracked files differ from it."""
    root = Path(__file__).resolve().parent.parent if folder is None else folder
    if not (root / ".git").exists():
        return Source()
    commit = _git(root, "rev-parse", "HEAD")
    if commit is None:
        return Source()
    changes = _git(root, "status", "--porcelain", "--untracked-files=no")
    return Source(commit, None if changes is None else bool(changes))


def code_version(folder: Path | None = None) -> str:
    """Version and content of the package's code, ``0.1.0+3f9a1c22``: equal only where the same code ran."""
    root = Path(__file__).resolve().parent if folder is None else folder
    digest = hashlib.sha256()
    for path in sorted(p for ending in ("py", "toml") for p in root.rglob(f"*.{ending}")):
        digest.update(f"{path.relative_to(root).as_posix()}\0".encode() + path.read_bytes() + b"\0")
    return f"{__version__}+{digest.hexdigest()[:8]}"


def machine() -> str:
    """The processor's name, as the system gives it."""
    return _cpu_name() or platform.processor() or platform.machine()


def cores() -> int:
    """Number of cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _git(root: Path, *arguments: str) -> str | None:
    try:
        done = subprocess.run(
            ["git", "-C", str(root), *arguments], capture_output=True, text=True, timeout=10, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip()


def _cpu_name() -> str:
    info = Path("/proc/cpuinfo")
    if info.exists():
        return _from_cpuinfo(info.read_text(errors="replace"))
    if sys.platform == "darwin":
        command = ["sysctl", "-n", "machdep.cpu.brand_string"]
        return subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip()
    return ""


def _from_cpuinfo(text: str) -> str:
    """The name with family and model: virtual machines give several generations the one name ``AMD EPYC``.

    Other generations have other vector instructions, and sums that are rounded otherwise.
    """
    first = text.split("\n\n")[0]
    facts = {key.strip(): value.strip() for key, _, value in (line.partition(":") for line in first.splitlines())}
    name = facts.get("model name", "")
    numbers = [
        f"{key} {facts[label]}" for key, label in (("family", "cpu family"), ("model", "model")) if label in facts
    ]
    return f"{name} ({', '.join(numbers)})" if name and numbers else name


def _memory_bytes() -> int | None:
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):
        return None

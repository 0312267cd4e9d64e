"""Which versions of snntorch and spikingjelly work beside the torch that is here: the newest, and each before it until
one does not, then the oldest that pip can install.

Each is installed alone into a folder of its own that stands before the environment's; nothing of the environment is
changed. Not part of CI: it downloads. ``python scripts/versions.py [PACKAGE ...]`` from the checkout; the outcome of
the last run is in docs/checkpoints.md.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
MODULES = {"snntorch": "snntorch", "spikingjelly": "spikingjelly.activation_based.neuron"}

NETWORKS = {
    "snntorch": """
import snntorch
from torch import nn

def make():
    first, last = (snntorch.Leaky(beta=0.9, init_hidden=True) for _ in range(2))
    return nn.Sequential(nn.Flatten(), nn.Linear(64, 32), first, nn.Linear(32, 10), last)
""",
    "spikingjelly": """
from spikingjelly.activation_based import layer, neuron
from torch import nn

def make():
    return nn.Sequential(nn.Flatten(), nn.Linear(64, 32), neuron.LIFNode(), nn.Linear(32, 10), neuron.LIFNode())
""",
}
"""A network of each, measured on the digits with weights that mean nothing."""


@dataclass(frozen=True)
class Outcome:
    """What became of one version; ``works``: a network is measured, and counts are those of brute force."""

    version: str
    works: bool
    told: str


def versions(package: str) -> list[str]:
    """All released versions, newest first."""
    answer = _python("-m", "pip", "index", "versions", package, "--disable-pip-version-check")
    found = re.search(r"^Available versions: (.*)$", answer.stdout, re.MULTILINE)
    if found is None:
        sys.exit(f"versions: pip does not say which versions of {package} there are: {_last_line(answer)}")
    return found.group(1).split(", ")


def tried(package: str, version: str, folder: Path) -> Outcome | None:
    """Install one version and try it; None where pip cannot install it."""
    options = ("--no-deps", "--quiet", "--disable-pip-version-check", "--target", str(folder))
    if _python("-m", "pip", "install", *options, f"{package}=={version}").returncode:
        return None
    imported = _python("-W", "ignore", "-c", f"import {MODULES[package]}", first=folder)
    if imported.returncode:
        return Outcome(version, False, f"cannot be imported: {_last_line(imported)}")
    measured = _measured(package, folder)
    if measured.returncode:
        return Outcome(version, False, f"cannot be measured: {_last_line(measured)}")
    words = ("-m", "pytest", "-q", "-W", "ignore", "-p", "no:cacheprovider", "-k", package)
    run = _python(*words, "tests/oracle/test_adapted.py", first=folder)
    summary = next(
        (line for line in reversed(run.stdout.splitlines()) if re.search(r"\d (passed|failed|error)", line)), ""
    )
    if run.returncode:
        return Outcome(version, False, f"is measured; counts against brute force: {summary or _last_line(run)}")
    return Outcome(version, True, "is measured; every count is that of brute force")


def _measured(package: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """Run ``snn-eval`` on a network of the package."""
    (folder / "net.py").write_text(NETWORKS[package], encoding="utf-8")
    save = "import torch, net; torch.manual_seed(0); torch.save(net.make().state_dict(), 'net.pt')"
    saved = _python("-W", "ignore", "-c", save, first=folder, cwd=folder)
    if saved.returncode:
        return saved
    words = ("run", "--models", "digits", "net.pt", "--arch", "net.py:make", "--limit", "20", "--quiet")
    return _python("-W", "ignore", "-m", "snn_eval", *words, "--output", "runs", first=folder, cwd=folder)


def _python(*words: str, first: Path | None = None, cwd: Path = ROOT) -> subprocess.CompletedProcess[str]:
    """This Python with ``first`` before all other packages, and the checkout behind it."""
    path = os.pathsep.join([*([str(first)] if first else []), str(ROOT)])
    environment = {**os.environ, "PYTHONPATH": path, "OMP_NUM_THREADS": "1"}
    return subprocess.run(
        [sys.executable, *words], capture_output=True, text=True, env=environment, cwd=cwd, check=False
    )


def _last_line(answer: subprocess.CompletedProcess[str]) -> str:
    lines = [line for line in (answer.stderr or answer.stdout).splitlines() if line.strip()]
    return lines[-1].strip()[:160] if lines else "no output"


def main() -> None:
    """Print one line a version: newest first until one does not work, then the oldest there is to install."""
    print(f"torch {metadata.version('torch')}, Python {sys.version.split()[0]}")
    for package in sys.argv[1:] or MODULES:
        every = versions(package)
        rest = list(every)
        while rest:
            outcome = _try(package, rest.pop(0))
            if outcome is not None and not outcome.works:
                break
        while rest and _try(package, rest.pop()) is None:
            pass


def _try(package: str, version: str) -> Outcome | None:
    with tempfile.TemporaryDirectory() as folder:
        outcome = tried(package, version, Path(folder))
    print(f"{package} {version}: {'pip cannot install it' if outcome is None else outcome.told}", flush=True)
    return outcome


if __name__ == "__main__":
    main()

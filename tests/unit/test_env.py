"""The environment is read from the system, not assumed."""

from __future__ import annotations

import platform
import subprocess
import sys
from importlib import metadata
from pathlib import Path

import snn_eval
from snn_eval import env


def git(folder: Path, *arguments: str) -> str:
    identity = ["-c", "user.name=a", "-c", "user.email=a@b.c"]
    command = ["git", "-C", str(folder), *identity, *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


def test_versions_are_those_installed_and_absent_packages_are_left_out() -> None:
    assert env.package_versions(("numpy", "no-such-package-here")) == {"numpy": metadata.version("numpy")}


def test_source_follows_commit_and_change(tmp_path: Path) -> None:
    git(tmp_path, "init", "-q")
    assert env.source(tmp_path) == env.Source()  # no commit yet
    (tmp_path / "file").write_text("one")
    git(tmp_path, "add", "file")
    git(tmp_path, "commit", "-q", "-m", "first")
    commit = git(tmp_path, "rev-parse", "HEAD")
    assert env.source(tmp_path) == env.Source(commit, dirty=False)
    (tmp_path / "new").write_text("untracked")
    assert env.source(tmp_path) == env.Source(commit, dirty=False)
    (tmp_path / "file").write_text("two")
    assert env.source(tmp_path) == env.Source(commit, dirty=True)


def test_source_of_an_installed_package_is_unknown(tmp_path: Path) -> None:
    assert env.source(tmp_path) == env.Source(None, None)


def test_environment_is_complete() -> None:
    found = env.environment()
    assert found.version == snn_eval.__version__
    assert platform.python_version() in found.python
    assert found.machine
    assert found.cores >= 1
    assert found.memory_bytes is None or found.memory_bytes > 2**20
    assert found.packages["numpy"] == metadata.version("numpy")


def test_nothing_heavy_is_imported() -> None:
    code = "import sys, snn_eval.env as e; e.environment(); print({'torch', 'numpy', 'numba'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


def test_code_version_follows_names_and_content(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text("x = 1")
    first = env.code_version(tmp_path)
    assert first.startswith(f"{snn_eval.__version__}+")
    (tmp_path / "a.txt").write_text("no code")
    assert env.code_version(tmp_path) == first
    (tmp_path / "a.py").write_text("x = 2")
    second = env.code_version(tmp_path)
    (tmp_path / "a.py").rename(tmp_path / "b.py")
    assert len({first, second, env.code_version(tmp_path)}) == 3


def test_processors_of_one_name_are_told_apart() -> None:
    one = "processor\t: 0\ncpu family\t: 25\nmodel\t\t: 1\nmodel name\t: AMD EPYC\n\nprocessor\t: 1\nmodel\t\t: 9\n"
    assert env._from_cpuinfo(one) == "AMD EPYC (family 25, model 1)"
    assert env._from_cpuinfo(one.replace("25", "26")) == "AMD EPYC (family 26, model 1)"
    assert env._from_cpuinfo("model name: Some CPU\n") == "Some CPU"
    assert env._from_cpuinfo("processor : 0\nBogoMIPS : 50\n") == ""  # ARM names no model: the architecture stands in

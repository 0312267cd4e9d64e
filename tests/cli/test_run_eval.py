"""``run_eval.sh`` sets up once, again after a kill, one at a time, from anywhere; a script plays Python and pip."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
FILES = ("run_eval.sh", "scripts/environment.sh", "requirements.txt", "requirements-dev.txt")

PLAYED_PYTHON = """\
#!/bin/sh
# Plays Python: makes environments, writes down what pip was asked for, repeats what would have been run.
case "$1 $2" in
  "-V ") echo "Python 3.12.0" ;;
  "-m venv") mkdir -p "$3/bin" && cp "$0" "$3/bin/python" && : > "$3/pyvenv.cfg" ;;
  "-m pip")
    [ "$3" = --version ] && exit 0
    echo "pip $*" >> "$PLAY/pip.log"
    echo "Downloading https://host/torch-2.9.0-cp312.whl (812.0 MB)"
    [ -e "$PLAY/slow" ] && touch "$PLAY/started" && sleep 3
    [ ! -e "$PLAY/fail" ] || { echo "ERROR: no such package"; exit 1; } ;;
  "-m snn_eval") shift 2; for word in "$@"; do echo "[$word]"; done; echo "in $PWD" ;;
  -c*) [ ! -e "$PLAY/old" ] ;;
esac
"""


@dataclass
class Play:
    """A checkout in a folder with spaces, and a path on which only the played Python is found."""

    folder: Path
    checkout: Path

    @property
    def script(self) -> Path:
        return self.checkout / "run_eval.sh"

    @property
    def installs(self) -> int:
        log = self.folder / "pip.log"
        return log.read_text().count("requirements.txt") if log.exists() else 0

    @property
    def environment(self) -> dict[str, str]:
        return {
            "PATH": f"{self.folder / 'bin'}:/usr/bin:/bin",
            "PLAY": str(self.folder),
            "SNN_EVAL_SKIP_DISK_CHECK": "1",
        }

    def start(self, *arguments: str, script: Path | None = None, **environment: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [str(script or self.script), *arguments],
            env=self.environment | environment,
            cwd=self.folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def run(self, *arguments: str, script: Path | None = None, **environment: str) -> tuple[int, str, str]:
        started = self.start(*arguments, script=script, **environment)
        out, err = started.communicate(timeout=60)
        return started.returncode, out, err


@pytest.fixture
def play(tmp_path: Path) -> Play:
    if sys.platform == "win32":
        pytest.skip("a bash script")
    checkout = tmp_path / "my check out"
    for name in FILES:
        (checkout / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, checkout / name)
    (tmp_path / "bin").mkdir()
    python = tmp_path / "bin" / "python3"
    python.write_text(PLAYED_PYTHON)
    python.chmod(0o755)
    return Play(tmp_path, checkout)


def test_sets_up_once_and_passes_every_word_on(play: Play) -> None:
    code, out, err = play.run("--models", "mnist", "a model.pth")
    assert (code, out) == (0, f"[run]\n[--models]\n[mnist]\n[a model.pth]\nin {play.folder}\n")
    assert "downloading torch 2.9.0 (812.0 MB)" in err
    assert play.installs == 1
    code, out, err = play.run()
    assert (code, out, err) == (0, f"[run]\nin {play.folder}\n", "")
    assert play.installs == 1


def test_changed_requirements_are_installed(play: Play) -> None:
    play.run()
    with (play.checkout / "requirements.txt").open("a") as file:
        file.write("another\n")
    assert "updating" in play.run()[2]
    assert play.installs == 2


def test_follows_links(play: Play) -> None:
    (play.folder / "links").mkdir()
    (play.folder / "links" / "first").symlink_to("../my check out/run_eval.sh")
    (play.folder / "second").symlink_to("links/first")
    code, out, _ = play.run(script=play.folder / "second")
    assert (code, out) == (0, f"[run]\nin {play.folder}\n")
    assert (play.checkout / ".venv" / "bin" / "python").exists()


def test_environment_elsewhere(play: Play) -> None:
    code, _, _ = play.run(SNN_EVAL_VENV="else where/env")
    assert code == 0
    assert (play.folder / "else where" / "env" / "bin" / "python").exists()
    assert not (play.checkout / ".venv").exists()


def test_given_interpreter_installs_nothing(play: Play) -> None:
    code, out, err = play.run(SNN_EVAL_PYTHON=str(play.folder / "bin" / "python3"))
    assert (code, out, err) == (0, f"[run]\nin {play.folder}\n", "")
    assert play.installs == 0
    assert not (play.checkout / ".venv").exists()


def test_killed_set_up_is_redone(play: Play) -> None:
    (play.folder / "slow").touch()
    started = play.start()
    while not (play.folder / "started").exists():
        assert started.poll() is None
        time.sleep(0.02)
    os.killpg(started.pid, signal.SIGKILL)
    started.communicate()
    assert (play.checkout / ".venv.lock").exists()  # nobody could clean up
    (play.folder / "slow").unlink()
    (play.checkout / ".venv" / "left over").touch()
    code, _, err = play.run()
    assert code == 0
    assert "setting up" in err
    assert play.installs == 2
    assert not (play.checkout / ".venv" / "left over").exists()  # half an environment is not trusted
    assert not (play.checkout / ".venv.lock").exists()


def test_two_at_once_install_once(play: Play) -> None:
    (play.folder / "slow").touch()
    both = [play.start(), play.start()]
    answers = [p.communicate(timeout=60) for p in both]
    assert [p.returncode for p in both] == [0, 0]
    assert play.installs == 1
    assert sum("waiting" in err for _, err in answers) == 1


def test_failed_pip_is_told_and_goes_on_later(play: Play) -> None:
    (play.folder / "fail").touch()
    code, out, err = play.run()
    assert (code, out) == (2, "")
    assert "ERROR: no such package" in err
    assert not (play.checkout / ".venv.lock").exists()
    (play.folder / "fail").unlink()
    code, out, err = play.run()
    assert code == 0
    assert "updating" in err


def refusal(play: Play, **environment: str) -> str:
    """The one line of a set-up that ends with exit code 2."""
    code, out, err = play.run(**environment)
    assert (code, out) == (2, "")
    assert err.count("\n") == 1
    return err


def test_old_python_is_refused(play: Play) -> None:
    (play.folder / "old").touch()
    assert "expected a Python of at least 3.11" in refusal(play, SNN_EVAL_PYTHON=str(play.folder / "bin" / "python3"))


def test_no_python_is_refused(play: Play) -> None:
    (play.folder / "bin" / "python3").unlink()
    for name in ("bash", "env", "dirname", "cat", "rm", "ls", "mkdir", "uname", "find"):
        (play.folder / "bin" / name).symlink_to(shutil.which(name) or name)
    line = refusal(play, PATH=str(play.folder / "bin"))
    assert "no Python of at least 3.11 found" in line


def test_foreign_folder_is_refused_and_left_alone(play: Play) -> None:
    home = play.folder / "home"
    home.mkdir()
    (home / "thesis.tex").write_text("years of work")
    assert "is not a Python environment" in refusal(play, SNN_EVAL_VENV=str(home))
    assert (home / "thesis.tex").read_text() == "years of work"


def test_full_disk_is_refused_before_anything_is_made(play: Play) -> None:
    df = play.folder / "bin" / "df"
    df.write_text("#!/bin/sh\necho head; echo 'disk 100 99 1048576 99% /'\n")
    df.chmod(0o755)
    assert "found 1 GB" in refusal(play, SNN_EVAL_SKIP_DISK_CHECK="")
    assert not (play.checkout / ".venv").exists()

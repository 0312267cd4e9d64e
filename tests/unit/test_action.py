"""The GitHub Action: valid for GitHub, its steps sound shell, and what they do when they run."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import sysconfig
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from snn_eval.regress import find, write_baseline

ROOT = Path(__file__).parents[2]
SCRIPTS = Path(sysconfig.get_path("scripts"))
ACTION = yaml.safe_load((ROOT / "action.yml").read_text(encoding="utf-8"))
STEPS = {step["name"]: step for step in ACTION["runs"]["steps"]}
SHELL = {name: step for name, step in STEPS.items() if "run" in step}
PAGE = ROOT / "docs/gate.md"


def valid(schema: str, *files: Path) -> None:
    checker = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", f"vendor.github-{schema}"]
    done = subprocess.run([*checker, *map(str, files)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def test_the_action_is_valid() -> None:
    valid("actions", ROOT / "action.yml")


def test_our_workflows_are_valid() -> None:
    valid("workflows", *sorted((ROOT / ".github/workflows").glob("*.yml")))


def test_the_documented_workflow_is_valid_and_names_inputs_there_are(tmp_path: Path) -> None:
    blocks = re.findall(r"```yaml\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    assert blocks
    for index, block in enumerate(blocks):
        file = tmp_path / f"{index}.yml"
        file.write_text(block, encoding="utf-8")
        valid("workflows", file)
        for job in yaml.safe_load(block)["jobs"].values():
            for step in job["steps"]:
                if "snn_eval" in step.get("uses", "") or step.get("uses") == "./":
                    assert step["with"].keys() <= ACTION["inputs"].keys()


@pytest.mark.parametrize("name", SHELL)
def test_each_step_is_sound_shell(name: str) -> None:
    shellcheck = shutil.which("shellcheck", path=str(SCRIPTS)) or shutil.which("shellcheck")
    if shellcheck is None:
        pytest.skip("needs shellcheck (requirements-dev.txt)")
    text = f"#!/usr/bin/env bash\n{SHELL[name]['run']}"
    # Variables come from `env:` and from GitHub.
    words = [shellcheck, "--shell", "bash", "--exclude", "SC2154", "-"]
    done = subprocess.run(words, input=text, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def test_no_step_pastes_an_input_into_its_script() -> None:
    assert [name for name, step in SHELL.items() if "${{" in step["run"]] == []


class Runner:
    """What GitHub does around a step: inputs become variables, outputs of one step those of the next."""

    def __init__(self, folder: Path, **inputs: str) -> None:
        self.folder = folder
        self.inputs = {name: spec.get("default", "") for name, spec in ACTION["inputs"].items()}
        self.inputs |= {name.replace("_", "-"): value for name, value in inputs.items()}
        self.outputs: dict[str, str] = {}
        tools = folder / "bin"
        tools.mkdir(exist_ok=True)
        command = tools / "snn-eval"
        command.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m snn_eval "$@"\n')
        command.chmod(0o755)

    def step(self, name: str) -> subprocess.CompletedProcess[str]:
        step: dict[str, Any] = SHELL[name]
        output = self.folder / "output"
        output.write_text("")
        given = {
            "RUNNER_TEMP": self.folder,
            "GITHUB_OUTPUT": output,
            "GITHUB_STEP_SUMMARY": self.folder / "summary.md",
            "GITHUB_ACTION_PATH": ROOT,
        }
        variables = {key: self._value(value) for key, value in step["env"].items()}
        variables |= {key: str(value) for key, value in given.items()}
        path = f"{self.folder / 'bin'}{os.pathsep}{os.environ['PATH']}"
        done = subprocess.run(
            ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", step["run"]],
            env={**os.environ, "PYTHONPATH": str(ROOT), "PATH": path, **variables},
            cwd=self.folder,
            capture_output=True,
            text=True,
            encoding="utf-8",
            check=False,
        )
        self.outputs |= dict(line.split("=", 1) for line in output.read_text().splitlines())
        return done

    def _value(self, expression: str) -> str:
        def value(match: re.Match[str]) -> str:
            kind, _, name = match[1].partition(".")
            return self.inputs[name] if kind == "inputs" else self.outputs[name.rpartition(".")[2]]

        return re.sub(r"\$\{\{ *([\w.-]+) *\}\}", value, expression)


@pytest.mark.slow
def test_the_steps_measure_compare_and_fail(tmp_path: Path) -> None:
    checkpoint = ROOT / "checkpoints/digits-spiking-conv-net.pt"
    models = f"digits {checkpoint}\n"
    runner = Runner(tmp_path, models=models, run_arguments="--limit 20 --quiet", baselines="accepted")
    measured = runner.step("Measure")
    assert measured.returncode == 0, measured.stderr
    folder = Path(runner.outputs["folder"])
    assert folder == tmp_path / "snn-eval"
    new = find(str(next((folder / "runs").iterdir())), Path(), Path(), baseline_first=False).candidates[0].load()
    write_baseline(tmp_path / "accepted/digits.json", new)
    same = runner.step("Compare")
    assert same.returncode == 0, same.stdout + same.stderr
    assert same.stdout.splitlines()[-1].startswith("passed: ")
    assert (tmp_path / "summary.md").read_text(encoding="utf-8").startswith("### snn-eval compare: passed: ")
    assert json.loads((folder / "compare.json").read_text(encoding="utf-8"))["failed"] == 0

    # The run is worse than another baseline, whose counts are nine tenths of these.
    less = [m.model_copy(update={"value": 0.9 * m.value}) if m.metric == "ac" else m for m in new.record.measurements]
    write_baseline(
        tmp_path / "accepted/digits.json", replace(new, record=new.record.model_copy(update={"measurements": less}))
    )
    runner.inputs["fail-on"] = "accuracy:-0.5pp\nac:+1%\n"
    worse = runner.step("Compare")
    assert worse.returncode == 1
    assert "what failed: digits spiking-conv-net\n  regressed: worse by more than 1 %\n    ac  " in worse.stdout
    assert "### snn-eval compare: FAILED: 1 of 2 gated metrics" in (tmp_path / "summary.md").read_text(encoding="utf-8")
    assert 'failures="1"' in (folder / "compare.xml").read_text(encoding="utf-8")

    runner.inputs["fail-on"] = "acuracy:-0.5pp"
    mistaken = runner.step("Compare")
    assert mistaken.returncode == 2
    assert "unknown metric 'acuracy'; nearest: accuracy" in mistaken.stderr

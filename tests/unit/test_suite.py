"""Suites: read, checked, changed; a mistake is one line that names file, key and the nearest right one."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from snn_eval.errors import SuiteError
from snn_eval.models.networks import build_network
from snn_eval.suite import load_suite, suite_names, with_tables_beside, with_values

MINIMAL = """
[suite]
name = "mine"
version = 2
[data]
name = "digits"
[input]
kind = "real"
time_steps = 4
"""


def written(folder: Path, text: str) -> Path:
    path = folder / "mine.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_every_shipped_suite_is_valid_and_named_like_its_file() -> None:
    assert "digits" in suite_names()
    for name in suite_names():
        assert load_suite(name).name == name


def test_the_default_suite_builds_its_network() -> None:
    suite = load_suite("digits")
    assert (suite.input.time_steps, suite.input.kind, suite.input.encoding) == (8, "real", "direct")
    assert suite.model.arch is not None
    build_network(suite.model.arch, suite.input.time_steps, suite.model.config)


def test_a_file_of_the_user_with_defaults(tmp_path: Path) -> None:
    suite = load_suite(written(tmp_path, MINIMAL))
    assert (suite.name, suite.suite.version, suite.data.test, suite.evaluate.batch_size) == ("mine", 2, "test", 64)
    assert suite == load_suite(str(tmp_path / "mine.toml"))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("time_steps = 4", "time_step = 4"), "unknown key 'input.time_step'; did you mean 'time_steps'"),
        (("[data]", "[dat]"), "unknown key 'dat'; did you mean 'data'"),
        (('[data]\nname = "digits"', ""), "data: expected a value, found none"),
        (("time_steps = 4", "time_steps = 0"), "input.time_steps: input should be greater than or equal to 1, got 0"),
        (("time_steps = 4", ""), "input.time_steps: expected a value, found none"),
        (
            ('kind = "real"', 'kind = "pixels"'),
            "input.kind: input should be 'real', 'spikes' or 'counts', got 'pixels'",
        ),
        (("time_steps = 4", "time_steps = = 4"), "expected TOML, got"),
        (("version = 2", "version = 2\n[evaluate]\nenrgy = []"), "unknown key 'evaluate.enrgy'; did you mean 'energy'"),
        (("version = 2", "version = 2\n[qqq]\na = 1"), "unknown key 'qqq'; there are: suite, data"),
        (("[data]", "[[ablation]]\nname = 'a'\nsett = 1\n[data]"), "unknown key 'ablation.0.sett'; did you mean 'set'"),
        (
            ("[data]", "[[ablation]]\nname = 'a'\nset = {'input.tim' = 1}\n[data]"),
            "ablation 'a': unknown key 'input.tim'",
        ),
        (("[data]", "[axes]\n'input.time_steps' = [1, 0]\n[data]"), "axis: input.time_steps: input should be greater"),
    ],
)
def test_a_mistake_is_one_line(tmp_path: Path, change: tuple[str, str], message: str) -> None:
    path = written(tmp_path, MINIMAL.replace(*change))
    with pytest.raises(SuiteError) as caught:
        load_suite(path)
    assert message in str(caught.value)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_names_that_are_no_suite(tmp_path: Path) -> None:
    with pytest.raises(SuiteError, match=r"unknown suite 'digit'; did you mean 'digits'"):
        load_suite("digit")
    with pytest.raises(SuiteError, match=r"unknown suite 'zzzz'; there are: .*digits"):
        load_suite("zzzz")
    with pytest.raises(SuiteError, match="expected a suite file, found none"):
        load_suite(tmp_path / "none.toml")
    (tmp_path / "latin.toml").write_bytes(b"name = '\xff'")
    with pytest.raises(SuiteError, match="expected a readable suite file"):
        load_suite(tmp_path / "latin.toml")


def test_values_are_replaced_and_checked() -> None:
    suite = load_suite("digits")
    changed = with_values(suite, {"input.time_steps": 3, "model.config.neuron.name": "lif"})
    assert (changed.input.time_steps, changed.model.config["neuron"]["name"]) == (3, "lif")
    assert (suite.input.time_steps, suite.model.config["neuron"]["name"]) == (8, "if")
    with pytest.raises(SuiteError, match="set: unknown key 'inptu'; did you mean 'input'"):
        with_values(suite, {"inptu.time_steps": 3})
    with pytest.raises(SuiteError, match=r"command line: input\.time_steps: input should be a valid integer"):
        with_values(suite, {"input.time_steps": "many"}, "command line")


def test_reading_suites_imports_no_framework() -> None:
    """``--help`` and ``ls`` answer at once."""
    code = (
        "import sys; from snn_eval.suite import load_suite; load_suite('digits'); from snn_eval.models import manifest;"
    )
    code += "sys.exit(len({'torch', 'spikingjelly', 'snntorch'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.parametrize(
    ("line", "wrong"),
    [
        ("time_steps = 8", 'time_steps = "8"'),
        ("time_steps = 8", "time_steps = true"),
        ("time_steps = 8", "time_steps = 8.0"),
        ('name = "digits"', "name = 7"),
        ('kind = "real"', "kind = true"),
        ("version = 1", 'version = "1"'),
    ],
)
def test_a_value_of_another_toml_type_is_refused(tmp_path: Path, line: str, wrong: str) -> None:
    from snn_eval.data.shipped import shipped_folder

    text = (shipped_folder("suites") / "digits.toml").read_text("utf-8")
    assert line in text
    (tmp_path / "mine.toml").write_text(text.replace(line, wrong, 1), "utf-8")
    with pytest.raises(SuiteError, match=f"{line.partition(' ')[0]}: .*should be"):
        load_suite(tmp_path / "mine.toml")


def test_nesting_without_end_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "deep.toml").write_text("x = " + "[" * 5000, "utf-8")
    with pytest.raises(SuiteError, match="expected TOML"):
        load_suite(tmp_path / "deep.toml")


def test_an_energy_table_is_looked_for_beside_the_suite(tmp_path: Path) -> None:
    from snn_eval.data.shipped import shipped_folder

    text = (shipped_folder("suites") / "digits.toml").read_text("utf-8")
    there = 'energy = ["horowitz-45nm-fp32"'
    assert there in text
    (tmp_path / "mine.toml").write_text(text.replace(there, f'{there}, "chip.toml"', 1), "utf-8")
    suite = with_tables_beside(load_suite(tmp_path / "mine.toml"))
    assert suite.evaluate.energy[:2] == ["horowitz-45nm-fp32", str(tmp_path / "chip.toml")]
    assert suite.folder == tmp_path

"""``--arch NAME:key=value,…``, components by module name, and what of them a cell's identity follows."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from snn_eval.errors import SuiteError
from snn_eval.models.factory import user_network
from snn_eval.models.user import load_component
from snn_eval.models.user_sources import component_sha256
from snn_eval.models.values import merged, name_and_values


@pytest.mark.parametrize(
    ("text", "name", "values"),
    [
        ("net.py:make", "net.py:make", {}),
        ("pkg.net:make:a=1,b=0.5", "pkg.net:make", {"a": 1, "b": 0.5}),
        ("n:c=[1,2],neuron.name=if,neuron.tau=2.0", "n", {"c": [1, 2], "neuron": {"name": "if", "tau": 2.0}}),
        ("n:neuron={name='if',reset='hard'},x=true", "n", {"neuron": {"name": "if", "reset": "hard"}, "x": True}),
        ("n:word=some words,quoted='1'", "n", {"word": "some words", "quoted": "1"}),
        ("n:path=a/b:c", "n", {"path": "a/b:c"}),
    ],
)
def test_values_behind_a_name(text: str, name: str, values: dict[str, Any]) -> None:
    assert name_and_values(text) == (name, values)


def test_what_is_no_value_is_refused() -> None:
    with pytest.raises(SuiteError, match="expected key=value between commas, got '2'"):
        name_and_values("net:a=1,2")


def test_tables_are_merged() -> None:
    assert merged({"a": {"b": 1, "c": 2}, "d": 3}, {"a": {"c": 4}}) == {"a": {"b": 1, "c": 4}, "d": 3}


@pytest.fixture
def package(tmp_path: Path) -> Path:
    folder = tmp_path / "pkg_of_tests"
    folder.mkdir()
    (folder / "__init__.py").write_text("")
    (folder / "blocks.py").write_text("from torch import nn\n\ndef block(n):\n    return nn.Linear(4, n)\n")
    (folder / "net.py").write_text("from pkg_of_tests.blocks import block\n\ndef make(n=2):\n    return block(n)\n")
    return tmp_path


def test_a_component_of_a_package(package: Path) -> None:
    assert load_component("pkg_of_tests.net:make", package)(5).out_features == 5
    assert user_network("pkg_of_tests.net:make", 1, {"n": 7}, package).weight.shape == (7, 4)
    with pytest.raises(SuiteError, match="expected a function absent in"):
        load_component("pkg_of_tests.net:absent", package)


@pytest.mark.parametrize("name", ["no_such_module_here:make", "pkg.net", "a b.c:make", ":make", "net.py:1"])
def test_what_names_no_component(name: str, tmp_path: Path) -> None:
    with pytest.raises(SuiteError):
        load_component(name, tmp_path)


def test_a_change_in_the_package_changes_the_identity(package: Path) -> None:
    before = component_sha256("pkg_of_tests.net:make", package)
    assert before == component_sha256("pkg_of_tests.net:make", package)
    (package / "pkg_of_tests" / "blocks.py").write_text("from torch import nn\n\ndef block(n):\n    return nn.ReLU()\n")
    assert component_sha256("pkg_of_tests.net:make", package) not in (None, before)
    assert component_sha256("spiking-conv-net", package) is None

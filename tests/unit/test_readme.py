"""README's commands exist, its links lead somewhere, and its output is of the suite that comes with the project."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from snn_eval.cli.app import cli
from snn_eval.suite import suite_names

ROOT = Path(__file__).resolve().parents[2]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").glob("*.md"))]


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.name)
def test_links_lead_somewhere(page: Path) -> None:
    targets = re.findall(r"\]\(([^)#\s]+)[^)]*\)", page.read_text(encoding="utf-8"))
    local = [t for t in targets if not t.startswith(("http:", "https:", "mailto:"))]
    missing = [t for t in local if not (page.parent / t).exists()]
    assert missing == []


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.name)
def test_commands_exist(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    for name, rest in re.findall(r"snn-eval ([a-z]+)([^`\n]*)", text):
        assert name in cli.commands, f"snn-eval {name}"
        options = {o for p in cli.commands[name].params for o in (*p.opts, *p.secondary_opts)}
        assert set(re.findall(r"--[a-z-]+", rest)) <= options | {"--help"}, f"snn-eval {name}{rest}"
    run_options = {option for parameter in cli.commands["run"].params for option in parameter.opts}
    for rest in re.findall(r"run_eval\.sh([^`\n#]*)", text):
        assert set(re.findall(r"--[a-z-]+", rest)) <= run_options | {"--help"}


def test_scripts_named_in_readme_are_there() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    for script in set(re.findall(r"\./([\w/.]+)", text)):
        assert (ROOT / script).exists(), script


def test_output_is_of_a_shipped_suite() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    shown = text.partition("<!-- output:begin -->")[2].partition("<!-- output:end -->")[0]
    assert re.search(rf"on ({'|'.join(suite_names())}) v\d", shown)
    assert "energy total" in shown

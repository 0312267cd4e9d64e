"""The parts of the benchmarks that decide what a number means: pairing, statistics, and where a table is written."""

from __future__ import annotations

from pathlib import Path

import pytest

document = pytest.importorskip("benchmarks.document", reason="benchmarks/ is only in a checkout, not in the package")
timing = pytest.importorskip("benchmarks.timing")


def test_each_variant_gets_its_groups_of_bare_variant_variant_bare() -> None:
    calls: list[str] = []
    pairs = {"x": 4, "y": 2}
    ratios = timing.compare(lambda: calls.append("bare"), {n: lambda n=n: calls.append(n) for n in pairs}, pairs)
    assert {name: len(values) for name, values in ratios.items()} == pairs
    groups = "".join(call[0] for call in calls[3 * timing.WARM_UP :])
    assert groups == "".join(["bbxxb", "bbyyb", "bbxxb"] * 2)


def test_overhead_is_the_median_of_the_ratios_less_one() -> None:
    ratios = [timing.Ratio(wall, cpu, bare_s=0.1) for wall, cpu in ((1.0, 2.0), (1.1, 2.0), (1.5, 2.0))]
    overhead = timing.overhead_of(ratios)
    assert overhead.wall.median == pytest.approx(1.1 - 1)
    assert (overhead.wall.q1, overhead.wall.q3) == (pytest.approx(0.05), pytest.approx(0.3))
    assert (overhead.cpu.median, overhead.pairs, overhead.bare_s) == (1.0, 3, 0.1)


def test_only_the_section_of_the_page_is_replaced(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("before\n<!-- speed:begin -->\nold\n<!-- speed:end -->\nafter\n", encoding="utf-8")
    document.replace_section(page, "speed", document.table(["", "a"], [["row", "1"]]))
    expected = "before\n<!-- speed:begin -->\n|  | a |\n| --- | ---: |\n| row | 1 |\n<!-- speed:end -->\nafter\n"
    assert page.read_text(encoding="utf-8") == expected


def test_a_page_without_markers_is_not_touched(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("text\n", encoding="utf-8")
    with pytest.raises(SystemExit, match="expected the markers"):
        document.replace_section(page, "speed", "table")
    assert page.read_text(encoding="utf-8") == "text\n"

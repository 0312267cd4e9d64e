"""Writes a benchmark's tables into a page, between the markers of its section, and says on what they were measured."""

from __future__ import annotations

import os
import platform
from collections.abc import Sequence
from datetime import date
from importlib import metadata
from pathlib import Path

__all__ = ["conditions", "replace_section", "table"]


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A markdown table; the first column is text, the others are numbers."""
    lines = [header, ["---", *["---:"] * (len(header) - 1)], *rows]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in lines)


def replace_section(page: Path, section: str, text: str) -> None:
    """Put ``text`` between ``<!-- section:begin -->`` and ``<!-- section:end -->``; nothing else changes.

    Raises:
        SystemExit: the page does not have the two markers, in this order.
    """
    begin, end = f"<!-- {section}:begin -->", f"<!-- {section}:end -->"
    before, found, rest = page.read_text(encoding="utf-8").partition(begin)
    _, closed, after = rest.partition(end)
    if not found or not closed:
        raise SystemExit(f"{page}: expected the markers {begin} and {end}, found none; add them where the table goes")
    page.write_text(f"{before}{begin}\n{text.strip()}\n{end}{after}", encoding="utf-8")


def conditions(threads: int, packages: Sequence[str]) -> str:
    """One line: date, processor, threads, system and the versions of ``packages``."""
    versions = ", ".join(f"{name} {_version(name)}" for name in packages)
    used = f"{threads} thread" if threads == 1 else f"{threads} threads"
    return (
        f"Measured on {date.today().isoformat()}: {_processor()}, {used}, {platform.system()}, "
        f"Python {platform.python_version()}, {versions}."
    )


def _version(package: str) -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return "not installed"


def _processor() -> str:
    """The processor's name and how many cores this process may use."""
    name = platform.processor() or platform.machine()
    info = Path("/proc/cpuinfo")
    if info.exists():
        names = [
            line.split(":", 1)[1].strip() for line in info.read_text().splitlines() if line.startswith("model name")
        ]
        name = names[0] if names else name
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return f"{name}, {usable} cores"

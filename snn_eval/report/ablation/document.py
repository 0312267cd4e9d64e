"""The tables of an ablation as data, written once and shown as Markdown, LaTeX and one HTML page."""

from __future__ import annotations

from dataclasses import dataclass, field

__all__ = ["Document", "Section", "Table"]


@dataclass(frozen=True, slots=True)
class Table:
    """Headers, rows of texts, and which columns are flush right."""

    headers: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    right: tuple[bool, ...]

    @classmethod
    def of(cls, headers: list[str], rows: list[list[str]], left: int = 1) -> Table:
        """All but the first ``left`` columns flush right."""
        flush = tuple(place >= left for place in range(len(headers)))
        return cls(tuple(headers), tuple(map(tuple, rows)), flush)


@dataclass(frozen=True, slots=True)
class Section:
    """A heading, what is to be known before reading, a table, notes below it, and figures by file name and caption."""

    title: str
    text: tuple[str, ...] = ()
    table: Table | None = None
    notes: tuple[str, ...] = ()
    figures: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Document:
    """A title, lines below it, and sections."""

    title: str
    lead: tuple[str, ...] = ()
    sections: tuple[Section, ...] = field(default_factory=tuple)

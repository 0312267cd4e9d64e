"""What the place our output goes to can show: its width, its characters, and whether anyone still reads it."""

from __future__ import annotations

import codecs
import os
import shutil
import sys
import textwrap
from typing import TextIO

__all__ = ["close_quietly", "plain_where_needed", "terminal_columns", "wrapped"]

_PLAIN = {
    "↑": "(higher is better)",
    "↓": "(lower is better)",
    "─": "-",
    "–": "-",
    "×": "x",
    "÷": "/",
    "·": "-",
    "…": "...",
    "µ": "u",
    "μ": "u",
    "≥": ">=",
    "≤": "<=",
}


def terminal_columns() -> int | None:
    """Width of the terminal standard output goes to; None for a pipe or a file."""
    return shutil.get_terminal_size().columns if sys.stdout.isatty() else None


def wrapped(line: str, indent: int) -> str:
    """The line, broken between words where the terminal is narrower; later lines begin with ``indent`` spaces."""
    columns = terminal_columns()
    if columns is None or len(line) <= columns:
        return line
    return textwrap.fill(line, columns, subsequent_indent=" " * indent, break_long_words=False, break_on_hyphens=False)


def plain_where_needed() -> None:
    """Let streams that know only some characters write words or ASCII in place of the others, and never fail."""
    codecs.register_error("snn_eval-plain", _plain)
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None and (stream.encoding or "").lower().replace("-", "") != "utf8":
            reconfigure(errors="snn_eval-plain")


def _plain(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    text = error.object[error.start : error.end]
    return "".join(_PLAIN.get(character, "?") for character in text), error.end


def close_quietly(stream: TextIO) -> None:
    """Throw away what a stream still holds, so that Python's exit does not complain that nobody reads it."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, stream.fileno())
    except (OSError, ValueError):  # a stream without a file: nothing to write at exit
        return
    finally:
        os.close(nowhere)

"""Shows the tables of an ablation as Markdown and as LaTeX."""

from __future__ import annotations

import re

from snn_eval.report.ablation.document import Document, Section, Table
from snn_eval.report.grid import markdown

__all__ = ["escaped", "to_latex", "to_markdown"]

_LATEX = {
    "\\": r"\textbackslash{}",
    "&": r"\&",
    "%": r"\%",
    "$": r"\$",
    "#": r"\#",
    "_": r"\_",
    "{": r"\{",
    "}": r"\}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    '"': r"\textquotedbl{}",
    "–": "--",
    "−": r"$-$",
    "±": r"$\pm$",
    "×": r"$\times$",
    "÷": r"$\div$",
    "·": r"$\cdot$",
    "≥": r"$\geq$",
    "≤": r"$\leq$",
    "∓": r"$\mp$",
    "→": r"$\rightarrow$",
    "Δ": r"$\Delta$",
    "µ": r"$\mu$",
    "β": r"$\beta$",
    "θ": r"$\theta$",
    "λ": r"$\lambda$",
    "…": r"\ldots{}",
    "“": "``",
    "”": "''",
}
"""Characters that mean something to LaTeX or need a package, and how they are written for it."""

_PREAMBLE = r"""\documentclass{article}
\usepackage[T1]{fontenc}
\usepackage[utf8]{inputenc}
\usepackage{textcomp}
\usepackage{booktabs}
\usepackage{graphicx}
\usepackage[margin=2cm,landscape]{geometry}
\begin{document}
"""


def to_markdown(document: Document) -> str:
    """The whole document as Markdown; figures by file name."""
    parts = [f"# {document.title}", *document.lead]
    for section in document.sections:
        parts += [f"## {section.title}", *section.text]
        if section.table is not None and section.table.rows:
            parts.append(markdown(section.table.headers, section.table.rows, section.table.right))
        if section.notes:
            parts.append("\n".join(f"- {note}" for note in section.notes))
        parts += [f"![{caption}]({name})" for name, caption in section.figures]
    return "\n\n".join(parts) + "\n"


def to_latex(document: Document) -> str:
    """A document that compiles as it stands, its tables (``booktabs``) to be copied into a paper."""
    parts = [_PREAMBLE, f"\\section*{{{escaped(document.title)}}}\n"]
    parts += [f"{escaped(line)}\n" for line in document.lead]
    parts += [_section(section) for section in document.sections]
    return "\n".join([*parts, "\\end{document}\n"])


def _section(section: Section) -> str:
    lines = [f"\\subsection*{{{escaped(section.title)}}}", ""]
    for paragraph in section.text:
        lines += [escaped(paragraph), ""]
    if section.table is not None and section.table.rows:
        lines += [_tabular(section.table), ""]
    if section.notes:
        items = [f"\\item {escaped(note)}" for note in section.notes]
        lines += ["\\begin{itemize}", *items, "\\end{itemize}", ""]
    return "\n".join(lines)


def _tabular(table: Table) -> str:
    columns = "".join("r" if flush else "l" for flush in table.right)
    body = [" & ".join(escaped(text) for text in row) + r" \\" for row in (table.headers, *table.rows)]
    return "\n".join(
        [
            r"\noindent\resizebox{\ifdim\width>\linewidth\linewidth\else\width\fi}{!}{%",
            f"\\begin{{tabular}}{{{columns}}}",
            r"\toprule",
            body[0],
            r"\midrule",
            *body[1:],
            r"\bottomrule",
            r"\end{tabular}}",
        ]
    )


def escaped(text: str) -> str:
    r"""Text as LaTeX prints it.

    >>> escaped("99 % of A_1 [0.5, 1]")
    '99 \\% of A\\_1 {[}0.5, 1{]}'
    """
    plain = "".join(_LATEX.get(character, character) for character in text)
    return re.sub(r"[\[\]]", lambda found: f"{{{found.group()}}}", plain)

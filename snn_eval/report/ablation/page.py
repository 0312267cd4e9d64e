"""Shows the tables of an ablation as one self-contained HTML page, light or dark as the reader's system is."""

from __future__ import annotations

import base64
from collections.abc import Mapping

from snn_eval.report.ablation.document import Document

__all__ = ["to_html"]

_SHARE = 0.65

_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{{ document.title }}</title>
<style>
:root { color-scheme: light dark; --ink: #1b1b1b; --paper: #fff; --line: #d4d4d4; --band: #f5f6f8; --soft: #555; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e6e6e6; --paper: #17191c; --line: #3a3d42; --band: #1f2226; --soft: #a8a8a8; }
}
body { font: 15px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--paper); margin: 2rem auto;
  max-width: 92rem; padding: 0 1rem; }
h1 { font-size: 1.5rem; } h2 { font-size: 1.15rem; margin-top: 2.2rem; }
p { max-width: 62rem; } .lead, .text { color: var(--soft); }
.wide { overflow-x: auto; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; font-size: 0.9rem; }
th, td { padding: 0.3rem 0.55rem; text-align: left; white-space: nowrap; border-bottom: 1px solid var(--line); }
th { border-bottom-width: 2px; vertical-align: bottom; white-space: normal; }
tr:nth-child(even) td { background: var(--band); }
.right { text-align: right; }
td:first-child, th:first-child { position: sticky; left: 0; background: var(--paper); }
td:last-child:not(.right) { white-space: normal; min-width: 9rem; }
td.long { white-space: normal; min-width: 22rem; }
li { max-width: 75rem; margin: 0.25rem 0; }
figure { margin: 1.2rem 0; } img { max-width: 100%; height: auto; background: #fff; border-radius: 4px; }
figcaption { color: var(--soft); font-size: 0.9rem; }
</style>
</head>
<body>
<h1>{{ document.title }}</h1>
{%- for line in document.lead %}
<p class="lead">{{ line }}</p>
{%- endfor %}
{%- for section in document.sections %}
<h2>{{ section.title }}</h2>
{%- for line in section.text %}
<p class="text">{{ line }}</p>
{%- endfor %}
{%- if section.table and section.table.rows %}
<div class="wide"><table>
<thead><tr>
{%- for header in section.table.headers %}
<th{% if section.table.right[loop.index0] %} class="right"{% endif %}>{{ header }}</th>
{%- endfor %}
</tr></thead>
<tbody>
{%- for row in section.table.rows %}
<tr>
{%- for text in row -%}
<td{% if section.table.right[loop.index0] %} class="right"{% elif text|length > 60 %} class="long"{% endif %}>
{{- text }}</td>
{%- endfor -%}
</tr>
{%- endfor %}
</tbody></table></div>
{%- endif %}
{%- if section.notes %}
<ul>
{%- for note in section.notes %}
<li>{{ note }}</li>
{%- endfor %}
</ul>
{%- endif %}
{%- for name, caption in section.figures %}
{%- if name in images %}
<figure><img width="{{ images[name][1] }}" alt="{{ caption }}" src="data:image/png;base64,{{ images[name][0] }}">
<figcaption>{{ caption }}</figcaption>
</figure>
{%- endif %}
{%- endfor %}
{%- endfor %}
</body>
</html>
"""


def to_html(document: Document, images: Mapping[str, bytes]) -> str:
    """The page, with figures (PNG by file name) in it; one that is not among ``images`` is left out."""
    from jinja2 import Environment

    encoded = {name: (base64.b64encode(content).decode(), _width(content)) for name, content in images.items()}
    template = Environment(autoescape=True).from_string(_PAGE)
    return template.render(document=document, images=encoded) + "\n"


def _width(image: bytes) -> int:
    """Pixels of the page, by those of a PNG: of all figures the same share, so that their texts are of one size."""
    return round(_SHARE * int.from_bytes(image[16:20], "big"))

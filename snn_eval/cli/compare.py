"""``snn-eval compare``: an accepted result against a new one; ends with 1 where something regressed."""

from __future__ import annotations

from pathlib import Path

import click

from snn_eval.cli.codes import DONE, GATE_FAILED

__all__ = ["baselines_folder", "compare", "folders"]

_EPILOG = """\b
Examples:
  snn-eval compare reports/baseline               the latest run
  snn-eval compare 20261120 latest --only-changed
  snn-eval compare reports/baseline reports/runs --format markdown
  snn-eval compare base.json latest --fail-on accuracy:-0.5pp --fail-on ac:+1%
Exit codes: 0 nothing regressed, 1 the gate failed, 2 your input is wrong.
"""

_FORMATS = ("text", "markdown", "json", "junit")
_ENDINGS = {".txt": "text", ".md": "markdown", ".json": "json", ".xml": "junit"}


_FOLDER = click.Path(path_type=Path, file_okay=False)

baselines_folder = click.option(
    "--baselines",
    type=_FOLDER,
    default=Path("reports/baseline"),
    show_default=True,
    metavar="FOLDER",
    help="Where the baselines are.",
)


def folders(command: click.decorators.FC) -> click.decorators.FC:
    """Options that say where names are looked up."""
    runs_folder = click.option(
        "--output",
        type=_FOLDER,
        default=Path("reports/runs"),
        show_default=True,
        metavar="FOLDER",
        help="Where the run folders are.",
    )
    return runs_folder(baselines_folder(command))


@click.command(short_help="Compare results; fail where something regressed.", epilog=_EPILOG)
@click.argument("base")
@click.argument("new", default="latest")
@click.option(
    "--fail-on",
    multiple=True,
    metavar="METRIC:CHANGE",
    help="Fail only on this metric, and only where it is worse by more: accuracy:-0.5pp, ac:+1%. Repeatable.",
)
@click.option("--only-changed", is_flag=True, help="Leave what is the same out of the tables (text, markdown).")
@click.option("--format", "form", default="text", show_default=True, metavar="|".join(_FORMATS), help="Of the output.")
@click.option(
    "--report",
    "reports",
    type=click.Path(path_type=Path, dir_okay=False),
    multiple=True,
    metavar="FILE",
    help="Write a report, too, of the kind its ending says: .txt, .md, .json, .xml (JUnit). Repeatable.",
)
@click.option(
    "--tolerance",
    default="0.1%",
    show_default=True,
    metavar="SHARE",
    help="Change of a count that is accepted where machine, torch, threads, dtype or batch size differ.",
)
@click.option("--fail-inconclusive", is_flag=True, help="Fail, too, where there are too few samples to tell.")
@click.option("--convention", "conventions", multiple=True, metavar="NAME", help="Compare under this one; repeatable.")
@click.option("--energy", multiple=True, metavar="MODEL", help="Compare under this energy model; repeatable.")
@click.option("--all", "every", is_flag=True, help="Compare under every convention and energy model.")
@folders
def compare(
    base: str,
    new: str,
    fail_on: tuple[str, ...],
    only_changed: bool,
    form: str,
    reports: tuple[Path, ...],
    tolerance: str,
    fail_inconclusive: bool,
    conventions: tuple[str, ...],
    energy: tuple[str, ...],
    every: bool,
    output: Path,
    baselines: Path,
) -> int:
    """Compare NEW (by default the latest run) with BASE; each a file, a folder or a name.

    Every metric gets a verdict: pass, improved, regressed, inconclusive (too few samples) or incomparable. A metric
    that regressed or is incomparable fails the gate. Time is shown and never fails. Needs neither torch nor data.
    """
    from snn_eval import regress
    from snn_eval.atomic import write_atomic
    from snn_eval.cli.nearest import check_names

    check_names("format", [form], _FORMATS)
    check_names("ending of --report", [path.suffix for path in reports], _ENDINGS)
    options = regress.Options(
        regress.parse_gates(fail_on), _share(tolerance), fail_inconclusive, conventions, energy, every
    )
    bases = regress.find(base, baselines, output, baseline_first=True)
    news = regress.find(new, baselines, output, baseline_first=False)
    pairs, unmatched = regress.pair(bases, news)
    comparisons = regress.compare(pairs, options)
    names = [" ".join(candidate.key) for candidate in unmatched]

    def written(kind: str) -> str:
        if kind in ("json", "junit"):
            return {"json": regress.json_report, "junit": regress.junit_report}[kind](comparisons, options, names)
        write = regress.text_report if kind == "text" else regress.markdown_report
        return write(comparisons, options, names, only_changed=only_changed)

    for path in reports:
        write_atomic(path, written(_ENDINGS[path.suffix]))
    click.echo(written(form), nl=False)
    return GATE_FAILED if regress.failures(comparisons) else DONE


def _share(text: str) -> float:
    try:
        share = float(text.strip().removesuffix("%")) / 100
    except ValueError:
        share = -1.0
    if not text.strip().endswith("%") or not 0 <= share < 1:
        raise click.UsageError(f"--tolerance {text}: expected a percentage of at least 0% and below 100%, as in 0.1%")
    return share

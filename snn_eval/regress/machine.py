"""A comparison for programs: JSON with every number, JUnit XML for what reads test results. No times, no paths."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any
from xml.etree import ElementTree as Xml

from snn_eval.record import Measurement
from snn_eval.regress.compare import Comparison, Options, Row, failures
from snn_eval.regress.side import Side
from snn_eval.regress.words import change, label, values

__all__ = ["json_report", "junit_report"]

REPORT_VERSION = 1
"""Version of the JSON layout."""


def json_report(comparisons: Sequence[Comparison], options: Options, unmatched: Sequence[str] = ()) -> str:
    """Everything a comparison found, in base units; equal comparisons give equal bytes."""
    content = {
        "report_version": REPORT_VERSION,
        "failed": failures(comparisons),
        "gates": {name: str(gate).partition(":")[2] for name, gate in options.gates.items()},
        "tolerance": options.tolerance,
        "without_baseline": list(unmatched),
        "comparisons": [_comparison(c) for c in comparisons],
    }
    return json.dumps(content, indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def _comparison(c: Comparison) -> Mapping[str, Any]:
    return {
        "suite": c.base.record.identity.suite,
        "model": c.base.record.identity.model,
        "base": _side(c.base),
        "new": None if c.new is None else _side(c.new),
        "barrier": c.barrier,
        "differing_conditions": list(c.conditions),
        "differing_settings": list(c.settings),
        "metrics": [_row(row) for row in c.rows],
    }


def _side(side: Side) -> Mapping[str, Any]:
    identity = side.record.identity
    return {
        "status": side.record.status,
        "baseline": side.accepted,
        "checkpoint_sha256": identity.checkpoint_sha256,
        "samples": identity.samples,
        "time_steps": identity.time_steps,
        "paired_by": None if side.outcomes is None else side.outcomes.unit,
    }


def _row(row: Row) -> Mapping[str, Any]:
    m, old, now = row.couple.either, row.couple.old, row.couple.now
    return {
        "metric": m.metric,
        "version": m.version,
        "convention": m.convention,
        "energy_model": m.energy_model,
        "unit": m.unit,
        "base": _value(old),
        "new": _value(now),
        "change": None if old is None or now is None else now.value - old.value,
        "interval": None if row.interval is None else [row.interval.low, row.interval.high],
        "interval_method": None if row.interval is None else row.interval.method,
        "p": row.finding.p,
        "detectable": row.finding.detectable,
        "verdict": row.verdict,
        "reason": row.finding.reason,
        "gated": row.gated,
        "failed": row.failed,
    }


def _value(m: Measurement | None) -> float | int | None:
    return None if m is None else m.value


def junit_report(comparisons: Sequence[Comparison], options: Options, unmatched: Sequence[str] = ()) -> str:
    """A test suite for each comparison, a case for each metric: failed, skipped (not gated, inconclusive) or passed."""
    root = Xml.Element("testsuites", name="snn-eval compare", failures=str(failures(comparisons)))
    for c in comparisons:
        identity = c.base.record.identity
        suite = Xml.SubElement(root, "testsuite", name=f"{identity.suite} {identity.model}")
        classname = f"{identity.suite}.{identity.model}"
        if not c.rows:
            case = Xml.SubElement(suite, "testcase", classname=classname, name="measured")
            Xml.SubElement(case, "failure", message=f"incomparable: {c.barrier}")
        for row in c.rows:
            _case(suite, classname, row)
    if unmatched:
        suite = Xml.SubElement(root, "testsuite", name="without a baseline")
        for name in unmatched:
            case = Xml.SubElement(suite, "testcase", classname="without a baseline", name=name)
            Xml.SubElement(case, "skipped", message="`snn-eval baseline save` makes one")
    for suite in root:
        kinds = [child.tag for case in suite for child in case]
        failed, skipped = (str(kinds.count(kind)) for kind in ("failure", "skipped"))
        suite.attrib |= {"tests": str(len(suite)), "failures": failed, "errors": "0", "skipped": skipped}
    Xml.indent(root, " ")
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + Xml.tostring(root, encoding="unicode") + "\n"


def _case(suite: Xml.Element, classname: str, row: Row) -> None:
    case = Xml.SubElement(suite, "testcase", classname=classname, name=label(row, full=True))
    old, now = values(row)
    by = change(row)
    message = f"{row.verdict}: {row.finding.reason}"
    if row.failed:
        Xml.SubElement(case, "failure", message=message).text = f"{old} → {now}" + (f" ({by})" if by else "")
    elif row.verdict in ("inconclusive", "incomparable", "regressed"):
        Xml.SubElement(case, "skipped", message=message if row.gated else f"not gated: {message}")

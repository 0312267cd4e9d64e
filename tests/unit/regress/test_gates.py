"""What ``--fail-on`` understands, and the one line it answers with otherwise."""

from __future__ import annotations

import pytest

from snn_eval.errors import GateError
from snn_eval.regress import Gate, parse_gate, parse_gates


@pytest.mark.parametrize(
    ("text", "gate", "again"),
    [
        ("accuracy:-0.5pp", Gate("accuracy", 0.005, "pp"), "accuracy:-0.5pp"),
        ("accuracy:-1%", Gate("accuracy", 0.01, "%"), "accuracy:-1%"),
        ("ac:+1%", Gate("ac", 0.01, "%"), "ac:+1%"),
        ("nasfr:+2%", Gate("nasfr", 0.02, "%"), "nasfr:+2%"),
        (" ac:+.5% ", Gate("ac", 0.005, "%"), "ac:+0.5%"),
        ("ac:0%", Gate("ac", 0.0, "%"), "ac:0%"),
        ("input_events:+1%", Gate("input_events", 0.01, "%"), "input_events:+1%"),
        ("silent_neurons:+1pp", Gate("silent_neurons", 0.01, "pp"), "silent_neurons:+1pp"),
    ],
)
def test_a_limit_is_read_and_written(text: str, gate: Gate, again: str) -> None:
    assert parse_gate(text) == gate
    assert str(gate) == again


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("accuracy", "expected METRIC:CHANGE as in accuracy:-0.5pp or ac:+1%"),
        ("accuracy:-0.5", "expected METRIC:CHANGE"),
        ("ac:+1 %", "expected METRIC:CHANGE"),
        ("acuracy:-1pp", "unknown metric 'acuracy'; nearest: accuracy"),
        ("zzz:+1%", "unknown metric 'zzz'; `snn-eval ls metrics` lists them all"),
        ("wall_time:+5%", "it is shown and never gates"),
        ("accuracy:+0.5pp", "less accuracy is worse, so the limit has the sign -: write accuracy:-0.5pp"),
        ("accuracy:0.5pp", "write accuracy:-0.5pp"),
        ("ac:-1%", "more ac is worse, so the limit has the sign +: write ac:+1%"),
        ("ac:+1pp", "pp is for shares, but ac is in op/sample; write ac:+1%"),
    ],
)
def test_anything_else_is_answered_with_what_was_expected(text: str, answer: str) -> None:
    with pytest.raises(GateError) as caught:
        parse_gate(text)
    assert answer in str(caught.value)
    assert "\n" not in str(caught.value)


def test_two_limits_for_one_metric_are_refused() -> None:
    assert list(parse_gates(("ac:+1%", "mac:+2%"))) == ["ac", "mac"]
    with pytest.raises(GateError, match="--fail-on ac is given twice"):
        parse_gates(("ac:+1%", "ac:+2%"))

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from helpers.traces import random_trace, tiny_trace, trace_of

from snn_eval.errors import CountError, NotFiniteError, RefusedError
from snn_eval.metrics import Derived, confusion, correct, measure
from snn_eval.metrics.accuracy import first_correct_step, has_groups, stable_step
from snn_eval.metrics.readout import decisions, predictions, prefix_predictions
from snn_eval.record import Measurement
from snn_eval.stats import wilson_interval
from snn_eval.trace import Output, OutputSummary, Trace


def _values(trace: Trace, *metrics: str) -> dict[str, Measurement]:
    found, refused = measure(trace, metrics)
    assert not refused
    return {m.scope: m for m in found}


def _trace(readout: Any, target: list[int], **changes: Any) -> Trace:
    array = np.asarray(readout, np.float32)
    return trace_of(
        time_steps=changes.pop("time_steps", len(array)),
        samples=array.shape[1],
        readout=array,
        target=target,
        **changes,
    )


def test_accuracy_is_right_samples_over_samples_with_wilson() -> None:
    found = _values(tiny_trace(), "accuracy")["network"]
    low, high = wilson_interval(2, 3).low, wilson_interval(2, 3).high
    assert (found.value, found.n, found.interval, found.interval_method) == (2 / 3, 3, (low, high), "wilson 95%")
    assert (found.unit, found.direction, found.kind) == ("1", "higher", "statistical")


def test_accuracy_by_class() -> None:
    found = _values(tiny_trace(), "accuracy_by_class")
    assert {s: m.value for s, m in found.items()} == {"class:0": 1.0, "class:1": 1.0, "class:2": 0.0}
    assert {m.metric for m in found.values()} == {"accuracy"}


def test_prediction_is_the_mean_not_the_last_step_and_ties_take_the_smallest_class() -> None:
    assert predictions(_trace([[[3, 0, 0]], [[0, 2, 0]]], [0])).tolist() == [0]
    assert predictions(_trace([[[0, 1, 1]], [[0, 1, 1]]], [1])).tolist() == [1]


def test_steps_beyond_the_valid_ones_do_not_count() -> None:
    trace = _trace([[[1, 0], [1, 0]], [[0, 9], [0, 9]]], [0, 0])
    assert predictions(trace).tolist() == [1, 1]
    short = replace(trace, samples=replace(trace.samples, valid_steps=np.array([1, 2])))
    assert predictions(short).tolist() == [0, 1]
    assert prefix_predictions(short).tolist() == [[0, 0], [0, 1]]


def test_recordings_decide_by_majority_of_their_clips() -> None:
    one_hot = np.eye(3)[[0, 0, 1, 2, 2]]
    trace = _trace(one_hot[None], [0, 0, 0, 1, 1])
    grouped = replace(trace, samples=replace(trace.samples, group_id=np.array([8, 8, 8, 4, 4])))
    assert (has_groups(trace), has_groups(grouped)) == (False, True)
    assert correct(trace).tolist() == [True, True, False, False, False]
    assert correct(grouped).tolist() == [False, True]  # recording 4, then recording 8
    found = _values(grouped, "accuracy")["network"]
    assert (found.value, found.n) == (1 / 2, 2)
    assert confusion(grouped).tolist() == [[1, 0, 0], [0, 0, 1], [0, 0, 0]]


def test_clips_of_one_recording_must_agree_on_the_target() -> None:
    trace = _trace(np.eye(2)[None], [0, 1])
    mixed = replace(trace, samples=replace(trace.samples, group_id=np.array([3, 3])))
    with pytest.raises(CountError, match="recording 3 have different targets"):
        correct(mixed)


def test_confusion_counts_target_by_prediction() -> None:
    assert confusion(tiny_trace()).tolist() == [[1, 0, 0], [0, 1, 0], [1, 0, 0]]


def test_prefix_accuracy_by_step() -> None:
    found = _values(tiny_trace(), "accuracy_prefix")
    assert {s: m.value for s, m in found.items()} == {"step:1": 1 / 3, "step:2": 2 / 3}


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"kind": "final"}, "only a final one"),
        ({"causal": "no", "not_causal_layer": "block.attention"}, r"is not causal \(layer block.attention\)"),
        ({"causal": "unknown"}, "could not be shown to be causal"),
        ({"encoding_depends_on_time_steps": True}, "does not depend on the number of steps"),
    ],
)
def test_prefixes_are_refused_with_the_reason(change: dict[str, Any], reason: str) -> None:
    trace = tiny_trace()
    trace = replace(trace, output=replace(trace.output, **change))
    found, refused = measure(trace, ["accuracy", "accuracy_prefix", "latency_stable", "latency_first_correct"])
    assert [m.metric for m in found] == ["accuracy"]
    assert set(refused) == {"accuracy_prefix", "latency_stable", "latency_first_correct"}
    with pytest.raises(RefusedError, match=reason):
        prefix_predictions(trace)


def test_one_step_has_no_prefixes() -> None:
    trace = _trace(np.eye(2)[[[0, 1]]], [0, 1])
    assert [m.metric for m in measure(trace, ["accuracy"])[0]] == ["accuracy"]
    with pytest.raises(RefusedError, match="needs more than one time step"):
        prefix_predictions(trace)


def test_final_readout_gives_accuracy() -> None:
    trace = tiny_trace()
    final = replace(trace, output=Output(trace.output.readout_TNK[-1:], "final"))  # type: ignore[index]
    assert _values(final, "accuracy")["network"].value == 2 / 3


def test_latencies() -> None:
    trace = _trace(np.eye(2)[[[0, 1, 1, 0], [0, 0, 1, 1], [0, 1, 0, 1]]], [0, 1, 1, 0])
    trace = replace(trace, output=replace(trace.output, readout_TNK=trace.output.readout_TNK))
    prefix = np.array([[0, 1, 1, 0], [0, 0, 1, 1], [0, 1, 0, 1]])
    assert first_correct_step(trace, prefix).tolist() == [1, 1, 1, 1]
    assert stable_step(prefix).tolist() == [1, 3, 3, 2]
    wrong = np.array([[1, 0, 0, 1]] * 3)
    assert first_correct_step(trace, wrong).tolist() == [0, 0, 0, 0]
    tiny = tiny_trace()
    found = {
        m.metric: (m.value, m.n) for m in measure(tiny, ["latency_first_correct", "latency_stable", "never_correct"])[0]
    }
    assert found == {
        "latency_first_correct": ((1 + 2) / 2, 2),
        "latency_stable": ((1 + 2 + 1) / 3, 3),
        "never_correct": (1 / 3, 3),
    }


def test_top5_counts_the_five_largest_with_the_same_rule_for_ties() -> None:
    readout = np.zeros((1, 3, 8))
    readout[0, 0] = [8, 7, 6, 5, 4, 3, 2, 1]
    readout[0, 1] = [8, 7, 6, 5, 4, 3, 2, 1]
    readout[0, 2] = 1.0
    assert _values(_trace(readout, [4, 5, 4]), "accuracy_top5")["network"].value == 2 / 3
    assert measure(tiny_trace(), ["accuracy_top5"]) == ([], {})


def _with_summary(trace: Trace) -> Trace:
    readout = trace.output.readout_TNK
    assert readout is not None
    mean = np.cumsum(readout.astype(np.float64), axis=0) / np.arange(1, len(readout) + 1)[:, None, None]
    p = np.exp(mean - mean.max(axis=2, keepdims=True))
    p /= p.sum(axis=2, keepdims=True)
    target = np.take_along_axis(p, trace.samples.target[None, :, None], axis=2)[..., 0]
    summary = OutputSummary(
        np.argsort(-p, axis=2, kind="stable")[..., :5], target.astype(np.float32),
        -(p * np.log(p)).sum(axis=2).astype(np.float32), p.max(axis=2).astype(np.float32),
    )  # fmt: skip
    return replace(trace, output=replace(trace.output, readout_TNK=None, summary=summary, classes=readout.shape[2]))


def test_a_summary_of_many_classes_gives_the_same_numbers() -> None:
    full = random_trace(3, samples=40, classes=12)
    names = ["accuracy", "accuracy_top5", "accuracy_prefix", "latency_stable", "accuracy_by_class"]
    assert measure(_with_summary(full), names) == measure(full, names)
    ours, theirs = decisions(full), decisions(_with_summary(full))
    assert (ours.classes == theirs.classes).all()
    assert ours.number_of_classes == theirs.number_of_classes == 12
    assert np.allclose(ours.entropy, theirs.entropy, atol=1e-6)
    assert np.allclose(ours.confidence, theirs.confidence, atol=1e-6)
    with pytest.raises(RefusedError, match=r"temperature 2\.0 needs the readout of every class"):
        decisions(_with_summary(full), 2.0)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_a_readout_that_is_no_number_fails(value: float) -> None:
    trace = tiny_trace()
    assert trace.output.readout_TNK is not None
    trace.output.readout_TNK[1, 2, 0] = value
    with pytest.raises(NotFiniteError, match=f"class 0 at step 2 of the trace's sample 2 is {value}"):
        measure(trace, ["accuracy"])


def test_no_readout_is_refused() -> None:
    trace = tiny_trace(output=Output(None, "per-step", "yes"))
    _, refused = measure(trace, ["accuracy"])
    assert refused == {"accuracy": "the trace holds no readout"}


def test_predictions_are_computed_once() -> None:
    derived = Derived(random_trace())
    assert derived.predictions is derived.predictions

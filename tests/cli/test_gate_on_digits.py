"""The shipped checkpoint against its committed baseline, and worsened on purpose: the gate must see it and say so."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from snn_eval.record import Measurement, read_record

Command = Callable[..., Any]
ROOT = Path(__file__).parents[2]
BASELINE = str(ROOT / "reports/baseline/digits-spiking-conv-net.json")
NAME = "digits-spiking-conv-net.pt"

pytestmark = pytest.mark.slow


@pytest.fixture
def measured(snn_eval: Command, monkeypatch: pytest.MonkeyPatch) -> Callable[..., dict[str, Measurement]]:
    """Measures the shipped checkpoint, changed by a function, on digits; gives its measurements."""
    from snn_eval.report.figures import Drawn

    monkeypatch.setattr("snn_eval.run.files.draw", lambda trace, record: Drawn())

    def measure(change: Callable[[dict[str, Any]], None]) -> dict[str, Measurement]:
        import torch

        content = torch.load(ROOT / "checkpoints" / NAME, weights_only=True)
        change(content)
        torch.save(content, NAME)
        answer = snn_eval("run", "--quiet", "--models", "digits", NAME)
        assert answer.code == 0, answer.err
        found = read_record(answer.last / "record.json").measurements
        return {m.metric: m for m in found if m.scope == "network" and m.convention in (None, "exact")}

    return measure


def test_the_checkpoint_as_it_is_passes(snn_eval: Command, measured: Callable[..., Any]) -> None:
    measured(lambda content: None)
    answer = snn_eval("compare", BASELINE, "latest")
    assert answer.code == 0, answer.out
    assert answer.out.splitlines()[-1].startswith("passed: none of ")


def test_noise_on_the_weights_fails_by_accuracy(snn_eval: Command, measured: Callable[..., Any]) -> None:
    import torch

    def noise(content: dict[str, Any]) -> None:
        drawn = torch.Generator().manual_seed(0)
        for name, weight in content["state_dict"].items():
            if name.endswith("weight") and weight.dim() > 1:
                weight += 0.4 * weight.std() * torch.randn(weight.shape, generator=drawn)

    assert measured(noise)["accuracy"].value < 0.9
    answer = snn_eval("compare", BASELINE, "latest", "--fail-on", "accuracy:-0.5pp")
    assert answer.code == 1
    assert answer.out.splitlines()[-1] == "FAILED: 1 of 1 gated metrics"
    told = answer.out.partition("what failed: digits spiking-conv-net\n")[2].splitlines()
    assert told[0].startswith("  regressed: drop ")
    assert " pp > 0.5 pp: " in told[0]
    assert " lost, " in told[0]
    assert told[1].split()[:3] == ["accuracy", "98.89", "%"]


def test_a_lower_threshold_keeps_accuracy_and_fails_by_spikes(snn_eval: Command, measured: Callable[..., Any]) -> None:
    def threshold(content: dict[str, Any]) -> None:
        content["config"]["neuron"]["v_threshold"] = 0.94

    found = measured(threshold)
    base = {m.metric: m.value for m in _accepted()}
    assert found["spike_count"].value >= 1.05 * base["spike_count"]
    assert abs(found["accuracy"].value - base["accuracy"]) <= 2 / 359
    limits = ("--fail-on", "accuracy:-0.5pp", "--fail-on", "spike_count:+1%", "--fail-on", "ac:+1%")
    answer = snn_eval("compare", BASELINE, "latest", *limits)
    assert answer.code == 1
    assert answer.out.splitlines()[-1] == "FAILED: 2 of 3 gated metrics"
    told = answer.out.partition("what failed: digits spiking-conv-net\n")[2].splitlines()
    assert told[0] == "  regressed: worse by more than 1 %"
    assert [line.split()[0] for line in told[1:3]] == ["spike_count", "ac"]
    whole = snn_eval("compare", BASELINE, "latest")
    assert whole.code == 1
    assert "spike_count" in whole.out.partition("what failed")[2]


def _accepted() -> list[Measurement]:
    from snn_eval.regress import read_baseline

    return [m for m in read_baseline(Path(BASELINE)).record.measurements if m.convention in (None, "exact")]

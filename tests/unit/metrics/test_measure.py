"""The registry and ``measure``: facts, names, refusals; everything without torch; large traces quickly."""

from __future__ import annotations

import pickle
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from helpers.traces import product_layer, random_trace, tiny_trace, trace_of

from snn_eval.energy import energy_model_names
from snn_eval.errors import CountError, InputError
from snn_eval.metrics import CONVENTIONS, METRICS, ExitRule, measure
from snn_eval.record import Measurement
from snn_eval.trace_file import write_trace


def test_every_metric_is_listed_with_its_facts() -> None:
    for name, metric in METRICS.items():
        assert metric.name == name
        assert metric.version >= 1
        assert metric.unit
        assert metric.summary


def test_every_metric_gives_a_value_or_a_reason() -> None:
    trace = tiny_trace(input_events_TN=np.ones((2, 3), np.int64))
    trace = replace(trace, facts=replace(trace.facts, peak_memory_bytes=1))
    for name in METRICS:
        found, refused = measure(trace, [name], exit_rule=ExitRule("confidence", 0.6))
        if name not in ("accuracy_top5", "spike_count_encoder", "nasfr_encoder"):  # three classes, no encoder
            assert found, name
        assert not refused


def test_keys_are_unique_and_values_finite() -> None:
    found, _ = measure(tiny_trace(), exit_rule=ExitRule("confidence", 0.6))
    keys = [m.key for m in found]
    assert len(set(keys)) == len(keys)
    assert all(np.isfinite(m.value) for m in found)
    assert all(isinstance(m, Measurement) for m in found)


def test_facts_of_the_metric_are_those_of_the_measurement() -> None:
    for m in measure(random_trace(), exit_rule=ExitRule("confidence", 0.6))[0]:
        metric = METRICS[m.metric]
        assert (m.version, m.unit, m.direction, m.kind) == (metric.version, metric.unit, metric.direction, metric.kind)


def test_conventions_and_models_can_be_chosen() -> None:
    found, _ = measure(
        tiny_trace(), ["ac", "energy_total"], conventions=["expanded"], energy_models=["horowitz-45nm-fp16"]
    )
    assert {(m.metric, m.convention, m.energy_model) for m in found} == {
        ("ac", "expanded", None),
        ("energy_total", "expanded", "horowitz-45nm-fp16"),
    }
    every = measure(tiny_trace(), ["syops", "energy_synaptic"])[0]
    assert {m.convention for m in every if m.metric == "syops"} == set(CONVENTIONS)
    assert {m.energy_model for m in every if m.metric == "energy_synaptic"} == set(energy_model_names())


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"metrics": ["nasf"]}, "unknown metric 'nasf'; did you mean nasfr"),
        ({"conventions": ["exakt"]}, "unknown convention 'exakt'; did you mean exact"),
        ({"energy_models": ["horowitz"]}, "unknown energy model 'horowitz'"),
    ],
)
def test_unknown_names_are_answered_with_near_ones(arguments: dict[str, list[str]], message: str) -> None:
    with pytest.raises(InputError, match=message):
        measure(tiny_trace(), **arguments)  # type: ignore[arg-type]


def test_another_version_of_a_convention_or_model_is_another_quantity(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "mine.toml").write_text(
        'name = "mine"\nversion = 3\nsource = "a test"\n[costs.ac]\npj = 1.0\nsource = "a test"\n'
    )
    monkeypatch.setitem(CONVENTIONS, "exact", replace(CONVENTIONS["exact"], version=2))  # type: ignore[arg-type]
    spikes = replace(tiny_trace(), synaptic=tiny_trace().synaptic[1:2])
    names = {"metrics": ["energy_synaptic"], "conventions": ["exact", "expanded"]}
    found, _ = measure(spikes, **names, energy_models=[str(tmp_path / "mine.toml")])
    assert [(m.convention, m.energy_model) for m in found] == [("exact@2", "mine@3"), ("expanded", "mine@3")]


def test_a_trace_without_samples_has_no_numbers() -> None:
    empty = random_trace(samples=0)
    with pytest.raises(CountError, match="no samples"):
        measure(empty)


def test_models_of_one_name_are_given_once(tmp_path: Path) -> None:
    table = 'name = "mine"\nversion = 1\nsource = "a test"\n[costs.{kind}]\npj = 1.0\nsource = "a test"\n'
    for kind in ("ac", "mac"):
        (tmp_path / f"{kind}.toml").write_text(table.format(kind=kind))
    ac, mac = (str(tmp_path / f"{kind}.toml") for kind in ("ac", "mac"))
    spikes = replace(tiny_trace(), synaptic=tiny_trace().synaptic[1:2])
    found, _ = measure(spikes, ["energy_synaptic"], conventions=["exact"], energy_models=[ac, ac])
    assert [m.value for m in found] == [pytest.approx(162 / 3 * 1e-12)]
    with pytest.raises(InputError, match="two energy tables have the name 'mine'"):
        measure(spikes, ["energy_synaptic"], energy_models=[ac, mac])


def test_a_convention_without_a_formula_does_not_hide_the_others() -> None:
    attention = product_layer("attn", np.ones((2, 2, 1, 2)), (1.0,), (1.0,))
    found, refused = measure(trace_of([attention], time_steps=1, samples=2), ["ac", "energy_total"])
    assert {m.convention for m in found if m.metric == "ac"} == set(CONVENTIONS) - {"orrc"}
    assert set(refused) == {"convention:orrc", "energy:lemaire-2022"}
    assert "attn" in refused["convention:orrc"]


def test_a_neuron_of_unknown_cost_refuses_what_needs_it() -> None:
    trace = tiny_trace()
    odd = replace(trace, neurons=(replace(trace.neurons[0], model="unknown"), *trace.neurons[1:]))
    found, refused = measure(odd)
    assert set(refused) == {"energy_total", "energy:lemaire-2022", "state_bytes"}
    assert all("neuron layer lif1 is unknown" in reason for reason in refused.values())
    assert {m.metric for m in found} >= {"energy_synaptic", "accuracy", "nasfr"}


def test_layers_are_measured_apart_and_add_up() -> None:
    found, _ = measure(random_trace(), ["ac", "mac", "mac_dense", "spike_count"], conventions=["exact"])
    for name in ("ac", "mac", "mac_dense"):
        mine = {m.scope: m.value for m in found if m.metric == name}
        assert sum(v for s, v in mine.items() if s != "network") == pytest.approx(mine["network"])


WITHOUT_TORCH = """
import pickle, sys
from pathlib import Path

class NoTorch:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in ("torch", "torchvision", "spikingjelly", "snntorch"):
            raise ImportError(f"{name} is blocked")

sys.meta_path.insert(0, NoTorch())
from snn_eval.metrics import CONVENTIONS, ExitRule, early_exit_curve, energy_rows, measure
from snn_eval.trace_file import read_trace
trace = read_trace(Path(sys.argv[1]))
found, refused = measure(trace, exit_rule=ExitRule("confidence", 0.6))
assert not refused, refused
assert {m.convention for m in found if m.metric == "syops"} == set(CONVENTIONS)
assert early_exit_curve(trace).points and energy_rows(trace, "lemaire-2022")
assert "torch" not in sys.modules
with open(sys.argv[2], "wb") as file:
    pickle.dump(found, file)
"""


def test_every_convention_and_energy_without_torch(tmp_path: Path) -> None:
    """The whole of ``measure`` from ``trace.h5`` where torch cannot be imported gives the same measurements."""
    trace = tiny_trace()
    write_trace(tmp_path / "trace.h5", trace)
    root = Path(__file__).resolve().parents[3]
    subprocess.run(
        [sys.executable, "-c", WITHOUT_TORCH, str(tmp_path / "trace.h5"), str(tmp_path / "found")],
        check=True,
        cwd=root,
        timeout=120,
    )
    there = pickle.loads((tmp_path / "found").read_bytes())
    assert there == measure(trace, exit_rule=ExitRule("confidence", 0.6))[0]
    totals = {(m.convention, m.energy_model) for m in there if m.metric == "energy_total" and m.scope == "network"}
    usable = [c for c in CONVENTIONS.values() if c.in_total]
    compute = [m for m in energy_model_names() if m != "lemaire-2022"]
    assert totals == {(c.name, m) for c in usable for m in compute} | {("lemaire-2022", "lemaire-2022")}


def test_all_names_are_importable() -> None:
    import snn_eval.energy
    import snn_eval.metrics

    for module in (snn_eval.energy, snn_eval.metrics):
        assert module.__all__ == sorted(module.__all__, key=lambda n: (not n.isupper(), not n[0].isupper(), n))
        assert all(hasattr(module, name) for name in module.__all__)

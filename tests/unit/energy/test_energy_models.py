"""Energy tables, and what one operation, one layer and one network cost under them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from helpers.traces import tiny_trace

from snn_eval.energy import Work, energy_model, energy_model_names, energy_pj, energy_pj_per_step
from snn_eval.errors import CountError, InputError, RefusedError
from snn_eval.metrics import energy_rows, measure, operations

HOROWITZ = {
    "horowitz-45nm-fp32": {"mac": 4.6, "ac": 0.9, "mul": 3.7, "add": 0.9},
    "horowitz-45nm-fp16": {"mac": 1.5, "ac": 0.4, "mul": 1.1, "add": 0.4},
    "horowitz-45nm-int8-acc32": {"mac": 0.3, "ac": 0.1, "mul": 3.1, "add": 0.1},
    "horowitz-45nm-int8-acc8": {"mac": 0.23, "ac": 0.03, "mul": 0.2, "add": 0.03},
}


def test_shipped_models() -> None:
    assert set(energy_model_names()) == {*HOROWITZ, "lemaire-2022"}


@pytest.mark.parametrize("name", HOROWITZ)
def test_costs_are_the_published_ones(name: str) -> None:
    model = energy_model(name)
    found = {kind: model.cost_pj(kind, "a test") for kind in ("mac", "ac", "mul", "add")}
    assert found == HOROWITZ[name]
    assert model.cost_pj("compare", "a test") == model.cost_pj("add", "a test")
    assert model.cost_pj("exponential", "a test") == pytest.approx(8 * (found["mul"] + found["add"]))
    assert all(cost.source for cost in model.costs.values())
    assert "Horowitz" in model.source


def test_mac_is_a_product_and_a_sum() -> None:
    assert energy_model("horowitz-45nm-fp32").costs["mac"].pj == pytest.approx(3.7 + 0.9)
    assert energy_model("horowitz-45nm-fp16").costs["mac"].pj == pytest.approx(1.1 + 0.4)
    assert energy_model("horowitz-45nm-int8-acc32").costs["mac"].pj == pytest.approx(0.2 + 0.1)
    assert energy_model("horowitz-45nm-int8-acc8").costs["mac"].pj == pytest.approx(0.2 + 0.03)


def test_energy_is_counts_times_costs() -> None:
    work = [
        Work("a", "synaptic", {"ac": np.array([[1, 2], [3, 4]]), "mac": np.array([[5, 0], [0, 0]])}),
        Work("b", "neuron", {"mul": np.array([[1, 1]]), "compare": np.array([[2, 2]])}),
    ]
    model = energy_model("horowitz-45nm-fp32")
    assert energy_pj(work, model, "synaptic") == pytest.approx((1 + 2 + 3 + 4) * 0.9 + 5 * 4.6)
    assert energy_pj(work, model) == pytest.approx((1 + 2 + 3 + 4) * 0.9 + 5 * 4.6 + 2 * 3.7 + 4 * 0.9)
    synaptic, total = energy_pj_per_step(work, model, 2)
    assert synaptic == pytest.approx(np.array([[0.9 + 5 * 4.6, 1.8], [0.9 + 5 * 4.6 + 2.7, 1.8 + 3.6]]))
    assert total - synaptic == pytest.approx(np.full((2, 2), 3.7 + 2 * 0.9))  # executed once, charged at the first step


def test_energy_of_the_tiny_trace() -> None:
    ac, mac = 162 + 35 + 18, 144 + 15
    neurons = {"mul": (8 + 4 + 3) * 2, "add": (8 + 4 + 3 + 2 + 3) * 2, "compare": (8 + 4 + 3 + 2) * 2}  # a sample
    other = {
        "mul": 2 * 4,  # bn2 is not fused; bn0 and bn1 are
        "add": 8 + 0 + 2 * 16 + 2 * 4 + 2 * 3,  # stem's bias, bn0 into it, bn1 as bias, bn2, fc's bias
        "compare": 2 * 12,
    }
    effective, dense = 3, 2 * 4 * 3  # residual additions of the set

    def total(name: str, synaptic: float, residual: int) -> float:
        cost = HOROWITZ[name] | {"compare": HOROWITZ[name]["add"]}
        each = sum((neurons[k] + other[k]) * cost[k] for k in neurons)
        return (synaptic + 3 * each + residual * cost["add"]) / 3 * 1e-12

    for name, cost in HOROWITZ.items():
        found = {
            (m.metric, m.convention): m.value
            for m in measure(tiny_trace(), ["energy_synaptic", "energy_total"], energy_models=[name])[0]
            if m.scope == "network"
        }
        synaptic = ac * cost["ac"] + mac * cost["mac"]
        assert found["energy_synaptic", "exact"] == pytest.approx(synaptic / 3 * 1e-12, rel=1e-12)
        assert found["energy_total", "exact"] == pytest.approx(total(name, synaptic, effective), rel=1e-12)
        nothing_skipped = (240 + 24) * 3 * cost["ac"] + (60 + 40) * 3 * cost["mac"]
        assert found["energy_total", "dense"] == pytest.approx(total(name, nothing_skipped, dense), rel=1e-12)
        assert ("energy_total", "syops-counter") not in found
        assert ("energy_synaptic", "syops-counter") in found


def test_rows_sum_to_the_total_and_name_components() -> None:
    rows = energy_rows(tiny_trace(), "horowitz-45nm-fp32")
    found = {
        m.scope: m.value
        for m in measure(tiny_trace(), ["energy_total"], conventions=["exact"], energy_models=["horowitz-45nm-fp32"])[0]
    }
    assert sum(r.energy_j for r in rows) == pytest.approx(found["network"])
    assert {r.component for r in rows} == {"synaptic", "neuron", "bias", "norm", "pool", "residual_add"}
    assert found["component:norm"] == pytest.approx(2 * 4 * (3.7 + 0.9) * 1e-12)
    assert found["component:residual_add"] == pytest.approx((0 + 1 + 1 + 1) / 3 * 0.9e-12)
    assert found["layer:lif2"] == pytest.approx(2 * 4 * (3.7 + 0.9 + 0.9) * 1e-12)
    with pytest.raises(RefusedError, match="not defined under convention 'orrc'; it is under exact"):
        energy_rows(tiny_trace(), "horowitz-45nm-fp32", "orrc")


TABLE = """
name = "mine"
version = 3
source = "a test"
[costs.ac]
pj = 1.0
source = "a test"
"""


def test_a_users_own_table(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(TABLE)
    model = energy_model(str(path))
    assert (model.name, model.version, model.kind) == ("mine", 3, "compute")
    work = [Work("conv", "synaptic", {"ac": np.array([[7]]), "mac": np.array([[0]])})]
    assert energy_pj(work, model) == 7.0  # no MAC occurs, so none needs a cost


def test_a_missing_cost_fails_and_names_who_needs_it(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(TABLE)
    message = r"energy model mine has no cost for mac, needed by stem; add \[costs.mac\]"
    with pytest.raises(CountError, match=message):
        energy_pj(operations(tiny_trace()), energy_model(str(path)))
    with pytest.raises(CountError, match=message):
        measure(tiny_trace(), ["energy_synaptic"], energy_models=[str(path)])


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("name = ", "is not TOML"),
        (TABLE.replace("pj = 1.0", "pj = -1.0"), "costs.ac.pj"),
        (TABLE.replace("pj = 1.0", "pj = inf"), "costs.ac.pj"),
        (TABLE + "extra = 1", "costs.ac.extra"),
        (TABLE.replace("costs.ac", "costs.sinh"), "unknown kinds of operation"),
        (TABLE.replace('source = "a test"\n[', "["), "source"),
        (TABLE.replace("version = 3", 'version = 3\nkind = "lemaire"'), "at least 2 for kind lemaire"),
    ],
)
def test_bad_tables_are_refused_in_one_line(tmp_path: Path, text: str, reason: str) -> None:
    path = tmp_path / "bad.toml"
    path.write_text(text)
    with pytest.raises(InputError, match=reason) as caught:
        energy_model(str(path))
    assert "\n" not in str(caught.value)
    assert "bad.toml" in str(caught.value)


def test_a_users_table_cannot_take_a_shipped_name(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(TABLE.replace('"mine"', '"horowitz-45nm-fp32"'))
    with pytest.raises(InputError, match="takes the name of the shipped model horowitz-45nm-fp32"):
        energy_model(str(path))


def test_unknown_models_are_answered_with_near_ones() -> None:
    with pytest.raises(InputError, match="did you mean horowitz-45nm-fp32"):
        energy_model("horowitz-45nm-fp23")
    with pytest.raises(InputError, match=r"nowhere.toml does not exist"):
        energy_model("/some/nowhere.toml")

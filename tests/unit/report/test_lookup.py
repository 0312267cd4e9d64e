"""Finding measurements: the headline's convention and model first, others by name, never a wrong one."""

from __future__ import annotations

from helpers.records import small_record

from snn_eval.record import Measurement, Record
from snn_eval.report.lookup import Results


def of(metric: str, value: float, convention: str | None = None, model: str | None = None, scope: str = "network"):
    return Measurement(
        metric=metric, value=value, unit="op/sample", convention=convention, energy_model=model, scope=scope
    )


def record(*measurements: Measurement) -> Record:
    return small_record(measurements=list(measurements))


FULL = record(
    of("accuracy", 0.5),
    of("ac", 1, "expanded"),
    of("ac", 2, "exact"),
    of("energy_total", 3, "expanded", "table-a"),
    of("energy_total", 4, "exact", "table-a"),
    of("energy_total", 5, "exact", "horowitz-45nm-fp32"),
    of("energy_total", 6, "lemaire-2022", "lemaire-2022"),
    of("energy_total", 7, "exact", "horowitz-45nm-fp32", "component:synaptic"),
    of("energy_total", 8, "exact", "table-a", "component:synaptic"),
    of("ac", 9, "exact", scope="layer:a:b/c"),
)


def test_the_headline_prefers_exact_and_horowitz_wherever_they_stand() -> None:
    results = Results(FULL)
    assert (results.convention, results.energy_model) == ("exact", "horowitz-45nm-fp32")
    assert [results.value(m) for m in ("accuracy", "ac", "energy_total", "absent")] == [0.5, 2, 5, None]


def test_without_them_the_first_ones_of_the_record() -> None:
    results = Results(record(of("ac", 1, "per-layer"), of("energy_total", 2, "per-layer", "table-b")))
    assert (results.convention, results.energy_model) == ("per-layer", "table-b")
    assert Results(record()).convention == ""


def test_a_named_convention_or_model_is_never_replaced_by_another() -> None:
    results = Results(FULL)
    found = results.get("energy_total", convention="expanded")
    assert found is None  # under the headline's model there is none
    found = results.get("energy_total", convention="expanded", energy_model="table-a")
    assert found is not None
    assert found.value == 3
    assert results.get("ac", convention="dense") is None
    assert results.get("energy_total", energy_model="other") is None
    assert Results(FULL, convention="expanded", energy_model="table-a").value("energy_total") == 3


def test_a_model_with_a_convention_of_its_own_is_found_by_its_name() -> None:
    found = Results(FULL).get("energy_total", energy_model="lemaire-2022")
    assert found is not None
    assert found.value == 6


def test_scopes_of_the_headline_only() -> None:
    results = Results(FULL)
    assert [(name, m.value) for name, m in results.scoped("energy_total", "component")] == [("synaptic", 7)]
    assert [(name, m.value) for name, m in results.scoped("ac", "layer")] == [("a:b/c", 9)]
    assert results.conventions() == ["expanded", "exact"]
    assert results.models() == ["table-a", "horowitz-45nm-fp32", "lemaire-2022"]

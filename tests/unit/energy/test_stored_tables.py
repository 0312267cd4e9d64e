"""A table of the user's own travels in the record, is known by its hash, and is refused if it was changed there."""

from __future__ import annotations

from pathlib import Path

import pytest
from helpers.records import small_record

from snn_eval.energy import energy_model, labelled_model, models_of, with_tables
from snn_eval.errors import InputError
from snn_eval.record import Record, from_json, to_json


def table(folder: Path, name: str = "chip", pj: str = "2.5", version: int = 1, file: str = "chip.toml") -> str:
    text = f'name = "{name}"\nversion = {version}\nsource = "s"\n[costs.ac]\npj = {pj}\nsource = "t"\n'
    (folder / file).write_text(text)
    return str(folder / file)


def under(*energy: str) -> Record:
    config = {"evaluate": {"energy": list(energy)}}
    record = small_record()
    return record.model_copy(update={"provenance": record.provenance.model_copy(update={"config": config})})


def test_the_content_is_kept_and_the_path_is_not(tmp_path: Path) -> None:
    path = table(tmp_path)
    own = energy_model(path)
    record = from_json(to_json(with_tables(under("horowitz-45nm-fp32", path))))
    Path(path).unlink()
    assert record.provenance.config["evaluate"]["energy"] == ["horowitz-45nm-fp32", "chip"]
    assert list(record.provenance.energy_tables) == ["chip"]
    assert models_of(record) == [energy_model("horowitz-45nm-fp32"), own]
    assert labelled_model(record, "chip@3") == own  # the label of a third version
    assert labelled_model(record, "other") is None
    assert str(tmp_path) not in to_json(record)


def test_the_hash_follows_every_cost_and_not_the_file(tmp_path: Path) -> None:
    paths = [table(tmp_path), table(tmp_path, file="copy.toml"), table(tmp_path, pj="2.6", file="other.toml")]
    hashes = [with_tables(under(path)).provenance.energy_tables["chip"].sha256 for path in paths]
    assert hashes[0] == hashes[1] != hashes[2]


def test_two_tables_of_one_name_are_refused(tmp_path: Path) -> None:
    paths = table(tmp_path), table(tmp_path, pj="2.6", file="other.toml")
    with pytest.raises(InputError, match="two energy tables have the name 'chip'"):
        with_tables(under(*paths))


def test_a_table_changed_in_the_record_is_refused(tmp_path: Path) -> None:
    record = with_tables(under(table(tmp_path)))
    costs = record.provenance.energy_tables["chip"].content["costs"]
    costs["ac"]["pj"] = 2.6
    with pytest.raises(InputError, match="does not have the hash"):
        models_of(record)
    costs["ac"]["pj"] = "much"
    with pytest.raises(InputError, match="cannot be used"):
        models_of(record)


@pytest.mark.parametrize("wrong", ["true", '"2.5"', "nan", "-1", "1e999"])
def test_costs_are_numbers(tmp_path: Path, wrong: str) -> None:
    with pytest.raises(InputError, match=r"costs\.ac\.pj"):
        energy_model(table(tmp_path, pj=wrong))

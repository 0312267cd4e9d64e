"""The energy models of a record: shipped ones by name, the user's own with their content, so that no file is needed."""

from __future__ import annotations

import hashlib
import json

from pydantic import ValidationError

from snn_eval.energy.model import EnergyModel, energy_model, energy_model_names
from snn_eval.errors import InputError
from snn_eval.record import EnergyTable, Record

__all__ = ["labelled_model", "models_of", "with_tables"]


def with_tables(record: Record) -> Record:
    """The record with every table its configuration names by path read into it, and named by the model's name.

    Raises:
        InputError: a model is unknown, a table cannot be used, or two different ones have the same name.
    """
    config = dict(record.provenance.config)
    evaluate = dict(config.get("evaluate", {}))
    if "energy" not in evaluate:
        return record
    models: dict[str, EnergyModel] = {}
    for name in evaluate["energy"]:
        model = _found(record, name)
        if models.setdefault(model.name, model) != model:
            raise InputError(f"two energy tables have the name {model.name!r}; give one of them another name")
    config["evaluate"] = evaluate | {"energy": list(models)}
    tables = {name: _table(model) for name, model in models.items() if name not in energy_model_names()}
    provenance = record.provenance.model_copy(update={"config": config, "energy_tables": tables})
    return record.model_copy(update={"provenance": provenance})


def models_of(record: Record) -> list[EnergyModel] | None:
    """The models the record is computed under; None where it does not say, which means all shipped ones.

    Raises:
        InputError: one that neither the record holds nor is shipped (or, in old records, a table that is not there).
    """
    names = record.provenance.config.get("evaluate", {}).get("energy")
    return None if names is None else [_found(record, name) for name in names]


def labelled_model(record: Record, label: str) -> EnergyModel | None:
    """The model a measurement is labelled with (``name``, or ``name@version``); None where its costs are not known."""
    name = label.partition("@")[0]
    if name not in record.provenance.energy_tables and name not in energy_model_names():
        return None
    return _found(record, name)


def _found(record: Record, name: str) -> EnergyModel:
    table = record.provenance.energy_tables.get(name)
    if table is None:
        return energy_model(name)
    try:
        model = EnergyModel.model_validate(table.content)
    except ValidationError as error:
        raise InputError(f"the energy table {name} in the record cannot be used: {error.errors()[0]['msg']}") from error
    if _table(model) != table:
        raise InputError(f"the energy table {name} in the record does not have the hash it was stored with")
    return model


def _table(model: EnergyModel) -> EnergyTable:
    content = model.model_dump(mode="json")
    text = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return EnergyTable(sha256=hashlib.sha256(text.encode()).hexdigest(), content=content)

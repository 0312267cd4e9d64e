"""What decides a training and a cell of an ablation, as hashes: equals are trained once, others kept apart."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import astuple, dataclass
from pathlib import Path
from typing import Any

from snn_eval.cell import Replicate
from snn_eval.models.digest import file_sha256
from snn_eval.models.user_sources import component_sha256
from snn_eval.models.values import name_and_values
from snn_eval.suite import CorrectSection, EvaluateSection, Suite, with_tables_beside

__all__ = ["Fingerprints", "cell_values", "training_suite", "training_values"]

_TELLS_ONLY: dict[str, Any] = {
    **dict.fromkeys(("ablation", "axes", "components", "ablate", "published"), True),
    "suite": {"description"},
    "model": {"checkpoint"},
    "data": {"images", "arrays", "factory"},  # where they lie; what they are is in the fingerprints
    "train": {"seeds"},
}
"""Parts of a suite that change no number of a cell."""


@dataclass(frozen=True, slots=True)
class Fingerprints:
    """Of the parts of a data set."""

    train: str
    validation: str
    test: str


def training_suite(suite: Suite) -> Suite:
    """The suite with only what its training needs: rows trained alike leave the same checkpoint, to the byte."""
    nothing: dict[str, Any] = {"ablation": [], "axes": {}, "components": {}, "published": []}
    nothing |= {"evaluate": EvaluateSection(), "correct": CorrectSection(), "ablate": type(suite.ablate)()}
    return suite.model_copy(update=nothing)


def training_values(suite: Suite, seed: int, data: Fingerprints, device: str) -> str:
    """Hash of all that decides a training."""
    return _hashed(
        {
            "suite": training_suite(suite).model_dump(mode="json", exclude=_TELLS_ONLY),
            "files": _own_files(suite),
            "training data": data.train,
            "validation data": data.validation,
            "seed": seed,
            "device": device.partition(":")[0],
        }
    )


def cell_values(suite: Suite, replicate: Replicate, data: Fingerprints, training: str, samples: int | None) -> str:
    """Hash of all that decides a cell's numbers, the version of the code apart."""
    evaluate = with_tables_beside(suite).evaluate
    resolved = suite.model_dump(mode="json", exclude=_TELLS_ONLY)
    resolved["evaluate"]["energy"] = [name for name in suite.evaluate.energy if not name.endswith(".toml")]
    return _hashed(
        {
            "suite": resolved,
            "target": suite.ablate.target,
            "replicate": replicate.model_dump(),
            "training": training,
            "data": astuple(data),
            "tables": [file_sha256(Path(name)) for name in evaluate.energy if Path(name).is_file()],
            "samples": samples,
        }
    )


def _own_files(suite: Suite) -> dict[str, str]:
    """Component of the user's named in ``[model]``, a network or neurons -> hash of its files."""
    found = {}
    for text in (suite.model.factory or "", *_texts(suite.model.config)):
        name = name_and_values(text)[0] if ":" in text else ""
        digest = component_sha256(name, suite.folder or Path()) if name else None
        if digest is not None:
            found[name] = digest
    return found


def _texts(values: Any) -> Iterator[str]:
    """Every text in nested tables and lists."""
    if isinstance(values, str):
        yield values
    elif isinstance(values, dict | list):
        for value in values.values() if isinstance(values, dict) else values:
            yield from _texts(value)


def _hashed(values: dict[str, Any]) -> str:
    text = json.dumps(values, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:16]

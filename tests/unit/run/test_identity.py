"""Counts are put together only where they were made by the same code, packages, machine and settings."""

from __future__ import annotations

import platform
from typing import Any

import pytest
import torch

from snn_eval import env
from snn_eval.record import Record
from snn_eval.run.identity import first_record, same_conditions
from snn_eval.run.plan import Request, plan


@pytest.fixture(scope="module")
def record(tmp_path_factory: pytest.TempPathFactory) -> Record:
    checkpoint = tmp_path_factory.mktemp("it") / "mine.pth"
    checkpoint.write_bytes(b"weights")
    (cell,) = plan(Request(models=(("digits", checkpoint),), seed=3, limit=20))
    return first_record(cell, torch.device("cpu"), ("snn-eval", "run", str(checkpoint)))


def test_the_record_says_what_and_how(record: Record) -> None:
    identity, provenance = record.identity, record.provenance
    assert (record.status, identity.suite, identity.model, identity.samples) == ("partial", "digits", "mine", 20)
    assert (provenance.device, provenance.seed, provenance.batch_size) == ("cpu", 3, 64)
    assert provenance.threads == torch.get_num_threads()
    assert provenance.host == platform.node()
    assert provenance.argv == ["snn-eval", "run", "mine.pth"]
    assert provenance.packages["snn-eval"] == env.code_version()
    assert provenance.packages["torch"] == env.package_versions(("torch",))["torch"]
    assert provenance.config["input"]["seed"] == 3


def changed(record: Record, part: str, **values: Any) -> Record:
    return record.model_copy(update={part: getattr(record, part).model_copy(update=values)})


def test_time_and_place_do_not_matter(record: Record) -> None:
    assert same_conditions(changed(record, "provenance", started="then", host="there", argv=[], commit="c"), record)


@pytest.mark.parametrize(
    ("part", "values"),
    [
        ("identity", {"cell": "other"}),
        ("identity", {"samples": 21}),
        ("provenance", {"packages": {}}),
        ("provenance", {"machine": "other"}),
        ("provenance", {"threads": 99}),
        ("provenance", {"device": "cuda:0"}),
        ("provenance", {"batch_size": 7}),
        ("provenance", {"seed": 4}),
    ],
    ids=str,
)
def test_anything_that_can_change_a_count_does(record: Record, part: str, values: dict[str, Any]) -> None:
    assert not same_conditions(changed(record, part, **values), record)

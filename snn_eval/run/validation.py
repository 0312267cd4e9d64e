"""The validation part of a cell with early exit: what temperature and threshold are chosen on, never the test part."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from snn_eval.data import ArrayDataset
from snn_eval.errors import DataError, SuiteError
from snn_eval.record import ExitChoice
from snn_eval.suite import Suite

__all__ = ["ValidationPart", "validation_part"]


@dataclass(frozen=True, slots=True)
class ValidationPart:
    """Data of the validation part; the first ``samples`` of them are measured."""

    data: ArrayDataset
    samples: int

    def choice(self, suite: Suite) -> ExitChoice | None:
        """What a record says of the exit before anything is chosen."""
        asked = suite.evaluate
        if asked.exit == "none":
            return None
        return ExitChoice(
            kind=asked.exit,
            tolerance=asked.exit_tolerance,
            samples=self.samples,
            data_fingerprint=self.data.fingerprint,
        )


def validation_part(suite: Suite, limit: int | None, load: Callable[[str], ArrayDataset]) -> ValidationPart | None:
    """The validation part of a suite that asks for early exit; None where it does not.

    Args:
        suite: the whole configuration.
        limit: at most that many samples.
        load: returns the part of that name of the suite's data.

    Raises:
        SuiteError: the suite names no validation part.
        DataError: the part has no samples.
    """
    if suite.evaluate.exit == "none":
        return None
    if suite.data.validation is None:
        raise SuiteError(
            f"{suite.name}: expected data.validation to choose an exit threshold on, found none; use --exit none"
        )
    data = load(suite.data.validation)
    if not len(data):
        raise DataError(f"{suite.name}: expected samples in part {data.split} to choose an exit on, found none")
    return ValidationPart(data, len(data) if limit is None else min(limit, len(data)))

"""What a metric is, as data, and what its function is given: trace, options, results shared between metrics."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal, TypeVar

import numpy as np
from numpy.typing import NDArray

from snn_eval.energy.model import EnergyModel
from snn_eval.energy.work import Work, other_work
from snn_eval.errors import RefusedError
from snn_eval.metrics.operations import CONVENTIONS, operations
from snn_eval.metrics.readout import predictions, prefix_predictions
from snn_eval.stats import Interval
from snn_eval.trace import Trace

__all__ = ["Derived", "Direction", "ExitRule", "Kind", "Metric", "MetricFunction", "RuleKind", "Value"]


T = TypeVar("T")

Direction = Literal["higher", "lower", "none"]
"""Which way is better."""

RuleKind = Literal["confidence", "entropy"]
"""What an exit rule looks at."""

Kind = Literal["exact", "statistical", "advisory"]
"""How a value may be compared: by equality, by its interval, or only shown."""


@dataclass(frozen=True, slots=True)
class ExitRule:
    """When to stop: after the first step whose confidence (or 1 − entropy / ln K) is at least the threshold."""

    kind: RuleKind
    threshold: float
    temperature: float = 1.0


@dataclass(frozen=True, slots=True)
class Value:
    """One number of a metric; the rest of its measurement are facts of the metric."""

    value: float | int
    scope: str = "network"
    convention: str | None = None
    energy_model: str | None = None
    n: int | None = None
    interval: Interval | None = None


@dataclass(frozen=True)
class Derived:
    """A trace, the options of ``measure``, and what several metrics need of it, computed once.

    ``refused`` collects conventions and energy models that are not defined for this trace, with the reason.
    """

    trace: Trace
    conventions: Sequence[str] = tuple(CONVENTIONS)
    energy_models: Sequence[EnergyModel] = ()
    exit_rule: ExitRule | None = None
    refused: dict[str, str] = field(default_factory=dict)
    _results: dict[str, Any] = field(default_factory=dict)

    @cached_property
    def predictions(self) -> NDArray[np.int64]:
        """Predicted class of each sample ``[N]``."""
        return predictions(self.trace)

    @cached_property
    def prefix_predictions(self) -> NDArray[np.int64]:
        """Predicted class after each step ``[T,N]``."""
        return prefix_predictions(self.trace)

    def operations(self, convention: str) -> list[Work]:
        """Synaptic operations under a convention."""
        return self.once(f"operations:{convention}", lambda: operations(self.trace, convention))

    def once(self, key: str, compute: Callable[[], T]) -> T:
        """What ``compute`` returns; computed the first time this key is asked for."""
        if key not in self._results:
            self._results[key] = compute()
        result: T = self._results[key]
        return result

    @cached_property
    def effective_other(self) -> list[Work]:
        """Neuron updates, bias and element-wise operations, zeros skipped."""
        return other_work(self.trace)

    @cached_property
    def dense_other(self) -> list[Work]:
        """The same with no zero skipped."""
        return other_work(self.trace, dense=True)

    def all_work(self, convention: str) -> list[Work]:
        """Synaptic and other work under the convention's zero-skipping rule."""
        other = self.dense_other if CONVENTIONS[convention].dense else self.effective_other
        return [*self.operations(convention), *other]

    def each_convention(self) -> Iterator[tuple[str, list[Work]]]:
        """Every convention asked for with its operations; those not defined for this trace go to ``refused``."""
        for name in self.conventions:
            try:
                yield name, self.operations(name)
            except RefusedError as error:
                self.refused[f"convention:{name}"] = str(error)


MetricFunction = Callable[[Derived], Iterator[Value]]
"""What a metric's function is: it yields one value for each scope, convention and energy model."""


@dataclass(frozen=True, slots=True)
class Metric:
    """Facts of a metric. A changed formula is a new version; versions are never compared."""

    name: str
    version: int
    unit: str
    direction: Direction
    kind: Kind
    summary: str
    function: MetricFunction

"""The plan of a pass as data: entries that count, and for each call in order what to do with it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from torch import Tensor, nn

from snn_eval.probe.entries import Entry, MeetingEntry, NeuronEntry, ProductEntry, WeightedEntry
from snn_eval.probe.entries.nonzero import NonzeroEntry
from snn_eval.probe.parts import Weighted
from snn_eval.probe.planning.product_views import AttentionView, PairView
from snn_eval.trace import ElementwiseOp, UnknownOp

__all__ = [
    "Plan",
    "PlannedCall",
    "PlannedInput",
    "PlannedMeeting",
    "PlannedPart",
    "PlannedSpikes",
    "PlannedSum",
    "PlannedWitness",
]


@dataclass(slots=True)
class PlannedPart:
    """What one part of one call does: which entry it fills at which step. ``entry`` None: nothing to count.

    ``views`` bring the two operands of a product into place, ``attention`` query, key and value; ``swap``: the weight
    is the first operand of the pair.
    """

    entry: WeightedEntry | ProductEntry | None
    step: slice = field(default_factory=lambda: slice(None))
    views: tuple[PairView, ...] = ()
    attention: tuple[AttentionView, ...] = ()
    swap: bool = False


@dataclass(frozen=True, slots=True)
class PlannedCall:
    """A call the function mode will see."""

    function: str
    parts: tuple[PlannedPart, ...]


@dataclass(slots=True)
class PlannedInput:
    """A call counted from around its module: the geometry it had (its input is the module's), and what it fills.

    ``parameter`` is the name of the weight among the module's own ``parameters``; ``steady``: nothing changes input or
    weight before the run ends, so that they may wait to be counted.
    """

    weighted: Weighted
    parameter: str
    parameters: Mapping[str, nn.Parameter | None]
    part: PlannedPart
    steady: bool = False

    @property
    def weight(self) -> Tensor:
        """The weight as it is now."""
        weight = self.parameters[self.parameter]
        return self.weighted.weight if weight is None else weight


@dataclass(slots=True)
class PlannedSpikes:
    """One call of a spiking layer.

    ``reader``: the layer's call expected to read these very spikes; ``steady``: nothing changes them later.
    """

    entry: NeuronEntry
    step: slice
    reader: PlannedPart | None = None
    steady: bool = False


@dataclass(frozen=True, slots=True)
class PlannedMeeting:
    """A sum or product of two activations."""

    entry: MeetingEntry
    step: slice


@dataclass(frozen=True, slots=True)
class PlannedWitness:
    """A module's input that is counted for a sum's sake."""

    entry: NonzeroEntry
    step: slice


@dataclass(frozen=True, slots=True)
class PlannedSum:
    """A sum ``whole`` = ``a`` + ``b`` whose meetings follow from what is counted of the three.

    ``calls`` must be steady: what they count is what was added.
    """

    meeting: PlannedMeeting
    a: NeuronEntry | WeightedEntry | NonzeroEntry
    b: NeuronEntry | WeightedEntry | NonzeroEntry
    whole: NeuronEntry | WeightedEntry | NonzeroEntry
    calls: tuple[PlannedInput | PlannedSpikes, ...]


@dataclass(slots=True)
class Plan:
    """Everything the pass needs.

    Attributes:
        calls, binary: what the function mode will see, in order: weighted calls and products of activations; sums and
            element-wise products of two tensors (None: not of activations).
        spikes, hooked: by module path, what is done around each of its calls.
        sums, witnesses: how all sums' meetings follow from other counts, if so; inputs counted for that, by module.
        spiking_with_calls: spiking layers inside which the mode must look.
        quiet: modules inside which the mode has nothing to see. unused: modules that were never called.
        order: names of weighted and product entries in order of execution.
        seen: every call of the observed run: kind, module, function.
    """

    time_steps: int
    weighted: list[WeightedEntry] = field(default_factory=list)
    products: list[ProductEntry] = field(default_factory=list)
    neurons: list[NeuronEntry] = field(default_factory=list)
    meetings: list[MeetingEntry] = field(default_factory=list)
    elementwise: list[ElementwiseOp] = field(default_factory=list)
    unknown: list[UnknownOp] = field(default_factory=list)
    graph: list[tuple[str, str]] = field(default_factory=list)
    calls: list[PlannedCall] = field(default_factory=list)
    binary: list[PlannedMeeting | None] = field(default_factory=list)
    spikes: dict[str, list[PlannedSpikes]] = field(default_factory=dict)
    hooked: dict[str, list[PlannedInput]] = field(default_factory=dict)
    sums: list[PlannedSum] = field(default_factory=list)
    witnesses: dict[str, list[PlannedWitness | None]] = field(default_factory=dict)
    spiking_with_calls: set[str] = field(default_factory=set)
    quiet: list[str] = field(default_factory=list)
    unused: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    order: list[str] = field(default_factory=list)
    seen: tuple[tuple[str, str, str], ...] = ()

    @property
    def synaptic(self) -> list[WeightedEntry | ProductEntry]:
        """Entries of synaptic layers."""
        return [*self.weighted, *self.products]

    @property
    def entries(self) -> list[Entry]:
        """All entries that count for the trace."""
        return [*self.weighted, *self.products, *self.neurons, *self.meetings]

    @property
    def needs_mode(self) -> bool:
        """Whether some call is not seen from around a module."""
        return bool(self.calls or (self.binary and not self.sums))

    @property
    def attributed(self) -> bool:
        """Whether every count belongs to a sample."""
        views = [*(n.view for n in self.neurons), *(m.view for m in self.meetings)]
        return all(not e.unattributed for e in self.synaptic) and all(view.layout is not None for view in views)

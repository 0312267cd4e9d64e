"""One recorded run: every planned call is handed to the entry it fills.

A layer module whose one call reads the module's own input is counted from around its forward; whatever else counts is
seen by a function mode. The mode is switched off inside modules where there is nothing for it to see, and left out
altogether where nothing else counts.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode

from snn_eval.errors import NetworkError
from snn_eval.models.network import Network
from snn_eval.probe.around import Around, Standing, stand_around
from snn_eval.probe.calls import COMPOSITES, RULES, expand_composite
from snn_eval.probe.elementwise import BINARY, operands_of_meeting
from snn_eval.probe.entries import ProductEntry, WeightedEntry
from snn_eval.probe.group import Captured, Group, count_alone
from snn_eval.probe.inventory import spikes_of
from snn_eval.probe.parts import Attention, NoRuleError, Pair, Part, Weighted
from snn_eval.probe.planning import Plan, PlannedInput, PlannedPart, PlannedSpikes
from snn_eval.probe.product import attention_values, count_masked_pairs, count_pairs
from snn_eval.probe.sums import Sums

__all__ = ["Interception", "different_calls"]

_LIMIT = 1 << 20
"""Elements captured before they are counted (4 MiB): more would no longer lie in a cache."""


def different_calls(where: str) -> NetworkError:
    """The error of a network whose calls are not the same for every batch."""
    return NetworkError(
        f"the network made other calls than in the first batch (at {where}); expected the same calls for every "
        "batch. Data-dependent control flow (early exit, skipping) cannot be measured as it is"
    )


def _never_called(path: str) -> Callable[[Any], None]:
    def refuse(_inputs: Any) -> None:
        raise different_calls(path)

    return refuse


class Interception(TorchFunctionMode):
    """Runs a planned network and counts on the way; one object for all chunks."""

    def __init__(self, network: Network, plan: Plan) -> None:
        super().__init__()
        self.network = network
        self.plan = plan
        self.layers = dict(network.spiking_layers())
        self.modules = dict(network.module.named_modules())
        self.samples = 0
        self._call = self._meeting = self._inside = 0
        self._done: dict[str, int] = {}
        self._captured: list[Captured] = []
        self._groups: dict[int, Group] = {}
        self._elements = 0
        self._sums = Sums(plan)
        self._standing: tuple[tuple[bool, bool], Standing] | None = None

    def run(self, x: Tensor, samples: int) -> Tensor:
        """Run the network on ``x``, of which the first ``samples`` samples count; entries must have begun a chunk.

        Raises:
            NetworkError: the calls differ from the plan.
        """
        plan = self.plan
        self._begin(samples)
        self._sums.begin(samples)
        with self._watching(), self if plan.needs_mode else contextlib.nullcontext():
            readout = self.network.run(x)
        self._settle()
        expected = {path: len(calls) for path, calls in plan.spikes.items()}
        expected |= {path: len(calls) for path, calls in plan.hooked.items()}
        expected |= {path: len(calls) for path, calls in plan.witnesses.items()} if plan.sums else {}
        if self._done != expected or (plan.needs_mode and not self._all_called()):
            raise different_calls("its end")
        self._sums.follow(lambda: self._look_at_sums(x))
        return readout

    def _begin(self, samples: int) -> None:
        self.samples = samples
        self._call = self._meeting = self._inside = 0
        self._done = dict.fromkeys((*self.plan.spikes, *self.plan.hooked), 0)
        self._captured, self._elements = [], 0

    def _all_called(self) -> bool:
        return self._call == len(self.plan.calls) and self._meeting == len(self.plan.binary)

    def sums_hold(self, x: Tensor, samples: int) -> bool:
        """Whether what was derived for the last chunk, ``x``, is what there is to count."""
        self._begin(samples)
        return self._sums.hold(lambda: self._look_at_sums(x))

    def _look_at_sums(self, x: Tensor) -> None:
        """Run the network with the mode on and count the sums' meetings, nothing else."""
        plan = self.plan
        for planned in plan.sums:
            planned.meeting.entry.begin(self.samples)
        self._call = self._meeting = 0
        with contextlib.ExitStack() as undo:
            for path in {*plan.spikes, *plan.hooked, *plan.quiet}:
                undo.callback(stand_around(self.modules[path], Around(hidden=True), True))
            undo.enter_context(self)
            self.network.run(x)
        if not self._all_called():
            raise different_calls("its end")

    # -- around modules ---------------------------------------------------------------------------------------

    def _watching(self) -> Standing:
        """Stand around the forward of every planned module; leave each as it was found."""
        plan = self.plan
        if self._standing is not None and self._standing[0] == (plan.needs_mode, bool(plan.sums)):
            return self._standing[1]
        planned = [(path, self._at_spikes(path)) for path in plan.spikes]
        planned += [(path, Around(before=self._at_input(path), hidden=plan.needs_mode)) for path in plan.hooked]
        planned += [(path, Around(before=_never_called(path))) for path in plan.unused]
        if plan.sums:
            planned += [(path, Around(before=self._at_witness(path))) for path in plan.witnesses]
        if plan.needs_mode:
            planned += [(path, Around(hidden=True)) for path in plan.quiet]
        standing = Standing(((self.modules[path], around) for path, around in planned), plan.needs_mode)
        self._standing = (plan.needs_mode, bool(plan.sums)), standing
        return standing

    def _at_spikes(self, path: str) -> Around:
        layer, calls = self.layers[path], self.plan.spikes[path]

        seen_inside = path in self.plan.spiking_with_calls

        def before(_inputs: Any) -> None:
            self._inside += 1

        def after(output: Any) -> None:
            self._inside -= seen_inside
            at = self._done[path]
            if at >= len(calls):
                raise different_calls(f"the neurons {path}")
            self._done[path] = at + 1
            self._capture(calls[at], output if isinstance(output, Tensor) else spikes_of(output, layer))

        hidden = self.plan.needs_mode and not seen_inside
        return Around(before=before if seen_inside else None, after=after, hidden=hidden)

    def _at_input(self, path: str) -> Callable[[Any], None]:
        calls = self.plan.hooked[path]

        def before(inputs: Any) -> None:
            at = self._done[path]
            if at >= len(calls) or not inputs:
                raise different_calls(path)
            self._done[path] = at + 1
            self._capture(calls[at], inputs[0])

        return before

    def _capture(self, call: PlannedInput | PlannedSpikes, x: Tensor) -> None:
        """Keep a tensor to be counted with others; one that something may change is counted now, after those."""
        if not call.steady or x.is_inference():
            self._settle()
            count_alone(call, x, self.samples, tried=False)
            return
        self._captured.append((call, x, x._version))
        self._elements += x.numel()
        if self._elements > _LIMIT:
            self._settle()

    def _settle(self) -> None:
        """Count what was captured.

        Raises:
            NetworkError: a tensor was changed in place, which it was not on the first batch.
        """
        captured, self._captured, self._elements = self._captured, [], 0
        if not captured:
            return
        for _, x, version in captured:
            if x._version != version:
                raise NetworkError(
                    "a layer's input or a neuron's output was changed in place after its use, which it was not on the "
                    "first batch. Data-dependent control flow cannot be measured as it is"
                )
        at = id(captured[0][0])
        group = self._groups.get(at)
        if group is None or not group.fits(captured, self.samples):
            group = self._groups[at] = Group(captured, self.samples)
        group.count(captured)

    def _at_witness(self, path: str) -> Callable[[Any], None]:
        calls = self.plan.witnesses[path]

        def before(inputs: Any) -> None:
            at = self._done.get(path, 0)
            self._done[path] = at + 1
            planned = calls[at] if at < len(calls) else None
            if planned is not None and inputs:
                planned.entry.add(inputs[0], self.samples, planned.step)

        return before

    # -- the function mode ------------------------------------------------------------------------------------

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        name = getattr(func, "__name__", "")
        if name in RULES:
            out = func(*args, **kwargs) if kwargs else func(*args)
            self._on_call(name, args, kwargs or {}, out)
            return out
        if name in BINARY:
            self._on_meeting(name, args)
        elif name in COMPOSITES:
            with self:
                return expand_composite(name, args, kwargs or {})
        return func(*args, **kwargs) if kwargs else func(*args)

    def _on_call(self, name: str, args: Any, kwargs: Any, out: Any) -> None:
        try:
            parts = RULES[name](args, kwargs, out)
        except NoRuleError:
            return
        if not parts:
            return
        calls = self.plan.calls
        if self._call >= len(calls) or calls[self._call].function != name:
            raise different_calls(name)
        planned = calls[self._call].parts
        self._call += 1
        if isinstance(parts[0], Attention):
            self._count_attention(parts[0], *planned)
            return
        for part, todo in zip(parts, planned, strict=True):
            self._count_part(part, todo)

    def _on_meeting(self, name: str, args: Any) -> None:
        """Count a sum or product of two activations; inside a spiking layer it is part of the update."""
        pair = None if self._inside else operands_of_meeting(name, args)
        if pair is None:
            return
        binary = self.plan.binary
        if self._meeting >= len(binary):
            raise different_calls(name)
        planned = binary[self._meeting]
        self._meeting += 1
        if planned is not None:
            planned.entry.add(*pair, self.samples, planned.step)

    # -- counting ---------------------------------------------------------------------------------------------

    def _count_part(self, part: Part, todo: PlannedPart) -> None:
        entry = todo.entry
        if isinstance(entry, WeightedEntry) and isinstance(part, Weighted):
            entry.add(part.x, part, self.samples, todo.step)
        elif isinstance(entry, WeightedEntry) and isinstance(part, Pair):
            turned = part.turned() if todo.swap else part
            entry.add(turned.a, turned, self.samples, todo.step)
        elif isinstance(entry, ProductEntry) and isinstance(part, Pair):
            a, b = (view(t) for view, t in zip(todo.views, part.inputs, strict=True))
            entry.add(count_pairs(a, b, entry.levels_a, entry.levels_b), todo.step)

    def _count_attention(self, part: Attention, scores: PlannedPart, values: PlannedPart) -> None:
        query, key, value = (view(t) for view, t in zip(scores.attention, part.inputs, strict=True))
        length, width = part.query.shape[-2], part.key.shape[-2]
        shape = (*part.query.shape[:-2], length, width)
        view = scores.attention[0]
        if part.allowed is None:
            allowed = torch.ones(1, 1, 1, length, width, dtype=torch.bool).expand(*query.shape[:3], length, width)
        else:
            allowed = view.scores(part.allowed, shape)
        if isinstance(scores.entry, ProductEntry):
            counts = count_masked_pairs(query, key, allowed, scores.entry.levels_a, scores.entry.levels_b)
            scores.entry.add(counts, scores.step)
        if isinstance(values.entry, ProductEntry):
            # Softmax weights are nonzero exactly where the mask lets a score through, and real.
            values.entry.levels_a.collapsed = True
            weights = view.scores(part.weights(), shape)
            values.entry.add(attention_values(allowed, weights, value, values.entry.levels_b), values.step)

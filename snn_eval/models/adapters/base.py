"""What every adapter shares: how time is run, which layer is the readout, and what cannot be measured."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.nn.parameter import is_lazy

from snn_eval.errors import NetworkError
from snn_eval.models.adapters.experiment import Observation, find_output_layer
from snn_eval.models.adapters.feeding import choose_feed, readout_of
from snn_eval.models.network import NeuronModel, SpikingLayer
from snn_eval.models.visible import refuse_invisible

__all__ = ["AdaptedNetwork", "Feed", "Framework", "NeuronFacts", "Readout", "Role", "unknown_neuron"]

Feed = Literal["sequence", "batch-first", "flat", "steps", "whole"]
"""``sequence``: one call with ``[T,N,…]``; ``batch-first``: one with ``[N,T,…]``; ``flat``: one with ``[N·T,…]``;
``steps``: T calls with ``[N,…]``; ``whole``: one call with the input as it is, the module runs time."""

Role = Literal["hidden", "output", "gate", "encoder"]

Readout = Literal["mean", "count", "last", "max"]
"""What of the steps' outputs decides: their mean or sum (all are kept), the last one, or each class's largest."""

_TIME_ATTRIBUTES = ("time_steps", "num_steps", "n_steps", "timesteps", "T")


@dataclass(frozen=True, slots=True)
class NeuronFacts:
    """What is known of a neuron module; ``unknown`` says why its update cannot be counted (empty: it can)."""

    neuron: NeuronModel
    unknown: str = ""


def unknown_neuron(reason: str, *, has_threshold: bool = True, output_index: int = 0) -> NeuronFacts:
    """Facts of a neuron whose spikes can be counted but whose update has no rule: its zeros stand for absence."""
    neuron = NeuronModel("unknown", "unknown", 0, 0, 0, 0, has_threshold=has_threshold, output_index=output_index)
    return NeuronFacts(neuron, reason)


@dataclass(frozen=True, slots=True)
class Framework:
    """What an adapter must know of a framework.

    Attributes:
        name: for messages.
        facts: neuron module -> its facts; None for a module that is no neuron.
        reset: sets every state of a network back to its start.
        multi_step: whether a network's neurons take ``[T,N,…]`` in one call.
        fixes_time_steps: path of a module that only works for one T, or None.
        prepare: changes made once before measuring, none of which may change a value.
        stepping: what is called once a step: the network itself, or something that hands its state on.
        feeds: of a framework whose neurons take all steps in an order of their own: the feeds to try, in that order.
        steps: steps in the output of one of those neurons, of its shape and the number of samples; 0: not of them.
        samples: told the number of samples before each call, for modules that hold it.
    """

    name: str
    facts: Callable[[nn.Module], NeuronFacts | None]
    reset: Callable[[nn.Module], None]
    multi_step: Callable[[nn.Module], bool]
    fixes_time_steps: Callable[[nn.Module], str | None] = field(default=lambda _: None)
    prepare: Callable[[nn.Module], None] = field(default=lambda _: None)
    stepping: Callable[[nn.Module], Callable[[Tensor], Any]] = field(default=lambda network: network)
    feeds: tuple[Feed, ...] = ()
    steps: Callable[[nn.Module, torch.Size, int], int] = field(default=lambda *_: 0)
    samples: Callable[[nn.Module, int], None] = field(default=lambda *_: None)


@dataclass(slots=True)
class AdaptedNetwork:
    """A network ready to be measured; see :func:`snn_eval.models.adapters.adapt`.

    How time is run and which layer is the readout are found by running the module on one sample: the first call of
    :meth:`run` or :meth:`observe` does it, before and apart from the pass itself. ``facts`` are those of every neuron,
    by module path.
    """

    module: nn.Module
    time_steps: int
    sample_axis: int
    framework: Framework
    feed: Feed | None = None
    output_index: int = 0
    readout: Readout = "mean"
    time_steps_attribute: str | None = None
    roles: Mapping[str, Role] = field(default_factory=dict)
    facts: dict[str, NeuronFacts] = field(default_factory=dict)
    _observation: Observation | None = None

    def __post_init__(self) -> None:
        if self.time_steps < 1:
            raise NetworkError(f"time_steps: expected 1 or more, got {self.time_steps}")
        if self.sample_axis not in (0, 1):
            raise NetworkError(
                f"sample_axis: expected 0 (static input) or 1 (time-first input), got {self.sample_axis}"
            )
        refuse_invisible(self.module)
        self.module.eval()
        self.framework.prepare(self.module)
        if not self.facts:
            named = ((name, self.framework.facts(part)) for name, part in self.module.named_modules())
            self.facts = {name: facts for name, facts in named if facts is not None}
        missing = sorted(set(self.roles) - set(self.facts))
        if missing:
            raise NetworkError(
                f"roles: no spiking layer named {missing[0]!r}; there are: {', '.join(self.facts) or 'none'}"
            )

    def run(self, x: Tensor) -> Tensor:
        """Reset all state, run T steps, return the readout ``[T,N,K]`` (``[1,N,K]`` where only a final one exists).

        Args:
            x: ``[N,…]`` (sample_axis 0) or ``[T,N,…]`` (sample_axis 1).

        Raises:
            NetworkError: the input or the readout has an unexpected shape.
        """
        if self._observation is None:
            self.observe(x)
        self._check_input(x)
        with _without_gradients(self.module):
            self.framework.reset(self.module)
            return self._forward(x)

    def forward(self, x: Tensor) -> Tensor:
        """As :meth:`run`, with gradients and in the mode the module is in: for training.

        Raises:
            NetworkError: the input or the readout has an unexpected shape, or nothing was run or observed yet.
        """
        if self._observation is None:
            raise NetworkError("how the network runs time is not known yet: give adapt(example=...) or run once")
        self._check_input(x)
        self.framework.reset(self.module)
        return self._forward(x)

    def observe(self, x: Tensor) -> None:
        """Find out, on one sample of ``x``, how time is run and which layer is the readout.

        State is reset after it, and random numbers are as if it had not been: the run that follows draws its own.
        """
        self._check_input(x)
        sample = x.narrow(self.sample_axis, 0, 1)
        layers = {name: self.module.get_submodule(name) for name in self.facts}
        cuda = [x.device] if x.is_cuda else []
        with _without_gradients(self.module), torch.random.fork_rng(devices=cuda):
            if self.feed is None:
                self.feed = choose_feed(self, layers, sample)
            output = find_output_layer(self, layers, sample)
            self.framework.reset(self.module)
        self._observation = Observation(sample=sample.clone(), output_layer=output)

    def spiking_layers(self) -> Mapping[str, SpikingLayer]:
        """Layers that emit spikes, by module path, in order of ``named_modules``.

        Raises:
            NetworkError: nothing was run yet, so which layer is the readout is not known.
        """
        if not self.facts:
            return {}
        if self._observation is None:
            raise NetworkError("the roles of the spiking layers are not known yet: give adapt(example=...) or run once")
        output = self._observation.output_layer
        return {
            name: SpikingLayer(
                self.module.get_submodule(name),
                facts.neuron,
                self.roles.get(name, "output" if name == output else "hidden"),
            )
            for name, facts in self.facts.items()
        }

    def unknown_neurons(self) -> Mapping[str, str]:
        """Neurons whose update has no rule, by module path: class name and reason. Their spikes still count."""
        return {
            name: f"{type(self.module.get_submodule(name)).__name__}: {facts.unknown}"
            for name, facts in self.facts.items()
            if facts.unknown
        }

    def with_time_steps(self, time_steps: int) -> AdaptedNetwork | None:
        """The same network (shared weights and state) run for another number of steps; None if that cannot be set."""
        if time_steps < 1:
            raise NetworkError(f"time_steps: expected 1 or more, got {time_steps}")
        if time_steps == self.time_steps:
            return self
        if self.facts and self._observation is None:
            raise NetworkError("how the network runs time is not known yet: give adapt(example=...) or run once")
        if self.framework.fixes_time_steps(self.module) is not None:
            return None
        if self.feed != "whole":
            return self._with(self.module, time_steps)
        candidates = [None] if self.sample_axis == 1 else []  # a loop over its input follows the input
        attribute = self.time_steps_attribute or _time_attribute(self.module, self.time_steps)
        for name in (*candidates, attribute):
            changed = self._with(_with_attribute(self.module, name, time_steps), time_steps)
            if changed._takes_its_steps():
                return changed
        return None

    def _with(self, module: nn.Module, time_steps: int) -> AdaptedNetwork:
        observation = self._observation
        if self.sample_axis == 1 and observation is not None:
            steps = torch.arange(time_steps, device=observation.sample.device) % self.time_steps
            observation = replace(observation, sample=observation.sample[steps])
        return replace(self, module=module, time_steps=time_steps, _observation=observation)

    def _takes_its_steps(self) -> bool:
        """Whether the neurons really take T steps: an attribute counts only if the number of steps follows it."""
        if self._observation is None:
            return False
        layers = {name: self.module.get_submodule(name) for name in self.facts}
        return choose_feed(self, layers, self._observation.sample) == "whole"

    def _check_input(self, x: Tensor) -> None:
        if x.dim() <= self.sample_axis:
            raise NetworkError(f"input: expected samples on axis {self.sample_axis}, got shape {tuple(x.shape)}")
        if x.shape[self.sample_axis] == 0:
            raise NetworkError(f"input: expected 1 sample or more, got shape {tuple(x.shape)}")
        if self.sample_axis == 1 and x.shape[0] != self.time_steps:
            raise NetworkError(f"input: expected {self.time_steps} time steps first, got shape {tuple(x.shape)}")

    def _forward(self, x: Tensor) -> Tensor:
        return readout_of(self, x)


@contextmanager
def _without_gradients(module: nn.Module) -> Iterator[None]:
    """No gradients, not even where the module itself enables them; its parameters are left as they were."""
    trained = [weight for weight in module.parameters() if weight.requires_grad and not is_lazy(weight)]
    for weight in trained:
        weight.requires_grad_(False)
    try:
        with torch.no_grad():
            yield
    finally:
        for weight in trained:
            weight.requires_grad_(True)


def _time_attribute(module: nn.Module, time_steps: int) -> str | None:
    found = [name for name in _TIME_ATTRIBUTES if vars(module).get(name) == time_steps]
    return found[0] if len(found) == 1 else None


def _with_attribute(module: nn.Module, name: str | None, value: int) -> nn.Module:
    """A copy that shares parameters, buffers and children, with one plain attribute changed; the module for no name."""
    if name is None or name not in vars(module):
        return module
    other = copy.copy(module)
    setattr(other, name, value)
    return other

"""One line on what was found out of a network made elsewhere: what spikes, how it is called, reset and read."""

from __future__ import annotations

from collections import Counter

from snn_eval.models.adapters.base import AdaptedNetwork

__all__ = ["found_out"]

_CALLS = {
    "steps": "called once a step",
    "sequence": "called once with all steps [T,N,…]",
    "batch-first": "called once with all steps [N,T,…]",
    "flat": "called once with all steps [N·T,…]",
    "whole": "called once, runs its steps by itself",
}

_RESETS = {
    "spikingjelly": "reset by spikingjelly's reset_net",
    "snntorch": "the states of snntorch's neurons emptied",
    "norse": "no state kept: it is returned and handed on, begun anew",
    "sinabs": "the states of sinabs' layers emptied",
    "plain": "reset by its neurons' own reset",
}


def found_out(network: AdaptedNetwork, readout_steps: int) -> str:
    """The line, of a network that was run.

    Args:
        network: adapted, and run at least once.
        readout_steps: steps of its readout, 1 for a final one.
    """
    layers = network.spiking_layers()
    kinds = Counter(type(layer.module).__name__ for layer in layers.values())
    spiking = ", ".join(f"{count} × {name}" for name, count in kinds.items())
    parts = [f"spiking layers {spiking}" if spiking else "no spiking layer"]
    once = network.feed == "whole" and (network.time_steps == 1 or not spiking)
    parts.append("called once" if once else _CALLS[network.feed or "whole"])
    if spiking:
        own = network.framework.name == "plain" and not any(hasattr(layer.module, "reset") for layer in layers.values())
        parts.append("no state kept" if own else f"{_RESETS[network.framework.name]} before each batch")
    spikes_of = next((name for name, layer in layers.items() if layer.role == "output"), None)
    what = "numbers"
    if spikes_of is not None:
        what = f"the {'spikes' if layers[spikes_of].neuron.has_threshold else 'membrane'} of {spikes_of}"
    answer = what
    if network.readout in ("last", "max"):
        answer += f", the {network.readout} of all steps"
    elif readout_steps > 1:
        answer += f" at each of {readout_steps} steps, their mean decides"
    return f"found out: {'; '.join([*parts, f'answer {answer}'])} (--feed, --readout and --output-index change it)"

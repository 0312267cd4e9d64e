"""What was measured beside an effect: where the energy goes, what fires, what was learned, what a correction did."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from snn_eval.cell import CellRecord
from snn_eval.report.ablation.claims_correction import early_before_and_after
from snn_eval.report.ablation.contrasts import EARLY_STEPS, early_accuracy
from snn_eval.report.ablation.equal_setting import Comparison, Setting, energy_of
from snn_eval.report.ablation.groups import CORRECTION, Group, paired
from snn_eval.report.ablation.learned_table import learned_means, numbers
from snn_eval.report.ablation.quantities import component_energies, measured
from snn_eval.report.ablation.words import energy_text
from snn_eval.units import percent

__all__ = ["about_correction", "about_early_steps", "about_energy", "about_learning"]

_LEAST = 0.005
"""Parts of the energy that change by less than this share of the total are not told."""

Pairs = Sequence[tuple[CellRecord, CellRecord]]


def about_energy(compared: Comparison) -> str:
    """The change of energy by its parts, which add up to it; firing rates, or at exits the cost of a first step."""
    if compared.base is compared.new:
        sides = (_mean_energy(compared.new, "all steps"), _mean_energy(compared.new, "exit"))
        return f"Energy a sample {energy_text(sides[0])} → {energy_text(sides[1])}"
    pairs = paired(compared.base, compared.new)
    known = compared.setting == "all steps" and all(component_energies(cell) for pair in pairs for cell in pair)
    before, after = (_parts([pair[side] for pair in pairs], compared.setting, known) for side in (0, 1))
    if not pairs or not before or not after:
        return ""
    total = sum(before.values())
    changes = {name: after.get(name, 0.0) - before.get(name, 0.0) for name in {**before, **after}}
    told = [f"{name} {_signed(change)}" for name, change in changes.items() if abs(change) > _LEAST * total]
    text = f"Energy a sample {energy_text(total)} → {energy_text(sum(after.values()))}"
    text += f": {', '.join(told)}" if told else ""
    if compared.setting == "exit":
        first = _means(pairs, _first_step)
        return text + (
            "" if first is None else f"; the first step alone {energy_text(first[0])} → {energy_text(first[1])}"
        )
    rates = _means(pairs, lambda cell: measured(cell, "nasfr"))
    return text + ("" if rates is None else f"; spikes a neuron and step {rates[0]:.4f} → {rates[1]:.4f}")


def _mean_energy(group: Group, setting: Setting) -> float | None:
    found = [energy for cell in group.done if (energy := energy_of(cell, setting)) is not None]
    return float(np.mean(found)) if found else None


def _parts(cells: Sequence[CellRecord], setting: Setting, known: bool) -> Mapping[str, float]:
    """Mean energy of each part of the total; only synapses and the rest where no more is known."""
    if known and cells:
        split = [component_energies(cell) for cell in cells]
        names = list(dict.fromkeys(name for parts in split for name in parts))
        return {name: float(np.mean([parts.get(name, 0.0) for parts in split])) for name in names}
    totals = [energy_of(cell, setting) for cell in cells]
    synaptic = [_synaptic(cell, setting) for cell in cells]
    whole, there = [v for v in totals if v is not None], [v for v in synaptic if v is not None]
    if not whole or len(whole) < len(cells) or len(there) < len(cells):
        return {}
    rest = "neurons, exit checks and others" if setting == "exit" else "neurons and others"
    return {"synaptic": float(np.mean(there)), rest: float(np.mean(whole) - np.mean(there))}


def _synaptic(cell: CellRecord, setting: Setting) -> float | None:
    if setting == "all steps":
        return measured(cell, "energy_synaptic")
    return None if cell.exit is None else cell.exit.chosen.energy_synaptic


def _first_step(cell: CellRecord) -> float | None:
    return next((point.energy_total for point in cell.truncated if point.time_steps == 1), None)


def about_early_steps(compared: Comparison) -> str:
    """Accuracy after the first step, before and after."""
    found = _means(paired(compared.base, compared.new), _after_first)
    return "" if found is None else f"Accuracy after one step {percent(found[0]):.2f} → {percent(found[1]):.2f} %"


def _after_first(cell: CellRecord) -> float | None:
    return next((point.accuracy for point in cell.truncated if point.time_steps == 1), None)


def about_learning(compared: Comparison) -> str:
    """Mean values of the parameters that the component adds."""
    new, base = learned_means(compared.new), learned_means(compared.base)
    told = [f"{name} {numbers(values)}" for name, values in new.items() if name not in base]
    return f"Learned: {'; '.join(told)}" if told else ""


def about_correction(compared: Comparison) -> str:
    """Early accuracy of the same network before and after its correction, beside that of the row without it."""
    found = [early_before_and_after(cell.correction) for cell in compared.new.done if cell.correction is not None]
    there = [pair for pair in found if pair is not None]
    if compared.component != CORRECTION or not there:
        return ""
    before, after = (float(np.mean([pair[side] for pair in there])) for side in (0, 1))
    others = [early_accuracy(cell) for cell in compared.base.done]
    right = [float(np.mean(shares)) for shares in others if shares is not None]
    beside = f"; without the component {percent(float(np.mean(right))):.2f} % (test)" if right else ""
    return (
        f"Mean accuracy over t ≤ {EARLY_STEPS} of the same network before its correction {percent(before):.2f} %, "
        f"after it {percent(after):.2f} % (validation){beside}"
    )


def _means(pairs: Pairs, read: Callable[[CellRecord], float | None]) -> tuple[float, float] | None:
    """Before and after, over the replicates of which both are known."""
    found = [(read(before), read(after)) for before, after in pairs]
    there = [(b, a) for b, a in found if b is not None and a is not None]
    return (float(np.mean([b for b, _ in there])), float(np.mean([a for _, a in there]))) if there else None


def _signed(change: float) -> str:
    return f"{'+' if change > 0 else '-'}{energy_text(abs(change))}"

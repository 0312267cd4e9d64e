"""What is told of every cell of an ablation, as data: one declared quantity for each column of its tables."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from snn_eval.cell import CellRecord, Correction, Training
from snn_eval.report.lookup import HEADLINE_CONVENTION, HEADLINE_ENERGY_MODEL
from snn_eval.units import (
    BYTE,
    COUNT,
    JOULE_PER_SAMPLE,
    OP_PER_SAMPLE,
    RATE,
    RATIO,
    SPIKE_PER_SAMPLE,
    STEP,
)

__all__ = ["ACCURACY", "QUANTITIES", "SECONDS", "Quantity", "component_energies", "measured"]

Read = Callable[[CellRecord], float | None]

SECONDS = "s"


@dataclass(frozen=True, slots=True)
class Quantity:
    """One number of a cell: key in the CSV file, title and unit of its column, and where it comes from."""

    key: str
    title: str
    unit: str
    read: Read


def measured(cell: CellRecord, metric: str) -> float | None:
    """A measurement of the whole network: convention ``exact`` and energy model ``horowitz-45nm-fp32`` where there are
    several, else the first one; None where there is none."""
    found = [m for m in cell.measurements if m.metric == metric and m.scope == "network"]
    first = sorted(
        found,
        key=lambda m: (
            m.convention not in (None, HEADLINE_CONVENTION),
            (m.energy_model or HEADLINE_ENERGY_MODEL).partition("@")[0] != HEADLINE_ENERGY_MODEL,
        ),
    )
    return float(first[0].value) if first else None


def component_energies(cell: CellRecord) -> dict[str, float]:
    """Total energy (J/sample) with all steps by its parts, ``synaptic``, ``neuron``, …, which add up to it; empty where
    the cell does not tell them."""
    parts = [
        m
        for m in cell.measurements
        if m.metric == "energy_total" and m.scope.startswith("component:") and m.convention == HEADLINE_CONVENTION
    ]
    models = sorted({str(m.energy_model) for m in parts}, key=lambda m: m.partition("@")[0] != HEADLINE_ENERGY_MODEL)
    return {m.scope.partition(":")[2]: float(m.value) for m in parts if m.energy_model == models[0]}


def _whole(metric: str) -> Read:
    return lambda cell: measured(cell, metric)


def _headline(metric: str, at_exit: str | None) -> Read:
    """Of all steps, or at the exit where that is what the row is about: a metric, else a field of the chosen point."""

    def read(cell: CellRecord) -> float | None:
        if not cell.uses_exit:
            return measured(cell, metric)
        found = measured(cell, f"exit_{metric}")
        if found is not None or cell.exit is None or at_exit is None:
            return found
        return float(getattr(cell.exit.chosen, at_exit))

    return read


def _mean_step(cell: CellRecord) -> float | None:
    if not cell.uses_exit:
        return float(cell.time_steps)
    found = measured(cell, "exit_mean_step")
    return found if found is not None or cell.exit is None else cell.exit.chosen.mean_step


def _hidden(cell: CellRecord) -> float | None:
    """At the exit only where all spikes are hidden: the cost up to it is not split by layer."""
    if not cell.uses_exit:
        return measured(cell, "spike_count_hidden")
    return None if measured(cell, "spike_count_output") else _spikes(cell)


def _output(cell: CellRecord) -> float | None:
    """0 where the readout is a current; not known at an exit if output neurons fire."""
    if measured(cell, "spike_count") is None:
        return None
    found = measured(cell, "spike_count_output") or 0.0
    return None if cell.uses_exit and found else found


_spikes = _headline("spike_count", "spikes")


def _training(field: str) -> Read:
    def read(cell: CellRecord) -> float | None:
        training: Training | None = cell.training
        found = None if training is None else getattr(training, field)
        return None if found is None else float(found)

    return read


def _correction(field: str) -> Read:
    def read(cell: CellRecord) -> float | None:
        correction: Correction | None = cell.correction
        return None if correction is None else float(getattr(correction, field))

    return read


def _evaluation_s(cell: CellRecord) -> float | None:
    """Seconds of one pass over all samples: median time of a bare forward pass, per sample, times samples."""
    found = measured(cell, "wall_time")
    return None if found is None else found * cell.samples


ACCURACY = Quantity("accuracy", "accuracy", RATIO, _headline("accuracy", "accuracy"))

QUANTITIES: tuple[Quantity, ...] = (
    ACCURACY,
    Quantity("accuracy_all_steps", "accuracy at T max", RATIO, _whole("accuracy")),
    Quantity("time_steps", "T max", STEP, lambda cell: float(cell.time_steps)),
    Quantity("mean_step", "mean T", STEP, _mean_step),
    Quantity("spikes", "spikes", SPIKE_PER_SAMPLE, _spikes),
    Quantity("spikes_hidden", "hidden", SPIKE_PER_SAMPLE, _hidden),
    Quantity("spikes_output", "output", SPIKE_PER_SAMPLE, _output),
    Quantity("ac", "AC", OP_PER_SAMPLE, _headline("ac", "ac")),
    Quantity("mac", "MAC", OP_PER_SAMPLE, _headline("mac", "mac")),
    Quantity("energy_total", "energy total", JOULE_PER_SAMPLE, _headline("energy_total", "energy_total")),
    Quantity("energy_synaptic", "energy synaptic", JOULE_PER_SAMPLE, _headline("energy_synaptic", "energy_synaptic")),
    Quantity("nasfr", "NASFR", RATE, _headline("nasfr", None)),
    Quantity("epochs", "epochs", COUNT, _training("epochs")),
    Quantity("epochs_to_99", "to 99 %", COUNT, _training("epochs_to_99")),
    Quantity("epochs_to_target", "to target", COUNT, _training("epochs_to_target")),
    Quantity("training_cpu_s", "training CPU", SECONDS, _training("cpu_s")),
    Quantity("correction_samples", "correction samples", COUNT, _correction("samples")),
    Quantity("correction_s", "correction", SECONDS, _correction("seconds")),
    Quantity("parameters", "parameters", COUNT, _whole("parameters")),
    Quantity("parameter_bytes", "bytes of parameters and buffers", BYTE, _whole("footprint")),
    Quantity("state_bytes", "bytes of state", BYTE, _whole("state_bytes")),
    Quantity("peak_memory", "peak memory", BYTE, _whole("peak_memory")),
    Quantity("evaluation_s", "evaluation", SECONDS, _evaluation_s),
)
"""Every column of ``table.csv`` beside the row's name, in this order; those with seconds and memory are advisory."""

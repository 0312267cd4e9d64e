"""Cells of ablations made up so that what their tables must say is known."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from snn_eval.cell import CellRecord, Correction, ExitPoint, ExitSummary, Replicate, Training, Truncated, packed
from snn_eval.record import Measurement

THRESHOLDS = (0.0, 0.5, 0.9, 0.99)


def outcomes(samples: int, wrong: int, shift: int = 0) -> NDArray[np.bool_]:
    """All right but ``wrong`` of them, from ``shift`` on."""
    right = np.ones(samples, bool)
    right[shift : shift + wrong] = False
    return right


def exit_point(threshold: float, right: NDArray[np.bool_], mean_step: float, energy: float, **more: Any) -> ExitPoint:
    return ExitPoint(
        threshold=threshold,
        accuracy=float(right.mean()),
        mean_step=mean_step,
        spikes=100 * mean_step,
        ac=1000 * mean_step,
        mac=500.0,
        energy_synaptic=0.6 * energy,
        energy_total=energy,
        **{"correct": packed(right), **more},
    )


def exit_summary(
    wrong: Sequence[int], steps: Sequence[float], energies: Sequence[float], samples: int, chosen: int, shift: int = 0
) -> ExitSummary:
    """A curve over THRESHOLDS; validation has the same accuracies, steps and energies."""
    test = [
        exit_point(q, outcomes(samples, w, shift), s, e)
        for q, w, s, e in zip(THRESHOLDS, wrong, steps, energies, strict=True)
    ]
    validation = [point.model_copy(update={"correct": None}) for point in test]
    return ExitSummary(
        kind="confidence",
        temperature=1.5,
        threshold=THRESHOLDS[chosen],
        tolerance=0.002,
        chosen=test[chosen],
        validation_chosen=validation[chosen],
        test=test,
        validation=validation,
    )


def measurement(metric: str, value: float, unit: str, **more: Any) -> Measurement:
    return Measurement(metric=metric, value=value, unit=unit, **more)


def make_cell(
    row: str = "B0",
    components: Sequence[str] = (),
    seed: int = 0,
    *,
    wrong: Sequence[int] = (40, 20, 12, 10),
    energy: float = 1e-7,
    exit_wrong: Sequence[int] = (40, 20, 12, 10),
    exit_steps: Sequence[float] = (1.0, 1.5, 2.0, 3.0),
    chosen: int = 2,
    uses_exit: bool = False,
    samples: int = 200,
    shift: int = 0,
    kind: str = "seed",
    **more: Any,
) -> CellRecord:
    """T = len(wrong) steps; ``wrong[t − 1]`` samples are wrong after t steps, ``exit_wrong`` at each threshold.

    Energy grows evenly with steps: ``energy`` for all T.
    """
    steps = len(wrong)
    per_step = energy / steps
    accuracy = 1 - wrong[-1] / samples
    model = {"convention": "exact", "energy_model": "horowitz-45nm-fp32"}
    exit = exit_summary(exit_wrong, exit_steps, [per_step * s for s in exit_steps], samples, chosen, shift)
    values = {
        "suite": "made-up",
        "suite_version": 1,
        "row": row,
        "components": list(components),
        "replicate": Replicate(kind=kind, value=seed),
        "status": "done",
        "time_steps": steps,
        "samples": samples,
        "uses_exit": uses_exit,
        "training": Training(
            epochs=8,
            best_epoch=8,
            validation_accuracy=[0.5, 0.9, 0.97, 0.98],
            epochs_to_99=3 + seed,
            target=0.98,
            epochs_to_target=4,
            wall_s=90.0,
            cpu_s=80.0 + seed,
        ),
        "measurements": [
            measurement("accuracy", accuracy, "1"),
            measurement("spike_count", 100.0 * steps, "spike/sample"),
            measurement("spike_count_hidden", 100.0 * steps, "spike/sample"),
            measurement("ac", 1000.0 * steps, "op/sample", convention="exact"),
            measurement("ac", 7.0, "op/sample", convention="per-layer"),
            measurement("mac", 500.0, "op/sample", convention="exact"),
            measurement("energy_total", 1.0, "J/sample", convention="exact", energy_model="horowitz-45nm-fp16"),
            measurement("energy_total", energy, "J/sample", **model),
            measurement("energy_synaptic", 0.6 * energy, "J/sample", **model),
            measurement("nasfr", 0.05, "spike/neuron/step"),
            measurement("exit_nasfr", 0.06, "spike/neuron/step"),
            measurement("parameters", 9000, "count"),
            measurement("footprint", 36000, "B"),
            measurement("state_bytes", 4096, "B"),
            measurement("peak_memory", 2.5e8, "B"),
            measurement("wall_time", 1e-4, "s/sample"),
        ],
        "truncated": [
            Truncated(
                time_steps=t,
                accuracy=1 - w / samples,
                spikes=100.0 * t,
                ac=1000.0 * t,
                mac=500.0,
                energy_synaptic=0.6 * per_step * t,
                energy_total=per_step * t,
                correct=packed(outcomes(samples, w, shift)),
            )
            for t, w in enumerate(wrong, 1)
        ],
        "exit": exit,
    }
    return CellRecord(**{**values, **more})


def correction(before: Sequence[float], after: Sequence[float]) -> Correction:
    return Correction(
        mode="prefix",
        readout=True,
        samples=1280,
        seconds=3.5,
        parameters=60,
        before=list(before),
        after=list(after),
        kept_layers=["a", "b"],
    )


def failed_cell(row: str, components: Sequence[str], seed: int, error: str) -> CellRecord:
    return CellRecord(
        suite="made-up",
        suite_version=1,
        row=row,
        components=list(components),
        replicate=Replicate(value=seed),
        status="failed",
        error=error,
        time_steps=4,
    )

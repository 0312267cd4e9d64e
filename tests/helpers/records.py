"""A small record with one measurement of every shape, for tests of reading, writing and reporting."""

from __future__ import annotations

from typing import Any

from snn_eval.record import Identity, Measurement, Provenance, Record, UnknownOperation

__all__ = ["small_record"]


def small_record(**changes: Any) -> Record:
    """A record of 360 digits, its numbers chosen by hand."""
    values: dict[str, Any] = {
        "status": "done",
        "identity": Identity(
            suite="digits",
            suite_version=1,
            model="conv-snn",
            checkpoint_name="digits.pt",
            checkpoint_sha256="ab" * 32,
            data_fingerprint="cd" * 32,
            samples=360,
            time_steps=8,
            cell="0123456789abcdef",
        ),
        "measurements": [
            Measurement(
                metric="accuracy", value=0.9888888888888889, unit="1", direction="higher", kind="statistical", n=360,
                interval=(0.9717, 0.9957), interval_method="Wilson 95 %",
            ),
            Measurement(metric="spikes_per_sample", value=812.25, unit="spike/sample", direction="lower", n=360),
            Measurement(metric="ac", convention="exact", value=20140, unit="op/sample", direction="lower", n=360),
            Measurement(
                metric="energy_total", convention="exact", energy_model="horowitz-45nm-fp32", value=3.25e-07,
                unit="J/sample", direction="lower", n=360,
            ),
            Measurement(metric="lsfr", scope="layer:conv1.lif/step:1", value=0.125, unit="spike/neuron/step"),
            Measurement(metric="wall_time", value=0.0021, unit="s/sample", direction="lower", kind="advisory"),
        ],
        "unknown": [UnknownOperation(name="aten::cumsum", calls=8, elements=640)],
        "refused": {"accuracy_prefix": "layer norm2 sees later steps; use --sweep-time-steps"},
        "notes": ["layer fc1: inputs are multiples of q = 0.25, folded into the weights"],
        "provenance": Provenance(
            started="2026-11-20T08:00:00Z", wall_s=1.5, argv=["run"], commit="0" * 40, dirty=False,
            packages={"torch": "2.15.0", "numpy": "2.4.6"}, threads=1, device="cpu", dtype="float32", batch_size=64,
            seed=0, config={"data": {"name": "digits"}, "input": {"time_steps": 8}},
        ),
    }  # fmt: skip
    return Record(**(values | changes))

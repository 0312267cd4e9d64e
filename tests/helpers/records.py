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


def layered_record(**changes: Any) -> Record:
    """Results of ``helpers.traces.tiny_trace`` by layer; numbers chosen so that sums can be done in the head."""

    def of(metric: str, value: float, unit: str, scope: str = "network", **facts: Any) -> Measurement:
        direction = "higher" if metric == "accuracy" else "lower"
        return Measurement(metric=metric, value=value, unit=unit, scope=scope, direction=direction, **facts)

    op, joule, rate = "op/sample", "J/sample", "spike/neuron/step"
    model = {"convention": "exact", "energy_model": "horowitz-45nm-fp32"}
    exact = {"convention": "exact"}
    found = [
        of("accuracy", 2 / 3, "1", n=3, interval=(0.2077, 0.9385), interval_method="wilson 95%"),
        of("accuracy_prefix", 1 / 3, "1", "step:1", n=3, interval=(0.0615, 0.7923), interval_method="wilson 95%"),
        of("accuracy_prefix", 2 / 3, "1", "step:2", n=3, interval=(0.2077, 0.9385), interval_method="wilson 95%"),
        of("spike_count", 6.0, "spike/sample"),
        of("spike_count_p95", 7, "spike/sample"),
        of("nasfr", 0.2, rate),
        of("ac", 60.0 + 12.0 + 6.0, op, **exact),
        of("mac", 48.0, op, **exact),
        of("syops", 60.0 + 12.0 + 6.0 + 48.0, op, **exact),
        of("ac", 130.0, op, convention="expanded"),
        of("mac_dense", 1260.0, op),
        of("energy_synaptic", 3e-10, joule, **model),
        of("energy_total", 4e-10, joule, **model),
        of("energy_total", 3e-10, joule, "component:synaptic", **model),
        of("energy_total", 1e-10, joule, "component:neuron", **model),
        of("energy_total", 1e-10, joule, "layer:lif1", **model),
        of("parameters", 61706, "count"),
        of("wall_time", 0.0021, "s/sample", kind="advisory"),
    ]
    for name, ac, mac in (("stem", 0.0, 48.0), ("conv", 60.0, 0.0), ("graded", 12.0, 0.0), ("fc", 6.0, 0.0)):
        found += [of("ac", ac, op, f"layer:{name}", **exact), of("mac", mac, op, f"layer:{name}", **exact)]
    for name, value in (("lif1", 0.1875), ("lif2", 0.25), ("out", 1 / 6), ("ia", 0.25)):
        found += [of("lasfr", value, rate, f"layer:{name}")]
        found += [of("lsfr", value * (t - 0.5), rate, f"layer:{name}/step:{t}") for t in (1, 2)]
    found += [of("silent_neurons", 5 / 8, "1", "layer:lif1"), of("spike_count", 3.0, "spike/sample", "layer:lif1")]
    identity = small_record().identity.model_copy(update={"samples": 3, "time_steps": 2, "model": "tiny"})
    return small_record(**({"measurements": found, "identity": identity} | changes))

"""Every metric, in one dictionary: its facts as data, its function beside them."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from snn_eval import units
from snn_eval.energy.lemaire import LEMAIRE_PARTS
from snn_eval.metrics import accuracy, cost, early_exit, firing, sparsity
from snn_eval.metrics.metric import Direction, Kind, Metric, MetricFunction

__all__ = ["METRICS"]

_Maker = Callable[[str, MetricFunction, str], Metric]


def _of(unit: str, direction: Direction = "lower", kind: Kind = "exact", version: int = 1) -> _Maker:
    """A maker of metrics that share unit, direction, kind and version."""

    def make(name: str, function: MetricFunction, summary: str) -> Metric:
        return Metric(name, version, unit, direction, kind, summary, function)

    return make


_share = _of(units.RATIO, "higher", "statistical")
_wrong = _of(units.RATIO, "lower", "statistical")
_steps = _of(units.STEP, "lower", "statistical")
_silent = _of(units.RATIO)
_sparse = _of(units.RATIO, "higher")
_spikes = _of(units.SPIKE_PER_SAMPLE)
_rate = _of(units.RATE)
_ops = _of(units.OP_PER_SAMPLE)
_joules = _of(units.JOULE_PER_SAMPLE)
_number = _of(units.COUNT)
_bytes = _of(units.BYTE)

_ALL: tuple[Metric, ...] = (
    _share("accuracy", accuracy.accuracy, "share of samples (recordings) classified correctly"),
    _share("accuracy_by_class", accuracy.accuracy_by_class, "accuracy among the samples of each class"),
    _share("accuracy_top5", accuracy.accuracy_top5, "share of samples whose class is among the five best"),
    _share("accuracy_prefix", accuracy.accuracy_prefix, "accuracy after the first t steps"),
    _steps("latency_first_correct", accuracy.latency_first_correct, "mean steps to the first correct prediction"),
    _steps("latency_stable", accuracy.latency_stable, "mean steps until the prediction no longer changes"),
    _wrong("never_correct", accuracy.never_correct, "share of samples right at no step"),
    #
    _spikes("spike_count", firing.spike_count(*firing.NETWORK_ROLES), "spikes of hidden and output layers; by layer"),
    _spikes("spike_count_hidden", firing.spike_count("hidden"), "spikes of hidden layers"),
    _spikes("spike_count_output", firing.spike_count("output"), "spikes of output layers"),
    _spikes("spike_count_gate", firing.spike_count("gate"), "spikes of gates"),
    _spikes("spike_count_encoder", firing.spike_count("encoder"), "spikes of encoders"),
    _spikes("spike_count_by_class", firing.spike_count_by_class, "spikes of a sample of each class"),
    _spikes("spike_count_median", firing.spike_quantile(0.5), "median over samples of the spike count"),
    _spikes("spike_count_p95", firing.spike_quantile(0.95), "95th percentile over samples"),
    _spikes("spike_count_p99", firing.spike_quantile(0.99), "99th percentile over samples"),
    _spikes("spike_count_max", firing.spike_quantile(1.0), "largest spike count of a sample"),
    _of(units.SPIKE_PER_SAMPLE, "none")("input_events", firing.input_events, "nonzero values of the event input"),
    _rate("lsfr", firing.lsfr, "firing rate of each layer at each step"),
    _rate("lasfr", firing.lasfr, "firing rate of each layer"),
    _rate("nsfr", firing.nsfr, "firing rate of the network at each step"),
    _rate("nasfr", firing.nasfr(*firing.NETWORK_ROLES), "firing rate of the network, neuron-weighted"),
    _rate("nasfr_gate", firing.nasfr("gate"), "firing rate of gates"),
    _rate("nasfr_encoder", firing.nasfr("encoder"), "firing rate of encoders"),
    _silent("silent_neurons", firing.silent_neurons, "share of neurons that never fire; by layer"),
    _silent("silent_channels", firing.silent_channels, "share of channels that never fire; by layer"),
    _number("silent_layers", firing.silent_layers, "layers that never fire"),
    _sparse("activation_sparsity", sparsity.activation_sparsity, "share of zero outputs of spiking layers"),
    _sparse("input_sparsity", sparsity.input_sparsity, "share of zero inputs of synaptic layers"),
    _sparse("connection_sparsity", sparsity.connection_sparsity, "share of zero weights"),
    #
    _ops("ac", cost.operation_count("ac"), "accumulates, by convention"),
    _ops("mac", cost.operation_count("mac"), "multiply-accumulates, by convention"),
    _ops("syops", cost.syops, "synaptic operations, AC + MAC, by convention"),
    _ops("ops_unit", cost.class_count("unit"), "operations driven by inputs ±q"),
    _ops("ops_integer", cost.class_count("integer"), "operations driven by integer multiples of q"),
    _ops("ops_real", cost.class_count("real"), "operations driven by real inputs"),
    _ops("mac_dense", cost.dense_count(), "operations with no zero skipped"),
    _ops("mac_dense_border", cost.dense_count(border=True), "the same, taps on padding counted"),
    _ops("ac_stem_once", cost.stem_count("ac", "once"), "accumulates, a static stem executed once"),
    _ops("mac_stem_once", cost.stem_count("mac", "once"), "multiply-accumulates, a static stem executed once"),
    _ops("ac_stem_every_step", cost.stem_count("ac", "every-step"), "accumulates, a static stem executed T times"),
    _ops("mac_stem_every_step", cost.stem_count("mac", "every-step"), "MAC, a static stem executed T times"),
    #
    _joules("energy_synaptic", cost.energy_synaptic, "energy of synaptic operations"),
    _joules("energy_total", cost.energy_total, "synaptic, neurons, bias, element-wise; by component and layer"),
    *(_joules(f"energy_{p}", cost.lemaire_part(p), f"{p.replace('_', ' ')} (lemaire-2022)") for p in LEMAIRE_PARTS),
    #
    _share("exit_accuracy", early_exit.exit_metric("accuracy"), "accuracy under the exit rule"),
    _of(units.STEP)("exit_mean_step", early_exit.exit_metric("mean_step"), "mean executed steps"),
    _spikes("exit_spike_count", early_exit.exit_metric("spike_count"), "spikes up to the exit"),
    _ops("exit_ac", early_exit.exit_metric("ac"), "accumulates up to the exit"),
    _ops("exit_mac", early_exit.exit_metric("mac"), "multiply-accumulates up to the exit"),
    _rate("exit_nasfr", early_exit.exit_metric("nasfr"), "spikes per executed step and neuron"),
    _rate("exit_nasfr_full", early_exit.exit_metric("nasfr_full"), "spikes up to the exit per step of T and neuron"),
    _joules("exit_energy_synaptic", early_exit.exit_metric("energy_synaptic"), "synaptic energy up to the exit"),
    _joules("exit_energy_total", early_exit.exit_metric("energy_total"), "total energy up to the exit, with checks"),
    #
    _number("parameters", sparsity.model_fact("parameter_count"), "number of parameters"),
    _number("parameters_nonzero", sparsity.model_fact("nonzero_parameters"), "parameters that are not zero"),
    _bytes("footprint", sparsity.model_fact("parameter_bytes", "buffer_bytes"), "bytes of parameters and buffers"),
    _bytes("state_bytes", sparsity.state_bytes, "bytes of neuron state of one sample"),
    _of(units.BYTE, "lower", "advisory")("peak_memory", sparsity.peak_memory, "largest memory of the process"),
    _of(units.SECOND_PER_SAMPLE, "lower", "advisory")("wall_time", sparsity.wall_time, "median bare forward pass"),
)

METRICS: Mapping[str, Metric] = {m.name: m for m in _ALL}
"""Every metric by name."""

"""The orrc convention against the numbers its authors' evaluation script printed for CIFAR10."""

from __future__ import annotations

import numpy as np
import pytest
from helpers.traces import synaptic_layer, trace_of

from snn_eval.energy import energy_model, energy_pj
from snn_eval.energy.work import totals
from snn_eval.metrics.operations import operations
from snn_eval.trace import ElementwiseOp, SynapticLayer, Trace

T, CLASSES = 16, 10
CONVS = (  # channels in, channels out, kernel, size of the output
    (3, 64, 3, 32), *[(64, 64, 3, 32)] * 4,
    (64, 128, 3, 16), (128, 128, 3, 16), (64, 128, 1, 16), *[(128, 128, 3, 16)] * 2,
    (128, 256, 3, 8), (256, 256, 3, 8), (128, 256, 1, 8), *[(256, 256, 3, 8)] * 2,
    (256, 512, 3, 4), (512, 512, 3, 4), (256, 512, 1, 4), *[(512, 512, 3, 4)] * 2,
)  # fmt: skip
RATES = (
    784, 446, 630, 728, 929, 493, 567, 764, 668, 788, 489, 623, 406, 490, 500, 454, 607, 207, 572, 431,
)  # spikes in 10,000 neuron-steps of each layer  # fmt: skip
OR_RATES = {8: 824, 13: 627, 18: 612}


def _conv(i: int) -> SynapticLayer:
    c_in, c_out, k, size = CONVS[i]
    rate = OR_RATES.get(i, RATES[i - 1])
    return synaptic_layer(
        f"conv{i}",
        [[[rate if i else 10_000]] * T] if i else np.full((1, T, 1), 10_000),
        1,
        levels=(1.0,) if i else (),
        kind="conv",
        source="hidden" if i else "real",
        inputs_per_step=10_000,
        dense_ops=c_in * k * k * c_out * size * size,
        output_shape=(c_out, size, size),
    )


def _trace() -> Trace:
    fc = synaptic_layer(
        "fc",
        np.ones((1, T, 1)),
        1,
        kind="linear",
        inputs_per_step=512,
        dense_ops=512 * CLASSES,
        output_shape=(CLASSES,),
    )
    norms = [
        ElementwiseOp(f"bn{i}", "norm", T, mul=c * s * s, add=c * s * s, fused_into=f"conv{i}")
        for i, (_, c, _, s) in enumerate(CONVS)
    ]
    return trace_of([_conv(i) for i in range(20)] + [fc], time_steps=T, samples=1, elementwise=norms)


def test_operations_of_the_published_script() -> None:
    found = totals(operations(_trace(), "orrc"))
    assert found["ac"] == pytest.approx(544.5429362688e6, rel=1e-12)
    assert found["mac"] == 37_093_376 + 512 * CLASSES * T  # printed, and the classifier it adds to the energy only


def test_energy_of_the_published_script() -> None:
    """Ours but for the additions of the classifier, which the script counts as 512·512·T."""
    energy = energy_pj(operations(_trace(), "orrc"), energy_model("horowitz-45nm-fp32"))
    released_pj = 0.66479614984192e9
    assert energy == pytest.approx(released_pj - 0.9 * (512 * 512 - 512 * CLASSES) * T, rel=1e-12)

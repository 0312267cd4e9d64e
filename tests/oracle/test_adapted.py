"""The same networks through the package's adapters: same readout, same exact counts."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from all_cases import ALL
from case import Case, chunks_of, expected_of
from compare import compare

from snn_eval.models.adapters import AdaptedNetwork, adapt


def adapted(case: Case) -> AdaptedNetwork:
    """The case's module as the package would measure it."""
    return adapt(
        case.network().module,
        case.time_steps,
        sample_axis=case.sample_axis,
        feed="whole",
        time_steps_attribute="time_steps",
    )


CASES = [case for case in ALL if case.name.startswith(("spikingjelly", "snntorch"))]
each_case = pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)


@each_case
def test_readout_is_that_of_the_plain_wrapper(case: Case) -> None:
    with torch.no_grad():
        want = case.network().run(case.data())
        network = adapted(case)
        assert torch.equal(network.run(case.data()), want)
        assert torch.equal(network.run(case.data()), want), "state was left over"
    assert list(network.spiking_layers()) == list(case.network().spiking_layers())


@each_case
def test_adapted_network_is_exact(case: Case) -> None:
    from snn_eval.probe import ProbeOptions, record_trace

    options = ProbeOptions(batch_size=case.batch_size, timed_chunks=0, **case.options)
    want = expected_of(case)
    if case.name == "snntorch_RLeaky_reset_zero":
        # snntorch writes f(x) − reset·f(x) and runs f twice; the adapter runs it once
        assert want.layers[1] == want.layers.pop(2)
        case = replace(case, layers=3)
    compare(case, record_trace(adapted(case), chunks_of(case, case.data()), options), want)

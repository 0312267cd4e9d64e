"""All cases in one list, and one of them by its name."""

from __future__ import annotations

import cases_attention
import cases_calls
import cases_hard
import cases_layers
import cases_mha
import cases_networks
import cases_odd
import cases_recurrent
import cases_shared
import cases_snntorch
import cases_spikingjelly
import cases_time
import cases_weights
from case import Case

__all__ = ["ALL", "by_name"]

MODULES = (
    cases_layers,
    cases_calls,
    cases_odd,
    cases_weights,
    cases_attention,
    cases_mha,
    cases_recurrent,
    cases_time,
    cases_networks,
    cases_snntorch,
    cases_spikingjelly,
    cases_hard,
    cases_shared,
)
ALL: list[Case] = [case for module in MODULES for case in module.CASES]


def by_name(name: str) -> Case:
    """The case of that name."""
    return next(case for case in ALL if case.name == name)

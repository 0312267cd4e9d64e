"""The shim lets syops be imported and leaves the interpreter as it found it."""

from __future__ import annotations

import subprocess
import sys
from importlib.util import find_spec
from types import ModuleType

import pytest

pytestmark = pytest.mark.skipif(
    find_spec("syops") is None or find_spec("spikingjelly") is None,
    reason="syops and spikingjelly are not both installed: pip install syops spikingjelly",
)


def test_sys_modules_is_the_same_before_and_after() -> None:
    from snn_eval.peers.syops_peer import load, shimmed

    with shimmed():
        pass  # spikingjelly's own modules are imported here, and stay
    load.cache_clear()
    before = dict(sys.modules)
    assert callable(load().get_model_complexity_info)
    assert sys.modules == before


def test_entries_of_others_come_back_even_after_an_exception(monkeypatch: pytest.MonkeyPatch) -> None:
    from snn_eval.peers.syops_peer import shimmed

    theirs = ModuleType("progress")
    monkeypatch.setitem(sys.modules, "progress", theirs)

    def fail_under_the_shim() -> None:
        with shimmed():
            assert sys.modules["progress"] is not theirs
            raise KeyError

    with pytest.raises(KeyError):
        fail_under_the_shim()
    assert sys.modules["progress"] is theirs
    assert "spikingjelly.clock_driven" not in sys.modules


def test_neurons_spikingjelly_still_has_are_the_real_ones() -> None:
    from spikingjelly.activation_based.neuron import IFNode

    from snn_eval.peers.syops_peer import shimmed

    with shimmed():
        stand_in = sys.modules["spikingjelly.clock_driven.neuron"]
        assert stand_in.IFNode is IFNode
        assert stand_in.MultiStepIFNode.__subclasses__() == []


def test_importing_the_adapter_imports_no_peer() -> None:
    code = "import sys, snn_eval.peers; print(sorted({'neurobench', 'syops', 'spikingjelly'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"

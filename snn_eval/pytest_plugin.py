"""pytest plugin: a library's own tests assert that no metric of a model regressed against a committed baseline.

``pytest --snn-baseline tests/baselines`` compares; with ``--snn-baseline-update`` the results are accepted instead::

    def test_no_metric_regresses(snn_baseline):
        trace = record_trace(adapt(my_network(), time_steps=8), chunks, ProbeOptions(batch_size=64, input_kind="real"))
        snn_baseline("my-network", trace, "accuracy:-0.5pp", "ac:+1%")

Nothing heavier than pytest is imported before a test asks for the fixture.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from snn_eval.regress import Side
    from snn_eval.trace import Trace

__all__ = ["BaselineCheck", "pytest_addoption", "snn_baseline"]


def pytest_addoption(parser: pytest.Parser) -> None:
    """Options of the plugin."""
    group = parser.getgroup("snn-eval", "regression gate for spiking networks")
    group.addoption("--snn-baseline", type=Path, metavar="DIR", help="Compare results with the baselines in DIR.")
    group.addoption("--snn-baseline-update", action="store_true", help="Accept results as baselines in DIR instead.")


@pytest.fixture
def snn_baseline(request: pytest.FixtureRequest) -> BaselineCheck:
    """Compares a result with its baseline; the test is skipped where pytest was not given ``--snn-baseline DIR``."""
    folder: Path | None = request.config.getoption("--snn-baseline")
    if folder is None:
        pytest.skip("needs --snn-baseline DIR, the folder of the baselines")
    return BaselineCheck(folder, update=request.config.getoption("--snn-baseline-update"))


class BaselineCheck:
    """What the fixture gives: called with a result it fails the test where a metric regressed."""

    def __init__(self, folder: Path, *, update: bool = False) -> None:
        self._folder, self._update = folder, update

    def __call__(
        self,
        name: str,
        result: Trace | Path | str,
        *fail_on: str,
        tolerance: float = 0.001,
        fail_inconclusive: bool = False,
    ) -> None:
        """Compare ``result`` with the baseline ``<name>.json``, or with ``--snn-baseline-update`` accept it.

        Args:
            name: of the baseline, and of the model where ``result`` is a trace.
            result: a trace, or a run folder.
            fail_on: limits as in ``snn-eval compare --fail-on``; without any, everything gates.
            tolerance: relative change of a count accepted where machine, torch, threads, dtype or batch size differ.
            fail_inconclusive: whether too few samples fail the test, too.
        """
        __tracebackhide__ = True
        from snn_eval.errors import SnnEvalError

        try:
            failed = self._failed(name, result, fail_on, tolerance, fail_inconclusive)
        except SnnEvalError as error:
            failed = str(error)
        if failed:
            pytest.fail(failed, pytrace=False)

    def _failed(
        self, name: str, result: Trace | Path | str, fail_on: tuple[str, ...], tolerance: float, fail_inconclusive: bool
    ) -> str:
        """What to tell if a metric regressed, else nothing."""
        from snn_eval import regress

        path, options = (
            self._folder / f"{name}.json",
            regress.Options(regress.parse_gates(fail_on), tolerance, fail_inconclusive),
        )
        new = _side(name, result)
        if self._update:
            regress.write_baseline(path, new)
            return ""
        if not path.is_file():
            accept = f"pytest --snn-baseline {self._folder} --snn-baseline-update"
            return f"no baseline {path}: accept this result with {accept}"
        comparisons = regress.compare([(regress.read_baseline(path), new)], options)
        return regress.text_report(comparisons, options, only_changed=True) if regress.failures(comparisons) else ""


def _side(name: str, result: Trace | Path | str) -> Side:
    from snn_eval.regress import find
    from snn_eval.regress.measured import measured

    if isinstance(result, (Path, str)):
        return (
            find(str(result), Path("reports/baseline"), Path("reports/runs"), baseline_first=False).candidates[0].load()
        )
    return measured(result, name)

"""What BASE and NEW may be, and which result is compared with which."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from helpers.runs import stored_run
from helpers.traces import random_trace

from snn_eval.errors import GateError
from snn_eval.record import SCHEMA_VERSION, write_record
from snn_eval.regress import Options, baseline_name, compare, find, list_baselines, pair, text_report, write_baseline
from snn_eval.regress.find import Selection, run_candidate
from snn_eval.store import list_runs


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Three runs of two models, and baselines of both."""
    runs, baselines = tmp_path / "runs", tmp_path / "baselines"
    for model, seed in (("small", 0), ("large", 1), ("small", 0)):
        run = stored_run(runs, random_trace(seed, samples=12), model=model, cell=f"{seed}")
        side = run_candidate(run).load()
        write_baseline(baselines / f"{baseline_name(side.record)}.json", side)
    return tmp_path


def select(root: Path, name: str, *, baseline_first: bool = False) -> Selection:
    return find(name, root / "baselines", root / "runs", baseline_first=baseline_first)


def models(selection: Selection) -> list[str]:
    return [c.record.identity.model for c in selection.candidates]


def test_a_result_is_named_by_file_folder_or_name(root: Path) -> None:
    run = sorted((root / "runs").iterdir())[0]
    for name in (str(run), str(run / "record.json"), str(run / "trace.h5"), run.name):
        found = select(root, name)
        assert (models(found), found.folder) == ([run_candidate_model(run)], False)
        assert found.candidates[0].load().outcomes is not None
    baseline = select(root, str(root / "baselines/digits-large.json"))
    assert (models(baseline), baseline.folder, baseline.candidates[0].load().accepted) == (["large"], False, True)


def run_candidate_model(path: Path) -> str:
    from snn_eval.record import read_record

    return read_record(path / "record.json").identity.model


def test_folders_hold_several(root: Path) -> None:
    assert models(select(root, str(root / "baselines"))) == ["large", "small"]
    runs = select(root, str(root / "runs"))
    assert sorted(models(runs)) == ["large", "small"]  # of two runs of one model the later
    small = next(c for c in runs.candidates if c.key.model == "small")
    assert small.path == [run.path for run in list_runs(root / "runs") if "small" in run.name][-1]
    assert runs.folder
    (root / "empty").mkdir()
    with pytest.raises(GateError, match="holds neither baselines nor runs"):
        select(root, str(root / "empty"))


def test_a_name_is_looked_up_among_baselines_or_runs_first(root: Path) -> None:
    assert select(root, "digits-large", baseline_first=True).candidates[0].load().accepted
    assert not select(root, "large").candidates[0].load().accepted
    with pytest.raises(GateError, match=r"no run 'lerge'.*baselines in .*: digits-large"):
        select(root, "lerge", baseline_first=True)
    with pytest.raises(GateError, match=r"no runs in .*; no baselines in "):
        find("x", root / "none", root / "nowhere", baseline_first=True)


def test_a_lone_record_has_no_outcomes(root: Path, tmp_path: Path) -> None:
    run = sorted((root / "runs").iterdir())[0]
    candidate = select(root, str(run)).candidates[0]
    write_record(tmp_path / "published.json", candidate.record)
    side = select(root, str(tmp_path / "published.json")).candidates[0].load()
    assert (side.record, side.outcomes) == (candidate.record, None)


@pytest.mark.parametrize("version", range(1, SCHEMA_VERSION + 1))
def test_records_of_every_schema_can_be_compared(root: Path, version: int) -> None:
    old = Path(__file__).parents[2] / f"golden/record-v{version}.json"
    pairs, _ = pair(select(root, str(old)), select(root, str(old)))
    found = compare(pairs)[0]
    assert (found.failed, {row.verdict for row in found.rows}) == (False, {"pass", "inconclusive"})  # time is shown


def test_one_new_result_meets_its_base(root: Path) -> None:
    pairs, unmatched = pair(select(root, str(root / "baselines")), select(root, "large"))
    assert [(a.key, b and b.key, a.accepted) for a, b in pairs] == [(("digits", "large"), ("digits", "large"), True)]
    assert unmatched == []


def test_two_results_are_compared_whatever_they_are(root: Path) -> None:
    baseline = str(root / "baselines/digits-small.json")
    pairs, _ = pair(select(root, baseline), select(root, "large"))
    assert [(a.key.model, b and b.key.model) for a, b in pairs] == [("small", "large")]


def test_one_result_on_each_side_needs_no_equal_names(root: Path) -> None:
    (root / "baselines/digits-small.json").unlink()
    third = stored_run(root / "new", random_trace(2, samples=12), model="third", cell="2")
    for new in (root / "new", third.path):
        pairs, unmatched = pair(select(root, str(root / "baselines")), select(root, str(new)))
        assert [(a.key.model, b and b.key.model) for a, b in pairs] == [("large", "third")]
        assert unmatched == []
    told = " ".join(text_report(compare(pairs), Options()).split())
    assert "; two names, compared as one result each: large in base, third in new" in told
    pairs, _ = pair(select(root, str(root / "baselines")), select(root, "large"))
    assert "two names" not in text_report(compare(pairs), Options())


def test_one_result_on_each_side_of_two_suites_is_not_compared(root: Path) -> None:
    (root / "baselines/digits-small.json").unlink()
    other = stored_run(root / "new", random_trace(1, samples=12), suite="mnist", model="large", cell="2")
    with pytest.raises(GateError, match="no base for mnist large; there are: digits large"):
        pair(select(root, str(root / "baselines")), select(root, str(other.path)))


def test_a_result_without_base_is_an_error_of_its_own(root: Path) -> None:
    stored_run(root / "runs", random_trace(2, samples=12), model="third", cell="2")
    with pytest.raises(
        GateError, match="no base for digits third; there are: digits large, digits small; `snn-eval ba"
    ):
        pair(select(root, str(root / "baselines")), select(root, "third"))


def test_every_base_is_asked_for_in_a_folder_of_new_results(root: Path) -> None:
    (root / "baselines/digits-large.json").unlink()
    gone = stored_run(root / "other", random_trace(3, samples=12), model="gone", cell="3")
    write_baseline(root / "baselines/digits-gone.json", run_candidate(gone).load())
    pairs, unmatched = pair(select(root, str(root / "baselines")), select(root, str(root / "runs")))
    assert [(a.key.model, b and b.key.model) for a, b in pairs] == [("gone", None), ("small", "small")]
    assert [c.key.model for c in unmatched] == ["large"]
    assert pairs[1][1] is not None


@pytest.mark.parametrize(
    ("changes", "wanted"),
    [({}, "whole"), ({"samples": 5, "status": "limited"}, "limited"), ({"time_steps": 4}, "whole")],
)
def test_of_several_bases_that_of_equal_extent_is_taken(root: Path, changes: dict[str, Any], wanted: str) -> None:
    for name, samples, status in (("limited", 5, "limited"), ("whole", 12, "done")):
        run = stored_run(root / name, random_trace(0, samples=samples), model="m", checkpoint_name=name, status=status)
        write_baseline(root / "two" / f"{name}.json", run_candidate(run).load())
    facts = {"samples": 12, "model": "m"} | changes
    new = stored_run(root / "new", random_trace(0, samples=int(facts.pop("samples"))), **facts)
    pairs, _ = pair(select(root, str(root / "two")), select(root, str(new.path)))
    assert [a.record.identity.checkpoint_name for a, _ in pairs] == [wanted]


def test_the_latest_of_several_runs_is_taken(root: Path) -> None:
    latest = stored_run(root / "runs", random_trace(0, samples=12), model="small", cell="later")
    pairs, _ = pair(select(root, str(root / "baselines")), select(root, str(root / "runs")))
    new = next(b for a, b in pairs if a.key.model == "small")
    assert new is not None
    assert new.record.identity.cell == "later"
    assert latest.name == select(root, "latest").candidates[0].path.name


def test_the_latest_run_is_taken_though_it_failed_before_a_trace(root: Path) -> None:
    failed = stored_run(root / "runs", random_trace(0, samples=12), model="zzz", status="failed", error="NaN")
    failed.trace.unlink()
    assert models(select(root, "latest")) == ["zzz"]


def test_baselines_are_listed_by_name(root: Path) -> None:
    assert [p.stem for p in list_baselines(root / "baselines")] == ["digits-large", "digits-small"]
    assert list_baselines(root / "nowhere") == []

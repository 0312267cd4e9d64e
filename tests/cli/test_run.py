"""``snn-eval run``, ``show`` and ``ls`` end to end, on a small network and real digits."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from cli.conftest import Command

from snn_eval.record import read_record, write_record
from snn_eval.trace import Trace
from snn_eval.trace_file import read_trace

FILES = {"figures", "layers.csv", "record.json", "table.csv", "table.md", "trace.h5"}

FACTORY = """
import torch
from torch import nn

class Infinite(nn.Module):
    def forward(self, x):
        return x / 0

class Odd(nn.Module):
    def forward(self, x):
        return torch.cdist(x, torch.eye(64))

def odd():
    return nn.Sequential(nn.Flatten(), Odd(), nn.Linear(64, 10))

def infinite():
    return nn.Sequential(nn.Flatten(), Infinite(), nn.Linear(64, 10))
"""


@pytest.fixture
def no_figures(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leaves the figures out, which take most of the time of a small run and are tested by themselves."""
    from snn_eval.report.figures import Drawn

    monkeypatch.setattr("snn_eval.run.files.draw", lambda trace, record: Drawn())


def same_counts(one: Trace, other: Trace) -> bool:
    """Whether two traces are equal but for times and memory."""

    def plain(value: Any) -> Any:
        if isinstance(value, np.ndarray):
            return value.tolist()
        if isinstance(value, tuple):
            return [plain(part) for part in value]
        if hasattr(value, "__slots__"):
            return {name: plain(getattr(value, name)) for name in value.__slots__}
        return value

    facts = {"bare_forward_s": (), "wall_s": 0.0, "peak_memory_bytes": 0}
    traces = (replace(trace, facts=replace(trace.facts, **facts)) for trace in (one, other))
    return len({json.dumps(plain(trace), default=str) for trace in traces}) == 1


def test_run_leaves_a_folder_and_its_path_last(snn_eval: Command, small: Path) -> None:
    answer = snn_eval("run", "--models", "digits", str(small), "--time-steps", "3")
    assert answer.code == 0
    assert answer.last.parent == Path("reports/runs")
    assert {path.name for path in answer.last.iterdir()} == FILES
    assert "digits small: 359/359 samples in" in answer.err
    assert "accuracy" in answer.out
    record, trace = read_record(answer.last / "record.json"), read_trace(answer.last / "trace.h5")
    assert (record.status, record.identity.samples, record.identity.time_steps) == ("done", 359, 3)
    assert len(trace.samples) == 359
    assert trace.time_steps == 3
    assert "trained for 2 time steps, measured with 3" in record.notes
    assert record.provenance.argv[:4] == ["snn-eval", "run", "--models", "digits"]
    assert record.provenance.argv[4] == "small.pt"  # a path of ours stays ours
    assert {m.energy_model for m in record.measurements} > {"horowitz-45nm-fp32"}


@pytest.mark.usefixtures("no_figures")
def test_limit_output_and_quiet(snn_eval: Command, small: Path) -> None:
    words = [
        "--models",
        "digits",
        str(small),
        "--limit",
        "70",
        "--batch-size",
        "32",
        "--quiet",
        "--output",
        "else where",
    ]
    answer = snn_eval("run", *words, "--convention", "exact", "--energy", "horowitz-45nm-fp16")
    assert (answer.code, answer.err) == (0, "")
    assert answer.last.parent == Path("else where")
    record = read_record(answer.last / "record.json")
    assert (record.status, record.identity.samples) == ("limited", 70)
    assert {m.convention for m in record.measurements} == {None, "exact"}
    assert {m.energy_model for m in record.measurements} == {None, "horowitz-45nm-fp16"}
    assert read_trace(answer.last / "trace.h5").samples.batch.tolist() == [0] * 32 + [1] * 32 + [2] * 6


def test_dry_run_writes_nothing(snn_eval: Command, small: Path, tmp_path: Path) -> None:
    answer = snn_eval("run", "--models", "digits", str(small), "--dry-run", "--limit", "5")
    assert answer.code == 0
    described, estimated = answer.out.splitlines()
    assert described.startswith(f"digits v1: {small} (T = 8, 5 of 359 samples in chunks of 64), cell ")
    assert re.fullmatch(r"  about .* \(by 1 of 1 chunks: .*\), .* on disk and .* while it runs \(.* free\)", estimated)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.usefixtures("no_figures")
def test_a_dry_run_estimates_what_is_left(snn_eval: Command, small: Path, tmp_path: Path) -> None:
    words = ("run", "--models", "digits", str(small), "--batch-size", "10", "--time-steps", "2")
    planned = snn_eval(*words, "--limit", "60", "--dry-run").out
    assert "(by 3 of 6 chunks: " in planned
    assert " each for 6 of them, " in planned
    snn_eval(*words, "--limit", "20")
    assert " each for 4 of them, " in snn_eval(*words, "--limit", "60", "--dry-run").out
    ran = snn_eval(*words, "--limit", "60")
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    assert f"measured before, in {ran.last}" in snn_eval(*words, "--limit", "60", "--dry-run").out
    anew = snn_eval(*words, "--limit", "60", "--dry-run", "--fresh").out
    assert " each for 6 of them, " in anew
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before
    # the estimate of the disk: trace and tables, within a fifth of what is there (record and log are not in it)
    number, unit = re.search(r"\), ([0-9.]+) (k?B) on disk", planned).groups()  # type: ignore[union-attr]
    there = sum((ran.last / name).stat().st_size for name in ("trace.h5", "table.csv", "table.md", "layers.csv"))
    assert float(number) * {"B": 1, "kB": 1000}[unit] == pytest.approx(there, rel=0.2)


@pytest.mark.usefixtures("no_figures")
def test_what_is_stored_is_not_measured_again_unless_asked(snn_eval: Command, small: Path) -> None:
    words = ("run", "--models", "digits", str(small), "--limit", "20")
    first = snn_eval(*words)
    again = snn_eval(*words)
    assert (again.code, again.out) == (0, first.out)
    assert "was measured before" in again.err
    assert snn_eval(*words, "--time-steps", "1").last != first.last
    anew = snn_eval(*words, "--fresh")
    assert anew.last != first.last
    assert same_counts(*(read_trace(a.last / "trace.h5") for a in (first, anew)))


@pytest.mark.usefixtures("no_figures")
def test_an_interrupted_run_goes_on(snn_eval: Command, small: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from snn_eval.probe import Recorder

    words = ("run", "--models", "digits", str(small), "--limit", "50", "--batch-size", "8")
    whole = snn_eval(*words, "--output", "whole")
    recorded: list[int] = []
    add = Recorder.add

    def until_third(self: Recorder, chunk: Any) -> None:
        if len(recorded) == 3:
            raise KeyboardInterrupt
        recorded.append(chunk.index)
        add(self, chunk)

    with monkeypatch.context() as patch:
        patch.setattr(Recorder, "add", until_third)
        stopped = snn_eval(*words)
    assert stopped.code == 130
    assert "goes on" in stopped.err
    (folder,) = Path("reports/runs").iterdir()
    assert read_record(folder / "record.json").status == "partial"

    resumed = snn_eval(*words)
    assert resumed.code == 0
    assert resumed.last == folder
    assert "going on, 24 of 50 samples were recorded before" in resumed.err  # 3 chunks * 8 samples
    assert {path.name for path in folder.iterdir()} == FILES - {"figures"}  # and no parts
    assert same_counts(*(read_trace(a.last / "trace.h5") for a in (whole, resumed)))


@pytest.mark.usefixtures("no_figures")
def test_show_needs_only_the_trace(snn_eval: Command, small: Path) -> None:
    ran = snn_eval("run", "--models", "digits", str(small), "--limit", "20")
    assert snn_eval("show").out == ran.out
    assert snn_eval("show", ran.last.name).out == ran.out
    stored = read_record(ran.last / "record.json")
    write_record(ran.last / "record.json", stored.model_copy(update={"measurements": []}))
    assert snn_eval("show").out != ran.out
    assert snn_eval("show", "latest", "--recompute").out == ran.out
    text = (ran.last / "record.json").read_text()
    (ran.last / "record.json").write_text(text.replace('"samples": 20', '"samples": 21'))
    refused = snn_eval("show", "latest", "--recompute")
    assert (refused.code, refused.out) == (2, "")
    assert "was changed after it was written" in refused.err


@pytest.mark.usefixtures("no_figures")
def test_the_same_content_twice_is_measured_once_and_told(snn_eval: Command, small: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy.pt"
    copy.write_bytes(small.read_bytes())
    answer = snn_eval("run", "--models", "digits", str(small), "--models", "digits", str(copy), "--limit", "20")
    assert answer.code == 0
    assert "of 2 models asked for, 1 has the same content as another" in answer.err


@pytest.mark.usefixtures("no_figures")
def test_show_under_other_models(snn_eval: Command, small: Path, tmp_path: Path) -> None:
    snn_eval("run", "--models", "digits", str(small), "--limit", "20")
    (tmp_path / "chip.toml").write_text(table("chip", 2.0))
    answer = snn_eval("show", "--energy", str(tmp_path / "chip.toml"), "--convention", "dense")
    assert "model chip" in answer.out
    assert "convention dense" in answer.out
    assert "effective" not in answer.out  # that is the share under exact
    assert "horowitz" not in answer.out
    assert "horowitz" in snn_eval("show").out  # the stored record stays as it is
    assert snn_eval("show", "--convention", "dens").code == 2


def table(name: str, pj: float) -> str:
    kinds = ("ac", "mac", "mul", "add", "compare", "exponential")
    costs = "\n".join(f'[costs.{kind}]\npj = {pj}\nsource = "x"' for kind in kinds)
    return f'name = "{name}"\nversion = 1\nsource = "x"\n{costs}\n'


def test_a_table_of_the_users_own_travels_with_the_run(snn_eval: Command, small: Path, tmp_path: Path) -> None:
    chip, other = tmp_path / "chip.toml", tmp_path / "other.toml"
    chip.write_text(table("chip", 2.0))
    other.write_text(table("chip", 3.0))
    words = ("run", "--models", "digits", str(small), "--limit", "20", "--energy")
    ran = snn_eval(*words, str(chip))
    assert ran.code == 0
    record = read_record(ran.last / "record.json")
    assert record.provenance.config["evaluate"]["energy"] == ["chip"]
    assert {m.energy_model for m in record.measurements} == {None, "chip"}
    for name in ("energy.png", "early_exit.png"):
        assert (ran.last / "figures" / name).is_file()
    energies = {m.metric: m.value for m in record.measurements if m.scope == "network" and m.convention == "exact"}
    assert energies["energy_synaptic"] == pytest.approx(2e-12 * energies["syops"], rel=1e-12)  # 2 pJ an operation

    chip.unlink()
    assert snn_eval("show", "latest", "--recompute").out == ran.out
    assert snn_eval("show", "latest", "--energy", "chip").out == ran.out
    assert snn_eval("show", "latest", "--energy", str(chip)).code == 2

    again = snn_eval(*words, str(other))  # the same name, other costs: another cell, told apart by the hash
    record_again = read_record(again.last / "record.json")
    hashes = [r.provenance.energy_tables["chip"].sha256 for r in (record, record_again)]
    assert again.last != ran.last
    assert len(set(hashes)) == 2
    assert f"model chip ({hashes[0][:8]})" in ran.out
    assert f"model chip ({hashes[1][:8]})" in again.out
    chip.write_text(table("chip", 2.0))
    both = snn_eval(*words, str(chip), "--energy", str(other))
    assert (both.code, both.out) == (2, "")
    assert "two energy tables have the name 'chip'" in both.err


@pytest.mark.usefixtures("no_figures")
def test_ls_shows_runs(snn_eval: Command, small: Path) -> None:
    assert "no runs in reports" in snn_eval("ls").out
    ran = snn_eval("run", "--models", "digits", str(small), "--limit", "20")
    assert snn_eval("ls").out.split()[:3] == [ran.last.name, "limited", "20"]
    (ran.last / "record.json").write_text("{")
    assert "unreadable" in snn_eval("ls").out


def test_a_failed_cell_keeps_its_cause_and_exit_code_3(snn_eval: Command, tmp_path: Path) -> None:
    import torch
    from torch import nn

    (tmp_path / "net.py").write_text(FACTORY)
    torch.save(nn.Sequential(nn.Flatten(), nn.Identity(), nn.Linear(64, 10)).state_dict(), tmp_path / "net.pth")
    (tmp_path / "bare.toml").write_text(
        '[suite]\nname = "bare"\nversion = 1\n[data]\nname = "digits"\n[input]\nkind = "real"\ntime_steps = 1\n'
    )
    answer = snn_eval("run", "--models", "bare.toml", "net.pth", "--arch", "net.py:infinite")
    assert answer.code == 3
    record = read_record(answer.last / "record.json")
    assert record.status == "failed"
    assert record.error is not None
    assert "infinity" in record.error
    assert record.error in answer.out
    assert record.measurements == []
    assert "failed" in snn_eval("ls").out


def test_a_network_that_cannot_be_measured_leaves_nothing(
    snn_eval: Command, small: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from snn_eval.errors import NetworkError
    from snn_eval.probe import Recorder

    def other_calls(self: Recorder, chunk: Any) -> None:
        raise NetworkError("the network made other calls than in the first batch")

    monkeypatch.setattr(Recorder, "add", other_calls)
    answer = snn_eval("run", "--models", "digits", str(small), "--quiet")
    assert (answer.code, answer.out) == (2, "")
    assert answer.err == "snn-eval: the network made other calls than in the first batch\n"
    assert list(Path("reports/runs").iterdir()) == []


@pytest.mark.usefixtures("no_figures")
def test_a_full_disk_keeps_what_was_measured(snn_eval: Command, small: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from snn_eval.errors import RunError
    from snn_eval.store import RunFolder

    def full(*_: Any) -> None:
        raise RunError("cannot write trace.h5: the disk is full")

    words = ("run", "--models", "digits", str(small), "--limit", "20")
    with monkeypatch.context() as patch:
        patch.setattr(RunFolder, "finish", full)
        stopped = snn_eval(*words)
    assert stopped.code == 2
    assert stopped.err.splitlines()[-1] == "snn-eval: cannot write trace.h5: the disk is full"
    resumed = snn_eval(*words)
    assert resumed.code == 0
    assert "going on, 20 of 20 samples were recorded before" in resumed.err


def test_an_operation_without_a_rule_is_listed_or_under_strict_an_error(snn_eval: Command, tmp_path: Path) -> None:
    import torch
    from torch import nn

    (tmp_path / "net.py").write_text(FACTORY)
    torch.save(nn.Sequential(nn.Flatten(), nn.Identity(), nn.Linear(64, 10)).state_dict(), tmp_path / "net.pth")
    words = ("run", "--models", "digits", "net.pth", "--arch", "net.py:odd", "--time-steps", "1", "--limit", "5")
    listed = snn_eval(*words)
    assert listed.code == 0
    assert "not counted: " in listed.out
    strict = snn_eval(*words, "--strict")
    assert strict.code == 3
    record = read_record(strict.last / "record.json")
    assert (record.status, record.measurements) == ("failed", [])
    assert "--strict" in str(record.error)


@pytest.mark.usefixtures("no_figures")
def test_of_several_models_the_good_ones_are_measured(snn_eval: Command, small: Path, tmp_path: Path) -> None:
    import torch

    other = tmp_path / "other.pth"
    torch.save({"weight": torch.zeros(3)}, other)
    twin = tmp_path / "twin.pt"
    stored = torch.load(small, weights_only=True)
    stored["state_dict"]["head.1.weight"] *= 2
    torch.save(stored, twin)
    words = [word for path in (small, other, twin) for word in ("--models", "digits", str(path))]
    answer = snn_eval("run", *words, "--limit", "20")
    assert answer.code == 3
    assert "digits other: " in answer.err
    rows = [line.split()[0] for line in answer.out.splitlines() if line.startswith(("small", "twin"))]
    assert rows == ["small", "twin"]
    assert answer.last == Path("reports/runs")
    assert len(list(answer.last.iterdir())) == 2


@pytest.mark.usefixtures("no_figures")
def test_train_makes_a_checkpoint_that_runs(snn_eval: Command) -> None:
    trained = snn_eval("train", "digits", "--epochs", "1", "--time-steps", "1", "--output", "made")
    assert trained.code == 0
    assert "snn-eval: epoch 1/1" in trained.err
    assert trained.last == Path("made/best.pt")
    assert snn_eval("run", "--models", "digits", "made/best.pt", "--time-steps", "1", "--limit", "9").code == 0


@pytest.mark.usefixtures("no_figures")
def test_a_whole_run_takes_over_the_chunks_of_a_limited_one(snn_eval: Command, small: Path) -> None:
    words = ("run", "--models", "digits", str(small), "--batch-size", "16", "--time-steps", "2")
    whole = snn_eval(*words, "--limit", "60", "--output", "whole")
    snn_eval(*words, "--limit", "32")
    snn_eval(*words, "--limit", "40")  # ends within a chunk: of no use
    longer = snn_eval(*words, "--limit", "60")
    assert "going on, 32 of 60 samples were recorded before" in longer.err
    assert same_counts(*(read_trace(a.last / "trace.h5") for a in (whole, longer)))
    numbers = [
        [m for m in read_record(a.last / "record.json").measurements if m.kind != "advisory"] for a in (whole, longer)
    ]
    assert numbers[0] == numbers[1]
    assert "going on, 0 of" not in snn_eval(*words, "--limit", "60", "--fresh").err


@pytest.mark.usefixtures("no_figures")
def test_a_damaged_part_is_measured_again(snn_eval: Command, small: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from snn_eval.errors import RunError
    from snn_eval.store import RunFolder

    def full(*_: Any) -> None:
        raise RunError("cannot write trace.h5: the disk is full")

    words = ("run", "--models", "digits", str(small), "--limit", "20", "--time-steps", "2")
    whole = snn_eval(*words, "--output", "whole")
    with monkeypatch.context() as patch:
        patch.setattr(RunFolder, "finish", full)
        snn_eval(*words)
    (part,) = Path("reports/runs").glob("*/parts/*.h5")
    part.write_bytes(part.read_bytes()[:-7])
    resumed = snn_eval(*words)
    assert resumed.code == 0
    assert "000000.h5 in " in resumed.err
    assert "was damaged; its chunks are measured again" in resumed.err
    assert same_counts(*(read_trace(a.last / "trace.h5") for a in (whole, resumed)))


def test_a_checkpoint_that_changes_meanwhile_is_refused(
    snn_eval: Command, small: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import shutil

    import torch

    from snn_eval.run import plan

    mine = tmp_path / "mine.pt"
    shutil.copy(small, mine)
    planned = plan.plan

    def then_changed(request: plan.Request, *telling: Any) -> list[plan.Cell]:
        cells = planned(request, *telling)
        stored = torch.load(mine, weights_only=True)
        stored["state_dict"]["head.1.weight"] *= 2
        torch.save(stored, mine)
        return cells

    monkeypatch.setattr(plan, "plan", then_changed)
    answer = snn_eval("run", "--models", "digits", str(mine), "--quiet")
    assert (answer.code, answer.out) == (2, "")
    assert "mine.pt: changed since the command began" in answer.err
    assert not Path("reports").exists()

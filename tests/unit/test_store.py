"""Run folders: nothing half-written is trusted, nothing measured is lost, two runs never meet."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from helpers.records import small_record
from helpers.whole import Whole, assert_same

from snn_eval.errors import RunError
from snn_eval.record import Record, read_record
from snn_eval.store import (
    PARTS,
    PartWriter,
    RunFolder,
    alone_in,
    claim,
    claim_new,
    claim_unfinished,
    create_run,
    find_run,
    finished_chunks,
    list_runs,
    tidy,
)
from snn_eval.trace import Trace, concatenate
from snn_eval.trace_file import read_trace, write_trace

NOON = datetime(2026, 11, 20, 12, 0, 0, tzinfo=UTC)
WHOLE = Whole(0, 12)
CHUNKS = [WHOLE.trace(range(start, start + 3)) for start in (0, 3, 6, 9)]  # ``batch`` is the sample's id // 3


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def parts_of(run: RunFolder) -> list[str]:
    return sorted(path.name for path in run.parts.glob("*.h5"))


def find_unfinished(root: Path, cell: str = "0123456789abcdef") -> RunFolder | None:
    found = claim_unfinished(root, lambda record: record.identity.cell == cell)
    if found is None:
        return None
    with found:
        return found.run


def model(name: str) -> object:
    return small_record().identity.model_copy(update={"model": name})


def test_a_new_run_has_its_name_from_time_suite_and_model_and_is_partial(tmp_path: Path) -> None:
    run = create_run(tmp_path / "runs", small_record(identity=model("My Net/ö v2")), now=NOON)
    assert run.name == "20261120-120000-digits-My-Net-v2"
    assert read_record(run.record).status == "partial"
    assert run.parts.is_dir()


def test_many_runs_made_at_the_same_moment_get_a_folder_each(tmp_path: Path) -> None:
    with ThreadPoolExecutor(12) as pool:
        runs = list(pool.map(lambda _: create_run(tmp_path, small_record(), now=NOON), range(12)))
    assert len({run.name for run in runs}) == 12
    listed = [run.name for run in list_runs(tmp_path)]
    assert listed == [f"20261120-120000-digits-conv-snn{suffix}" for suffix in ("", *(f"-{i}" for i in range(2, 13)))]


def test_chunks_are_written_together_once_the_interval_is_over(tmp_path: Path) -> None:
    run, clock = create_run(tmp_path, small_record()), Clock()
    with PartWriter(run, interval_s=10.0, clock=clock) as writer:
        writer.add(CHUNKS[0])
        clock.now += 9.0
        writer.add(CHUNKS[1])
        assert parts_of(run) == []
        clock.now += 1.0
        writer.add(CHUNKS[2])
        assert parts_of(run) == ["000000.h5"]
        writer.add(CHUNKS[3])
        assert parts_of(run) == ["000000.h5"]
    assert parts_of(run) == ["000000.h5", "000003.h5"]
    parts = run.load_parts()
    assert finished_chunks(parts) == {0, 1, 2, 3}
    assert_same(concatenate(parts), concatenate([WHOLE.trace(range(12))]))


def test_large_chunks_do_not_wait_in_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("snn_eval.store.parts._PART_BYTES", 1)
    run = create_run(tmp_path, small_record())
    with PartWriter(run, clock=Clock()) as writer:
        writer.add(CHUNKS[0])
        assert parts_of(run) == ["000000.h5"]


def test_what_was_measured_before_an_error_is_kept(tmp_path: Path) -> None:
    run = create_run(tmp_path, small_record())

    def stopped() -> None:
        with PartWriter(run) as writer:
            writer.add(CHUNKS[1])
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        stopped()
    assert finished_chunks(run.load_parts()) == {1}


def test_a_killed_process_loses_only_what_was_waiting_and_its_run_goes_on(tmp_path: Path) -> None:
    script = """
import os, signal, sys
from pathlib import Path
from helpers.records import small_record
from helpers.whole import Whole
from snn_eval.store import PartWriter, create_run
run = create_run(Path(sys.argv[1]), small_record())
with PartWriter(run) as writer:
    writer.add(Whole(0, 12).trace(range(0, 3)))
    writer.flush()
    writer.add(Whole(0, 12).trace(range(3, 6)))
    os.kill(os.getpid(), signal.SIGKILL)
"""
    path = os.pathsep.join(str(p) for p in (Path(__file__).parents[1], Path(__file__).parents[2]))
    done = subprocess.run([sys.executable, "-c", script, tmp_path], env={**os.environ, "PYTHONPATH": path}, check=False)
    assert done.returncode == -signal.SIGKILL
    run = find_unfinished(tmp_path, small_record().identity.cell)
    assert run is not None
    assert finished_chunks(run.load_parts()) == {0}
    with PartWriter(run) as writer:
        for chunk in CHUNKS[1:]:
            writer.add(chunk)
    assert_same(concatenate(run.load_parts()), concatenate([WHOLE.trace(range(12))]))


def test_a_chunk_measured_twice_is_an_error(tmp_path: Path) -> None:
    run = create_run(tmp_path, small_record())
    with PartWriter(run) as writer:
        writer.add(CHUNKS[0])
    with pytest.raises(RunError, match="measured twice"), PartWriter(run) as writer:
        writer.add(CHUNKS[0])


def test_a_damaged_part_is_an_error_and_a_half_written_one_is_not_seen(tmp_path: Path) -> None:
    run = create_run(tmp_path, small_record())
    with PartWriter(run) as writer:
        writer.add(CHUNKS[0])
    (run.parts / ".000003.h5.ab12.tmp").write_bytes(b"half")
    assert finished_chunks(run.load_parts()) == {0}
    part = run.parts / "000000.h5"
    part.write_bytes(part.read_bytes()[:-100])
    with pytest.raises(RunError, match=r"000000\.h5 is damaged"):
        run.load_parts()
    with PartWriter(run) as writer:
        writer.add(CHUNKS[1])
    sound, damaged = run.sound_parts()
    assert (finished_chunks(sound), damaged) == ({1}, ["000000.h5"])
    assert parts_of(run) == ["000001.h5"]  # so that chunk 0 can be measured again


def test_only_one_process_works_on_a_run(tmp_path: Path) -> None:
    run = create_run(tmp_path, small_record())
    assert find_unfinished(tmp_path) == run
    with claim(run):
        assert find_unfinished(tmp_path) is None
        with pytest.raises(RunError, match="another process is working on"):
            claim(run)
    assert find_unfinished(tmp_path) == run


def test_a_new_run_belongs_to_its_maker_from_the_start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from snn_eval.store import folder

    write, seen = folder.write_record, []

    def looking(path: Path, record: Record) -> None:
        write(path, record)
        seen.append(find_unfinished(tmp_path))

    monkeypatch.setattr(folder, "write_record", looking)
    with claim_new(tmp_path, small_record()) as claimed:
        assert seen == [None]
        assert find_unfinished(tmp_path) is None
    assert find_unfinished(tmp_path) == claimed.run


def test_a_run_finished_while_it_was_waited_for_is_not_gone_on_with(tmp_path: Path) -> None:
    run, looks = create_run(tmp_path, small_record()), []

    def finished_after_the_first_look(record: Record) -> bool:
        if not looks:
            finish(run)
            run.parts.mkdir()  # as another process may leave it for a moment
        looks.append(record.status)
        return True

    assert claim_unfinished(tmp_path, finished_after_the_first_look) is None
    assert looks == ["partial"]
    assert not (run.path / "parts").exists() or list(run.parts.iterdir()) == [run.parts / "lock"]


def test_what_killed_processes_left_is_removed_and_nothing_else(tmp_path: Path) -> None:
    kept = create_run(tmp_path, small_record(), now=NOON)  # stopped: to be gone on with
    ended = create_run(tmp_path, small_record(), now=NOON)
    finish(ended)
    ended.parts.mkdir()  # killed while the parts were removed
    (ended.parts / "000000.h5").write_bytes(b"part")
    orphan = tmp_path / "20261120-120001-digits-conv-snn"  # killed before the record was there
    (orphan / "parts").mkdir(parents=True)
    (orphan / "parts" / "lock").touch()
    (orphan / ".record.json.00ff.tmp").write_text("{")
    empty = tmp_path / "20261120-120002-digits-conv-snn"
    empty.mkdir()
    strange = tmp_path / "20261120-120003-digits-conv-snn"
    strange.mkdir()
    (strange / "mine.txt").touch()
    (tmp_path / "notes").mkdir()
    with claim_new(tmp_path, small_record(), now=NOON) as working:
        (working.run.record).unlink()  # as if it were not written yet
        tidy(tmp_path)
        assert working.run.parts.is_dir()
    assert kept.parts.is_dir()
    assert not ended.parts.exists()
    assert read_trace(ended.trace).time_steps == CHUNKS[0].time_steps
    assert [path.exists() for path in (orphan, empty, strange, tmp_path / "notes")] == [False, False, True, True]


def test_parts_of_the_validation_part_are_kept_apart(tmp_path: Path) -> None:
    run = create_run(tmp_path, small_record())
    for part, chunk in (("test", 0), ("validation", 0), ("validation", 2)):
        with PartWriter(run, part=part) as writer:
            writer.add(CHUNKS[chunk])
    assert finished_chunks(run.load_parts()) == {0}
    assert finished_chunks(run.load_parts("validation")) == {0, 2}
    (run.parts_of("validation") / "000002.h5").write_bytes(b"damaged")
    sound, damaged = run.sound_parts("validation")
    assert (finished_chunks(sound), damaged) == ({0}, ["000002.h5"])
    assert run.sound_parts()[1] == []
    write_trace(run.validation, CHUNKS[0])
    finish(run)
    assert not run.parts.exists()
    assert [run.trace_of(part).name for part in PARTS] == ["trace.h5", "validation.h5"]
    assert all(run.trace_of(part).is_file() for part in PARTS)


def finish(run: RunFolder, trace: Trace = CHUNKS[0]) -> None:
    files: dict[str, str | bytes] = {"table.csv": "a,b\n", "figures/energy.png": b"\x89PNG"}
    run.finish(trace, small_record(), files)


def test_finish_leaves_the_results_and_no_parts(tmp_path: Path) -> None:
    run = create_run(tmp_path, small_record())
    with PartWriter(run) as writer:
        writer.add(CHUNKS[0])
    (run.path / ".trace.h5.cd34.tmp").write_bytes(b"half")
    finish(run)
    assert sorted(p.relative_to(run.path).as_posix() for p in run.path.rglob("*") if p.is_file()) == [
        "figures/energy.png",
        "record.json",
        "table.csv",
        "trace.h5",
    ]
    assert_same(read_trace(run.trace), CHUNKS[0])
    assert read_record(run.record).status == "done"
    assert find_unfinished(tmp_path) is None


@pytest.mark.parametrize("failing", ["trace.h5", "table.csv", "energy.png", "record.json"])
def test_parts_stay_until_everything_else_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, failing: str
) -> None:
    run = create_run(tmp_path, small_record())
    with PartWriter(run) as writer:
        writer.add(CHUNKS[0])
    replace = os.replace

    def full(source: Path, target: Path) -> None:
        if target.name == failing:
            raise OSError(28, "No space left on device")
        replace(source, target)

    monkeypatch.setattr("os.replace", full)
    with pytest.raises(RunError, match="the disk is full") as caught:
        finish(run)
    assert "\n" not in str(caught.value)
    assert read_record(run.record).status == "partial"
    assert finished_chunks(run.load_parts()) == {0}
    assert find_unfinished(tmp_path, small_record().identity.cell) == run
    assert not list(run.path.rglob("*.tmp"))


def test_a_run_of_another_cell_is_not_continued(tmp_path: Path) -> None:
    create_run(tmp_path, small_record())
    assert find_unfinished(tmp_path, "another") is None


def test_a_place_that_cannot_be_written_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(RunError, match=r"cannot write .*file") as caught:
        create_run(tmp_path / "file", small_record())
    assert "\n" not in str(caught.value)
    with pytest.raises(RunError, match="its folder is a file"):
        create_run(tmp_path / "file" / "runs", small_record())


@pytest.fixture
def three(tmp_path: Path) -> Path:
    for hours, name in enumerate(("conv-snn", "sew-resnet18", "conv-deep")):
        create_run(tmp_path, small_record(identity=model(name)), now=NOON + timedelta(hours=hours))
    (tmp_path / "notes").mkdir()  # not a run
    return tmp_path


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("latest", "20261120-140000-digits-conv-deep"),
        ("20261120-120000-digits-conv-snn", "20261120-120000-digits-conv-snn"),
        ("20261120-13", "20261120-130000-digits-sew-resnet18"),
        ("sew", "20261120-130000-digits-sew-resnet18"),
    ],
)
def test_a_run_is_found_by_what_people_type(three: Path, name: str, found: str) -> None:
    assert find_run(three, name).name == found


def test_the_latest_run_is_the_latest_finished_one(three: Path) -> None:
    finish(list_runs(three)[1])
    assert find_run(three, "latest").name == "20261120-130000-digits-sew-resnet18"


def test_a_run_is_found_by_a_path_to_it_or_its_files(three: Path, tmp_path: Path) -> None:
    path = three / "20261120-120000-digits-conv-snn"
    for name in (path, path / "record.json", path / "trace.h5"):
        assert find_run(tmp_path / "elsewhere", str(name)).path == path


def test_what_does_not_fit_is_answered_with_the_nearest(three: Path) -> None:
    with pytest.raises(RunError, match=r"no run 'sew-resnet81' in .*; nearest: 20261120-130000-digits-sew-resnet18"):
        find_run(three, "sew-resnet81")
    with pytest.raises(RunError, match=r"2 runs fit 'conv': .*conv-snn, .*conv-deep; give more of the name"):
        find_run(three, "conv")
    with pytest.raises(RunError, match="3 runs fit '2026'"):
        find_run(three, "2026")


def test_no_runs_at_all(tmp_path: Path) -> None:
    assert list_runs(tmp_path / "absent") == []
    with pytest.raises(RunError, match=r"no runs in .*; make one with"):
        find_run(tmp_path / "absent")


def test_a_copied_trace_alone_is_a_run(tmp_path: Path) -> None:
    run = create_run(tmp_path, small_record())
    finish(run)
    other = tmp_path / "elsewhere" / "copied"
    other.mkdir(parents=True)
    (other / "trace.h5").write_bytes(run.trace.read_bytes())
    assert np.array_equal(read_trace(find_run(tmp_path, str(other)).trace).samples.id, CHUNKS[0].samples.id)


def test_one_process_at_a_time_in_a_folder_of_results(tmp_path: Path) -> None:
    (tmp_path / ".best.pt.00ff.tmp").write_bytes(b"half")
    (tmp_path / "best.pt").write_bytes(b"whole")
    with alone_in(tmp_path):
        assert [path.name for path in tmp_path.iterdir()] == ["best.pt"]
        with pytest.raises(RunError, match="another process is working in"), alone_in(tmp_path):
            pass
    with alone_in(tmp_path):
        pass

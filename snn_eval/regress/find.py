"""Finds what a user means by BASE and NEW, and which result is to be compared with which."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path

from snn_eval.errors import GateError, RunError
from snn_eval.record import Record, read_record
from snn_eval.regress.baseline import read_baseline
from snn_eval.regress.outcomes import outcomes_of
from snn_eval.regress.side import ModelKey, Side
from snn_eval.store import RunFolder, find_run, list_runs

__all__ = ["Candidate", "Selection", "find", "list_baselines", "pair", "run_candidate"]


@dataclass(frozen=True)
class Candidate:
    """A result that was found; ``load`` gives it with the outcomes of its samples, which may take reading a trace."""

    path: Path
    record: Record
    load: Callable[[], Side]

    @property
    def key(self) -> ModelKey:
        """Suite and model."""
        return ModelKey(self.record.identity.suite, self.record.identity.model)

    @property
    def extent(self) -> tuple[int, int]:
        """Time steps and samples: of several results of one model, those of equal extent belong together."""
        return self.record.identity.time_steps, self.record.identity.samples


@dataclass(frozen=True)
class Selection:
    """What a name stood for; ``folder`` if it was one of several results, each of which is asked for.

    Of several runs of one model and extent a folder has the latest.
    """

    candidates: Sequence[Candidate]
    folder: bool


def find(name: str, baselines: Path, runs: Path, *, baseline_first: bool) -> Selection:
    """The results ``name`` stands for: a file, a run folder, a folder of runs or baselines, or the name of one.

    Args:
        name: as the user wrote it; ``latest`` is the latest run.
        baselines, runs: where names are looked up.
        baseline_first: whether a name is looked up among baselines before runs.

    Raises:
        RunError, GateError: there is no such, or it cannot be read; the nearest are named.
    """
    path = Path(name)
    if path.is_file():
        return Selection([_file(path)], folder=False)
    if path.is_dir():
        return _folder(path)
    among_baselines = _named_baseline(name, baselines)
    if among_baselines is not None and baseline_first:
        return Selection([among_baselines], folder=False)
    try:
        all_runs = (
            _with_record(runs) if name == "latest" else []
        )  # a failed one, too: an older one must not pass for it
        return Selection([run_candidate(all_runs[-1] if all_runs else find_run(runs, name))], folder=False)
    except RunError as error:
        if among_baselines is not None:
            return Selection([among_baselines], folder=False)
        known = [p.stem for p in list_baselines(baselines)]
        near = get_close_matches(name, known, n=3, cutoff=0.4) or known[:3]
        hint = f"; baselines in {baselines}: {', '.join(near)}" if near else f"; no baselines in {baselines}"
        raise GateError(f"{error}{hint}") from error


def list_baselines(folder: Path) -> list[Path]:
    """Baseline files of a folder, by name."""
    return sorted(folder.glob("*.json")) if folder.is_dir() else []


def run_candidate(run: RunFolder) -> Candidate:
    """A run folder; its outcomes come from its trace, where there is one.

    Raises:
        RunError: its record cannot be read.
    """
    record = read_record(run.record)

    def load() -> Side:
        if not run.trace.is_file() or record.status not in ("done", "limited"):
            return Side(record)
        from snn_eval.trace_file import read_trace

        return Side(record, outcomes_of(read_trace(run.trace)))

    return Candidate(run.path, record, load)


def pair(bases: Selection, news: Selection) -> tuple[list[tuple[Side, Side | None]], list[Candidate]]:
    """Which base is compared with which new result, and the new ones that have no base.

    One against one is compared whatever they are; of folders that hold one result each, if both are of one suite.
    Otherwise results of the same suite and model belong together; of several those of equal time steps and samples,
    and of these the latest. Where NEW is a folder every base is asked for: one without partner stays alone.

    Raises:
        GateError: none of the bases is of the one new result.
    """
    if (not bases.folder and not news.folder) or _single_of_one_suite(bases, news):
        return [(bases.candidates[0].load(), news.candidates[0].load())], []
    if not news.folder:
        new = news.candidates[0]
        base = _partner(new, bases.candidates)
        if base is None:
            names = ", ".join(sorted({" ".join(c.key) for c in bases.candidates})) or "none"
            raise GateError(f"no base for {' '.join(new.key)}; there are: {names}; `snn-eval baseline save` makes one")
        return [(base.load(), new.load())], []
    pairs: list[tuple[Side, Side | None]] = []
    for base in bases.candidates:
        partner = _partner(base, news.candidates)
        pairs.append((base.load(), None if partner is None else partner.load()))
    known = {base.key for base in bases.candidates}
    return pairs, [new for new in news.candidates if new.key not in known]


def _single_of_one_suite(bases: Selection, news: Selection) -> bool:
    if len(bases.candidates) != 1 or len(news.candidates) != 1:
        return False
    return bases.candidates[0].key.suite == news.candidates[0].key.suite


def _partner(one: Candidate, others: Sequence[Candidate]) -> Candidate | None:
    same = [other for other in others if other.key == one.key]
    fitting = [other for other in same if other.extent == one.extent] or same
    return fitting[-1] if fitting else None


def _file(path: Path) -> Candidate:
    if path.name == "trace.h5" or (path.name == "record.json" and (path.parent / "trace.h5").is_file()):
        return run_candidate(RunFolder(path.parent))
    try:
        start = path.read_bytes()[:4096]
    except OSError as error:
        raise RunError(f"cannot read {path}: {error.strerror}; choose a file you may read") from error
    if b'"baseline_version"' in start:
        return _baseline(path)
    record = read_record(path)
    return Candidate(path, record, lambda: Side(record))


def _folder(path: Path) -> Selection:
    if (path / "record.json").is_file():
        return Selection([run_candidate(RunFolder(path))], folder=False)
    latest = {(c.key, c.extent): c for c in map(run_candidate, _with_record(path))}  # oldest first
    found = [*map(_file, list_baselines(path)), *latest.values()]
    if not found:
        raise GateError(f"{path} holds neither baselines nor runs; expected *.json or run folders in it")
    return Selection(found, folder=True)


def _with_record(root: Path) -> list[RunFolder]:
    return [run for run in list_runs(root) if run.record.is_file()]


def _named_baseline(name: str, folder: Path) -> Candidate | None:
    path = folder / f"{name}.json"
    return _baseline(path) if path.is_file() else None


def _baseline(path: Path) -> Candidate:
    side = read_baseline(path)
    return Candidate(path, side.record, lambda: side)

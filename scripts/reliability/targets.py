"""What is fuzzed: for each kind of file one sound example, ways to damage it, and how the toolkit reads it."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import pickle
import random
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import torch

from scripts.reliability.mutate import damaged_bytes, damaged_text
from scripts.reliability.structure import damaged_checkpoint, damaged_hdf5, damaged_json, damaged_zip

__all__ = ["TARGETS", "Reading", "Target", "target"]

Damage = Callable[[bytes, random.Random], bytes]

_SUITE = "digits"
_CHECKPOINT = "digits-spiking-conv-net.pt"


@dataclass(frozen=True, slots=True)
class Reading:
    """What a file gave: a digest of its numbers, and what a record would know it by (a hash, a seal)."""

    numbers: str
    identity: str


@dataclass(frozen=True, slots=True)
class Target:
    """A kind of file: a sound one, its ending, ways to damage it, and how it is read."""

    name: str
    ending: str
    content: bytes
    damages: tuple[Damage, ...]
    read: Callable[[Path], Reading]


def digest(*values: Any) -> str:
    """SHA-256 of values: arrays by type, shape and bytes, others as text."""
    found = hashlib.sha256()
    for value in values:
        array = isinstance(value, np.ndarray)
        found.update(f"{value.dtype}{value.shape}".encode() + value.tobytes() if array else repr(value).encode())
    return found.hexdigest()


@cache
def _images() -> torch.Tensor:
    from snn_eval.data import DataSource, load_dataset

    return next(iter(load_dataset(DataSource(name="digits"), "test").chunks(4))).x


@cache
def _run() -> Path:
    """Folder of a run of twelve samples."""
    from snn_eval.run.execute import execute
    from snn_eval.run.listener import Silent
    from snn_eval.run.plan import Request, plan

    (cell,) = plan(Request(limit=12, batch_size=6, energy=("horowitz-45nm-fp32",)))
    return execute(cell, Path(tempfile.mkdtemp()), Silent()).run.path


def _shipped() -> Path:
    from snn_eval.models.manifest import shipped_checkpoint

    return shipped_checkpoint(_CHECKPOINT)[0]


def _readout(suite: Any, checkpoint: Path) -> str:
    """Digest of the readout of four images, by the way a run goes."""
    from snn_eval.models.encoders import encode
    from snn_eval.run.load import load_network

    given = suite.input
    x = encode(given.encoding, _images(), given.time_steps, np.arange(4), given.seed, mean=given.mean, std=given.std)
    network = load_network(suite, checkpoint, x, classes=10).network
    return digest(network.run(x).detach().numpy())


def _read_checkpoint(path: Path) -> Reading:
    from snn_eval.models.inspect import inspect_file
    from snn_eval.suite import load_suite, with_values

    inspect_file(path)
    numbers = _readout(with_values(load_suite(_SUITE), {"input.time_steps": 2}), path)
    return Reading(numbers, hashlib.sha256(path.read_bytes()).hexdigest())


def _bare_weights() -> bytes:
    out = io.BytesIO()
    torch.save(torch.load(_shipped(), weights_only=True)["state_dict"], out)
    return out.getvalue()


def _old_weights() -> bytes:
    out = io.BytesIO()
    tree = {"model": torch.load(_shipped(), weights_only=True)["state_dict"], "epoch": 3}
    torch.save(tree, out, _use_new_zipfile_serialization=False)
    return out.getvalue()


def _suite_text() -> bytes:
    from snn_eval.data.shipped import shipped_folder

    return (shipped_folder("suites") / f"{_SUITE}.toml").read_bytes()


def _read_suite(path: Path) -> Reading:
    """What a run would do with it: check the names, then the network's answer; a huge T is believed."""
    from snn_eval.cli.run import _check
    from snn_eval.run.plan import cell_id
    from snn_eval.suite import load_suite

    suite = load_suite(path)
    chosen = suite.evaluate
    _check(chosen.conventions, chosen.energy, chosen.metrics)
    identity = cell_id(suite, None, "", "", strict=False)
    if suite.input.time_steps > 64:
        return Reading(digest(suite.input.time_steps), identity)
    return Reading(digest(_readout(suite, _shipped()), sorted(chosen.conventions), sorted(chosen.energy)), identity)


def _read_record(path: Path) -> Reading:
    from snn_eval.energy import models_of
    from snn_eval.record import read_record, to_json
    from snn_eval.report.card import card

    record = read_record(path)
    shown = card(record, None)
    models_of(record)
    return Reading(digest(shown, [m.value for m in record.measurements]), json.loads(to_json(record))["seal"])


def _read_trace(path: Path) -> Reading:
    from snn_eval.metrics import measure
    from snn_eval.trace_file import read_trace

    found, refused = measure(read_trace(path))
    return Reading(digest([(m.key, m.value) for m in found], sorted(refused)), path.read_bytes()[:512].hex())


def _read_table(path: Path) -> Reading:
    from snn_eval.energy import with_tables
    from snn_eval.metrics import measure
    from snn_eval.record import read_record
    from snn_eval.run.derive import under
    from snn_eval.trace_file import read_trace

    record = with_tables(under(read_record(_run() / "record.json"), energy=[str(path)]))
    (table,) = record.provenance.energy_tables.values()
    found, _ = measure(
        read_trace(_run() / "trace.h5"), ["energy_total"], conventions=["exact"], energy_models=[str(path)]
    )
    return Reading(digest([m.value for m in found]), table.sha256)


def _table_text() -> bytes:
    from importlib.resources import files

    text = (files("snn_eval.energy") / "tables" / "horowitz-45nm-fp32.toml").read_text("utf-8")
    return text.replace('"horowitz-45nm-fp32"', '"chip"').encode()


def _read_manifest(path: Path) -> Reading:
    """Which checkpoint it leads to: a name and a content. What it expects is compared with, and never told as found."""
    from snn_eval.models.manifest import load_manifest, shipped_checkpoint

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        shutil.copy(path, folder / "MANIFEST.toml")
        shutil.copy(_shipped(), folder)
        for entry in load_manifest(folder):
            if entry == _CHECKPOINT:
                found, _ = shipped_checkpoint(entry, folder)
                return Reading(digest(found.read_bytes()), "")
    from snn_eval.errors import CheckpointError

    raise CheckpointError("the manifest has no such checkpoint")


def _manifest_text() -> bytes:
    from snn_eval.data.shipped import shipped_folder

    return (shipped_folder("checkpoints") / "MANIFEST.toml").read_bytes()


def _state() -> bytes:
    from snn_eval.train.state import STATE_FILE, write_state

    with tempfile.TemporaryDirectory() as folder:
        parts = {"weights": torch.load(_shipped(), weights_only=True)["state_dict"], "epoch": 3}
        write_state(Path(folder) / STATE_FILE, {"seed": 0}, [], parts)
        return (Path(folder) / STATE_FILE).read_bytes()


def _read_state(path: Path) -> Reading:
    from snn_eval.train.state import read_state

    identity, _, parts = read_state(path)
    weights = [tensor.numpy() for tensor in parts["weights"].values()]
    return Reading(digest(identity, parts["epoch"], *weights), "")


def _pixels() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (6, 5, 4), np.uint8)


def _idx() -> bytes:
    return bytes((0, 0, 8, 3)) + b"".join(size.to_bytes(4, "big") for size in (6, 5, 4)) + _pixels().tobytes()


def _read_idx(path: Path) -> Reading:
    from snn_eval.data.idx import gunzip, read_idx

    content = path.read_bytes()
    values = read_idx(gunzip(content, 1000, path.name) if path.suffix == ".gz" else content, (6, 5, 4), path.name)
    return Reading(digest(values), digest(values))  # a data set's fingerprint is a hash of its values


def _cifar() -> bytes:
    data = np.random.default_rng(0).integers(0, 256, (6, 48), np.uint8)
    return pickle.dumps({b"data": data, b"labels": [0, 1, 2, 3, 4, 5], b"batch_label": b"one"}, protocol=2)


def _read_cifar(path: Path) -> Reading:
    from snn_eval.data.pickled import read_batch

    values, labels = read_batch(path.read_bytes(), "labels", 10, 48, path.name)
    return Reading(digest(values, labels), digest(values, labels))


def _npz() -> bytes:
    out = io.BytesIO()
    np.savez_compressed(out, x=_pixels()[:, None], y=np.arange(6) % 3)
    return out.getvalue()


def _hdf5() -> bytes:
    import h5py

    with h5py.File("arrays.h5", "w", driver="core", backing_store=False) as file:
        file["x"], file["y"] = _pixels()[:, None].astype("f4"), np.arange(6) % 3
        file.flush()
        image: bytes = file.id.get_file_image()
    return image


def _read_arrays(path: Path) -> Reading:
    from snn_eval.data import DataSource, load_dataset

    found = load_dataset(DataSource(arrays=str(path), shares={"test": 1.0}), "test")
    return Reading(digest(found.x, found.target, found.classes), found.fingerprint + str(found.classes))


def _png() -> bytes:
    from PIL import Image

    out = io.BytesIO()
    Image.fromarray(np.kron(_pixels()[0], np.ones((4, 4), np.uint8))).save(out, "png")
    return out.getvalue()


def _read_image(path: Path) -> Reading:
    from snn_eval.data import DataSource, load_dataset

    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "cat").mkdir()
        shutil.copy(path, Path(folder) / "cat")
        found = load_dataset(DataSource(images=folder, shares={"test": 1.0}), "test")
    return Reading(digest(found.x, found.target), found.fingerprint)


def _read_official(path: Path) -> Reading:
    """A file whose size and hash are known: whatever differs must be refused."""
    from snn_eval.data.official import OfficialFile, read_official

    known = _idx()
    file = OfficialFile(path.name, len(known), hashlib.md5(known).hexdigest(), hashlib.sha256(known).hexdigest())
    return Reading(digest(read_official(file, path.parent)), "")


TARGETS: dict[str, Callable[[], Target]] = {
    "checkpoint": lambda: Target(
        "checkpoint", ".pt", _shipped().read_bytes(), (damaged_bytes, damaged_checkpoint, damaged_zip), _read_checkpoint
    ),
    "weights": lambda: Target(
        "weights", ".pth", _bare_weights(), (damaged_bytes, damaged_checkpoint, damaged_zip), _read_checkpoint
    ),
    "old-weights": lambda: Target(
        "old-weights", ".pth", _old_weights(), (damaged_bytes, damaged_checkpoint), _read_checkpoint
    ),
    "suite": lambda: Target("suite", ".toml", _suite_text(), (damaged_bytes, *[damaged_text] * 3), _read_suite),
    "record": lambda: Target(
        "record",
        ".json",
        (_run() / "record.json").read_bytes(),
        (damaged_bytes, damaged_text, damaged_json, damaged_json),
        _read_record,
    ),
    "trace": lambda: Target(
        "trace", ".h5", (_run() / "trace.h5").read_bytes(), (damaged_bytes, damaged_hdf5), _read_trace
    ),
    "energy-table": lambda: Target(
        "energy-table", ".toml", _table_text(), (damaged_bytes, *[damaged_text] * 3), _read_table
    ),
    "manifest": lambda: Target("manifest", ".toml", _manifest_text(), (damaged_bytes, damaged_text), _read_manifest),
    "training-state": lambda: Target("training-state", ".pt", _state(), (damaged_bytes,), _read_state),
    "official": lambda: Target("official", ".idx", _idx(), (damaged_bytes,), _read_official),
    "idx": lambda: Target("idx", ".idx", _idx(), (damaged_bytes,), _read_idx),
    "idx-gz": lambda: Target("idx-gz", ".gz", gzip.compress(_idx(), mtime=0), (damaged_bytes,), _read_idx),
    "npz": lambda: Target("npz", ".npz", _npz(), (damaged_bytes, damaged_zip), _read_arrays),
    "hdf5": lambda: Target("hdf5", ".h5", _hdf5(), (damaged_bytes,), _read_arrays),
    "image": lambda: Target("image", ".png", _png(), (damaged_bytes,), _read_image),
    "cifar": lambda: Target("cifar", ".pickle", _cifar(), (damaged_bytes,), _read_cifar),
}
"""Every kind of file; made when asked for, since some take a run."""


def target(name: str) -> Target:
    """The kind of file of this name."""
    return TARGETS[name]()

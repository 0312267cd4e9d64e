"""Small files in the official format of CIFAR, for tests."""

from __future__ import annotations

import hashlib
import io
import pickle
import tarfile
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from snn_eval.data.cifar_files import CifarFiles
from snn_eval.data.official import GivenOut, OfficialFile

PER_BATCH = 40


def images(seed: int, samples: int = PER_BATCH) -> NDArray[np.uint8]:
    return np.random.default_rng(seed).integers(0, 256, (samples, 3072), dtype=np.uint8)


def batch(x: NDArray[np.uint8], labels: list[int], key: str = "labels", protocol: int = 2, more: Any = ()) -> bytes:
    """A pickled batch, keys as the Python 3 program that reads it gets them from one of Python 2."""
    tree = {b"batch_label": b"part", key.encode(): labels, b"data": x, b"filenames": [b"a.png"] * len(labels)}
    return pickle.dumps(tree | {name.encode(): value for name, value in dict(more).items()}, protocol=protocol)


def official(path: str, content: bytes) -> OfficialFile:
    md5 = hashlib.md5(content, usedforsecurity=False).hexdigest()
    return OfficialFile(path, len(content), md5, hashlib.sha256(content).hexdigest())


def small_cifar(folder: Path, classes: int = 10, batches: int = 2, key: str = "labels") -> tuple[CifarFiles, bytes]:
    """A data set of ``batches`` training batches and one test batch, its files in ``folder``; and its archive."""
    contents = {
        f"small-py/{name}": batch(images(seed), [(n + seed) % classes for n in range(PER_BATCH)], key)
        for seed, name in enumerate([*(f"data_batch_{b + 1}" for b in range(batches)), "test_batch"])
    }
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as tar:
        for path, content in contents.items():
            member = tarfile.TarInfo(path)
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_bytes(content)
    files = [official(path, content) for path, content in contents.items()]
    archive = GivenOut(official("small.tar.gz", packed.getvalue()))
    names = tuple(f"c{k}" for k in range(classes))
    return CifarFiles("small", archive, tuple(files[:-1]), (files[-1],), PER_BATCH, key, names), packed.getvalue()

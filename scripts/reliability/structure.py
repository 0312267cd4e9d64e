"""Damages files by what they mean: values of a tree, tensors of a checkpoint, members of a zip, fields of a trace."""

from __future__ import annotations

import io
import json
import random
import zipfile
from collections.abc import Callable
from typing import Any

import numpy as np
import torch

__all__ = ["damaged_checkpoint", "damaged_hdf5", "damaged_json", "damaged_zip"]

Place = tuple[Any, Any]
"""A container of a tree, and a key or index in it."""

_PLAIN: tuple[Callable[[], Any], ...] = (
    lambda: None, lambda: True, lambda: 0, lambda: -1, lambda: 2**31, lambda: 2**63, lambda: 10**30, lambda: 0.5,
    lambda: float("nan"), lambda: float("inf"), lambda: "", lambda: "text", lambda: "8", list, dict,
    lambda: [1, 2], lambda: {"a": 1}, lambda: "x" * 5000, lambda: _nested(200), lambda: [10**6, 10**6],
)  # fmt: skip


def _nested(depth: int) -> list[Any]:
    out: list[Any] = []
    for _ in range(depth):
        out = [out]
    return out


def _places(tree: Any) -> list[Place]:
    found: list[Place] = []
    keys = list(tree) if isinstance(tree, dict) else range(len(tree)) if isinstance(tree, list) else ()
    for key in keys:
        found.append((tree, key))
        found += _places(tree[key])
    return found


def _damage_tree(tree: Any, draw: random.Random, value: Callable[[Any], Any]) -> None:
    """Change one place of a tree: another value, none, a second key, another one's value."""
    places = _places(tree)
    holder, key = draw.choice(places)
    kind = draw.randrange(5)
    if kind <= 1:
        holder[key] = value(holder[key])
    elif kind == 2:
        del holder[key]
    elif kind == 3 and isinstance(holder, dict):
        holder[f"{key}s" if isinstance(key, str) else 7] = holder[key]
    else:
        other, at = draw.choice(places)
        holder[key], other[at] = other[at], holder[key]


def damaged_json(content: bytes, draw: random.Random) -> bytes:
    """Valid JSON with another value, key or place; sealed anew every other time, as a forger would."""
    from snn_eval.record import _SEAL, _sealed

    tree = json.loads(content)
    _damage_tree(tree, draw, lambda _: draw.choice(_PLAIN)())
    try:
        if _SEAL in tree and draw.random() < 0.5:
            tree.pop(_SEAL)
            tree[_SEAL] = _sealed(tree)
        return json.dumps(tree).encode()
    except (ValueError, RecursionError, TypeError):  # NaN in it, or a tree that holds itself
        return b"[" * 2000


def damaged_checkpoint(content: bytes, draw: random.Random) -> bytes:
    """A checkpoint torch can read, with another tensor, type, key or value in it."""
    tree = torch.load(io.BytesIO(content), weights_only=True)
    if draw.random() < 0.5:
        tensors = [place for place in _places(tree) if isinstance(place[0][place[1]], torch.Tensor)]
        holder, key = draw.choice(tensors)
        holder[key] = _other_tensor(holder[key], draw)
    else:
        _damage_tree(tree, draw, lambda _: draw.choice(_PLAIN)())
    out = io.BytesIO()
    try:
        torch.save(tree, out, _use_new_zipfile_serialization=draw.random() < 0.8)
    except (ValueError, TypeError, RuntimeError, RecursionError):
        return content[:-1]
    return out.getvalue()


def _other_tensor(x: torch.Tensor, draw: random.Random) -> Any:
    makers: tuple[Callable[[], Any], ...] = (
        lambda: x.reshape(-1), lambda: x[:0], lambda: x[None], lambda: x.double(), lambda: x.half(), lambda: x.bool(),
        lambda: x.to(torch.bfloat16), lambda: x.to(torch.complex64), lambda: x.to(torch.int8), lambda: x * float("nan"),
        lambda: torch.full_like(x, float("inf")), lambda: x.to_sparse(), lambda: torch.zeros(1).expand(10**9),
        lambda: x.expand(64, *x.shape), lambda: x.transpose(0, -1) if x.dim() else x, lambda: x * 0, lambda: -x,
        lambda: torch.quantize_per_tensor(x.float(), 0.1, 0, torch.qint8), lambda: x.tolist(), lambda: x.sum(),
        lambda: x.to(torch.float8_e4m3fn), lambda: torch.nn.Parameter(x.float()), lambda: x.to("meta"),
    )  # fmt: skip
    try:
        return draw.choice(makers)()
    except (RuntimeError, IndexError):  # not for a tensor of this type or without axes
        return None


def damaged_zip(content: bytes, draw: random.Random) -> bytes:
    """A zip archive with members renamed, repeated, left out, compressed or exchanged."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        members = [(name, archive.read(name)) for name in archive.namelist()]
    at, other = draw.randrange(len(members)), draw.randrange(len(members))
    kind, how = draw.randrange(6), zipfile.ZIP_STORED
    if kind == 0:
        members[at] = (draw.choice(("x", "../../x", "/abs", members[other][0], "archive/code/x.py")), members[at][1])
    elif kind == 1:
        members.insert(other, members[at])
    elif kind == 2:
        del members[at]
    elif kind == 3:
        how = zipfile.ZIP_DEFLATED
    elif kind == 4:
        members[at], members[other] = (members[at][0], members[other][1]), (members[other][0], members[at][1])
    else:
        members[at] = (members[at][0], draw.randbytes(draw.choice((0, 1, 64))) + members[at][1][1:])
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", how) as archive:
        for name, data in members:
            archive.writestr(zipfile.ZipInfo(name), data, compress_type=how)
    return out.getvalue()


def damaged_hdf5(content: bytes, draw: random.Random) -> bytes:
    """A trace whose attributes or arrays are of other types, shapes or values, sealed anew by whoever wrote it."""
    import h5py

    from snn_eval.trace_file import _SEAL_BYTES, _seal

    image = io.BytesIO(content)
    with h5py.File(image, "r+") as file:
        objects: list[Any] = [file]
        file.visititems(lambda _, found: objects.append(found))
        for _ in range(draw.choice((1, 1, 2, 5))):
            _damage_object(file, draw.choice(objects), draw)
    changed = image.getvalue()[_SEAL_BYTES:]
    return _seal(changed) + changed


def _damage_object(file: Any, found: Any, draw: random.Random) -> None:
    values: tuple[Any, ...] = (
        0, -1, 2**62, -(2**63), 0.5, np.nan, np.inf, "text", "", "[", "{}", '["a", 1]', np.zeros(0), np.zeros((2, 2)),
        np.array(["a", "b"], object), np.int8(3), True, b"\xff\xfe", np.arange(5, dtype=np.uint8),
    )  # fmt: skip
    try:
        if found.attrs and draw.random() < 0.6:
            name = draw.choice(list(found.attrs))
            if draw.random() < 0.25:
                del found.attrs[name]
            else:
                found.attrs[name] = draw.choice(values)
        elif found.name != "/":
            name, array = found.name, found[()] if hasattr(found, "dtype") else None
            del file[name]
            if array is not None and draw.random() < 0.8:
                file[name] = _other_array(array, draw)
    except (KeyError, ValueError, TypeError, OSError, RuntimeError):  # gone with an object above it, or not storable
        return


def _other_array(array: Any, draw: random.Random) -> Any:
    makers: tuple[Callable[[], Any], ...] = (
        lambda: array[..., :-1], lambda: array[None], lambda: array.reshape(-1), lambda: array.astype("f4"),
        lambda: array.astype("u1"), lambda: array.astype("f8") + 0.5, lambda: -array,
        lambda: array.astype("i8") * 0 + 2**40,
        lambda: array.astype("f4") * np.nan, lambda: array.astype("S3"), lambda: np.zeros(0), lambda: array.T,
    )  # fmt: skip
    return draw.choice(makers)()

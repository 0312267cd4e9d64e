"""All a training needs to go on after it was killed as if it had not been: one file, written whole after each epoch."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch

from snn_eval.atomic import write_atomic
from snn_eval.errors import RunError
from snn_eval.train.log import Epoch

__all__ = ["STATE_FILE", "differences", "flattened", "read_state", "write_state"]

STATE_FILE = "state.pt"
_FORMAT, _VERSION = "snn_eval-training", 2
_FIELDS = ("identity", "epochs", "parts")


def write_state(path: Path, identity: Mapping[str, Any], epochs: list[Epoch], parts: Mapping[str, Any]) -> None:
    """Write identity, log and the state of every moving part, whole or not at all.

    Args:
        path: where to.
        identity: what decides the outcome of the training, as plain values; see :func:`flattened`.
        epochs: the log so far.
        parts: name -> state of tensors and plain values.

    Raises:
        RunError: it cannot be written.
    """
    buffer = io.BytesIO()
    torch.save(
        {
            "format": _FORMAT,
            "format_version": _VERSION,
            "identity": dict(identity),
            "epochs": [asdict(epoch) for epoch in epochs],
            "parts": dict(parts),
        },
        buffer,
    )
    content = buffer.getvalue()
    write_atomic(path, _seal(content) + content)


def read_state(path: Path) -> tuple[dict[str, Any], list[Epoch], dict[str, Any]]:
    """Identity, log and states that :func:`write_state` wrote; no code from the file is run.

    Raises:
        RunError: damaged, or not such a file.
    """
    try:
        sealed = path.read_bytes()
        content = sealed[len(_seal(b"")) :]
        if not sealed.startswith(_seal(content)):
            raise ValueError("changed after it was written")
        values = torch.load(io.BytesIO(content), map_location="cpu", weights_only=True)
        if values["format"] != _FORMAT or values["format_version"] != _VERSION:
            raise ValueError("of another version")
        identity, epochs, parts = (values[name] for name in _FIELDS)
        return dict(identity), [Epoch(**epoch) for epoch in epochs], dict(parts)
    except MemoryError:
        raise
    except Exception as error:  # on a damaged file torch raises whatever it stumbles over
        raise RunError(f"{path}: expected the state of a training, got a damaged file; --fresh begins anew") from error


def _seal(content: bytes) -> bytes:
    """What stands before the content: what the file is, and its SHA-256; torch sees no flipped bit in a weight."""
    return f"{_FORMAT}\nsha256 {hashlib.sha256(content).hexdigest()}\n".encode()


def flattened(tree: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Dotted key -> value of nested tables."""
    flat: dict[str, Any] = {}
    for key, value in tree.items():
        if isinstance(value, Mapping) and value:
            flat.update(flattened(value, f"{prefix}{key}."))
        else:
            flat[f"{prefix}{key}"] = value
    return flat


def differences(there: Mapping[str, Any], here: Mapping[str, Any]) -> list[str]:
    """What differs between two identities, ``key: value there, value here`` each, in order of keys."""
    return [
        f"{key}: {there.get(key, 'none')} there, {here.get(key, 'none')} now"
        for key in sorted({*there, *here})
        if there.get(key, "none") != here.get(key, "none")
    ]

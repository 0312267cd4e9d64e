"""Imports the package ``nir`` where a graph is read or written, or says in one line what to install."""

from __future__ import annotations

from types import ModuleType

from snn_eval.errors import CheckpointError

__all__ = ["nir_package"]


def nir_package() -> ModuleType:
    """The package ``nir``.

    Raises:
        CheckpointError: it is not installed.
    """
    try:
        import nir
    except ModuleNotFoundError as error:
        raise CheckpointError(
            f"NIR graphs need the package nir, found none ({error.name} is missing); pip install nir"
        ) from error
    package: ModuleType = nir
    return package

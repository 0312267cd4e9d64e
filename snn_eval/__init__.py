"""Exact, comparable, nearly free evaluation of spiking neural networks."""

from __future__ import annotations

__all__ = ["__version__"]

__version__ = "0.1.0"

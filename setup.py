"""Puts the suites and checkpoints of the checkout into the package, where an installed copy finds them."""

from __future__ import annotations

from setuptools import find_packages, setup

SHIPPED = ("suites", "checkpoints")

setup(
    packages=[*find_packages(include=["snn_eval", "snn_eval.*"]), *(f"snn_eval._shipped.{name}" for name in SHIPPED)],
    package_dir={f"snn_eval._shipped.{name}": name for name in SHIPPED},
    package_data={"": [f"**/*.{ending}" for ending in ("toml", "pt", "html", "j2", "css", "js")] + ["py.typed"]},
)

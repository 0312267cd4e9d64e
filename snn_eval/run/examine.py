"""Checks a suite as far as it can be without a checkpoint: names, data, network, and whether these fit together."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from snn_eval.data import DATASETS, ArrayDataset, DataOptions, is_here, load_dataset
from snn_eval.errors import CheckpointError, DataError
from snn_eval.models.encoders import encode
from snn_eval.models.manifest import load_manifest
from snn_eval.run.load import fresh_network
from snn_eval.suite import Suite

__all__ = ["examined"]


def examined(suite: Suite, options: DataOptions) -> Iterator[tuple[str, str]]:
    """What was checked, one fact after the other; nothing is downloaded.

    Raises:
        DataError: the data are damaged or lack a part, or data of the user's own are not there.
        SuiteError: the network cannot be built.
        NetworkError: the network does not take the data.
        CheckpointError: the checkpoint the suite names is not there.
    """
    source, offline = suite.data_source, replace(options, download=False)
    found: dict[str, ArrayDataset] = {}
    problems = []
    for part in filter(None, (suite.data.train, suite.data.validation, suite.data.test)):
        known = DATASETS[source.name] if source.name else None
        missing = known is not None and not is_here(source, part, offline)
        if missing and known is not None and known.fetched:
            problems.append(f"{part}: not here; fetched when it is first needed, or named with --data-dir")
            continue
        try:
            found[part] = load_dataset(source, part, offline)
        except DataError as error:  # what is only trained on may be missing where nothing is trained
            if part == suite.data.test and not missing:
                raise
            problems.append(f"{part}: {error}")
    if found:
        yield "data", _described(found)
    yield from (("no data", problem) for problem in problems)
    steps = f"T = {suite.input.time_steps}"
    yield "input", f"{suite.input.encoding}, {suite.input.kind}, {steps}"
    if suite.model.arch is None and suite.model.factory is None:
        yield "network", "none: give --arch, or a NIR graph"
    elif suite.data.test in found:
        yield "network", _network(suite, found[suite.data.test])
    if suite.model.checkpoint is not None:
        yield "checkpoint", _checkpoint(suite, suite.model.checkpoint)


def _described(found: dict[str, ArrayDataset]) -> str:
    one = next(iter(found.values()))
    sizes = ", ".join(f"{part} {len(data)}" for part, data in found.items())
    classes = f"{len(one.classes)} classes"
    names = ", ".join(one.classes)
    shown = f"{classes}: {names}" if len(names) <= 60 else classes
    return f"{one.name}: {sizes} samples of {'×'.join(map(str, one.sample_shape))}, {shown}"


def _network(suite: Suite, data: ArrayDataset) -> str:
    given = suite.input
    chunk = next(data.chunks(2))
    x = encode(given.encoding, chunk.x, given.time_steps, chunk.id, given.seed, **given.preparation)
    loaded = fresh_network(suite, x, classes=len(data.classes))
    parameters = sum(p.numel() for p in loaded.network.module.parameters())
    spiking = len(loaded.network.spiking_layers())
    layers = f"{spiking} spiking layer{'' if spiking == 1 else 's'}"
    return f"{loaded.name}: {parameters:,} parameters, {layers}, takes the data"


def _checkpoint(suite: Suite, name: str) -> str:
    path = (suite.folder or Path()) / name
    if path.is_file():
        return str(path)
    if name in load_manifest():
        return f"{name}, comes with snn-eval"
    raise CheckpointError(f"model.checkpoint: expected the file {path}, found none")

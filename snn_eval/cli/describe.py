"""``snn-eval describe``: what is in a checkpoint, and the command to measure it."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from snn_eval.cli.terminal import terminal_columns, wrapped

if TYPE_CHECKING:
    from snn_eval.models.inspect import Content, TensorEntry
    from snn_eval.run.match import Match

__all__ = ["describe"]

_EPILOG = """\b
Examples:
  snn-eval describe model.pth
  snn-eval describe model.pth --tensors     every tensor, however many
"""

_SHOWN = 24
"""Tensors listed without ``--tensors``; of more, the first and the last."""

_PREPARED = "\nand --normalize, --encoding, --time-steps, --flatten, --readout as it was trained (docs/checkpoints.md)"

_FORMATS = {
    "snn_eval": "checkpoint of snn-eval",
    "pickled objects": "pickled Python objects: to read them would run code from the file, so it was not done",
    "TorchScript": "TorchScript",
    "torch.export": "program of torch.export",
    "NIR": "NIR graph",
    "HDF5": "HDF5 arrays, no NIR graph",
    "PyTorch": "PyTorch file without a state dict",
}


@click.command(short_help="Say what is in a checkpoint.", epilog=_EPILOG)
@click.argument("checkpoint", type=click.Path(path_type=Path))
@click.option("--tensors", "every", is_flag=True, help="List every tensor, however many there are.")
def describe(checkpoint: Path, every: bool) -> None:
    """Say what CHECKPOINT holds, which suites' networks it fits, and which command measures it.

    Nothing in the file is ever executed.
    """
    from snn_eval.models.inspect import inspect_file
    from snn_eval.report.grid import aligned
    from snn_eval.run.match import matching_suites

    content = inspect_file(checkpoint)
    matches = matching_suites(content)
    facts = [*_facts(content), *_fits(content, matches)]
    width = max(len(name) for name, _ in facts)
    click.echo(f"{checkpoint} · {_bytes(content.size_bytes)} · sha256 {content.sha256[:12]}…\n")
    click.echo("\n".join(wrapped(f"  {name:<{width}}  {text}", indent=width + 4) for name, text in facts))
    if content.tensors:
        click.echo("\n" + aligned(*_table(content.tensors, every), indent=2, columns=terminal_columns()))
    click.echo(f"\n{_advice(content, matches)}")


def _facts(content: Content) -> Iterator[tuple[str, str]]:
    yield "format", _format(content)
    if content.imports:
        yield "names", ", ".join(content.imports)
    for key, text in content.beside.items():
        yield (key or "holds"), text
    if content.nodes:
        yield "nodes", ", ".join(f"{name} {kind}" for name, kind in content.nodes.items())
    if content.tensors:
        types = ", ".join(dict.fromkeys(tensor.dtype for tensor in content.tensors))
        tensors = "1 tensor" if len(content.tensors) == 1 else f"{len(content.tensors)} tensors"
        yield "values", f"{content.values:,} in {tensors}, {types}"
    for tensor in content.tensors:
        if tensor.problem:
            yield "damaged", f"{tensor.name} holds {tensor.problem}"
    if content.neurons:
        yield "neurons", f"of {content.neurons}, as the names of the tensors show"
    yield from _ours(content)


def _format(content: Content) -> str:
    if content.format != "state dict":
        return _FORMATS[content.format]
    place = f"state dict under the key {content.under!r}" if content.under else "bare state dict"
    return f"{place}, every name begins with {content.prefix!r}" if content.prefix else place


def _ours(content: Content) -> Iterator[tuple[str, str]]:
    """What a file of ours says of itself, and what its measurements must be if it came with the project."""
    from snn_eval.metrics import METRICS
    from snn_eval.models.manifest import load_manifest
    from snn_eval.report.format import value_with_unit

    stored = content.checkpoint
    if stored is not None:
        yield "network", f"{stored.arch}, T = {stored.time_steps}"
        if stored.suite is not None:
            yield "trained for", f"suite {stored.suite} v{stored.suite_version}"
        plain = {key: value for key, value in stored.provenance.items() if not isinstance(value, dict | list)}
        for key, value in plain.items():
            yield key.replace("_", " "), f"{value:.6g}" if isinstance(value, float) else str(value)
    for entry in load_manifest().values():
        if entry.sha256 == content.sha256:
            yield "ships with", "snn-eval, content as in MANIFEST.toml"
            yield "made by", entry.command
            known = {key: METRICS[key] for key in entry.expected if key in METRICS}
            shown = (f"{key} {value_with_unit(entry.expected[key], metric.unit)}" for key, metric in known.items())
            yield "expected", f"on {entry.suite} v{entry.suite_version}, T = {entry.time_steps}: {', '.join(shown)}"


def _fits(content: Content, matches: Sequence[Match]) -> Iterator[tuple[str, str]]:
    names = ", ".join(match.suite.name for match in matches)
    if matches and content.format in ("NIR", "torch.export"):
        yield "could take", f"{names}: input and classes have these sizes"
    elif matches and matches[0].how == "network":
        yield "fits", f"{names}: every tensor of the suite's network, with its shape"
    elif matches and matches[0].how == "sizes":
        yield "could take", f"{names}: input and classes have these sizes; the network is another"
    elif content.format == "state dict":
        yield "fits", "no network of the suites that come with snn-eval"


def _table(tensors: Sequence[TensorEntry], every: bool) -> tuple[list[str], list[list[str]], list[bool]]:
    rows = [[t.name, "×".join(map(str, t.shape)), t.dtype, "" if t.value is None else f"{t.value:g}"] for t in tensors]
    if len(rows) > _SHOWN and not every:
        head, tail = 2 * _SHOWN // 3, _SHOWN // 3
        left = len(rows) - head - tail
        rows = [*rows[:head], [f"… {left} more", "", "", ""], *rows[-tail:]]
    return ["tensor", "shape", "type", "value"], rows, [False, False, False, True]


def _advice(content: Content, matches: Sequence[Match]) -> str:
    """The full command to try, or why there is none and what to do."""
    from snn_eval.models.pickled import harmful

    path = shlex.quote(str(content.path))
    if content.format == "pickled objects":
        bad = harmful(content.imports)
        if bad:
            return f"Reading it would call {', '.join(bad)}, which no network needs: do not load it anywhere."
        told = "To measure it, save its weights where it was made: torch.save(module.state_dict(), 'weights.pth')"
        return f"{told}\nor, only if you trust whoever made it:  snn-eval run --models SUITE {path} --trust"
    if content.program is not None:
        return _program_advice(content, matches, path)
    if content.format == "TorchScript":
        return (
            "It cannot be measured: no call inside it can be seen. Give the state_dict of the module it was made from."
        )
    if content.format == "NIR":
        return _graph_advice(content, matches, path)
    if content.format == "HDF5":
        return "It cannot be measured: expected a NIR graph or a state_dict of PyTorch."
    if content.format == "PyTorch":
        return "It cannot be measured: expected a state dict, alone or under a key of its own."
    if matches and matches[0].how == "sizes":
        lines = [f"  snn-eval run --models {m.suite.name} {path} --arch net.py:make_network" for m in matches]
        return "\n".join([f"To try, with your network in net.py{_PREPARED}:", *lines])
    if matches:
        lines = [f"  snn-eval run --models {m.suite.name} {path}{_flags(content, m)}" for m in matches]
        return "\n".join(["To measure it:", *lines])
    own = f"  snn-eval run --models my-suite.toml {path}"
    if content.checkpoint is None:
        own += " --arch net.py:make_network"
    flags = _PREPARED if content.checkpoint is None else ""
    return f"To try, with data of your own in my-suite.toml (docs/extending.md){flags}:\n{own}"


def _graph_advice(content: Content, matches: Sequence[Match], path: str) -> str:
    """The commands for a NIR graph, or what its data must be, or which of its nodes cannot be run."""
    from snn_eval.errors import CheckpointError
    from snn_eval.models.nir import is_nir
    from snn_eval.models.nir.building import nir_network

    if not is_nir(content.path):
        return "To measure it, give it a name that ends in .nir."
    try:
        shape = "×".join(map(str, nir_network(content.path, 1).input_shape))
    except CheckpointError as error:
        return f"It cannot be measured: {error}"
    if matches:
        lines = [f"  snn-eval run --models {m.suite.name} {path}{' --flatten' if m.flatten else ''}" for m in matches]
        return "\n".join(
            ["To try, with --time-steps, and of images --normalize and --encoding, as it was trained:", *lines]
        )
    told = f"To measure it, with data of your own whose samples are {shape} a step (docs/extending.md):"
    return f"{told}\n  snn-eval run --models my-suite.toml {path}"


def _program_advice(content: Content, matches: Sequence[Match], path: str) -> str:
    """The commands for a program of torch.export, what spikes in it, or which operation cannot be run."""
    from snn_eval.errors import CheckpointError
    from snn_eval.models.exported.building import exported_spikes

    try:
        spikes = exported_spikes(content.path)
    except CheckpointError as error:
        return f"It cannot be measured: {error}"
    steps = f" --time-steps {spikes.time_steps}" if spikes.time_steps else ""
    if spikes.neurons:
        found = f"Its spikes are told: {len(spikes.neurons)} modules give only zeros and ones, made by a comparison."
    elif spikes.elsewhere:
        found = f"It holds no neurons, but {spikes.elsewhere} comparisons: spikes are not counted, operations are."
    else:
        found = "Nothing in it spikes."
    if matches:
        lines = [f"  snn-eval run --models {m.suite.name} {path}{' --flatten' * m.flatten}{steps}" for m in matches]
        return "\n".join([f"{found} To try, with --normalize and --encoding as it was trained:", *lines])
    own = f"  snn-eval run --models my-suite.toml {path}{steps}"
    return f"{found} To measure it, with data of your own (docs/extending.md):\n{own}"


def _flags(content: Content, match: Match) -> str:
    """What must be said beside suite and checkpoint: T where it is not the suite's, a network of the user's own."""
    stored = content.checkpoint
    if stored is None:
        return ""
    own = f" --arch {shlex.quote(stored.arch)}" if stored.arch and ":" in stored.arch else ""
    return own + ("" if stored.time_steps == match.suite.input.time_steps else f" --time-steps {stored.time_steps}")


def _bytes(size: int) -> str:
    return f"{size} B" if size < 1000 else f"{size / 1000:.1f} kB" if size < 10**6 else f"{size / 10**6:.1f} MB"

"""``snn-eval env``: what a bug report needs."""

from __future__ import annotations

import click

__all__ = ["env"]


@click.command(epilog="Example:  snn-eval env")
def env() -> None:
    """Print versions and machine, for bug reports."""
    from snn_eval.env import environment

    found = environment()
    commit = found.source.commit
    state = "not a checkout" if commit is None else commit[:12] + (" with changes" if found.source.dirty else "")
    memory = "unknown" if found.memory_bytes is None else f"{found.memory_bytes / 2**30:.1f} GiB"
    rows = {
        "snn-eval": f"{found.version} ({state})",
        "python": found.python,
        "system": found.system,
        "processor": f"{found.machine}, {found.cores} cores usable",
        "memory": memory,
        "devices": _devices(),
        **found.packages,
    }
    width = max(map(len, rows))
    for name, value in rows.items():
        click.echo(f"{name:<{width}}  {value}")


def _devices() -> str:
    import torch

    cuda = [torch.cuda.get_device_name(i) for i in range(torch.cuda.device_count())]
    names = [f"cpu ({torch.get_num_threads()} threads)", *(f"cuda:{i} {name}" for i, name in enumerate(cuda))]
    return ", ".join(names)

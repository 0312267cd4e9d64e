"""The process of one cell: reads which one from its input, tells how far it is, ends with whoever started it."""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
from typing import Any

__all__ = ["main"]


def main() -> int:
    """Make the cell described in the first line of standard input; 0 even if it failed, its record says so."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for whoever started us, who then ends us
    from snn_eval.run.ablate.spec import from_line

    with open(0, "rb", buffering=0, closefd=False) as given:
        cell = from_line(given.readline())
    threading.Thread(target=_end_with_starter, daemon=True).start()

    import torch

    from snn_eval.errors import SnnEvalError
    from snn_eval.run.ablate.make import make
    from snn_eval.run.ablate.state import failed, keep

    torch.set_num_threads(1)
    try:
        make(cell, _tell)
    except SnnEvalError as error:
        keep(cell, failed(cell, " ".join(str(error).split())))
    return 0


def _end_with_starter() -> None:
    """Wait for the end of standard input: whoever started us is gone, however it ended."""
    while os.read(0, 1024):
        pass
    os._exit(1)


def _tell(event: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(event) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())

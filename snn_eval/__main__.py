"""Makes ``python -m snn_eval`` the same as the ``snn-eval`` command."""

from __future__ import annotations

from snn_eval.cli import main

if __name__ == "__main__":
    main()

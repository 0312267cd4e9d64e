"""Makes ``python -m snn_eval`` the same as the ``snn-eval`` command."""

from __future__ import annotations

import sys

if __name__ == "__main__":
    try:
        from snn_eval.cli import main
    except ModuleNotFoundError as error:  # an interpreter of the user's without even click
        sys.stderr.write(f"snn-eval: {sys.executable} has no package {error.name}: pip install -r requirements.txt\n")
        sys.exit(2)
    main()

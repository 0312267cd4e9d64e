"""Our speed against the peers'; not part of the package. ``python -m benchmarks.overhead`` is the command."""

"""The errors users meet: one tree, each with what was expected, what was found, what to do.

SnnEvalError
├── InputError            the user's input is wrong; the command line ends with exit code 2
│   ├── SuiteError        a suite file cannot be used
│   ├── CheckpointError   a checkpoint cannot be used
│   ├── DataError         a data set is missing, damaged or of the wrong shape
│   ├── RunError          a run folder, trace or record cannot be read or written
│   ├── GateError         a baseline or a gate cannot be used
│   └── NetworkError      the network cannot be measured (leaking state, TorchScript, …)
├── CountError            a count is impossible or would be wrong; the cell fails with this cause
│   ├── NotFiniteError    NaN or infinity reached a counted operation
│   ├── UnknownOperationError   an operation without a rule, under ``--strict``
│   └── NothingCountedError     a spiking network ran and no synaptic operation was seen
├── DivergedError         a training's loss became infinite or NaN; the epochs before it are kept
└── RefusedError          a number was asked for whose conditions do not hold (named in the message)
"""

from __future__ import annotations

__all__ = [
    "CheckpointError",
    "CountError",
    "DataError",
    "DivergedError",
    "GateError",
    "InputError",
    "NetworkError",
    "NotFiniteError",
    "NothingCountedError",
    "RefusedError",
    "RunError",
    "SnnEvalError",
    "SuiteError",
    "UnknownOperationError",
]


class SnnEvalError(Exception):
    """Base of every error this package raises on purpose; its text is one line for the user."""


class InputError(SnnEvalError):
    """The user's input is wrong (exit code 2)."""


class SuiteError(InputError):
    """A suite file cannot be used."""


class CheckpointError(InputError):
    """A checkpoint cannot be used."""


class DataError(InputError):
    """A data set is missing, damaged, or of the wrong shape."""


class RunError(InputError):
    """A run folder, trace or record cannot be read or written."""


class GateError(InputError):
    """A baseline or a gate (``--fail-on``) cannot be used."""


class NetworkError(InputError):
    """The network cannot be measured as it is."""


class CountError(SnnEvalError):
    """A count is impossible or would be wrong; no number is given."""


class NotFiniteError(CountError):
    """NaN or infinity reached a counted operation."""


class UnknownOperationError(CountError):
    """An operation without a rule was executed under ``--strict``."""


class NothingCountedError(CountError):
    """A spiking network ran and not one synaptic operation was seen."""


class DivergedError(SnnEvalError):
    """A training's loss became infinite or NaN; the epochs before it are kept."""


class RefusedError(SnnEvalError):
    """A number was asked for whose conditions do not hold."""

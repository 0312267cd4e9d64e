"""How a residual branch joins what it goes around: five functions of spikes, written so that gradients follow them."""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor

__all__ = ["CONNECTS"]

CONNECTS: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "add": lambda a, b: a + b,
    "and": lambda a, b: a * b,
    "iand": lambda a, b: (1 - a) * b,
    "or": lambda a, b: a + b - a * b,
    "xor": lambda a, b: a * (1 - b) + b * (1 - a),
}
"""Name -> function of the branch ``a`` and of what it goes around, ``b``. Of spikes all but ``add`` make spikes;
``add`` gives 0 … 2 and grows by 1 with every block. All but ``and`` give ``b`` where ``a`` is 0."""

"""What cannot be measured because it runs where no call can be seen."""

from __future__ import annotations

import torch
from torch import nn

from snn_eval.errors import NetworkError

__all__ = ["refuse_invisible"]


def refuse_invisible(module: nn.Module) -> None:
    """Refuse modules inside which neither hooks nor a function mode see anything: they would count as nothing.

    Raises:
        NetworkError: TorchScript, DataParallel or compiled modules, by name.
    """
    for name, part in module.named_modules():
        where = name or "the network"
        if isinstance(part, torch.jit.ScriptModule):
            raise NetworkError(f"{where}: TorchScript cannot be measured; give the Python module it was made from")
        if isinstance(part, nn.DataParallel | nn.parallel.DistributedDataParallel):
            raise NetworkError(f"{where}: {type(part).__name__} cannot be measured; give its .module")
        if type(part).__name__ == "OptimizedModule":
            raise NetworkError(f"{where}: a compiled module cannot be measured; give the module before torch.compile")

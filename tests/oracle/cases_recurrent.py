"""Cases: recurrent layers: the input matrix by the values of x, the recurrent one by the values of h."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from brute import Count, linear_scatter
from case import Case, dyadic
from inputs import binary, counts, over_time, real, ternary
from intercept import to_numpy
from torch import Tensor, nn
from wrap import Spike, reset

__all__ = ["CASES"]

F_IN, HID, T = 5, 3, 4


class Sequence(nn.Module):
    """A recurrent layer over all steps of ``[T,N,F]``."""

    def __init__(self, layer: nn.Module, h0: bool = False) -> None:
        super().__init__()
        self.layer, self.h0 = dyadic(layer), h0

    def state(self, n: int, x: Tensor) -> Any:
        h = torch.ones(1, n, HID, dtype=x.dtype)
        return (h, h * 0) if isinstance(self.layer, nn.LSTM) else h

    def forward(self, x: Tensor) -> Tensor:
        n = x.shape[0 if self.layer.batch_first else 1]
        return self.layer(x, self.state(n, x))[0] if self.h0 else self.layer(x)[0]


def sequence_reference(module: nn.Module, x: Tensor) -> list[list[Count]]:
    """x_t meets W_ih; the output of the step before (or h0) meets W_hh."""
    rnn = module.layer
    y = to_numpy(module(x))  # [T,1,H]
    w_ih, w_hh = to_numpy(rnn.weight_ih_l0), to_numpy(rnn.weight_hh_l0)  # type: ignore[union-attr,arg-type]
    start = np.ones((1, 1, HID)) if module.h0 else np.zeros((1, 1, HID))
    before = np.concatenate([start, y[:-1]])
    return [[linear_scatter(a, w_ih) for a in to_numpy(x)], [linear_scatter(h, w_hh) for h in before]]


def sequence(name: str, layer: Callable[[], nn.Module], inputs: Callable[[int], Tensor], h0: bool = False) -> Case:
    """A recurrent layer run over T steps in one call."""
    return Case(
        name,
        lambda: Sequence(layer(), h0),
        over_time(T, inputs),
        time_steps=T,
        sample_axis=1,
        reference=sequence_reference,
        drop_levels=(1,),
        dtype=torch.float64,
        layers=2,
    )


SEQUENCES = [
    sequence("rnn_tanh", lambda: nn.RNN(F_IN, HID), binary(F_IN)),
    sequence("rnn_relu_integers", lambda: nn.RNN(F_IN, HID, nonlinearity="relu", bias=False), counts(F_IN)),
    sequence("gru", lambda: nn.GRU(F_IN, HID), ternary(F_IN)),
    sequence("gru_no_bias", lambda: nn.GRU(F_IN, HID, bias=False), real(F_IN)),
    sequence("lstm", lambda: nn.LSTM(F_IN, HID), binary(F_IN)),
    sequence("lstm_with_h0", lambda: nn.LSTM(F_IN, HID), binary(F_IN), h0=True),
    sequence("gru_with_h0", lambda: nn.GRU(F_IN, HID), binary(F_IN), h0=True),
]


def tokens_reference(module: nn.Module, x: Tensor) -> list[list[Count]]:
    """A sequence that is not time: all tokens belong to the one step."""
    rnn = module.layer
    y = to_numpy(module(x))[0]  # [L,H]
    before = np.concatenate([np.zeros((1, HID)), y[:-1]])
    w_ih, w_hh = to_numpy(rnn.weight_ih_l0), to_numpy(rnn.weight_hh_l0)  # type: ignore[union-attr,arg-type]
    return [[linear_scatter(to_numpy(x)[0], w_ih)], [linear_scatter(before, w_hh)]]


TOKENS = [
    Case(
        f"{name}_over_tokens_batch_first",
        lambda layer=layer: Sequence(layer(F_IN, HID, batch_first=True)),
        binary(6, F_IN),
        reference=tokens_reference,
        drop_levels=(1,),
        dtype=torch.float64,
        layers=2,
    )
    for name, layer in (("rnn", nn.RNN), ("gru", nn.GRU), ("lstm", nn.LSTM))
]


class CellLoop(nn.Module):
    """linear → spikes → recurrent cell → linear, one step after another; ``static`` input or ``[T,N,F]``."""

    def __init__(self, cell: nn.Module, static: bool, explicit_state: bool) -> None:
        super().__init__()
        self.time_steps, self.static, self.explicit_state = T, static, explicit_state
        self.fc, self.spike, self.cell, self.out = nn.Linear(F_IN, F_IN), Spike(), cell, nn.Linear(HID, 2)
        dyadic(self)

    def forward(self, x: Tensor) -> Tensor:
        state: Any = None
        n = len(x) if self.static else x.shape[1]
        if self.explicit_state:
            zero = torch.zeros(n, HID, dtype=x.dtype)
            state = (zero, zero) if isinstance(self.cell, nn.LSTMCell) else zero
        readout = []
        for t in range(self.time_steps):
            state = self.cell(self.spike(self.fc(x if self.static else x[t])), state)
            readout.append(self.out(state[0] if isinstance(state, tuple) else state))
        return torch.stack(readout)


def cell_reference(module: nn.Module, x: Tensor) -> list[list[Count]]:
    """Operands as the modules receive them, step by step."""
    layers: list[list[Count]] = [[], [], [], []]

    def linear(at: int) -> Callable[..., None]:
        return lambda m, args: layers[at].append(linear_scatter(to_numpy(args[0]), to_numpy(m.weight)))

    def cell(m: nn.Module, args: tuple[Any, ...]) -> None:
        state = args[1][0] if isinstance(args[1], tuple) else args[1]
        h = np.zeros((len(args[0]), HID)) if state is None else to_numpy(state)
        layers[1].append(linear_scatter(to_numpy(args[0]), to_numpy(m.weight_ih)))  # type: ignore[arg-type]
        layers[2].append(linear_scatter(h, to_numpy(m.weight_hh)))  # type: ignore[arg-type]

    hooks = [
        module.fc.register_forward_pre_hook(linear(0)),  # type: ignore[union-attr]
        module.cell.register_forward_pre_hook(cell),  # type: ignore[union-attr]
        module.out.register_forward_pre_hook(linear(3)),  # type: ignore[union-attr]
    ]
    reset(module)
    module(x)
    for hook in hooks:
        hook.remove()
    return layers


CELLS = [
    Case(
        f"{name}_cell_{'static' if static else 'over_time'}{'_explicit_state' * explicit}",
        lambda make=make, static=static, explicit=explicit: CellLoop(make(F_IN, HID), static, explicit),
        real(F_IN) if static else over_time(T, counts(F_IN)),
        time_steps=T,
        sample_axis=0 if static else 1,
        reference=cell_reference,
        drop_levels=(2, 3),
        dtype=torch.float64,
        layers=4,
    )
    for name, make in (("rnn", nn.RNNCell), ("gru", nn.GRUCell), ("lstm", nn.LSTMCell))
    for static, explicit in ((True, False), (False, True))
]


class SpikeRecurrence(nn.Module):
    """Spikes fed back through a matrix of their own, by hand."""

    def __init__(self) -> None:
        super().__init__()
        self.time_steps = T
        self.inp, self.rec, self.spike = nn.Linear(F_IN, HID), nn.Linear(HID, HID, bias=False), Spike()
        dyadic(self)

    def forward(self, x: Tensor) -> Tensor:
        s = torch.zeros(len(x), HID, dtype=x.dtype)
        steps = []
        for _ in range(self.time_steps):
            s = self.spike(self.inp(x) + self.rec(s))
            steps.append(s)
        return torch.stack(steps)


BY_HAND = [
    Case(
        "spikes_fed_back",
        SpikeRecurrence,
        binary(F_IN),
        time_steps=T,
        plan=("loop", "loop"),
        layers=2,
    )
]

CASES = [*SEQUENCES, *TOKENS, *CELLS, *BY_HAND]

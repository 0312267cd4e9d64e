"""A product of two activations says the shape of what it makes, of one sample in one step."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn

from snn_eval.data import Chunk
from snn_eval.models.adapters import adapt
from snn_eval.probe import ProbeOptions, record_trace
from snn_eval.trace import Trace


class Products(nn.Module):
    """Five tokens of six features, two heads: scores by matmul, then fused attention."""

    def __init__(self) -> None:
        super().__init__()
        self.embed, self.head = nn.Linear(6, 6), nn.Linear(6, 4)

    def forward(self, x: Tensor) -> Tensor:
        tokens = self.embed(x)
        mixed = torch.matmul(tokens, tokens.transpose(-1, -2)) @ tokens
        heads = mixed.reshape(*mixed.shape[:-1], 2, 3).transpose(1, 2)
        seen = nn.functional.scaled_dot_product_attention(heads, heads, heads)
        return self.head(seen.transpose(1, 2).flatten(2).mean(1))


def recorded() -> Trace:
    torch.manual_seed(0)
    x = torch.randn(4, 5, 6)
    chunk = Chunk(0, np.arange(4), x, np.zeros(4, np.int64))
    return record_trace(adapt(Products(), 1, example=x), [chunk], ProbeOptions(batch_size=4, timed_chunks=0))


def test_products_have_input_and_output_shapes() -> None:
    shapes = [(layer.input_shape, layer.output_shape) for layer in recorded().synaptic if layer.is_product]
    assert shapes == [
        ((5, 6), (5, 5)),  # tokens x tokens
        ((5, 5), (5, 6)),  # scores x tokens
        ((2, 5, 3), (2, 5, 5)),  # query x key of each head
        ((2, 5, 5), (2, 5, 3)),  # weights x value
    ]

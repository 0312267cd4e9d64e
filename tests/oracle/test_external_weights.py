"""Weights of others whose data are not here, in networks of their shape on drawn input: every count is that of a loop
over each nonzero input and weight."""

from __future__ import annotations

import hashlib

import numpy as np
import pytest
import torch
from helpers.shared import SHARED
from intercept import capture
from test_nir import REAL_GRAPHS
from test_whole_networks import expected
from torch import nn

pytest.importorskip("snntorch")
pytest.importorskip("spikingjelly")

from external_networks import FILES, MOST, Dense

from snn_eval.models.adapters import adapt
from snn_eval.models.checkpoint import load_checkpoint, load_weights
from snn_eval.probe import Chunk, ProbeOptions, record_trace

EXTERNAL = SHARED.parent / "checkpoints_external"
WEIGHTED = (nn.Linear, nn.Conv1d, nn.Conv2d, Dense)

WITH_DATA = (
    "SNN_model.pt",
    "mnist_ANN_baseline.pt",
    "checkpoint_max.pth",
    "checkpoint_latest.pth",
    "model_weights.pth",
)
"""Measured on MNIST, as docs/checkpoints.md says, in tests/cli."""
REFUSED = ("max_acc.pkl", "network.net", "trained_mnist_network.net", "_subgraph.nir")
"""By which line is tested where files are read."""


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.rpartition("/")[2])
def test_every_layer_step_and_sample(file: str) -> None:
    path = EXTERNAL / file
    if not path.is_file():
        pytest.skip(f"no {file} in {EXTERNAL}")
    make, shape, steps = FILES[file]
    module, samples = make(), 4
    load_weights(module, load_checkpoint(path))
    draw = torch.Generator().manual_seed(0)
    x = torch.poisson(torch.rand(steps, samples, *shape, generator=draw) * MOST.get(file, 4), generator=draw)
    static = steps == 1
    network = adapt(module, steps, sample_axis=0 if static else 1)
    x = x[0] if static else x
    network.observe(x)
    chunk = Chunk(0, np.arange(samples), x, np.zeros(samples, np.int64))
    trace = record_trace(network, [chunk], ProbeOptions(batch_size=samples, timed_chunks=0, input_kind="counts"))
    want = expected(capture(module, network.run, x), len(trace.synaptic), steps, samples)
    weighted = [part for part in module.modules() if isinstance(part, WEIGHTED)]
    assert trace.unknown == ()
    assert len(trace.synaptic) == len(want) == len(weighted)
    for layer, ops in zip(trace.synaptic, want, strict=True):
        found = layer.ops_VTN.reshape(-1, *layer.ops_VTN.shape[-2:]).sum(0)
        np.testing.assert_array_equal(found, ops, layer.name)
        assert ops.sum() > 0, layer.name


def test_no_file_is_left_out() -> None:
    """Each is counted here or in test_nir (or has the same bytes), measured on data, or refused."""
    if not EXTERNAL.is_dir():
        pytest.skip(f"no {EXTERNAL}")
    counted = {EXTERNAL / file for file in (*FILES, *REAL_GRAPHS)}
    files = [path for path in EXTERNAL.rglob("*") if path.is_file()]
    assert counted <= set(files)
    same = {hashlib.sha256(path.read_bytes()).hexdigest() for path in counted}
    left = [path for path in files if not path.name.endswith((*WITH_DATA, *REFUSED))]
    assert [p for p in left if hashlib.sha256(p.read_bytes()).hexdigest() not in same] == []

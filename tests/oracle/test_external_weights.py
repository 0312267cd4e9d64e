"""Weights of others whose data are not here, in networks of their shape on drawn input: every count is that of a loop
over each nonzero input and weight."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import numpy as np
import pytest
import torch
from helpers.shared import SHARED
from intercept import capture
from test_whole_networks import expected
from torch import nn

from snn_eval.models.adapters import adapt
from snn_eval.models.checkpoint import load_checkpoint, load_weights
from snn_eval.probe import Chunk, ProbeOptions, record_trace

snntorch = pytest.importorskip("snntorch")
pytest.importorskip("spikingjelly")

from spikingjelly.activation_based import neuron  # noqa: E402

EXTERNAL = SHARED.parent / "checkpoints_external"
BENCH = "NeuroBench__neurobench/examples/"


def leaky() -> nn.Module:
    return snntorch.Leaky(beta=0.5, init_hidden=True)


def named(**parts: nn.Module) -> nn.Module:
    """Modules run one after the other, under these names."""
    network = nn.Sequential()
    for name, part in parts.items():
        network.add_module(name, part)
    return network


def speech() -> nn.Module:
    sizes = [20, 256, 256, 256, 35]
    pairs = [(nn.Linear(a, b), leaky()) for a, b in pairwise(sizes)]
    return nn.Sequential(nn.Flatten(), *(part for pair in pairs for part in pair))


def gestures() -> nn.Module:
    parts: dict[str, nn.Module] = {}
    for i, (a, b) in enumerate([(2, 16), (16, 32), (32, 64)], 1):
        parts |= {f"conv{i}": nn.Conv2d(a, b, 5), f"lif{i}": leaky(), f"pool{i}": nn.MaxPool2d(2)}
    return named(**parts, flat=nn.Flatten(), linear1=nn.Linear(1024, 11), lif4=leaky())


def activity() -> nn.Module:
    convolutions = {
        "conv1": nn.Conv1d(6, 200, 2),
        "leaky1": leaky(),
        "conv2": nn.Conv1d(200, 256, 1),
        "leaky2": leaky(),
    }
    return named(**convolutions, flat=nn.Flatten(), linear=nn.Linear(512, 7), leaky3=leaky())


def reaching() -> nn.Module:
    return named(fc1=nn.Linear(96, 50, bias=False), lif1=leaky(), fc_out=nn.Linear(50, 2, bias=False), lif_out=leaky())


def running() -> nn.Module:
    channels, parts = [2, 16, 32, 32, 64, 64, 64], {}
    for i, (a, b) in enumerate(pairwise(channels), 1):
        parts |= {f"conv{i}": nn.Conv2d(a, b, 3, padding=1), f"lif{i}": neuron.LIFNode(v_threshold=0.1)}
        parts |= {f"pool{i}": nn.MaxPool2d(2)} if i < 6 else {}
    return named(**parts, flat=nn.Flatten(), linear1=nn.Linear(64, 10))


def events_ann() -> nn.Module:
    def conv(a: int, b: int, k: int, stride: int = 1) -> nn.Module:
        return nn.Conv2d(a, b, k, stride, padding=1, bias=False)

    features = (conv(2, 16, 5, 2), nn.ReLU(), conv(16, 16, 3), nn.ReLU(), nn.AvgPool2d(2), conv(16, 8, 3), nn.ReLU())
    head = (nn.Linear(128, 256, bias=False), nn.ReLU(), nn.Linear(256, 10, bias=False))
    return nn.Sequential(*features, nn.AvgPool2d(2), nn.Flatten(), *head)


FILES: dict[str, tuple[Callable[[], nn.Module], tuple[int, ...], int]] = {
    f"{BENCH}gsc/model_data/s2s_gsc_snntorch": (speech, (20,), 6),
    f"{BENCH}dvs_gesture/model_data/dvs_gesture_snn": (gestures, (2, 60, 60), 8),
    f"{BENCH}nehar/model_data/WISDM_snnTorch.ckpt": (activity, (6, 3), 6),
    f"{BENCH}primate_reaching/model_data/SNN2_indy_20160622_01.pt": (reaching, (96,), 8),
    "Takoyaki-h__SNN_DVS_Running/WeightQua/model_pth/linear_quantized_max_acc.pth": (running, (2, 32, 32), 3),
    "neuromorphs__NIR/paper/02_cnn/ann_pretraining/pretrained_ann_weights.pth": (events_ann, (2, 34, 34), 1),
}


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.rpartition("/")[2])
def test_every_layer_step_and_sample(file: str) -> None:
    path = EXTERNAL / file
    if not path.is_file():
        pytest.skip(f"no {file} in {EXTERNAL}")
    make, shape, steps = FILES[file]
    module, samples = make(), 2
    load_weights(module, load_checkpoint(path))
    x = torch.poisson(torch.rand(steps, samples, *shape, generator=torch.Generator().manual_seed(0)) * 4)
    static = steps == 1
    network = adapt(module, steps, sample_axis=0 if static else 1)
    x = x[0] if static else x
    network.observe(x)
    chunk = Chunk(0, np.arange(samples), x, np.zeros(samples, np.int64))
    trace = record_trace(network, [chunk], ProbeOptions(batch_size=samples, timed_chunks=0, input_kind="counts"))
    want = expected(capture(module, network.run, x), len(trace.synaptic), steps, samples)
    weighted = [part for part in module.modules() if isinstance(part, nn.Linear | nn.Conv1d | nn.Conv2d)]
    assert trace.unknown == ()
    assert len(trace.synaptic) == len(want) == len(weighted)
    for layer, ops in zip(trace.synaptic, want, strict=True):
        found = layer.ops_VTN.reshape(-1, *layer.ops_VTN.shape[-2:]).sum(0)
        np.testing.assert_array_equal(found, ops, layer.name)
        assert ops.sum() > 0, layer.name

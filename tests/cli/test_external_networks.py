"""Checkpoints of other projects: each is read or refused by the right line; three are measured as docs/checkpoints.md
says, and every number is that of networks written out here in numpy."""

from __future__ import annotations

import gzip
import re
import shlex
from pathlib import Path

import numpy as np
import pytest
import torch
from cli.conftest import Command
from helpers.shared import SHARED, needs
from numpy.typing import NDArray

from snn_eval.errors import CheckpointError
from snn_eval.models.checkpoint import load_checkpoint
from snn_eval.models.encoders import rate
from snn_eval.record import Record, read_record

PAGE = Path(__file__).resolve().parents[2] / "docs" / "checkpoints.md"
EXTERNAL = SHARED.parent / "checkpoints_external"
CLASSIFIER = EXTERNAL / "SpikingIntelligenceSystem__snn-mnist-classifier-project"
FPGA = EXTERNAL / "USTC-SSE-practice__SNN_FPGA"
IMAGES = "MNIST/raw/t10k-images-idx3-ubyte.gz"
LABELS = "MNIST/raw/t10k-labels-idx1-ubyte.gz"

measured = pytest.mark.skipif(not EXTERNAL.is_dir(), reason=f"no checkpoints of others in {EXTERNAL}")
N = 40

OUTCOMES: dict[str, int | str] = {
    "oxfordNet.pt": 4,
    "network.pt": 6,
    "network.net": "got HDF5, which only as a NIR graph",
    "trained_mnist_network.net": "got HDF5, which only as a NIR graph",
    "max_acc.pkl": r"found models.DVSEventNet.DVSEventNet and 5 more, which would run code from the file.*--trust",
    "linear_quantized_max_acc.pth": 14,
    "dvs_gesture_snn": 24,
    "indy_20160622_01_model_state_dict.pth": 16,
    "SNN3_Weight/indy_20160622_01_model_state_dict.pth": 22,
    "loco_20170210_03_model_state_dict.pth": 22,
    "SNN2_loco_20170210_03.pt": 10,
    "SNN2_indy_20160622_01.pt": 10,
    "WISDM_snnTorch.ckpt": 18,
    "best_model.pt": 18,
    "m5_ann": 30,
    "s2s_gsc_snntorch": 24,
    "mnist_1Step_SNN_baseline.pt": 18,
    "SNN_model.pt": 18,
    "mnist_ANN_baseline.pt": 6,
    "pretrained_ann_weights.pth": 5,
    "retrained_noDelay_ref_zero.pt": 16,
    "retrained_noDelay_noBias_ref_subtract.pt": 13,
    "model_ref_subtract.pt": 16,
    "model_noDelay_bias_ref_zero.pt": 16,
    "model_noDelay_noBias_ref_subtract.pt": 13,
    "model_weights.pth": 1,
    "checkpoint_latest.pth": 1,
    "checkpoint_max.pth": 1,
}
"""End of a path -> tensors it holds, or the line that refuses it; of several ends the longest."""

FILES = sorted(p for p in EXTERNAL.rglob("*") if p.is_file() and p.suffix != ".nir") if EXTERNAL.is_dir() else []


@measured
@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_each_file_is_read_or_refused_by_its_line(path: Path) -> None:
    outcome = OUTCOMES[max((end for end in OUTCOMES if str(path).endswith(end)), key=len)]
    if isinstance(outcome, int):
        assert len(load_checkpoint(path).state_dict) == outcome
    else:
        with pytest.raises(CheckpointError, match=outcome) as refused:
            load_checkpoint(path)
        assert "\n" not in str(refused.value)


def digits() -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """The first N test images, pixels 0 … 1, and their classes."""
    pixels = gzip.decompress((SHARED / IMAGES).read_bytes())[16 : 16 + N * 784]
    labels = gzip.decompress((SHARED / LABELS).read_bytes())[8 : 8 + N]
    return np.frombuffer(pixels, np.uint8).reshape(N, 784) / 255, np.frombuffer(labels, np.uint8).astype(np.int64)


def arrays(path: Path, under: str = "") -> dict[str, NDArray[np.float64]]:
    values = torch.load(path, map_location="cpu", weights_only=True)
    return {name: part.double().numpy() for name, part in (values[under] if under else values).items()}


def drawn(probability: NDArray[np.float64], time_steps: int) -> NDArray[np.float64]:
    """Spikes of rate coding ``[T,N,P]``, the encoder's own (tested elsewhere); test images are numbered behind the
    60,000 of training."""
    x = torch.from_numpy(probability.astype(np.float32))
    return rate(x, time_steps, 60_000 + np.arange(N), 0).double().numpy()


def page_command(first: str, path: Path, **flags: str) -> list[str]:
    """The page's command for a file, on N samples of the data here."""
    text = PAGE.read_text(encoding="utf-8")
    (net,) = re.findall(r"^```python\n(# net\.py\n.*?)^```$", text, re.MULTILINE | re.DOTALL)
    Path("net.py").write_text(net, encoding="utf-8")
    (line,) = re.findall(rf"^snn-eval (run --models mnist {re.escape(first)} .*)$", text, re.MULTILINE)
    words = shlex.split(re.sub(r" --limit \d+", "", line))
    words[words.index(first)] = str(path)
    for name, value in flags.items():
        words[words.index(f"--{name}") + 1] = value
    return [*words, "--limit", str(N), "--data-dir", str(SHARED), "--no-download", "--device", "cpu", "--quiet"]


def value(record: Record, metric: str, convention: str | None = None) -> float:
    return next(
        m.value
        for m in record.measurements
        if m.metric == metric and m.scope == "network" and m.convention == convention
    )


@pytest.mark.slow
@measured
@needs(IMAGES, LABELS)
def test_the_relu_network(snn_eval: Command) -> None:
    path = CLASSIFIER / "mnist_ANN_baseline.pt"
    answer = snn_eval(*page_command("mnist_ANN_baseline.pt", path))
    assert (answer.code, answer.err) == (0, "")
    record = read_record(answer.last / "record.json")
    weights, (x, target) = arrays(path), digits()
    x, macs = (x - 0.1307) / 0.3081, 0
    for layer in (1, 2, 3):
        w, b = weights[f"layer_{layer}.weight"], weights[f"layer_{layer}.bias"]
        macs += int(np.count_nonzero(x)) * len(w)
        x = x @ w.T + b
        x = np.maximum(x, 0) if layer < 3 else x
    assert record.identity.time_steps == 1
    assert value(record, "accuracy") == (x.argmax(1) == target).mean()
    assert value(record, "mac", "exact") * N == pytest.approx(macs, abs=1e-6)
    assert value(record, "ac", "exact") == 0
    assert any("answers once: T = 1" in note for note in record.notes)


@pytest.mark.slow
@measured
@needs(IMAGES, LABELS)
def test_the_snntorch_network(snn_eval: Command) -> None:
    path, steps = CLASSIFIER / "SNN_model.pt", 25
    answer = snn_eval(*page_command("SNN_model.pt", path, **{"time-steps": str(steps)}))
    assert (answer.code, answer.err) == (0, "")
    record = read_record(answer.last / "record.json")
    weights, (x, target) = arrays(path), digits()
    mem = {layer: np.zeros(()) for layer in (1, 2, 3)}
    votes, spikes, acs = np.zeros((N, 10)), 0, 0
    for s in drawn(np.clip((x - 0.1307) / 0.3081, 0, 1), steps):
        for layer in (1, 2, 3):
            w, b = weights[f"layer_{layer}.weight"], weights[f"layer_{layer}.bias"]
            acs += int(s.sum()) * len(w)
            mem[layer] = 0.9 * mem[layer] + s @ w.T + b - (mem[layer] > 1)  # the reset of the step before
            s = (mem[layer] > 1).astype(float)
            spikes += int(s.sum())
        votes += s
    assert value(record, "accuracy") == (votes.argmax(1) == target).mean()
    assert value(record, "spike_count") * N == pytest.approx(spikes, rel=1e-4)  # float32 there, float64 here
    assert value(record, "ac", "exact") * N == pytest.approx(acs, rel=1e-4)
    assert value(record, "mac", "exact") == 0
    assert any(note.startswith("found out: spiking layers 3 × Leaky; called once a step;") for note in record.notes)


@pytest.mark.slow
@measured
@needs(IMAGES, LABELS)
@pytest.mark.parametrize(
    ("name", "path", "under", "begins"),
    [
        ("checkpoint_max.pth", FPGA / "logs" / "T100_b64_adam_lr0.001" / "checkpoint_max.pth", "net", "layer."),
        ("checkpoint_latest.pth", FPGA / "logs" / "T100_b64_adam_lr0.001" / "checkpoint_latest.pth", "net", "layer."),
        ("model_weights.pth", FPGA / "model_weights.pth", "", "net."),
    ],
)
def test_the_spikingjelly_network(snn_eval: Command, name: str, path: Path, under: str, begins: str) -> None:
    steps = 10
    answer = snn_eval(*page_command(name, path, **{"time-steps": str(steps)}))
    assert (answer.code, answer.err) == (0, "")
    record = read_record(answer.last / "record.json")
    (w,), (x, target) = arrays(path, under).values(), digits()
    v, votes, acs = np.zeros((N, 10)), np.zeros((N, 10)), 0
    for s in drawn(x, steps):
        acs += int(s.sum()) * len(w)
        v += (s @ w.T - v) / 2
        fired = v >= 1
        votes += fired
        v[fired] = 0
    assert value(record, "accuracy") == (votes.argmax(1) == target).mean()
    assert value(record, "spike_count_output") * N == pytest.approx(votes.sum(), abs=1e-6)
    assert value(record, "ac", "exact") * N == pytest.approx(acs, abs=1e-6)
    assert any(f"those of the file begin with '{begins}'" in note for note in record.notes)

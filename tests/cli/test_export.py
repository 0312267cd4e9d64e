"""``snn-eval export``: a checkpoint as a NIR graph that measures the same, and the real graph of the NIR paper."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from conftest import Command
from helpers.shared import SHARED

from snn_eval.data import DataOptions, load_dataset
from snn_eval.models.encoders import encode
from snn_eval.models.manifest import load_manifest, shipped_checkpoint
from snn_eval.models.nir.building import nir_network
from snn_eval.record import read_record

nir = pytest.importorskip("nir")

CNN = SHARED.parent / "checkpoints_external/neuromorphs__NIR/paper/02_cnn/cnn_sinabs.nir"


@pytest.mark.slow
def test_the_graph_of_a_shipped_network_measures_what_the_network_does(snn_eval: Command) -> None:
    shipped = shipped_checkpoint("digits-spiking-conv-net.pt")[0]
    answer = snn_eval("export", str(shipped), "--nir", "digits.nir")
    assert (answer.code, answer.out) == (0, "digits.nir: 8 nodes\n")
    run = snn_eval("run", "--quiet", "--models", "digits", "digits.nir")
    assert run.code == 0, run.err
    record = read_record(run.last / "record.json")
    expected = load_manifest()["digits-spiking-conv-net.pt"].expected
    found = {m.metric: m.value for m in record.measurements if m.scope == "network" and m.convention in (None, "exact")}
    same = ("accuracy", "ac", "mac", "mac_dense", "spike_count", "nasfr")
    assert {key: found[key] for key in same} == pytest.approx({key: expected[key] for key in same}, rel=1e-3)


def test_mistakes(snn_eval: Command, small: Path, tmp_path: Path) -> None:
    assert snn_eval("export", str(small)).code == 2
    assert "Missing option '--nir'" in snn_eval("export", str(small)).err
    graph = snn_eval("export", str(small), "--nir", "a.nir")
    assert graph.code == 0
    refused = snn_eval("run", "--models", "digits", "a.nir", "--arch", "spiking-conv-net")
    assert refused.code == 2
    assert "--arch: expected none, a.nir is a NIR graph" in refused.err
    wrong = snn_eval("run", "--models", "digits", "missing.nir")
    assert (wrong.code, "missing.nir: expected a checkpoint file, found none" in wrong.err) == (2, True)
    assert "No such" not in wrong.err


@pytest.mark.slow
@pytest.mark.skipif(not (CNN.is_file() and (SHARED / "N-MNIST").is_dir()), reason=f"no N-MNIST or no {CNN.name}")
def test_the_graph_of_the_nir_paper_knows_the_digits(snn_eval: Command) -> None:
    data = load_dataset("nmnist", "test", DataOptions(SHARED, partial=True))
    network, right = nir_network(CNN, 300), 0
    with torch.no_grad():
        for chunk in data.chunks(50):
            spikes_NK = network(encode("event", chunk.x, 300, chunk.id)).sum(0)
            right += int((spikes_NK.argmax(1).numpy() == chunk.target).sum())
    assert (len(data), right >= 95) == (100, True)
    words = ("--data-dir", str(SHARED), "--partial-data", "--limit", "3", "--time-steps", "20", "--quiet")
    answer = snn_eval("run", "--models", "nmnist", str(CNN), *words)
    assert answer.code == 0, answer.err
    notes = read_record(answer.last / "record.json").notes
    assert "partial data: 100 of the 10,000 recordings of N-MNIST's Test" in notes
    assert "NIR graph, dt = 0.0001 s" in notes


def test_describe_says_how_a_graph_is_measured_or_why_not(snn_eval: Command, small: Path) -> None:
    import h5py

    assert snn_eval("export", str(small), "--nir", "a.nir").code == 0
    out = snn_eval("describe", "a.nir").out
    assert "could take  digits: input and classes have these sizes" in out
    assert out.endswith("as it was trained:\n  snn-eval run --models digits a.nir\n")
    with h5py.File("a.nir", "r+") as file:
        file["node/nodes/stem.neuron/v_threshold"][0] = float("nan")
    assert "It cannot be measured: a.nir: node stem.neuron (IF): v_threshold: expected finite numbers" in snn_eval(
        "describe", "a.nir"
    ).out.replace("\n", " ")

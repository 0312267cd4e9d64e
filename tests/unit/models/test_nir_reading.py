"""What makes a ``.nir`` file one that can be run: each mistake in one line, and the real files of the NIR paper."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from helpers.shared import SHARED

from snn_eval.errors import CheckpointError
from snn_eval.models.inspect import inspect_file
from snn_eval.models.nir.building import nir_network
from snn_eval.models.nir.reading import flat_graph, read_graph

nir = pytest.importorskip("nir")

EXTERNAL = SHARED.parent / "checkpoints_external"


def nodes(**more: Any) -> dict[str, Any]:
    return {"in": nir.Input(np.array([2])), "out": nir.Output(np.array([2])), **more}


def scale() -> Any:
    return nir.Scale(np.ones(2))


def graph(parts: dict[str, Any], *edges: str, **more: Any) -> Any:
    pairs = [tuple(edge.split(">")) for edge in edges]
    return nir.NIRGraph(nodes=parts, edges=pairs, type_check=False, **more)


def test_sub_graphs_are_unfolded() -> None:
    inner = graph(nodes(a=scale(), b=scale()), "in>a", "a>b", "b>a", "b>out")
    middle = graph(nodes(deep=inner), "in>deep", "deep>out")
    found = flat_graph(graph(nodes(sub=middle, last=scale()), "in>sub", "sub>last", "in>last", "last>out"), "x")
    assert set(found.nodes) == {"in", "out", "last", "sub/deep/a", "sub/deep/b"}
    assert set(found.edges) == {
        ("in", "sub/deep/a"),
        ("sub/deep/a", "sub/deep/b"),
        ("sub/deep/b", "sub/deep/a"),
        ("sub/deep/b", "last"),
        ("in", "last"),
        ("last", "out"),
    }


def test_the_step_stands_in_the_metadata(tmp_path: Path) -> None:
    chain = graph(nodes(a=scale()), "in>a", "a>out", metadata={"dt": 0.001})
    nir.write(tmp_path / "a.nir", chain)
    assert read_graph(tmp_path / "a.nir").dt == 0.001
    assert flat_graph(graph(nodes(a=scale()), "in>a", "a>out"), "x").dt == 1e-4
    with pytest.raises(CheckpointError, match="metadata dt: expected seconds of a time step above 0"):
        flat_graph(graph(nodes(a=scale()), "in>a", "a>out", metadata={"dt": -1}), "x")


@pytest.mark.parametrize(
    ("made", "message"),
    [
        (lambda: graph({"a": scale(), "out": nir.Output(np.array([2]))}, "a>out"), "expected one Input, found none"),
        (lambda: graph(nodes(more=nir.Input(np.array([2]))), "in>out"), r"expected one Input, found 2 \(in, more\)"),
        (lambda: graph(nodes(a=scale()), "in>out"), r"node 'a' \(Scale\): expected an input, no edge leads to it"),
        (scale, "expected a graph, got a single node Scale"),
    ],
)
def test_graphs_that_are_none(made: Any, message: str) -> None:
    with pytest.raises(CheckpointError, match=message):
        flat_graph(made(), "x")


def test_a_loop_needs_a_neuron_and_a_way_from_the_input(tmp_path: Path) -> None:
    path = tmp_path / "loop.nir"
    nir.write(path, graph(nodes(a=scale(), b=scale()), "in>a", "a>b", "b>a", "b>out"))
    with pytest.raises(CheckpointError, match=r"loop\.nir: nodes .*: expected a neuron in every loop"):
        nir_network(path, 3)
    nir.write(path, graph(nodes(a=scale(), b=scale()), "a>b", "b>a", "in>out"))
    with pytest.raises(CheckpointError, match="node a: expected a way from the input to it, found none"):
        nir_network(path, 3)


def test_names_that_modules_cannot_have(tmp_path: Path) -> None:
    parts = nodes(**{"lif1.lif": scale(), "forward": scale(), "type": scale()})
    nir.write(tmp_path / "a.nir", graph(parts, "in>forward", "forward>type", "type>lif1.lif", "lif1.lif>out"))
    names = [name for name, _ in nir_network(tmp_path / "a.nir", 1).named_children()]
    assert sorted(names) == ["forward_", "lif1/lif", "type_"]


def test_an_input_written_with_a_batch_of_one(tmp_path: Path) -> None:
    parts = {"in": nir.Input(np.array([1, 3])), "w": nir.Linear(np.ones((2, 3))), "out": nir.Output(np.array([1, 2]))}
    nir.write(tmp_path / "a.nir", graph(parts, "in>w", "w>out"))
    assert nir_network(tmp_path / "a.nir", 2).input_shape == (3,)
    parts["w"] = nir.Scale(np.ones((1, 3)))
    nir.write(tmp_path / "a.nir", graph(parts, "in>w", "w>out"))
    assert nir_network(tmp_path / "a.nir", 2).input_shape == (1, 3)


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::UserWarning")
def test_a_graph_that_spikingjelly_wrote_gives_the_spikes_of_its_network(tmp_path: Path) -> None:
    pytest.importorskip("nirtorch")
    import torch
    from spikingjelly.activation_based import functional, layer, neuron
    from spikingjelly.activation_based.nir_exchange import export_to_nir

    parts = [layer.Conv2d(1, 4, 3, padding=1), neuron.IFNode(v_threshold=1.01), layer.AvgPool2d(2), layer.Flatten()]
    net = torch.nn.Sequential(*parts, layer.Linear(64, 10), neuron.LIFNode(tau=2.0, v_threshold=1.01))
    draw = torch.Generator().manual_seed(0)
    for weight in net.parameters():
        weight.data = torch.randint(-5, 6, weight.shape, generator=draw) / 8
    nir.write(tmp_path / "a.nir", export_to_nir(net, torch.zeros(1, 1, 8, 8)))
    functional.reset_net(net)
    x = torch.randint(0, 9, (6, 3, 1, 8, 8), generator=draw) / 8  # sums of eighths: no membrane is at 1.01
    with torch.no_grad():
        want = torch.stack([net(x_t) for x_t in x])
        assert torch.equal(nir_network(tmp_path / "a.nir", 6)(x), want)
    assert 0 < want.mean() < 1


def test_a_node_of_another_type_is_named(tmp_path: Path) -> None:
    path = tmp_path / "new.nir"
    nir.write(path, graph(nodes(sub=graph(nodes(odd=scale()), "in>odd", "odd>out")), "in>sub", "sub>out"))
    with h5py.File(path, "r+") as file:
        place = file["node/nodes/sub/nodes/odd"]
        del place["type"]
        place["type"] = "Resonator"
    with pytest.raises(CheckpointError, match=r"new\.nir: node 'sub/odd': expected a type of NIR .*, got 'Resonator'"):
        read_graph(path)


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    path = tmp_path / "a.nir"
    with pytest.raises(CheckpointError, match="expected a NIR graph, found none"):
        read_graph(path)
    path.write_bytes(b"no graph at all")
    with pytest.raises(CheckpointError, match="expected a NIR graph, got a file nir cannot read"):
        read_graph(path)
    nir.write(path, graph(nodes(a=scale()), "in>a", "a>out"))
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])
    with pytest.raises(CheckpointError, match="expected a NIR graph, got a file nir cannot read"):
        read_graph(path)
    with h5py.File(path, "w") as file:
        file["weights"] = np.ones(3)
    with pytest.raises(CheckpointError, match="got an HDF5 file without one"):
        read_graph(path)
    with h5py.File(path, "w") as file:
        place = file.create_group("node")
        place["type"] = "Scale"
        place.create_dataset("scale", shape=(2**33,), dtype="f4", chunks=(2**20,), compression="gzip")
    with pytest.raises(CheckpointError, match="scale: expected weights, got 8,589,934,592 numbers"):
        read_graph(path)


@pytest.mark.parametrize("read", [read_graph, inspect_file])
def test_a_file_on_which_the_library_crashes_is_refused(
    read: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.nir"
    nir.write(path, graph(nodes(a=scale()), "in>a", "a>out"))
    assert read(path)
    monkeypatch.setattr("snn_eval.models.hdf5_texts._READ", "import os; os.abort()")
    with pytest.raises(CheckpointError, match=r"a\.nir: expected a whole HDF5 file, got a damaged one"):
        read(path)


def test_without_the_package_one_line_says_what_to_install(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(sys.modules, "nir", None)
    with pytest.raises(CheckpointError, match=r"need the package nir, found none .*; pip install nir"):
        read_graph(tmp_path / "a.nir")


@pytest.mark.parametrize("ending", ["bias_zero", "noBias_subtract"])
def test_sub_graphs_whose_edges_name_no_node_are_refused(ending: str) -> None:
    path = EXTERNAL / f"neuromorphs__NIR/paper/03_rnn/extras/braille_noDelay_{ending}_subgraph.nir"
    if not path.is_file():
        pytest.skip(f"no {path}")
    with pytest.raises(CheckpointError, match="'lif' which does not exist in the graph"):
        read_graph(path)


def test_every_other_real_graph_runs() -> None:
    files = sorted(path for path in EXTERNAL.rglob("*.nir") if "subgraph" not in path.name)
    if not files:
        pytest.skip(f"no .nir files in {EXTERNAL}")
    import torch

    for path in files:
        network = nir_network(path, 5)
        with torch.no_grad():
            out = network(torch.ones(5, 2, *network.input_shape))
        assert out.shape[:2] == (5, 2), path.name
        assert set(out.unique().tolist()) <= {0.0, 1.0}, path.name

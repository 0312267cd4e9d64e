"""The trace on disk: lossless, small, the same bytes each time, and never trusted when damaged."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from pathlib import Path

import h5py
import numpy as np
import pytest
from helpers.traces import random_trace, tiny_trace
from helpers.whole import Whole, assert_same
from hypothesis import given, settings
from hypothesis import strategies as st

from snn_eval.errors import RunError
from snn_eval.trace import NeuronLayer, PassFacts, Trace
from snn_eval.trace_file import FORMAT_VERSION, read_trace, write_trace

NAMES = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=12) | st.sampled_from(
    ["", ".", "..", "a/b", "/", "%2F", "a#2", "block.0:conv", "%", "ö"]
)


def round_trip(trace: Trace) -> Trace:
    with tempfile.TemporaryDirectory() as folder:
        write_trace(Path(folder, "trace.h5"), trace)
        return read_trace(Path(folder, "trace.h5"))


@given(
    whole=st.builds(
        Whole,
        seed=st.integers(0, 2**16),
        samples=st.integers(1, 40),
        time_steps=st.integers(1, 4),
        pool=st.sampled_from([1, 5, 40]),
        width=st.sampled_from([1, 6, 30]),
        summary=st.booleans(),
    ),
    names=st.tuples(NAMES, NAMES, NAMES),
    scale=st.sampled_from([1, 2**8, 2**16, 2**31, 2**40]),
)
@settings(max_examples=60, deadline=None)
def test_round_trip_is_lossless(whole: Whole, names: tuple[str, str, str], scale: int) -> None:
    trace = whole.trace(range(whole.samples))
    layers = tuple(
        replace(layer, name=name, ops_VTN=layer.ops_VTN * scale, kernel=(3, 3), padding=(0,))
        for layer, name in zip(trace.synaptic, names, strict=True)
    )
    trace = replace(trace, synaptic=layers, graph=((names[0], names[1]), (names[1], names[2])))
    assert_same(round_trip(trace), trace)


@pytest.mark.parametrize("trace", [tiny_trace(), random_trace(samples=7)], ids=["tiny", "random"])
def test_hand_built_traces_survive(trace: Trace) -> None:
    assert_same(round_trip(trace), trace)


def test_facts_and_empty_parts_survive() -> None:
    facts = PassFacts(
        64,
        "bfloat16",
        "cuda",
        2,
        {"torch": "2.15.0", "numpy": "2"},
        "cpu B",
        True,
        (0.1, 1 / 3),
        9.5,
        2**40,
        ("µ", "b"),
    )
    trace = replace(
        Whole(0, 2).trace([0, 1]), facts=facts, synaptic=(), neurons=(), elementwise=(), unknown=(), graph=(),
        input_events_TN=None,
    )  # fmt: skip
    trace = replace(trace, output=replace(trace.output, causal="no", not_causal_layer="norm/1", readout_TNK=None))
    assert_same(round_trip(trace), trace)


def test_a_layer_of_one_neuron_without_shape_survives() -> None:
    single = NeuronLayer("x", np.zeros((3, 2), np.int64), np.array(7), per_step_map=False)
    trace = replace(Whole(0, 2).trace([0, 1]), neurons=(single,))
    assert_same(round_trip(trace), trace)


def test_negative_and_extreme_integers_survive() -> None:
    trace = Whole(0, 4).trace(range(4))
    target = np.array([-1, 2**62, -(2**62), 5])
    assert_same(round_trip(replace(trace, samples=replace(trace.samples, target=target))).samples.target, target)


def test_equal_traces_give_equal_bytes(tmp_path: Path) -> None:
    for name in ("a.h5", "b.h5"):
        write_trace(tmp_path / name, random_trace(samples=50))
    assert (tmp_path / "a.h5").read_bytes() == (tmp_path / "b.h5").read_bytes()


def test_layout_is_what_other_tools_expect(tmp_path: Path) -> None:
    trace = tiny_trace()
    write_trace(tmp_path / "trace.h5", trace)
    with h5py.File(tmp_path / "trace.h5") as file:
        assert file.attrs["format_version"] == FORMAT_VERSION
        assert {"samples", "output", "synaptic", "neurons", "elementwise", "graph", "unknown"} <= set(file)
        conv = file["synaptic/conv"]
        assert conv["ops"].attrs["axes"] == "VTN"
        assert conv["ops"].dtype == np.uint8  # the largest count is 3 · 18 = 54
        assert conv["ops"][()].tolist() == trace.synaptic[1].ops_VTN.tolist()
        assert tuple(conv.attrs["weight_shape"]) == (4, 2, 3, 3)
        assert file["neurons/lif1"].attrs["model"] == "lif"


def test_counts_take_the_smallest_type_and_are_chunked_by_sample(tmp_path: Path) -> None:
    many = random_trace(samples=2000, time_steps=8)
    wide = replace(many.synaptic[1], ops_VTN=many.synaptic[1].ops_VTN + 300)
    write_trace(tmp_path / "trace.h5", replace(many, synaptic=(many.synaptic[0], wide, *many.synaptic[2:])))
    with h5py.File(tmp_path / "trace.h5") as file:
        ops = file["synaptic/1.fc/ops"]
        assert ops.dtype == np.uint16
        assert (ops.compression, ops.shuffle) == ("gzip", True)
        readout = file["output/readout"]  # 8 steps · 10 classes · 4 bytes = 320 bytes a sample: 2^18 // 320 = 819
        assert readout.chunks == (8, 819, 10)


def test_a_slash_in_a_name_makes_no_group(tmp_path: Path) -> None:
    write_trace(tmp_path / "trace.h5", Whole(0, 2).trace([0, 1]))
    with h5py.File(tmp_path / "trace.h5") as file:
        assert file["synaptic/in%2F0"].attrs["name"] == "in/0"


@given(st.data())
@settings(max_examples=200, deadline=None)
def test_any_damaged_byte_or_missing_end_is_noticed(data: st.DataObject) -> None:
    content = bytearray(_content())
    if data.draw(st.booleans()):
        place = data.draw(st.integers(0, len(content) - 1))
        content[place] ^= data.draw(st.integers(1, 255))
    else:
        del content[data.draw(st.integers(0, len(content) - 1)) :]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "trace.h5")
        path.write_bytes(content)
        with pytest.raises(RunError, match=r"damaged|not a trace") as caught:
            read_trace(path)
    assert "\n" not in str(caught.value)


def _content(cache: list[bytes] = []) -> bytes:  # noqa: B006  # written once for all examples
    if not cache:
        with tempfile.TemporaryDirectory() as folder:
            write_trace(Path(folder, "trace.h5"), Whole(2, 3).trace(range(3)))
            cache.append(Path(folder, "trace.h5").read_bytes())
    return cache[0]


def test_foreign_files_are_refused(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "foreign.h5", "w") as file:
        file["x"] = 1
    (tmp_path / "text.h5").write_text("hello")
    (tmp_path / "empty.h5").touch()
    for name in ("foreign.h5", "text.h5", "empty.h5"):
        with pytest.raises(RunError, match=r"is not a trace; expected a trace.h5"):
            read_trace(tmp_path / name)
    with pytest.raises(RunError, match="no trace at"):
        read_trace(tmp_path / "absent.h5")
    with pytest.raises(RunError, match="cannot read the trace"):
        read_trace(tmp_path)


def test_a_newer_format_is_refused_by_its_number(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("snn_eval.trace_file.FORMAT_VERSION", 2)
    write_trace(tmp_path / "trace.h5", tiny_trace())
    with pytest.raises(RunError, match=r"has format 2, expected one of \[1\]; update snn-eval"):
        read_trace(tmp_path / "trace.h5")


def test_counts_that_do_not_fit_together_are_refused(tmp_path: Path) -> None:
    trace = Whole(0, 2).trace([0, 1])
    layer = replace(trace.synaptic[0], levels=np.arange(9.0))
    write_trace(tmp_path / "trace.h5", replace(trace, synaptic=(layer,)))
    with pytest.raises(RunError, match=r"cannot read the trace .*layer in/0: 9 levels"):
        read_trace(tmp_path / "trace.h5")


def test_a_failed_write_leaves_the_old_file_and_nothing_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "trace.h5"
    write_trace(path, tiny_trace())

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(RunError, match=r"cannot write .*trace.h5: the disk is full"):
        write_trace(path, random_trace())
    assert_same(read_trace(path), tiny_trace())
    assert [p.name for p in tmp_path.iterdir()] == ["trace.h5"]


def test_a_folder_that_is_not_there_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(RunError, match=r"cannot write .*no such folder") as caught:
        write_trace(tmp_path / "absent" / "trace.h5", tiny_trace())
    assert "\n" not in str(caught.value)


def test_a_name_that_is_not_text_is_one_line(tmp_path: Path) -> None:
    trace = Whole(0, 2).trace([0, 1])
    with pytest.raises(RunError, match="not plain text"):
        write_trace(tmp_path / "trace.h5", replace(trace, graph=(("a\0b", "c"),)))
    assert list(tmp_path.iterdir()) == []


def test_a_path_may_be_text(tmp_path: Path) -> None:
    name = f"{tmp_path}/trace.h5"
    write_trace(name, tiny_trace())
    assert_same(read_trace(name), tiny_trace())
    with pytest.raises(RunError, match="no trace at"):
        read_trace(f"{tmp_path}/absent.h5")

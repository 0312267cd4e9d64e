"""Downloads against a local server that breaks off, crawls, lies about sizes, sends other files, or knows no ranges."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from helpers.batches import official

from snn_eval.data import DataOptions
from snn_eval.data.download import Patience, download
from snn_eval.data.obtain import obtained
from snn_eval.data.official import GivenOut
from snn_eval.errors import DataError, RunError

CONTENT = np.random.default_rng(0).bytes(100_000)
FILE = official("Set/raw/file.gz", CONTENT)
HALF = len(CONTENT) // 2
HURRY = Patience(timeout_s=0.3, window_s=0.3, slowest=1000, tries=3, pause_s=0.01, tell_s=0.0)


class Server(BaseHTTPRequestHandler):
    """Each path behaves in its own way; ``asked`` keeps path and Range of every request."""

    asked: list[tuple[str, str | None]]

    def log_message(self, *_: Any) -> None:
        pass

    def do_GET(self) -> None:
        range_ = self.headers.get("Range")
        self.asked.append((self.path, range_))
        getattr(self, self.path.strip("/"))(int(range_.split("=")[1][:-1]) if range_ else 0)

    def answer(self, content: bytes, start: int = 0, length: int | None = None) -> None:
        self.send_response(206 if start else 200)
        if start:
            self.send_header("Content-Range", f"bytes {start}-{len(CONTENT) - 1}/{len(CONTENT)}")
        if length is not None:
            self.send_header("Content-Length", str(length))
        self.end_headers()
        self.wfile.write(content)

    def good(self, start: int) -> None:
        self.answer(CONTENT[start:], start, len(CONTENT) - start)

    def cut(self, start: int) -> None:
        """Half of what is asked for, then the connection ends; the whole is promised."""
        rest = CONTENT[start:]
        self.answer(rest[: len(rest) // 2 + 1], start, len(rest))

    def once_cut(self, start: int) -> None:
        (self.good if start else self.cut)(start)

    def no_range(self, start: int) -> None:
        self.answer(CONTENT, 0, len(CONTENT))

    def cut_no_range(self, start: int) -> None:
        self.answer(CONTENT[:HALF], 0, len(CONTENT))

    def wrong(self, start: int) -> None:
        self.answer(bytes(len(CONTENT))[start:], start, len(CONTENT) - start)

    def offers_more(self, start: int) -> None:
        self.answer(CONTENT, 0, 10**12)

    def sends_more(self, start: int) -> None:
        self.answer(CONTENT + b"and more", 0)

    def short(self, start: int) -> None:
        self.answer(b"<html>please log in</html>", 0, 26)

    def silent(self, start: int) -> None:
        self.answer(CONTENT[:10], 0, len(CONTENT))
        time.sleep(1)

    def drip(self, start: int) -> None:
        self.answer(b"", start, len(CONTENT) - start)
        for byte in CONTENT[start : start + 20]:
            self.wfile.write(bytes((byte,)))
            time.sleep(0.05)

    def missing(self, start: int) -> None:
        self.send_error(404)

    def busy(self, start: int) -> None:
        self.send_error(503)

    def no_such_range(self, start: int) -> None:
        self.send_error(416) if start else self.good(0)

    def moved(self, start: int) -> None:
        self.send_response(302)
        self.send_header("Location", "/good")
        self.end_headers()

    def to_a_file(self, start: int) -> None:
        self.send_response(302)
        self.send_header("Location", "file:///etc/passwd")
        self.end_headers()


@pytest.fixture
def mirror(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    Server.asked = []
    with ThreadingHTTPServer(("127.0.0.1", 0), Server) as server:
        server.handle_error = lambda *_: None  # type: ignore[method-assign]  # clients leave as they like
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()
        thread.join()


def fetched(folder: Path, *urls: str, patience: Patience = HURRY) -> list[str]:
    """What was told; the file is there and nothing else."""
    told: list[str] = []
    download(GivenOut(FILE, urls), folder, told.append, patience)
    assert (folder / FILE.path).read_bytes() == CONTENT
    assert [p.name for p in (folder / "Set/raw").iterdir()] == ["file.gz"]
    return told


def refused(folder: Path, *urls: str) -> str:
    """The one line; the file is not there."""
    with pytest.raises(DataError) as error:
        download(GivenOut(FILE, urls), folder, lambda _: None, HURRY)
    assert not (folder / FILE.path).exists()
    assert "\n" not in str(error.value)
    return str(error.value)


def left(folder: Path) -> bytes:
    part = folder / "Set/raw/file.gz.part"
    return part.read_bytes() if part.exists() else b""


@pytest.mark.parametrize("path", ["good", "moved", "no_range"])
def test_a_file_arrives(path: str, mirror: str, tmp_path: Path) -> None:
    told = fetched(tmp_path, f"{mirror}/{path}")
    assert told[0] == f"file.gz: from {mirror}/{path}"
    assert any("of 0.1 MB (100%)" in line for line in told)
    assert told[-1] == "file.gz: complete, checksum right"


def test_what_is_there_is_not_asked_for(mirror: str, tmp_path: Path) -> None:
    fetched(tmp_path, f"{mirror}/good")
    fetched(tmp_path, f"{mirror}/good")
    assert len(Server.asked) == 1


def test_a_broken_connection_is_gone_on_with(mirror: str, tmp_path: Path) -> None:
    fetched(tmp_path, f"{mirror}/once_cut")
    assert Server.asked == [("/once_cut", None), ("/once_cut", f"bytes={HALF + 1}-")]


def test_a_later_call_goes_on_where_an_earlier_one_ended(mirror: str, tmp_path: Path) -> None:
    message = refused(tmp_path, f"{mirror}/cut")
    kept = left(tmp_path)
    assert kept == CONTENT[: len(kept)]
    assert f"the connection ended after {len(kept):,} of 100,000 bytes" in message
    fetched(tmp_path, f"{mirror}/good")
    assert Server.asked[-1] == ("/good", f"bytes={len(kept)}-")


def test_without_ranges_it_begins_again(mirror: str, tmp_path: Path) -> None:
    refused(tmp_path, f"{mirror}/cut_no_range")
    assert left(tmp_path) == CONTENT[:HALF]
    fetched(tmp_path, f"{mirror}/no_range")


def test_a_range_the_server_does_not_have(mirror: str, tmp_path: Path) -> None:
    refused(tmp_path, f"{mirror}/cut")
    fetched(tmp_path, f"{mirror}/no_such_range")
    assert [range_ is None for path, range_ in Server.asked if path == "/no_such_range"] == [False, True]


def test_the_next_mirror_is_tried(mirror: str, tmp_path: Path) -> None:
    told = fetched(tmp_path, f"{mirror}/missing", f"{mirror}/short", f"{mirror}/good")
    assert [path for path, _ in Server.asked] == ["/missing", "/short", "/good"]  # each of these is asked once
    assert any(line.endswith("HTTP 404 Not Found") for line in told)


def test_a_wrong_half_is_thrown_away(mirror: str, tmp_path: Path) -> None:
    part = tmp_path / "Set/raw/file.gz.part"
    part.parent.mkdir(parents=True)
    for left_by_someone in (b"x" * 500, b"x" * len(CONTENT), CONTENT + b"x"):
        part.write_bytes(left_by_someone)
        fetched(tmp_path, f"{mirror}/good")
        (tmp_path / FILE.path).unlink()


@pytest.mark.parametrize(
    ("path", "message", "asked"),
    [
        ("wrong", f"not the official file: expected sha256 {FILE.sha256}, got ", 1),
        ("offers_more", "expected 100,000 bytes, it offers 1,000,000,000,000", 1),
        ("sends_more", "expected 100,000 bytes, it sends more", 1),
        ("short", "expected 100,000 bytes, it offers 26", 1),
        ("missing", "HTTP 404 Not Found", 1),
        ("busy", "HTTP 503 Service Unavailable", 3),
        ("silent", "no answer in time", 3),
        ("drip", "too slow: ", 3),
        ("to_a_file", "HTTP 302", 1),
    ],
)
def test_a_bad_mirror_is_left_with_its_reason(path: str, message: str, asked: int, mirror: str, tmp_path: Path) -> None:
    assert message in refused(tmp_path, f"{mirror}/{path}")
    assert len(Server.asked) == asked
    assert len(left(tmp_path)) < len(CONTENT)
    fetched(tmp_path, f"{mirror}/good")  # nothing it left stands in the way


def test_no_network(tmp_path: Path) -> None:
    message = refused(tmp_path / "new", "http://127.0.0.1:1/x", "http://name.invalid/x")
    assert not (tmp_path / "new").exists()  # nothing is left of the attempt
    assert "127.0.0.1:1: no connection: " in message
    assert "name.invalid: no connection: " in message


def test_two_at_once_fetch_once(mirror: str, tmp_path: Path) -> None:
    failures: list[Exception] = []

    def one() -> None:
        try:
            download(GivenOut(FILE, (f"{mirror}/good",)), tmp_path, lambda _: None, HURRY)
        except Exception as error:
            failures.append(error)

    threads = [threading.Thread(target=one) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures
    assert len(Server.asked) == 1
    assert (tmp_path / FILE.path).read_bytes() == CONTENT


def test_a_folder_that_cannot_be_written(mirror: str, tmp_path: Path) -> None:
    (tmp_path / "Set").write_text("a file in the way")
    with pytest.raises(RunError, match=r"cannot write .*file.gz"):
        download(GivenOut(FILE, (f"{mirror}/good",)), tmp_path, lambda _: None, HURRY)


def test_a_size_that_is_not_known_is_not_downloaded(mirror: str, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="its official size is not known"):
        download(GivenOut(replace(FILE, size=None), (f"{mirror}/good",)), tmp_path, lambda _: None, HURRY)


def test_a_missing_file_is_fetched_only_where_that_is_allowed(mirror: str, tmp_path: Path) -> None:
    given_out = GivenOut(FILE, (f"{mirror}/good",))
    with pytest.raises(
        DataError, match=r"^set: expected the file Set/raw/file.gz in .*, found none; put it there or name"
    ):
        obtained("set", [FILE], given_out, DataOptions(tmp_path, download=False))
    assert not Server.asked
    assert obtained("set", [FILE], given_out, DataOptions(tmp_path)) == (tmp_path, FILE)
    assert (tmp_path / FILE.path).read_bytes() == CONTENT


def test_without_network_the_file_and_its_place_are_named(mirror: str, tmp_path: Path) -> None:
    given_out = GivenOut(FILE, (f"{mirror}/missing",))
    with pytest.raises(DataError) as error:
        obtained("set", [FILE], given_out, DataOptions(tmp_path))
    assert str(error.value).startswith(
        f"set: expected the file Set/raw/file.gz in {tmp_path}, found none (file.gz could "
    )
    assert str(error.value).endswith("HTTP 404 Not Found); put it there or name the folder it is in with --data-dir")

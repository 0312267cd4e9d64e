"""One attempt to fetch a file from one mirror: resumed where the server can, given up when nothing comes."""

from __future__ import annotations

import contextlib
import http.client
import socket
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from snn_eval.atomic import cannot_write

__all__ = ["MirrorError", "Patience", "fetch", "megabytes", "size_of", "writing"]

_BLOCK = 1 << 18
_AGAIN = (408, 429)
"""HTTP errors 4xx that pass."""


@dataclass(frozen=True, slots=True)
class Patience:
    """When to give up.

    Attributes:
        timeout_s: without a byte.
        window_s, slowest: a connection that brings fewer than ``slowest`` bytes in ``window_s`` is left.
        tries: at each mirror.
        pause_s: before the second try, twice as long before the third, …
        tell_s: between two lines about how far it is.
    """

    timeout_s: float = 30.0
    window_s: float = 60.0
    slowest: int = 60_000
    tries: int = 3
    pause_s: float = 1.0
    tell_s: float = 5.0


class MirrorError(Exception):
    """Why an attempt failed; ``final`` where another one at the same mirror would fail the same way."""

    def __init__(self, text: str, *, final: bool = False) -> None:
        super().__init__(text)
        self.final = final


def fetch(url: str, part: Path, size: int, tell: Callable[[str], None], patience: Patience) -> None:
    """Append to ``part`` what is missing of ``size`` bytes, or write all of it where the server cannot go on there.

    Raises:
        MirrorError: the attempt failed; what arrived is kept.
        RunError: ``part`` cannot be written.
    """
    start = size_of(part)
    request = urllib.request.Request(url, headers={"User-Agent": "snn-eval", "Accept-Encoding": "identity"})
    if start:
        request.add_header("Range", f"bytes={start}-")
    with _network_errors(part), _opener().open(request, timeout=patience.timeout_s) as response:
        if response.status != 206 or not response.headers.get("Content-Range", "").startswith(f"bytes {start}-"):
            start = 0
        length = response.headers.get("Content-Length", "")
        if length.isdigit() and start + int(length) != size:
            raise MirrorError(f"expected {size:,} bytes, it offers {start + int(length):,}", final=True)
        with writing(part), open(part, "ab" if start else "wb") as output:
            for block in _blocks(response, start, size, part, tell, patience):
                output.write(block)
    if size_of(part) < size:
        raise MirrorError(f"the connection ended after {size_of(part):,} of {size:,} bytes")


def _blocks(
    response: http.client.HTTPResponse,
    done: int,
    size: int,
    part: Path,
    tell: Callable[[str], None],
    patience: Patience,
) -> Iterator[bytes]:
    began = told = window = time.monotonic()
    first, in_window = done, 0
    while block := _next_block(response, part):
        done, in_window, now = done + len(block), in_window + len(block), time.monotonic()
        if done > size:
            raise MirrorError(f"expected {size:,} bytes, it sends more", final=True)
        yield block
        if now - told >= patience.tell_s:
            rate = (done - first) / (now - began)
            tell(f"{part.stem}: {megabytes(done)} of {megabytes(size)} ({done / size:.0%}), {megabytes(rate)}/s")
            told = now
        if now - window >= patience.window_s:
            if in_window < patience.slowest:
                raise MirrorError(f"too slow: {in_window:,} bytes in {patience.window_s:g} s")
            window, in_window = now, 0


def _next_block(response: http.client.HTTPResponse, part: Path) -> bytes:
    with _network_errors(part):
        return response.read1(_BLOCK)


@contextlib.contextmanager
def _network_errors(part: Path) -> Iterator[None]:
    """Failures of the network and of servers as the reason of one attempt."""
    try:
        yield
    except urllib.error.HTTPError as error:
        error.close()
        if error.code == 416:  # what is there is no beginning of what the server has
            part.unlink(missing_ok=True)
        passes = error.code >= 500 or error.code in (416, *_AGAIN)
        raise MirrorError(f"HTTP {error.code} {error.reason}", final=not passes) from error
    except urllib.error.URLError as error:
        nowhere = isinstance(error.reason, socket.gaierror)
        raise MirrorError(f"no connection: {error.reason}", final=nowhere) from error
    except TimeoutError as error:
        raise MirrorError("no answer in time") from error
    except (http.client.HTTPException, OSError, ValueError) as error:
        raise MirrorError(f"the connection broke: {type(error).__name__}") from error


@contextlib.contextmanager
def writing(path: Path) -> Iterator[None]:
    """Failures of the disk as the error that names the file."""
    try:
        yield
    except OSError as error:
        raise cannot_write(path, error) from error


def _opener() -> urllib.request.OpenerDirector:
    """Follows redirects and the proxies of the environment; http and https only."""
    opener = urllib.request.OpenerDirector()
    for handler in (
        urllib.request.ProxyHandler,
        urllib.request.HTTPHandler,
        urllib.request.HTTPSHandler,
        urllib.request.HTTPDefaultErrorHandler,
        urllib.request.HTTPRedirectHandler,
        urllib.request.HTTPErrorProcessor,
    ):
        opener.add_handler(handler())
    return opener


def size_of(path: Path) -> int:
    """Bytes of a file, 0 where there is none."""
    return path.stat().st_size if path.is_file() else 0


def megabytes(size: float) -> str:
    """``12.3 MB`` for a number of bytes."""
    return f"{size / 1e6:.1f} MB"

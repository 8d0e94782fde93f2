"""An HTTP server on loopback that can be told how to misbehave, request by request."""

import hashlib
import re
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from benchmarks.datasets.mimii_release import Archive
from tests.support.wav_files import noise, wav_bytes, write_zip


class Handler(BaseHTTPRequestHandler):
    """One request: the next of the server's behaviours answers it, or an honest one where none is left."""

    protocol_version = "HTTP/1.1"
    server: "Server"

    def do_GET(self) -> None:
        self.close_connection = True
        body = self.server.files.get(self.path.partition("?")[0].lstrip("/"))
        self.server.requests.append(self)
        if body is None:
            answer(self, 404, b"no such file")
            return
        behaviour = self.server.behaviours.popleft() if self.server.behaviours else honest
        with suppress(BrokenPipeError, ConnectionResetError):  # the client went away
            behaviour(self, body)

    @property
    def first_byte(self) -> int:
        """The first byte that is asked for."""
        stated = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", ""))
        return int(stated[1]) if stated else 0

    def log_message(self, *args: object) -> None:
        pass


Behaviour = Callable[[Handler, bytes], None]


class Server(ThreadingHTTPServer):
    """Serves `files`; keeps the requests; `behaviours` answer one request each."""

    daemon_threads = True

    def __init__(self, files: dict[str, bytes]) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.files = files
        self.behaviours: deque[Behaviour] = deque()
        self.requests: list[Handler] = []
        self.gone = threading.Event()  # set when the test is over

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    @property
    def first_bytes(self) -> list[int]:
        return [request.first_byte for request in self.requests]


@contextmanager
def serving(files: dict[str, bytes]) -> Iterator[Server]:
    server = Server(files)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield server
    finally:
        server.gone.set()
        server.shutdown()
        server.server_close()
        thread.join()


def answer(handler: Handler, status: int, body: bytes, **headers: object) -> None:
    """Answer with a body; `Content_Length=5` says so whatever its length, None leaves a header out.

    The connection is closed after each answer, and the answer says so.
    """
    handler.send_response(status)
    for name, value in {"Content_Length": len(body), "Connection": "close", **headers}.items():
        if value is not None:
            handler.send_header(name.replace("_", "-"), str(value))
    handler.end_headers()
    handler.wfile.write(body)


def honest(handler: Handler, body: bytes, cut: int | None = None, **headers: object) -> None:
    """Send what is asked for, range and If-Range respected; of it only `cut` bytes where the line drops."""
    first, tag = handler.first_byte, headers.get("ETag")
    changed = "If-Range" in handler.headers and handler.headers["If-Range"] != tag
    if "Range" not in handler.headers or changed:
        answer(handler, 200, body[:cut], **{"Content_Length": len(body), **headers})
    elif first >= len(body):
        answer(handler, 416, b"", Content_Range=f"bytes */{len(body)}")
    else:
        stated = {"Content_Range": f"bytes {first}-{len(body) - 1}/{len(body)}", "Content_Length": len(body) - first}
        answer(handler, 206, body[first:][:cut], **{**stated, **headers})


def cutting(n_bytes: int, **headers: object) -> Behaviour:
    """The line drops after so many bytes."""
    return lambda handler, body: honest(handler, body, cut=n_bytes, **headers)


def tagged(tag: str) -> Behaviour:
    return lambda handler, body: honest(handler, body, ETag=tag)


def stalling(n_bytes: int) -> Behaviour:
    """Sends so many bytes, then nothing."""

    def behave(handler: Handler, body: bytes) -> None:
        honest(handler, body, cut=n_bytes)
        handler.wfile.flush()
        handler.server.gone.wait(30)

    return behave


def dripping(handler: Handler, body: bytes) -> None:
    """A byte now and then: never silent, never done."""
    honest(handler, body, cut=0)
    for value in body[handler.first_byte :]:
        handler.wfile.write(bytes([value]))
        handler.wfile.flush()
        if handler.server.gone.wait(0.02):
            return


def ignoring_ranges(handler: Handler, body: bytes) -> None:
    answer(handler, 200, body)


def lying_about_ranges(handler: Handler, body: bytes) -> None:
    """Asked for the rest, says 206 and sends from elsewhere."""
    first = max(0, handler.first_byte - 10)
    answer(handler, 206, body[first:], Content_Range=f"bytes {first}-{len(body) - 1}/{len(body)}")


def corrupting(handler: Handler, body: bytes) -> None:
    honest(handler, body[:-1] + bytes([body[-1] ^ 1]))


def saying(status: int, text: bytes = b"", **headers: object) -> Behaviour:
    """Answers with this status and text, whatever is asked for."""
    return lambda handler, body: answer(handler, status, text, **headers)


def slow(n_bytes: int, seconds: float) -> Behaviour:
    """Sends pieces of so many bytes with a pause after each."""

    def behave(handler: Handler, body: bytes) -> None:
        honest(handler, body, cut=0)
        for first in range(handler.first_byte, len(body), n_bytes):
            handler.wfile.write(body[first : first + n_bytes])
            handler.wfile.flush()
            time.sleep(seconds)

    return behave


def make_archive(folder: Path, n_clips: int = 6, n_samples: int = 100) -> tuple[Archive, bytes]:
    """Write 6_dB_fan.zip, clips in 8 channels; return what its record would say, and its bytes."""
    members = {
        f"fan/id_00/{kind}/{number:08d}.wav": wav_bytes(noise(n_samples, 8, seed=number), extensible=True)
        for kind in ("abnormal", "normal")
        for number in range(n_clips // 2)
    }
    body = write_zip(folder / "6_dB_fan.zip", members).read_bytes()
    return Archive("6_dB_fan.zip", len(body), hashlib.md5(body).hexdigest(), "fan", 6, n_clips), body

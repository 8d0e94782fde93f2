"""Fetches one large file over HTTP: resumed where it stopped, verified while it arrives, renamed when it is complete.

    <file>.part         the bytes that have arrived; a later process resumes from its length
    <file>.part.etag    the server's name (ETag) of the version that the part belongs to
    <file>.bad          a complete file whose checksum differs from the published one

What a server states about itself is not trusted: Zenodo has sent "Accept-Ranges: none" with answers that do resume, and
some servers resume only requests without If-Range. The size and the checksum, which are known before, decide.
"""

import contextlib
import hashlib
import io
import os
import re
import time
from dataclasses import dataclass
from pathlib import Path

from rich.filesize import decimal
from urllib3 import BaseHTTPResponse, Retry
from urllib3.exceptions import MaxRetryError

from benchmarks.acquisition.callbacks import OnStep, Say, ignore
from benchmarks.acquisition.disk import disk_errors, hash_file
from benchmarks.acquisition.http_get import TryAgain, get
from features import InputError

LEAST_SPEED = 1024  # bytes/s; a server that is slower for a whole timeout counts as stalled
PROGRESS = 2**20  # bytes; when so many have arrived, the count of failures starts again
_CHUNK = 2**20
_RANGE = re.compile(r"bytes (\d+)-\d+/(\d+|\*)")
_MD5_TAG = re.compile(r'"?md5:([0-9a-f]{32})"?')  # Zenodo's ETag


@dataclass(frozen=True)
class RemoteFile:
    """A file on a server, with the size and the MD5 that it must have."""

    address: str
    n_bytes: int
    md5: str


@dataclass(frozen=True)
class RetryPolicy:
    """When to try again, and when to stop trying."""

    retries: int = 8  # after this many failures in a row, the next one is an error
    timeout: float = 60.0  # s without a byte, or below LEAST_SPEED
    pause: float = 1.0  # the first retry comes at once, the second after 2 * pause s; then the pause doubles
    longest_pause: float = 120.0  # s, also where the server asks for a longer one

    def start(self) -> Retry:
        """Return a count of failures that starts at zero."""
        return Retry(total=self.retries, backoff_factor=self.pause, backoff_max=self.longest_pause)


def part_of(file: Path) -> Path:
    """Return the file that holds the bytes of an unfinished download.

    >>> part_of(Path("6_dB_fan.zip")).name
    '6_dB_fan.zip.part'
    """
    return file.with_name(file.name + ".part")


def fetch(
    remote: RemoteFile, file: Path, policy: RetryPolicy = RetryPolicy(), on_step: OnStep = ignore, say: Say = ignore
) -> None:
    """Fetch a file, continuing from its part where there is one. When it returns, `file` is complete and verified.

    Raises `InputError` where the file cannot be fetched, has another size or checksum, or does not fit on the disk.
    The part is kept, and the same call continues from it.
    """
    transfer = _Transfer(remote, file, on_step, say)
    transfer.read_part()
    retry, reached = policy.start(), transfer.n_bytes
    while transfer.n_missing:
        try:
            transfer.receive(policy.timeout)
        except TryAgain as failure:
            if transfer.n_bytes >= reached + PROGRESS:
                retry, reached = policy.start(), transfer.n_bytes
            retry = transfer.count(failure, retry)
            wait = min(policy.longest_pause, max(failure.wait, retry.get_backoff_time()))
            say(f"{file.name}: {failure}; trying again in {wait:.0f} s")
            time.sleep(wait)
    transfer.finish()


class _Transfer:
    """The part of one file on disk, its running checksum, and what the next request asks for."""

    def __init__(self, remote: RemoteFile, file: Path, on_step: OnStep, say: Say) -> None:
        self.remote, self.file, self.on_step, self.say = remote, file, on_step, say
        self.part = part_of(file)
        self.tag_file = self.part.with_name(self.part.name + ".etag")
        self.n_bytes, self.md5 = 0, hashlib.md5(usedforsecurity=False)
        self.ask_for_range = True  # False after an answer with a wrong range, until the file starts again
        self.ask_for_version = True  # False once the server did not resume because of it

    @property
    def n_missing(self) -> int:
        return self.remote.n_bytes - self.n_bytes

    def read_part(self) -> None:
        """Read the size of the part, and hash it."""
        with disk_errors(self.part, self.remote.n_bytes):
            size = self.part.stat().st_size if self.part.exists() else 0
            if size > self.remote.n_bytes:
                self.say(f"{self.part}: {size} bytes, but {self.remote.n_bytes} were published; starting again")
            elif size:
                self.n_bytes, self.md5 = size, hash_file(self.part, self.on_step)

    def count(self, failure: TryAgain, retry: Retry) -> Retry:
        """Count a failure. Raises `InputError` where it exceeds the allowed number."""
        try:
            return retry.increment("GET", self.remote.address, error=failure)
        except MaxRetryError:
            raise InputError(
                f"{self.remote.address}: given up after {len(retry.history) + 1} tries, the last: {failure}; "
                f"{decimal(self.n_bytes)} of {decimal(self.remote.n_bytes)} are kept in {self.part}; "
                "the same command continues from there"
            ) from failure

    def receive(self, timeout: float) -> None:
        """Request the missing bytes and append what arrives. Raises `TryAgain` or `InputError`."""
        with get(self.remote.address, self._headers(), timeout) as answer:
            self._accept(answer)
            self._append(answer, timeout)

    def _headers(self) -> dict[str, str]:
        headers = {}
        if self.n_bytes and self.ask_for_range:
            headers["Range"] = f"bytes={self.n_bytes}-"
            if self.ask_for_version and self.tag_file.exists():
                headers["If-Range"] = self.tag_file.read_text(encoding="latin-1").strip()
        return headers

    def _accept(self, answer: BaseHTTPResponse) -> None:
        """Check that an answer is the file or the rest of it; start the part again where it is the whole file."""
        self._check_version(answer)
        if answer.status == 200:
            self._check_length(answer)
            self._restart(answer)
        elif answer.status == 206:
            stated = _RANGE.fullmatch(answer.headers.get("Content-Range", ""))
            if stated and stated[2] not in ("*", str(self.remote.n_bytes)):
                raise self._changed(f"{stated[2]} bytes")
            if not stated or int(stated[1]) != self.n_bytes:
                self.ask_for_range = False
                raise TryAgain("the server sent another range than the requested one")
        elif answer.status == 416:
            total = answer.headers.get("Content-Range", "").rpartition("/")[2]
            if total.isdecimal() and int(total) != self.remote.n_bytes:
                raise self._changed(f"{total} bytes")
            self.ask_for_range = False
            raise TryAgain("the server refused the range (416)")
        else:
            raise TryAgain(f"the server answered {answer.status}")

    def _check_version(self, answer: BaseHTTPResponse) -> None:
        """Refuse a body that is compressed, or whose ETag states another MD5."""
        encoding = answer.headers.get("Content-Encoding", "identity")
        if encoding != "identity":
            raise InputError(
                f"{self.remote.address}: sent with the encoding {encoding!r}, requested without; give another --address"
            )
        tag = _MD5_TAG.fullmatch(answer.headers.get("ETag", ""))
        if tag and tag[1] != self.remote.md5:
            raise self._changed(f"a file with MD5 {tag[1]}")

    def _check_length(self, answer: BaseHTTPResponse) -> None:
        length, kind = answer.headers.get("Content-Length"), answer.headers.get("Content-Type", "unknown type")
        if length is None and kind.startswith("text/html"):
            raise self._changed("a web page")
        if length is not None and length != str(self.remote.n_bytes):
            raise self._changed(f"{length} bytes of {kind}")

    def _restart(self, answer: BaseHTTPResponse) -> None:
        """Start the part again with an answer that begins at the first byte."""
        tag, asked = answer.headers.get("ETag", ""), self._headers()
        if "If-Range" in asked:
            self.ask_for_version = False
            if asked["If-Range"] == tag:
                raise TryAgain("the server sent the whole file instead of the rest")
        if self.n_bytes:
            self.say(f"{self.file.name}: the server does not resume; starting again from the first byte")
        self.n_bytes, self.md5, self.ask_for_range = 0, hashlib.md5(usedforsecurity=False), True
        with disk_errors(self.part, self.n_missing):
            self.part.write_bytes(b"")
            self.tag_file.unlink(missing_ok=True)
            if tag.startswith('"'):  # a weak tag, W/"...", may stand for other bytes (RFC 9110, 13.1.5)
                self.tag_file.write_text(tag, encoding="latin-1")

    def _append(self, answer: BaseHTTPResponse, timeout: float) -> None:
        self._report()
        since, before = time.monotonic(), self.n_bytes
        with contextlib.ExitStack() as stack:
            with disk_errors(self.part, self.n_missing):
                part = stack.enter_context(open(self.part, "ab", buffering=0))
                part.truncate(self.n_bytes)
            while self.n_missing:
                data = answer.read1(min(_CHUNK, self.n_missing))
                if not data:
                    raise TryAgain(f"connection closed after {decimal(self.n_bytes)}")
                with disk_errors(self.part, self.n_missing):
                    _write(part, data)
                self.md5.update(data)
                self.n_bytes += len(data)
                self._report()
                if (now := time.monotonic()) - since >= timeout:
                    if self.n_bytes - before < LEAST_SPEED * timeout:
                        raise TryAgain(f"stalled, {self.n_bytes - before} bytes in {timeout:g} s")
                    since, before = now, self.n_bytes

    def _report(self) -> None:
        self.on_step("downloading", self.file.name, self.n_bytes, self.remote.n_bytes)

    def _changed(self, found: str) -> InputError:
        return InputError(
            f"{self.remote.address}: the server offers {found}, but {self.remote.n_bytes} bytes with MD5 "
            f"{self.remote.md5} were published; the record has changed, or this is the page of a login or a proxy; the "
            "part is kept; open the address in a browser, or give another with --address"
        )

    def finish(self) -> None:
        """Rename the part to the file if its MD5 is the published one, else to `.bad`."""
        found, bad = self.md5.hexdigest(), self.file.with_name(self.file.name + ".bad")
        with disk_errors(self.part, 0):
            self.tag_file.unlink(missing_ok=True)
            if found != self.remote.md5:
                os.replace(self.part, bad)
                raise InputError(
                    f"{self.file}: all {self.remote.n_bytes} bytes have arrived, but with MD5 {found} instead of "
                    f"{self.remote.md5}; renamed to {bad.name}; the same command fetches it again from the start"
                )
            with open(self.part, "rb+") as part:
                os.fsync(part.fileno())
            os.replace(self.part, self.file)
            bad.unlink(missing_ok=True)


def _write(file: io.FileIO, data: bytes) -> None:
    """Write all bytes; a single write to an unbuffered file may write fewer."""
    rest = memoryview(data)
    while rest:
        rest = rest[file.write(rest) :]

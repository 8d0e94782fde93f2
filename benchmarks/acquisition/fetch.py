"""Fetching one large file over HTTP: resumed where it stopped, verified while it streams, renamed when it is whole.

    <file>.part         what has arrived; its length is all that a later process needs to go on
    <file>.part.etag    the server's name for the version that the part belongs to
    <file>.bad          arrived in full, with another checksum than published

A server's word is checked, not believed. Zenodo has sent "Accept-Ranges: none" with answers that do resume, and some
servers resume only a request without If-Range; size and checksum, known beforehand, decide in the end.
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
PROGRESS = 2**20  # bytes; failures are counted anew when as many have come
_CHUNK = 2**20
_RANGE = re.compile(r"bytes (\d+)-\d+/(\d+|\*)")
_MD5_TAG = re.compile(r'"?md5:([0-9a-f]{32})"?')  # Zenodo's ETag


@dataclass(frozen=True)
class RemoteFile:
    """A file at a server, and what it must turn out to be."""

    address: str
    n_bytes: int
    md5: str


@dataclass(frozen=True)
class RetryPolicy:
    """When to try again, and when to stop trying."""

    retries: int = 8  # after so many failures in a row, the next one is final
    timeout: float = 60.0  # s without a byte, or below LEAST_SPEED
    pause: float = 1.0  # the first retry comes at once, the second after 2 * pause s; then the pause doubles
    longest_pause: float = 120.0  # s, also where the server asks for a longer one

    def start(self) -> Retry:
        """Return the count of failures, at zero."""
        return Retry(total=self.retries, backoff_factor=self.pause, backoff_max=self.longest_pause)


def part_of(file: Path) -> Path:
    return file.with_name(file.name + ".part")


def fetch(
    remote: RemoteFile, file: Path, policy: RetryPolicy = RetryPolicy(), on_step: OnStep = ignore, say: Say = ignore
) -> None:
    """Fetch a file, going on from its part where there is one; afterwards `file` is whole and verified.

    Raises `InputError` where it cannot be had, has another size or checksum, or does not fit on the disk; what has
    arrived stays as the part, and the same call goes on from there.
    """
    transfer = _Transfer(remote, file, on_step, say)
    transfer.take_up_part()
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
    """The part of one file on disk, its running checksum, and the conversation with the server."""

    def __init__(self, remote: RemoteFile, file: Path, on_step: OnStep, say: Say) -> None:
        self.remote, self.file, self.on_step, self.say = remote, file, on_step, say
        self.part = part_of(file)
        self.tag_file = self.part.with_name(self.part.name + ".etag")
        self.n_bytes, self.md5 = 0, hashlib.md5(usedforsecurity=False)
        self.ask_for_range = True  # not after an answer with another range, until the file has begun anew
        self.ask_for_version = True  # until it costs a resumption

    @property
    def n_missing(self) -> int:
        return self.remote.n_bytes - self.n_bytes

    def take_up_part(self) -> None:
        """Find out how far the part reaches, and hash it."""
        with disk_errors(self.part, self.remote.n_bytes):
            size = self.part.stat().st_size if self.part.exists() else 0
            if size > self.remote.n_bytes:
                self.say(f"{self.part}: {size} bytes, published are {self.remote.n_bytes}; starts again")
            elif size:
                self.n_bytes, self.md5 = size, hash_file(self.part, self.on_step)

    def count(self, failure: TryAgain, retry: Retry) -> Retry:
        """Count a failure. Raises `InputError` where it is one too many."""
        try:
            return retry.increment("GET", self.remote.address, error=failure)
        except MaxRetryError:
            raise InputError(
                f"{self.remote.address}: given up after {len(retry.history) + 1} tries, the last: {failure}; "
                f"{decimal(self.n_bytes)} of {decimal(self.remote.n_bytes)} are kept in {self.part}; "
                "the same command continues from there"
            ) from failure

    def receive(self, timeout: float) -> None:
        """Ask for what is missing and append what comes. Raises `TryAgain` or `InputError`."""
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
        """Check that an answer is the file or the rest of it; go back to the first byte where the whole file comes."""
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
                raise TryAgain("the server sent another range than was asked for")
        elif answer.status == 416:
            total = answer.headers.get("Content-Range", "").rpartition("/")[2]
            if total.isdecimal() and int(total) != self.remote.n_bytes:
                raise self._changed(f"{total} bytes")
            self.ask_for_range = False
            raise TryAgain("the server refused the range (416)")
        else:
            raise TryAgain(f"the server answered {answer.status}")

    def _check_version(self, answer: BaseHTTPResponse) -> None:
        """Refuse a body that is compressed, or that the server itself says has another checksum."""
        encoding = answer.headers.get("Content-Encoding", "identity")
        if encoding != "identity":
            raise InputError(
                f"{self.remote.address}: sent in the encoding {encoding!r}, asked for as it is; name another --address"
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
        """Begin the part anew with an answer that begins at the first byte."""
        tag, asked = answer.headers.get("ETag", ""), self._headers()
        if "If-Range" in asked:
            self.ask_for_version = False
            if asked["If-Range"] == tag:
                raise TryAgain("the server sent the whole file in place of the rest")
        if self.n_bytes:
            self.say(f"{self.file.name}: the server does not resume; starts again from the first byte")
        self.n_bytes, self.md5, self.ask_for_range = 0, hashlib.md5(usedforsecurity=False), True
        with disk_errors(self.part, self.n_missing):
            self.part.write_bytes(b"")
            self.tag_file.unlink(missing_ok=True)
            if tag.startswith('"'):  # a weak one, W/"...", does not vouch for single bytes (RFC 9110, 13.1.5)
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
            f"{self.remote.address}: the server offers {found}, published were {self.remote.n_bytes} bytes with MD5 "
            f"{self.remote.md5}; the record has changed, or this is the page of a login or a proxy; what had arrived "
            "is kept; open the address in a browser, or name another with --address"
        )

    def finish(self) -> None:
        """Give the file its name if it is what was published; else put it aside."""
        found, bad = self.md5.hexdigest(), self.file.with_name(self.file.name + ".bad")
        with disk_errors(self.part, 0):
            self.tag_file.unlink(missing_ok=True)
            if found != self.remote.md5:
                os.replace(self.part, bad)
                raise InputError(
                    f"{self.file}: all {self.remote.n_bytes} bytes are there, but with MD5 {found} in place of "
                    f"{self.remote.md5}; put aside as {bad.name}; the same command fetches it again from the start"
                )
            with open(self.part, "rb+") as part:
                os.fsync(part.fileno())
            os.replace(self.part, self.file)
            bad.unlink(missing_ok=True)


def _write(file: io.FileIO, data: bytes) -> None:
    """Write all of it: an unbuffered file may take less at a time."""
    rest = memoryview(data)
    while rest:
        rest = rest[file.write(rest) :]

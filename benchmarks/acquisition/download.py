"""Downloads the chosen archives of MIMII, one at a time. An archive has its name only when it is complete and verified.

`Download` describes what is to be done and the disk that it needs; `download` does it. After an interruption (a killed
process, a lost connection, a full disk) the same call continues: a download from its part, a mono store from its last
clip.
"""

import contextlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from filelock import FileLock, Timeout
from rich.filesize import decimal

from benchmarks.acquisition.callbacks import OnStep, Say, ignore
from benchmarks.acquisition.disk import disk_errors, free_bytes, hash_file
from benchmarks.acquisition.fetch import RemoteFile, RetryPolicy, fetch, part_of
from benchmarks.acquisition.mono_store import has_store, make_store, partial_of, store_of
from benchmarks.datasets import mimii_release
from benchmarks.datasets.kept_channels import KeptChannels
from benchmarks.datasets.mimii_release import ADDRESS, RECORDED, Archive
from features import InputError

MARGIN = 200_000_000  # bytes left free


@dataclass(frozen=True)
class Download:
    """Archives to be fetched into a folder.

    channels: None keeps the archives. Otherwise each archive is turned into a mono store of these channels (counted
    from 0) and then deleted.
    address: of the folder of the archives; `{archive}` stands for a name, which is appended where it does not occur.

    >>> (archive,) = choose(["fan"], [6])
    >>> Download(Path("data"), (archive,), address="http://mirror/mimii").address_of(archive)
    'http://mirror/mimii/6_dB_fan.zip'
    """

    data: Path
    archives: tuple[Archive, ...]
    channels: tuple[int, ...] | None = None
    address: str = ADDRESS

    def __post_init__(self) -> None:
        if self.channels is not None:
            KeptChannels(self.channels, RECORDED, "")
        if urlsplit(self.address).scheme not in ("http", "https") or not urlsplit(self.address).netloc:
            raise InputError(
                f"--address {self.address!r}: give http://... or https://..., with {{archive}} in place of the name; "
                "archives on a disk need no download, name their folder with --data"
            )

    def file_of(self, archive: Archive) -> Path:
        """Return the file that an archive is stored in."""
        return self.data / archive.name

    def address_of(self, archive: Archive) -> str:
        """Return the address that an archive is fetched from."""
        if "{archive}" in self.address:
            return self.address.replace("{archive}", archive.name)
        return f"{self.address.rstrip('/')}/{archive.name}"

    def is_done(self, archive: Archive) -> bool:
        """Whether the mono store is complete. An archive that is kept is never done: it is verified by each call."""
        file = self.file_of(archive)
        return self.channels is not None and not file.exists() and has_store(file, self.channels)

    def n_missing(self, archive: Archive) -> int:
        """Return the bytes that are still to be fetched."""
        return 0 if self.is_done(archive) else max(0, archive.n_bytes - _n_arrived(self.file_of(archive)))

    @property
    def bytes_missing(self) -> int:
        """The bytes that are still to be fetched, over all archives."""
        return sum(map(self.n_missing, self.archives))

    @property
    def bytes_needed(self) -> int:
        """The free disk that the download needs at most at any time, with a margin."""
        peak = used = 0
        for archive in self.archives:
            store = 0 if self.is_done(archive) else self._store_missing(archive)
            peak = max(peak, used + self.n_missing(archive) + store)
            freed = 0 if self.channels is None or self.is_done(archive) else archive.n_bytes
            used += self.n_missing(archive) + store - freed
        return peak + MARGIN if peak else 0

    def _store_missing(self, archive: Archive) -> int:
        if self.channels is None or has_store(self.file_of(archive), self.channels):
            return 0
        partial = partial_of(self.file_of(archive))
        written = sum(file.stat().st_size for file in partial.rglob("*.wav")) if partial.exists() else 0
        return max(0, archive.store_bytes(len(self.channels)) - written)


def choose(
    machines: Sequence[str] = (), snrs_db: Sequence[float] = (), archives: Iterable[Archive] | None = None
) -> tuple[Archive, ...]:
    """Choose archives by machine and noise level in dB; an empty choice means all.

    Raises `InputError` where MIMII has no such machine or level.

    >>> [archive.name for archive in choose(["fan", "pump"], [6])]
    ['6_dB_fan.zip', '6_dB_pump.zip']
    """
    table = tuple(mimii_release.archives() if archives is None else archives)
    for option, wanted, known in (
        ("--machines", machines, {a.machine for a in table}),
        ("--snrs", snrs_db, {a.snr_db for a in table}),
    ):
        if unknown := [value for value in wanted if value not in known]:
            raise InputError(f"{option} {unknown[0]}: MIMII has {', '.join(map(str, sorted(known)))}")
    return tuple(a for a in table if a.machine in (machines or [a.machine]) and a.snr_db in (snrs_db or [a.snr_db]))


def download(
    plan: Download, policy: RetryPolicy = RetryPolicy(), on_step: OnStep = ignore, say: Say = ignore
) -> list[Path]:
    """Fetch what is missing; return the archives, or the folders of their mono stores.

    Raises `InputError` before the first byte where the disk is too small, and later where an archive cannot be fetched.
    """
    if plan.bytes_needed > (free := free_bytes(plan.data)):
        raise InputError(
            f"{plan.data}: {decimal(plan.bytes_needed)} of free disk needed, {decimal(free)} found; free "
            f"{decimal(plan.bytes_needed - free)}, name another folder with --data, choose fewer --machines or "
            "--snrs, or keep only some channels with --delete-archives"
        )
    with disk_errors(plan.data, 0):
        plan.data.mkdir(parents=True, exist_ok=True)
    return [_get(plan, archive, policy, on_step, say) for archive in plan.archives]


def _get(plan: Download, archive: Archive, policy: RetryPolicy, on_step: OnStep, say: Say) -> Path:
    """Fetch one archive and make its mono store, under a lock that keeps other processes out."""
    file = plan.file_of(archive)
    with contextlib.ExitStack() as stack:
        try:
            stack.enter_context(FileLock(plan.data / f".{archive.name}.lock", timeout=0))
        except Timeout:
            raise InputError(f"{file}: another process is fetching it; wait for it, or stop it") from None
        stack.enter_context(disk_errors(file, 0))
        if not plan.is_done(archive):
            _fetch(plan, archive, policy, on_step, say)
        if plan.channels is None:
            return file
        store = store_of(file)
        if file.exists():
            make_store(file, plan.channels, on_step)
            file.unlink()
            say(f"{file.name}: deleted; its channels {', '.join(map(str, plan.channels))} are in {store}")
        return store


def _fetch(plan: Download, archive: Archive, policy: RetryPolicy, on_step: OnStep, say: Say) -> None:
    """Verify the archive on disk, or fetch it."""
    file = plan.file_of(archive)
    if not file.exists():
        fetch(RemoteFile(plan.address_of(archive), archive.n_bytes, archive.md5), file, policy, on_step, say)
        return
    if (size := file.stat().st_size) != archive.n_bytes:
        raise InputError(
            f"{file}: {size} bytes, but {archive.n_bytes} were published; "
            + (
                f"cut short: rename it to {part_of(file).name}, and the same command fetches the rest"
                if size < archive.n_bytes
                else "move it away, and the same command fetches it"
            )
        )
    if (md5 := hash_file(file, on_step).hexdigest()) != archive.md5:
        raise InputError(
            f"{file}: damaged, MD5 {md5} instead of {archive.md5}; move it away, and the same command fetches it"
        )


def _n_arrived(file: Path) -> int:
    """Return the bytes of an archive that have arrived."""
    return next((found.stat().st_size for found in (file, part_of(file)) if found.exists()), 0)

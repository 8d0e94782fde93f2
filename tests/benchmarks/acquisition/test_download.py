"""Downloads from servers that cut, stall, lie and corrupt: a verified file, or one clear error and a way on."""

import hashlib
import io
import shutil
import signal
import ssl
import subprocess
import sys
import time
from base64 import b64encode
from pathlib import Path

import numpy as np
import pytest
from filelock import FileLock
from rich.console import Console
from rich.filesize import decimal

from benchmarks.acquisition.disk import disk_errors
from benchmarks.acquisition.download import MARGIN, Download, choose, download
from benchmarks.acquisition.fetch import PROGRESS, RemoteFile, RetryPolicy, fetch
from benchmarks.cli.data_output import download_mimii
from benchmarks.datasets import mimii_release
from benchmarks.datasets.mimii import Mimii
from benchmarks.datasets.mimii_release import Archive
from features import InputError
from tests.support import hostile_server as hs

BODY = np.random.default_rng(0).bytes(50_000)
NAME = "6_dB_fan.zip"
SHORT = RetryPolicy(retries=3, timeout=0.2, pause=0.01)


@pytest.fixture(autouse=True)
def _no_proxy(monkeypatch):
    monkeypatch.setenv("no_proxy", "127.0.0.1")


@pytest.fixture
def server():
    with hs.serving({NAME: BODY}) as running:
        yield running


def remote(server, body=BODY, name=NAME):
    return RemoteFile(f"{server.address}/{name}", len(body), hashlib.md5(body).hexdigest())


def get(server, folder, policy=SHORT, **callbacks):
    fetch(remote(server), folder / NAME, policy, **callbacks)


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_file_arrives_whole_under_its_name_alone(server, tmp_path):
    steps = []

    get(server, tmp_path, on_step=lambda *step: steps.append(step))

    assert (tmp_path / NAME).read_bytes() == BODY
    assert names(tmp_path) == [NAME]
    assert steps[0] == ("downloading", NAME, 0, len(BODY))
    assert steps[-1] == ("downloading", NAME, len(BODY), len(BODY))
    done = [step[2] for step in steps]
    assert done == sorted(done)


PASSING = {  # what the server does first -> the first bytes that it is asked for
    "cut": ([hs.cutting(20_000)], [0, 20_000]),
    "cut twice": ([hs.cutting(20_000), hs.cutting(10_000)], [0, 20_000, 30_000]),
    "cut before the first byte": ([hs.cutting(0)], [0, 0]),
    "stalled": ([hs.stalling(20_000)], [0, 20_000]),
    "silent": ([lambda handler, body: handler.server.gone.wait(30)], [0, 0]),
    "gone": ([lambda handler, body: None], [0, 0]),
    "busy": ([hs.saying(503), hs.saying(500)], [0, 0, 0]),
    "asks to wait": ([hs.saying(429, Retry_After="0")], [0, 0]),
    "empty answer": ([hs.saying(204, Content_Length=None)], [0, 0]),
    "refuses ranges": ([hs.cutting(20_000), hs.saying(416)], [0, 20_000, 0]),
    "ignores ranges": ([hs.cutting(20_000), hs.ignoring_ranges], [0, 20_000]),
    "lies about ranges": ([hs.cutting(20_000), hs.lying_about_ranges], [0, 20_000, 0]),
    "lies about ranges once, and the line drops again": (
        [hs.cutting(20_000), hs.lying_about_ranges, hs.cutting(30_000)],
        [0, 20_000, 0, 30_000],
    ),
    "range without saying which": ([hs.cutting(20_000), hs.saying(206, BODY[7:])], [0, 20_000, 0]),
    "resumes only without If-Range": (
        [hs.cutting(20_000, ETag='"a"'), lambda h, body: hs.answer(h, 200, body, ETag='"a"'), hs.tagged('"a"')],
        [0, 20_000, 20_000],
    ),
    "another version": ([hs.cutting(20_000, ETag='"old"'), hs.tagged('"new"')], [0, 20_000]),
    "weak version": ([hs.cutting(20_000, ETag='W/"a"'), hs.tagged('W/"b"')], [0, 20_000]),
    "no length": ([lambda h, body: hs.answer(h, 200, body, Content_Length=None)], [0]),
}


@pytest.mark.parametrize(("behaviours", "first_bytes"), PASSING.values(), ids=PASSING.keys())
def test_server_that_fails_for_a_while(server, tmp_path, behaviours, first_bytes):
    server.behaviours.extend(behaviours)

    get(server, tmp_path)

    assert (tmp_path / NAME).read_bytes() == BODY
    assert names(tmp_path) == [NAME]
    assert server.first_bytes == first_bytes


def test_dripping_server_counts_as_stalled(server, tmp_path):
    server.behaviours.append(hs.dripping)

    get(server, tmp_path, RetryPolicy(retries=1, timeout=0.3, pause=0.01))

    assert (tmp_path / NAME).read_bytes() == BODY
    assert 0 < server.first_bytes[1] < 100


REFUSED = {  # answer -> what the error says
    "not found": (hs.saying(404), "answered 404 Not Found; check the address, or give a mirror with --address"),
    "forbidden": (hs.saying(403), "answered 403"),
    "other size": (
        hs.saying(200, BODY + b"!"),
        r"offers 50001 bytes .*but 50000 .* were published; the record has changed",
    ),
    "other size of the range": (
        hs.saying(206, BODY[9:], Content_Range="bytes 20000-50008/50009"),
        r"offers 50009 bytes, but 50000",
    ),
    "other size in a refusal": (hs.saying(416, Content_Range="bytes */7"), r"offers 7 bytes, but 50000"),
    "login page": (
        hs.saying(200, b"<html>", Content_Type="text/html", Content_Length=None),
        "offers a web page.*login or a proxy",
    ),
    "other checksum": (
        hs.saying(200, BODY, ETag=f'"md5:{"0" * 32}"'),
        f"offers a file with MD5 {'0' * 32}, but 50000",
    ),
    "compressed": (hs.saying(200, BODY, Content_Encoding="gzip"), "encoding 'gzip', requested without"),
}


@pytest.mark.parametrize(("behaviour", "message"), REFUSED.values(), ids=REFUSED.keys())
def test_answer_that_is_not_the_file_is_refused_at_once(server, tmp_path, behaviour, message):
    (tmp_path / f"{NAME}.part").write_bytes(BODY[:20_000])
    server.behaviours.append(behaviour)

    with pytest.raises(InputError, match=message):
        get(server, tmp_path)

    assert len(server.requests) == 1
    assert (tmp_path / f"{NAME}.part").read_bytes() == BODY[:20_000]
    get(server, tmp_path)  # goes on
    assert (tmp_path / NAME).read_bytes() == BODY
    assert server.first_bytes[1] == 20_000


def test_giving_up_keeps_the_part_and_says_where(server, tmp_path):
    server.behaviours.extend([hs.cutting(10_000)] + [hs.saying(503)] * 3)
    said = []

    with pytest.raises(InputError, match=r"given up after 4 tries, .*503.*; 10.0 kB of 50.0 kB are kept in .*zip.part"):
        get(server, tmp_path, say=said.append)

    assert (tmp_path / f"{NAME}.part").read_bytes() == BODY[:10_000]
    assert [line.partition(";")[0] for line in said] == [
        f"{NAME}: connection closed after 10.0 kB",
        *[f"{NAME}: the server answered 503 Service Unavailable"] * 2,
    ]
    get(server, tmp_path)
    assert server.first_bytes[-1] == 10_000


def test_the_count_of_failures_starts_again_when_much_has_arrived(tmp_path):
    body = BODY * 100
    with hs.serving({NAME: body}) as server:
        server.behaviours.extend([hs.cutting(PROGRESS), hs.saying(503)] * 4)
        fetch(remote(server, body), tmp_path / NAME, RetryPolicy(retries=2, pause=0.0))

    assert (tmp_path / NAME).read_bytes() == body
    assert len(server.requests) == 9


def test_no_server_at_all(tmp_path):
    with hs.serving({}) as server:
        pass

    with pytest.raises(InputError, match=r"given up after 2 tries, the last: connection failed \(.*refused"):
        fetch(remote(server), tmp_path / NAME, RetryPolicy(retries=1, pause=0.0))


def test_redirection_is_followed_with_the_range(server, tmp_path):
    server.files["old"] = b""
    server.behaviours.append(hs.saying(302, Location=f"{server.address}/{NAME}"))
    (tmp_path / f"{NAME}.part").write_bytes(BODY[:123])

    fetch(remote(server, name="old"), tmp_path / NAME, SHORT)

    assert (tmp_path / NAME).read_bytes() == BODY
    assert server.first_bytes == [123, 123]


@pytest.mark.parametrize("location", ["file:///etc/hostname", "ftp://127.0.0.1/x", "http://127.0.0.1:port/x"])
def test_redirection_to_what_is_not_http_is_not_followed(server, tmp_path, location):
    server.behaviours.append(hs.saying(302, Location=location))

    with pytest.raises(InputError, match=r"zip': no usable address, or redirected to none \(.+\); give another"):
        get(server, tmp_path)


def test_redirections_without_end_are_not_followed(server, tmp_path):
    server.behaviours.extend([hs.saying(302, Location=f"/{NAME}")] * 20)

    with pytest.raises(InputError, match=r"zip': no usable address, or redirected to none \(too many redirects\)"):
        get(server, tmp_path)
    assert len(server.requests) == 11


@pytest.mark.parametrize(("asked", "waited"), [("2", "2"), ("500", "3"), ("soon", "0"), (None, "0")])
def test_server_that_asks_to_wait_is_waited_for(server, tmp_path, monkeypatch, asked, waited):
    monkeypatch.setattr(time, "sleep", lambda seconds: None)
    server.behaviours.append(hs.saying(429, Retry_After=asked))
    said = []

    get(server, tmp_path, RetryPolicy(retries=1, longest_pause=3.0), say=said.append)

    assert said == [f"{NAME}: the server answered 429 Too Many Requests; trying again in {waited} s"]


def test_pauses_grow_up_to_the_longest(server, tmp_path, monkeypatch):
    pauses = []
    monkeypatch.setattr(time, "sleep", pauses.append)
    server.behaviours.extend([hs.saying(503)] * 6)

    get(server, tmp_path, RetryPolicy(retries=6, pause=1.0, longest_pause=10.0))

    assert pauses == [0, 2, 4, 8, 10, 10]


def test_proxy_of_the_environment_is_asked(server, tmp_path, monkeypatch):
    monkeypatch.setenv("http_proxy", f"http://me:a%20word@{server.address.removeprefix('http://')}")
    server.files["http://elsewhere.invalid/6_dB_fan.zip"] = BODY

    fetch(RemoteFile(f"http://elsewhere.invalid/{NAME}", len(BODY), remote(server).md5), tmp_path / NAME, SHORT)

    assert (tmp_path / NAME).read_bytes() == BODY
    assert server.requests[0].headers["Proxy-Authorization"] == f"Basic {b64encode(b'me:a word').decode()}"


@pytest.fixture
def certificate(tmp_path):
    """A certificate that no authority has signed, for 127.0.0.1, with its key."""
    openssl = shutil.which("openssl") or pytest.skip("openssl, which makes a certificate, is not installed")
    key, file = tmp_path / "key.pem", tmp_path / "certificate.pem"
    subject = ["-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"]
    options = ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1", "-keyout", key, "-out", file, *subject]
    subprocess.run([openssl, *options], check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file, key)
    return file, context


def test_unknown_certificate_is_refused_until_it_is_named(server, tmp_path, certificate, monkeypatch):
    file, context = certificate
    server.socket = context.wrap_socket(server.socket, server_side=True)
    secure = RemoteFile(remote(server).address.replace("http:", "https:"), len(BODY), remote(server).md5)

    with pytest.raises(InputError, match=r"certificate not accepted \(self.signed certificate\); name the file of"):
        fetch(secure, tmp_path / NAME, SHORT)

    monkeypatch.setenv("SSL_CERT_FILE", str(file))
    fetch(secure, tmp_path / NAME, SHORT)
    assert (tmp_path / NAME).read_bytes() == BODY


def test_wrong_checksum_is_put_aside_and_the_next_call_starts_again(server, tmp_path):
    server.behaviours.append(hs.corrupting)

    with pytest.raises(InputError, match=r"all 50000 bytes have arrived, but with MD5 .* renamed to 6_dB_fan.zip.bad"):
        get(server, tmp_path)

    assert names(tmp_path) == [f"{NAME}.bad"]
    get(server, tmp_path)
    assert names(tmp_path) == [NAME]
    assert server.first_bytes == [0, 0]


@pytest.mark.parametrize("size", [1, 49_999, 50_000])
def test_part_of_an_earlier_process_is_taken_up(server, tmp_path, size):
    (tmp_path / f"{NAME}.part").write_bytes(BODY[:size])
    steps = []

    get(server, tmp_path, on_step=lambda *step: steps.append(step))

    assert (tmp_path / NAME).read_bytes() == BODY
    assert server.first_bytes == ([size] if size < len(BODY) else [])
    assert [done for stage, _, done, _ in steps if stage == "checking"][-1] == size


def test_part_that_is_too_long_is_dropped(server, tmp_path):
    (tmp_path / f"{NAME}.part").write_bytes(BODY + b"!")

    get(server, tmp_path)

    assert (tmp_path / NAME).read_bytes() == BODY


def test_full_disk(server, tmp_path):
    code = (
        "import resource, sys; from pathlib import Path; from benchmarks.acquisition.fetch import *\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (30_000, 30_000))\n"
        f"fetch({remote(server)!r}, Path(sys.argv[1]))"
    )
    run = subprocess.run([sys.executable, "-c", code, tmp_path / NAME], capture_output=True, text=True, check=False)

    assert "InputError" in run.stderr
    assert "takes no larger file" in run.stderr
    assert (tmp_path / f"{NAME}.part").read_bytes() == BODY[:30_000]
    get(server, tmp_path)
    assert (tmp_path / NAME).read_bytes() == BODY
    assert server.first_bytes == [0, 30_000]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full on this system")
def test_full_disk_says_how_much_is_missing():
    full = Path("/dev/full")
    message = r"/dev/full: the disk is full; free at least 1.2 GB; the same command then continues"
    with pytest.raises(InputError, match=message), disk_errors(full, 1_200_000_000), open(full, "wb") as file:
        file.write(b"0")


@pytest.fixture
def published(tmp_path):
    return hs.make_archive(tmp_path / "published")


def test_killed_twice_and_resumed(tmp_path):
    archive, body = hs.make_archive(tmp_path / "published", n_samples=5000)
    data = tmp_path / "data"
    part = data / f"{NAME}.part"
    with hs.serving({NAME: body}) as server:
        code = (
            "import sys; from pathlib import Path; from benchmarks.acquisition.download import *\n"
            "from benchmarks.datasets.mimii_release import Archive\n"
            f"download(Download(Path(sys.argv[1]), ({archive!r},), address={server.address!r}))"
        )
        reached = 0
        for _ in range(2):
            server.behaviours.append(hs.slow(5000, 0.05))
            process = subprocess.Popen([sys.executable, "-c", code, data])
            while not (part.exists() and part.stat().st_size >= reached + 50_000):
                assert process.poll() is None
                time.sleep(0.005)
            process.send_signal(signal.SIGKILL)
            assert process.wait() == -signal.SIGKILL
            reached = part.stat().st_size
            assert reached < len(body)
            assert not (data / NAME).exists()
        download(Download(data, (archive,), address=server.address))

    assert (data / NAME).read_bytes() == body
    assert server.first_bytes[0] == 0
    assert 50_000 <= server.first_bytes[1] < server.first_bytes[2] == reached
    assert len(Mimii(data).clips()) == 6


def test_only_what_was_asked_for_is_fetched(tmp_path, published):
    archive, body = published
    other = Archive("0_dB_fan.zip", archive.n_bytes, archive.md5, "fan", 0, archive.n_clips)
    with hs.serving({NAME: body, other.name: body}) as server:
        plan = Download(tmp_path / "data", choose(["fan"], [6], [archive, other]), address=server.address)
        assert plan.bytes_missing == len(body)
        assert download(plan) == [tmp_path / "data" / NAME]
        assert plan.bytes_missing == 0
        assert download(plan) == [tmp_path / "data" / NAME]  # nothing to fetch, checked all the same

    assert [request.path for request in server.requests] == [f"/{NAME}"]


def test_archive_cut_by_one_byte_is_detected_and_completed(tmp_path, published):
    archive, body = published
    data = tmp_path / "data"
    data.mkdir()
    (data / NAME).write_bytes(body[:-1])
    with hs.serving({NAME: body}) as server:
        plan = Download(data, (archive,), address=server.address)
        with pytest.raises(
            InputError, match=f"{len(body) - 1} bytes, but {len(body)} were published; cut short: rename it"
        ):
            download(plan)
        (data / NAME).rename(data / f"{NAME}.part")
        download(plan)

    assert (data / NAME).read_bytes() == body
    assert server.first_bytes == [len(body) - 1]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda body: body + b"!", "were published; move it away"),
        (lambda body: b"!" + body[1:], "damaged, MD5 .* instead of"),
    ],
    ids=["too long", "damaged"],
)
def test_archive_that_is_not_the_published_one_is_left_alone(tmp_path, published, change, message):
    archive, body = published
    file = tmp_path / NAME
    file.write_bytes(change(body))

    with pytest.raises(InputError, match=message):
        download(Download(tmp_path, (archive,)))

    assert file.read_bytes() == change(body)


def test_disk_that_is_too_small_is_refused_before_the_first_byte(server, tmp_path):
    huge = Archive(NAME, 10**18, "", "fan", 6, 1)

    with pytest.raises(InputError, match=r"1.0 EB of free disk needed, .* found; free \S+ .B, name"):
        download(Download(tmp_path / "data", (huge,), address=server.address))

    assert server.requests == []
    assert not (tmp_path / "data").exists()


def test_disk_needed(tmp_path):
    def archive(name, n_bytes, n_clips):
        return Archive(f"{name}_dB_fan.zip", n_bytes, "", "fan", int(name), n_clips)

    two = (archive("6", 1000_000_000, 100), archive("0", 3000_000_000, 50))
    clip = 2 * 320_000 + 4096  # two channels, 10 s at 16 kHz and 16 bit

    assert Download(tmp_path, two).bytes_needed == 4000_000_000 + MARGIN
    at_the_second = 100 * clip + 3000_000_000 + 50 * clip  # the first archive is deleted by then
    assert Download(tmp_path, two, (0, 4)).bytes_needed == at_the_second + MARGIN
    (tmp_path / "0_dB_fan.zip.part").write_bytes(bytes(1000))
    assert Download(tmp_path, two).bytes_needed == 4000_000_000 - 1000 + MARGIN
    assert Download(tmp_path, two, (0, 4)).bytes_needed == at_the_second - 1000 + MARGIN


def test_one_process_at_a_time(tmp_path, published):
    archive, _ = published
    with (
        FileLock(tmp_path / f".{NAME}.lock"),
        pytest.raises(InputError, match=f"{NAME}: another process is fetching it; wait for it, or stop it"),
    ):
        download(Download(tmp_path, (archive,), address="http://127.0.0.1:9"))


def test_published_archives():
    table = mimii_release.archives()

    assert len(table) == 12
    assert sum(a.n_bytes for a in table) == 100_243_834_344
    assert 3 * sum(normal + abnormal for normal, abnormal in mimii_release.counts().values()) == 54_057
    assert sum(a.n_clips for a in table) == 54_057
    assert {len(a.md5) for a in table} == {32}
    assert [a.name for a in choose(["fan"], [6])] == ["6_dB_fan.zip"]
    assert [a.name for a in choose(["pump", "valve"], [-6.0])] == ["-6_dB_pump.zip", "-6_dB_valve.zip"]
    assert choose() == table


@pytest.mark.parametrize(
    ("machines", "snrs", "message"),
    [(["fun"], [], "--machines fun: MIMII has fan, pump, slider, valve"), ([], [3], "--snrs 3: MIMII has -6, 0, 6")],
)
def test_unknown_choice(machines, snrs, message):
    with pytest.raises(InputError, match=message):
        choose(machines, snrs)


def test_address(tmp_path):
    (archive,) = choose(["fan"], [6])

    def address(**option):
        return Download(tmp_path, (archive,), **option).address_of(archive)

    assert address() == "https://zenodo.org/record/3384388/files/6_dB_fan.zip?download=1"
    assert address(address="http://mirror/mimii/") == "http://mirror/mimii/6_dB_fan.zip"
    assert address(address="http://mirror/get?f={archive}") == "http://mirror/get?f=6_dB_fan.zip"


@pytest.mark.parametrize("address", ["/mnt/mimii", "ftp://mirror/mimii", "file:///mimii", "http://", "mirror/mimii"])
def test_address_that_is_none(tmp_path, address):
    with pytest.raises(InputError, match=r"--address .*: give http://... or https://"):
        Download(tmp_path, (), address=address)


def test_address_that_only_fails_when_it_is_used(tmp_path):
    for address in ("http://127.0.0.1:port/x", "http://127.0.0.1/ a", "http://\u00fcmlaut..x/"):
        with pytest.raises(InputError, match="no usable address"):
            fetch(RemoteFile(address, 1, ""), tmp_path / "x", RetryPolicy(retries=0))


def test_folder_that_cannot_be_written(tmp_path, published):
    (tmp_path / "data").write_bytes(b"")

    with pytest.raises(InputError, match=r"data: File exists; check the disk and its permissions"):
        download(Download(tmp_path / "data", (published[0],), address="http://127.0.0.1:9"))


def test_printed_download(tmp_path, published):
    archive, body = published
    console = Console(record=True, width=160, highlight=False, file=io.StringIO())
    with hs.serving({NAME: body}) as server:
        server.behaviours.append(hs.cutting(100))
        download_mimii(Download(tmp_path / "data", (archive,), (0, 4), server.address), console, SHORT)

    text = console.export_text()
    size = decimal(len(body))
    assert f"6_dB_fan.zip       {size} of {size} to fetch" in text
    assert "Each becomes a mono store of channels 0, 4 and is deleted" in text
    assert f"{size} to fetch; disk needed 203.9 MB, free" in text  # 6 clips of 10 s and a margin
    assert "6_dB_fan.zip: connection closed after 100 bytes; trying again in 0 s" in text
    assert f"There now, whole and verified: {tmp_path / 'data/6_dB_fan'}" in text
    assert "CC BY-SA 4.0" in text


def test_sizes_in_the_documentation():
    text = (Path(__file__).parents[3] / "docs/data.md").read_text(encoding="utf-8")
    table = {(a.machine, a.snr_db): a for a in mimii_release.archives()}
    for machine in ("fan", "pump", "slider", "valve"):
        sizes = [f"{table[machine, snr_db].n_bytes / 1e9:.2f}" for snr_db in (6, 0, -6)]
        any_level = table[machine, 6]
        row = [machine, *sizes, str(any_level.n_clips), f"{any_level.store_bytes(1) / 1e9:.2f}"]
        assert f"| {' | '.join(row)} |" in text
    assert f"{sum(a.store_bytes(1) for a in table.values()) / 1e9:.1f} GB instead of 100" in text

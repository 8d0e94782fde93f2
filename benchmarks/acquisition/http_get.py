"""One HTTP request, with its failures sorted into those that may pass and those that stay.

Plain `urllib`: what matters for a large file (ranges, checksums, when to give up) no client library decides for us. It
follows redirections with the range asked for, and takes proxies and certificates from the environment.
"""

import contextlib
import http.client
import ssl
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping

from features import InputError

Answer = http.client.HTTPResponse | urllib.error.HTTPError

_AGENT = "asdbench (benchmark of anomalous-sound detectors)"  # Zenodo turns away the default names of libraries
_PASSING = (408, 425, 429, 500, 502, 503, 504)


class TryAgain(Exception):
    """A failure that may pass."""

    def __init__(self, reason: str, wait: float = 0.0) -> None:
        super().__init__(reason)
        self.wait = wait  # s that the server asks for


@contextlib.contextmanager
def get(address: str, headers: Mapping[str, str], timeout: float) -> Iterator[Answer]:
    """Ask for an address; give the answer, its status 2xx or 416 (range refused).

    Raises `TryAgain` or `InputError` for what else goes wrong, also while the caller reads the answer.
    """
    request = urllib.request.Request(address, headers={"User-Agent": _AGENT, "Accept-Encoding": "identity", **headers})
    try:
        with _open(request, timeout) as answer:
            yield answer
    except TimeoutError as error:
        raise TryAgain(f"no answer for {timeout:g} s") from error
    except (OSError, http.client.HTTPException) as error:
        raise _sorted(address, error) from error


def _open(request: urllib.request.Request, timeout: float) -> Answer:
    try:
        return _opener().open(request, timeout=timeout)
    except urllib.error.HTTPError as refusal:
        if refusal.code == 416:
            return refusal
        refusal.close()
        told = f"the server answered {refusal.code} {refusal.reason}"
        if refusal.code in _PASSING:
            wait = refusal.headers.get("Retry-After", "")
            raise TryAgain(told, float(wait) if wait.isdecimal() else 0.0) from refusal
        raise InputError(f"{request.full_url}: {told}; check the address, or name a mirror with --address") from refusal
    except UnicodeError as error:
        raise InputError(f"{request.full_url!a}: no usable address ({error}); name another with --address") from error


def _sorted(address: str, error: Exception) -> Exception:
    reason = error.reason if isinstance(error, urllib.error.URLError) else error
    if isinstance(reason, TimeoutError):
        return TryAgain("no connection in time")
    if isinstance(reason, ssl.SSLCertVerificationError):
        return InputError(
            f"{address}: certificate not accepted ({reason.verify_message}); "
            "name the file of your certificates in the variable SSL_CERT_FILE, or another --address"
        )
    if isinstance(error, http.client.InvalidURL):
        return InputError(f"{address}: no usable address ({error}); name another with --address")
    return TryAgain(f"connection failed ({str(reason) or type(reason).__name__})")


def _opener() -> urllib.request.OpenerDirector:
    """Open http and https, through the proxies of the environment; redirections may not lead to files or FTP."""
    opener = urllib.request.OpenerDirector()
    for handler in (
        urllib.request.ProxyHandler(),
        urllib.request.HTTPHandler(),
        urllib.request.HTTPSHandler(),
        urllib.request.HTTPRedirectHandler(),
        urllib.request.HTTPDefaultErrorHandler(),
        urllib.request.HTTPErrorProcessor(),
        urllib.request.UnknownHandler(),
    ):
        opener.add_handler(handler)
    return opener

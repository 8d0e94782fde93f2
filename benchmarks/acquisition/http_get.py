"""One HTTP request. A failure that may pass raises `TryAgain`, every other failure `InputError`.

urllib3 follows redirections, but only to http and https. Proxies and certificates are taken from the environment
(`https_proxy`, `http_proxy`, `no_proxy`, `SSL_CERT_FILE`).
"""

import contextlib
import ssl
from collections.abc import Iterator, Mapping
from urllib.parse import unquote
from urllib.request import getproxies, proxy_bypass

from urllib3 import BaseHTTPResponse, PoolManager, ProxyManager, Retry
from urllib3 import exceptions as errors
from urllib3.util import make_headers, parse_url

from features import InputError

_RETRIED = (408, 425, 429, 500, 502, 503, 504)  # statuses that may change
_AGENT = "asdbench (benchmark of anomalous-sound detectors)"  # Zenodo refuses the default names of libraries
_REDIRECTIONS = Retry(total=None, connect=0, read=0, status=0, other=0, redirect=10, respect_retry_after_header=False)


class TryAgain(Exception):
    """A failure that may pass."""

    def __init__(self, reason: str, wait: float = 0.0) -> None:
        super().__init__(reason)
        self.wait = wait  # s that the server asks for


@contextlib.contextmanager
def get(address: str, headers: Mapping[str, str], timeout: float) -> Iterator[BaseHTTPResponse]:
    """Request an address; yield the answer, whose status is 2xx or 416 (range refused), before its body is read.

    Raises `TryAgain` or `InputError` for everything else that goes wrong, also while the caller reads the body.
    """
    try:
        with _pool(address) as pool, _request(pool, address, headers, timeout) as answer:
            _check_status(address, answer)
            yield answer
    except errors.HTTPError as error:
        raise _sorted(address, error, timeout) from error


def _request(pool: PoolManager, address: str, headers: Mapping[str, str], timeout: float) -> BaseHTTPResponse:
    return pool.request(
        "GET",
        address,
        headers={"User-Agent": _AGENT, "Accept-Encoding": "identity", "Connection": "close", **headers},
        timeout=timeout,
        retries=_REDIRECTIONS,  # the caller retries, since it knows how many bytes have arrived
        preload_content=False,
        decode_content=False,
        enforce_content_length=False,  # the caller keeps an incomplete body and resumes
    )


def _pool(address: str) -> PoolManager:
    """Return a pool that opens an address directly, or through the proxy that the environment names for it."""
    if any(map(str.isspace, address)):
        raise errors.LocationValueError("it contains a space")
    url = parse_url(address)
    certificates = ssl.create_default_context()
    proxy = None if proxy_bypass(url.host or "") else getproxies().get(url.scheme or "")
    if not proxy:
        return PoolManager(ssl_context=certificates)
    proxy = proxy if "://" in proxy else f"http://{proxy}"
    login = parse_url(proxy).auth
    headers = make_headers(proxy_basic_auth=unquote(login)) if login else None
    return ProxyManager(proxy, proxy_headers=headers, ssl_context=certificates)


def _check_status(address: str, answer: BaseHTTPResponse) -> None:
    if 200 <= answer.status < 300 or answer.status == 416:
        return
    found = f"the server answered {answer.status} {answer.reason}"
    if answer.status in _RETRIED:
        raise TryAgain(found, _retry_after(answer))
    raise InputError(f"{address}: {found}; check the address, or give a mirror with --address")


def _retry_after(answer: BaseHTTPResponse) -> float:
    with contextlib.suppress(errors.InvalidHeader):
        return Retry().get_retry_after(answer) or 0.0
    return 0.0


def _sorted(address: str, error: Exception, timeout: float) -> Exception:
    """Return what to raise for an error of urllib3."""
    reason = error.reason if isinstance(error, errors.MaxRetryError) and error.reason else error
    if isinstance(reason, errors.TimeoutError) and not isinstance(reason, errors.NewConnectionError):
        return TryAgain(f"no answer for {timeout:g} s")
    if isinstance(reason, (errors.LocationValueError, errors.ResponseError)):
        return InputError(
            f"{address!a}: no usable address, or redirected to none ({reason}); give another with --address"
        )
    origin = _origin(reason)
    if isinstance(origin, ssl.SSLCertVerificationError):
        return InputError(
            f"{address}: certificate not accepted ({origin.verify_message}); "
            "name the file of your certificates in the variable SSL_CERT_FILE, or give another --address"
        )
    return TryAgain(f"connection failed ({str(origin) or type(origin).__name__})")


def _origin(error: BaseException) -> BaseException:
    """Return the error of the system that an error of urllib3 carries."""
    inner = next((part for part in error.args if isinstance(part, BaseException)), error.__cause__)
    return error if inner is None else _origin(inner)

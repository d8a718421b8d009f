"""One HTTP attempt: a request goes out, a whole reply comes back, within a deadline and a maximum size.

Owns the sessions and every precaution `requests` needs; used by procore and tokens. Never retries, never waits,
never follows a redirect and never looks at what a status means.
"""

from __future__ import annotations

import http.client
import io
import ipaddress
import socket
import threading
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from http.cookiejar import DefaultCookiePolicy
from pathlib import Path
from typing import Any, cast
from urllib.parse import urljoin, urlsplit

import requests
import urllib3
from requests.adapters import HTTPAdapter
from requests.auth import AuthBase
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.util import Timeout

from sync_worker import __version__
from sync_worker.catalog.paths import Standing
from sync_worker.client.headers import Headers, http_date
from sync_worker.client.outcomes import failure
from sync_worker.clock import SystemClock
from sync_worker.errors import BadPayloadError, ConfigurationError, RequestError

DEADLINE_SECONDS = 60.0
CONNECT_SECONDS = 10.0
MAX_BODY_BYTES = 256 * 1024**2
MAX_REFUSAL_BYTES = 64 * 1024
_CHUNK_BYTES = 64 * 1024
_INFLATED_BYTES = 1024**2
_PORTS = {"http": 80, "https": 443}
# A socket waits in real time, whatever clock the rest of the program was handed.
_CLOCK = SystemClock()


@dataclass(frozen=True, slots=True)
class Request:
    """One HTTP request; its text is method and URL without the query, fit for messages and logs.

    `stream` and `standing` are for whoever counts it.
    """

    method: str
    url: str
    headers: Mapping[str, str] = field(default_factory=dict)
    auth: AuthBase | None = field(default=None, repr=False)
    form: Mapping[str, str] | None = field(default=None, repr=False)
    stream: str | None = None
    standing: Standing = Standing.DOCUMENTED

    def __str__(self) -> str:
        return f"{self.method} {self.url.partition('?')[0]}"


@dataclass(frozen=True, slots=True)
class Reply:
    """A complete answer; `server_time` is its `Date`, in UTC."""

    status: int
    headers: Headers
    body: bytes = field(repr=False)
    elapsed_seconds: float
    server_time: datetime | None


class Transport:
    """Sends requests, from several threads at once; there are as many connections as were ever in use together.

    `proxy` and `ca_bundle` come from the settings alone: the environment, netrc and cookies are never looked at.
    """

    def __init__(
        self,
        *,
        proxy: str | None = None,
        ca_bundle: Path | None = None,
        deadline_seconds: float = DEADLINE_SECONDS,
        max_body_bytes: int = MAX_BODY_BYTES,
    ) -> None:
        if ca_bundle is not None and not ca_bundle.exists():
            raise ConfigurationError(f"ca_bundle: {ca_bundle} does not exist")
        self._proxies = {"http": proxy, "https": proxy} if proxy else {}
        self._verify: str | bool = str(ca_bundle) if ca_bundle is not None else True
        self._deadline_seconds = deadline_seconds
        self._max_body_bytes = max_body_bytes
        self._listeners: list[Callable[[Reply], None]] = []
        self._timeout = Timeout(
            total=deadline_seconds, connect=min(CONNECT_SECONDS, deadline_seconds), read=deadline_seconds
        )
        self._idle: list[requests.Session] = []
        self._lock = threading.Lock()

    def send(self, request: Request) -> Reply:
        """One attempt.

        Raises:
            RetryableError: no complete answer came; BadPayloadError when it was cut or garbled.
            RequestError: it can never come: an untrusted certificate, plain HTTP, a body beyond the maximum.
        """
        loopback = _is_loopback(request.url)
        if not (loopback or request.url.startswith("https://")):
            raise RequestError(f"{request}: plain HTTP is for this machine alone")
        started = _CLOCK.monotonic()
        try:
            with self._session() as session:
                response = session.request(
                    request.method,
                    request.url,
                    headers=dict(request.headers),
                    data=request.form,
                    auth=request.auth,
                    # A token in plain text may leave for this machine, but not for a proxy.
                    proxies={} if loopback else self._proxies,
                    timeout=cast("Any", self._timeout),
                    stream=True,
                )
                with response:
                    body = self._body(response)
        except (requests.RequestException, urllib3.exceptions.HTTPError, OSError, ValueError) as error:
            # `from None`: texts of requests' own errors hold whole URLs, a proxy's password among them.
            raise failure(str(request), error, self._deadline_seconds) from None
        except (BadPayloadError, RequestError) as error:
            raise type(error)(f"{request}: {error}") from None
        reply = Reply(
            status=response.status_code,
            headers=response.headers,
            body=body,
            elapsed_seconds=_CLOCK.monotonic() - started,
            server_time=http_date(response.headers.get("Date", "")),
        )
        for hear in self._listeners:
            hear(reply)
        return reply

    def listen(self, hear: Callable[[Reply], None]) -> None:
        """Let `hear` be told of every answer from now on, whatever its status."""
        self._listeners.append(hear)

    def close(self) -> None:
        """Close every idle connection; a request in flight ends by itself."""
        with self._lock:
            sessions, self._idle = self._idle, []
        for session in sessions:
            session.close()

    @contextmanager
    def _session(self) -> Iterator[requests.Session]:
        """One that nobody else uses meanwhile; one for each thread would outlive it, and each run has new threads."""
        with self._lock:
            session = self._idle.pop() if self._idle else None
        session = session or _new_session(self._verify)
        try:
            yield session
        finally:
            with self._lock:
                self._idle.append(session)

    def _body(self, response: requests.Response) -> bytes:
        if response.status_code < 300:
            return _whole_body(response.raw, self._max_body_bytes)
        try:
            return _whole_body(response.raw, MAX_REFUSAL_BYTES)
        except (urllib3.exceptions.HTTPError, OSError, BadPayloadError, RequestError):
            return b""  # the status says enough; the body would only have told why


def origin(url: str) -> tuple[str, str, int | None]:
    """Scheme, host and port: what must be equal for a request to carry the token there.

    Raises:
        ValueError: `url` is none.
    """
    parts = urlsplit(url)
    if parts.username is not None:
        raise ValueError("a user name in a URL")
    return parts.scheme, parts.hostname or "", parts.port or _PORTS.get(parts.scheme)


def redirected(request: Request, reply: Reply) -> Request:
    """The request that a redirect asks for; only inside the same origin, where the token may go."""
    location = reply.headers.get("Location", "")
    try:
        target = urljoin(request.url, location)
        if origin(target) == origin(request.url):
            return replace(request, url=target)
    except ValueError:
        pass
    raise RequestError(f"{request}: redirected to {_host(location)}, which must not get the token")


def _host(url: str) -> str:
    try:
        return urlsplit(url).hostname or "(no host)"
    except ValueError:
        return "(no host)"


def _is_loopback(url: str) -> bool:
    host = _host(url)
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


class _DeadlineReader(io.RawIOBase):
    """A socket's reading end that grants each read only what is left of the request's time.

    A read timeout alone starts anew with every byte, so a slow drip of headers or body would never trip it.
    """

    def __init__(self, raw: io.RawIOBase, sock: socket.socket, deadline: float) -> None:
        super().__init__()
        self._raw = raw
        self._sock = sock
        self._deadline = deadline

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any, /) -> int | None:
        left = self._deadline - _CLOCK.monotonic()
        if left <= 0:
            raise TimeoutError("deadline")
        self._sock.settimeout(left)
        return cast("int | None", self._raw.readinto(buffer))

    def close(self) -> None:
        self._raw.close()
        super().close()


class _DeadlineResponse(http.client.HTTPResponse):
    """Reads status, headers and body through one deadline: the socket's timeout when the reading begins."""

    def __init__(self, sock: socket.socket, *args: Any, **kwargs: Any) -> None:
        super().__init__(sock, *args, **kwargs)
        left = sock.gettimeout()
        if left is not None:
            raw = self.fp.detach()
            self.fp = io.BufferedReader(_DeadlineReader(raw, sock, _CLOCK.monotonic() + left), _CHUNK_BYTES)


class _Connection(HTTPConnection):
    response_class = _DeadlineResponse


class _TLSConnection(HTTPSConnection):
    response_class = _DeadlineResponse


class _Pool(urllib3.HTTPConnectionPool):
    ConnectionCls = _Connection


class _TLSPool(urllib3.HTTPSConnectionPool):
    ConnectionCls = _TLSConnection


class _Adapter(HTTPAdapter):
    """An adapter whose connections keep the deadline, through a proxy as well."""

    _pools = {"http": _Pool, "https": _TLSPool}  # noqa: RUF012 - urllib3 reads it, nobody changes it

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = self._pools

    def proxy_manager_for(self, proxy: str, **kwargs: Any) -> Any:
        manager = super().proxy_manager_for(proxy, **kwargs)
        manager.pool_classes_by_scheme = self._pools
        return manager


class _Session(requests.Session):
    """A session that leaves redirects alone; requests would read the body of one to prepare the next request."""

    def get_redirect_target(self, resp: requests.Response) -> None:  # noqa: ARG002 - requests' signature
        return None


def _new_session(verify: str | bool) -> requests.Session:
    session = _Session()
    session.trust_env = False
    session.verify = verify
    session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
    session.headers.clear()
    session.headers.update(
        {
            "User-Agent": f"procore-sync-worker/{__version__}",
            "Accept": "application/json",
            "Accept-Encoding": "gzip",
        }
    )
    adapter = _Adapter(max_retries=0, pool_connections=2, pool_maxsize=2)
    session.mount("https://", adapter)
    session.mount("http://", adapter)
    return session


def _whole_body(raw: urllib3.HTTPResponse, maximum_bytes: int) -> bytes:
    framed = raw.chunked or raw.length_remaining is not None
    if not framed:
        raise BadPayloadError("the body tells no length, so nothing proves that it is whole")
    chunks = raw.stream(_CHUNK_BYTES, decode_content=False)
    parts: list[bytes] = []
    size = 0
    for part in _decoded(chunks, raw.headers.get("Content-Encoding", "").strip().lower()):
        size += len(part)
        if size > maximum_bytes:
            raise RequestError(f"the body is larger than {maximum_bytes} bytes; ask for fewer records a page")
        parts.append(part)
    return b"".join(parts)


def _decoded(chunks: Iterable[bytes], encoding: str) -> Iterator[bytes]:
    if encoding in {"", "identity"}:
        return iter(chunks)
    if encoding in {"gzip", "x-gzip"}:
        return _inflated(chunks)
    raise BadPayloadError(f"the body is encoded as {encoding[:20]!r}, which was not asked for")


def _inflated(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """Unpack gzip piece by piece; urllib3 would take a stream that lacks its end for a whole one."""
    member = zlib.decompressobj(wbits=31)
    try:
        for chunk in chunks:
            packed = chunk
            while packed:
                if member.eof:
                    member = zlib.decompressobj(wbits=31)
                yield member.decompress(packed, _INFLATED_BYTES)
                packed = member.unconsumed_tail or member.unused_data
        yield member.flush()
    except zlib.error:
        raise BadPayloadError("the gzip stream is broken") from None
    if not member.eof:
        raise BadPayloadError("the gzip stream is cut short")

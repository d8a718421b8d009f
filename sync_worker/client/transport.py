"""One HTTP attempt: a request goes out, a whole reply comes back, within a deadline and a maximum size.

Owns the sessions and every precaution `requests` needs; used by procore and tokens. Never retries, never waits,
never follows a redirect and never looks at what a status means.
"""

from __future__ import annotations

import http.client
import io
import ipaddress
import re
import socket
import ssl
import threading
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cache, partial
from http.cookiejar import DefaultCookiePolicy
from pathlib import Path
from typing import Any, cast
from urllib.parse import unquote, urljoin, urlsplit

import requests
import urllib3
from requests.adapters import HTTPAdapter
from requests.auth import AuthBase
from requests.utils import DEFAULT_CA_BUNDLE_PATH
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.util import Timeout
from urllib3.util.wait import wait_for_read

from sync_worker import __version__
from sync_worker.catalog.paths import Standing
from sync_worker.client.bodies import Bodies, Lease
from sync_worker.client.headers import Headers, http_date
from sync_worker.client.outcomes import failure
from sync_worker.clock import SystemClock
from sync_worker.errors import BadPayloadError, ConfigurationError, RequestError, TooLargeError

DEADLINE_SECONDS = 60.0
CONNECT_SECONDS = 10.0
MAX_BODY_BYTES = 64 * 1024**2
MAX_REFUSAL_BYTES = 64 * 1024
MAX_INTERIM_ANSWERS = 1000
UNREADABLE = b"(unreadable)"
"""Stands for the body of a refusal of which nothing came; an empty one would be taken for Procore's."""
_CHUNK_BYTES = 64 * 1024
_INFLATED_BYTES = 1024**2
_PORTS = {"http": 80, "https": 443}
# The registered codings that we cannot undo (RFC 9110 and IANA). Whatever else a server writes there, such as "none"
# or "utf-8", is no coding, and a body that is one after all is no JSON.
_CODINGS = frozenset(
    {"aes128gcm", "br", "compress", "dcb", "dcz", "deflate", "exi", "pack200-gzip", "x-compress", "zstd"}
)
_MOST_CODINGS = 2
_MINOR_VERSION = re.compile(r"^(/rest/v\d+)\.\d+(?=/)")
_PATH_CHARACTERS = 200
# The line of a header, or one that continues it.
_HEADER = re.compile(rb"[ \t]|[!-9;-~]+:")
# A socket waits in real time, whatever clock the rest of the program was handed.
_CLOCK = SystemClock()


@dataclass(frozen=True, slots=True)
class Request:
    """One HTTP request; its text is method and URL without the query, fit for messages and logs.

    `stream` and `standing` are for whoever counts it. Requests of one `walk` may share a connection.
    """

    method: str
    url: str
    headers: Mapping[str, str] = field(default_factory=dict)
    auth: AuthBase | None = field(default=None, repr=False)
    form: Mapping[str, str] | None = field(default=None, repr=False)
    stream: str | None = None
    standing: Standing = Standing.DOCUMENTED
    walk: object = field(default=None, repr=False, compare=False)

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
        self._tls = cache(partial(_tls_context, ca_bundle))
        self._deadline_seconds = deadline_seconds
        self._max_body_bytes = max_body_bytes
        self._bodies = Bodies()
        self._listeners: list[Callable[[Reply], None]] = []
        self._timeout = Timeout(
            total=deadline_seconds, connect=min(CONNECT_SECONDS, deadline_seconds), read=deadline_seconds
        )
        self._idle: list[_Kept] = []
        self._lock = threading.Lock()

    def lease(self) -> Lease:
        """Return the leave to hold one large body; whoever has its records closes it when they are stored."""
        return Lease(self._bodies)

    def send(self, request: Request, lease: Lease | None = None) -> Reply:
        """Make one attempt. A large body is read under `lease`, which the caller keeps as long as the body.

        Raises:
            RetryableError: no complete answer came; BadPayloadError when it was cut or garbled.
            TooLargeError: the body is beyond the maximum.
            RequestError: it can never come: an untrusted certificate, plain HTTP.
        """
        if lease is None:
            with self.lease() as own:
                return self.send(request, own)
        loopback = _is_loopback(request.url)
        if not (loopback or request.url.startswith("https://")):
            raise RequestError(f"{request}: plain HTTP is for this machine alone")
        started = _CLOCK.monotonic()
        try:
            with self._connection(request) as kept:
                response = kept.session.request(
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
                kept.answer = cast("_DeadlineResponse", response.raw._original_response)  # noqa: SLF001 - nor has requests another way
                with response:
                    body = self._body(response, lease, started)
        except (requests.RequestException, urllib3.exceptions.HTTPError, OSError, ValueError) as error:
            # `from None`: texts of requests' own errors hold whole URLs, a proxy's password among them.
            raise failure(str(request), error, self._deadline_seconds) from None
        except BadPayloadError as error:
            raise BadPayloadError(f"{request}: {error}") from None
        except TooLargeError as error:
            raise TooLargeError(f"{request}: {error}", attempts=1) from None
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
            idle, self._idle = self._idle, []
        for kept in idle:
            kept.session.close()

    @contextmanager
    def _connection(self, request: Request) -> Iterator[_Kept]:
        """Yield one that nobody else uses meanwhile; one for each thread would outlive it, as each run has new threads.

        A connection that served one walk through a list is never used for another. A server may send a second answer
        at any moment, also after we have looked and before it has read the next request, and nothing in it says what it
        answers. docs/adr/0020 has the reasons.
        """
        with self._lock:
            known = next((kept for kept in self._idle if request.walk and kept.walk is request.walk), None)
            kept = known or (self._idle[0] if self._idle else _Kept(_new_session(self._tls)))
            if kept in self._idle:
                self._idle.remove(kept)
        # A token that comes twice is no list, so its connection may serve one.
        is_of_another = kept.walk is not None and kept.walk is not request.walk
        if is_of_another or (kept.answer is not None and kept.answer.brought_more()):
            kept.session.close()
        kept.walk = request.walk
        try:
            yield kept
        finally:
            with self._lock:
                self._idle.append(kept)

    def _body(self, response: requests.Response, lease: Lease, started: float) -> bytes:
        if response.status_code < 300:
            left = started + self._deadline_seconds - _CLOCK.monotonic()
            return _whole_body(response.raw, self._max_body_bytes, lease, left)
        return _words(response.raw)


@dataclass(slots=True, eq=False)
class _Kept:
    """A session with one connection, the walk that it served and the last answer that came on it."""

    session: requests.Session
    walk: object = None
    answer: _DeadlineResponse | None = None


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
    """Return the request that a redirect asks for: the same list at the same origin, with our own query.

    Raises:
        RequestError: it leads to another host, which must not get the token, or to another list.
    """
    location = reply.headers.get("Location", "")
    try:
        target = urljoin(request.url, location)
        is_ours = origin(target) == origin(request.url)
        path = urlsplit(target).path
    except ValueError:
        is_ours, path = False, ""
    if not is_ours:
        raise RequestError(f"{request}: redirected to {_host(location)}, which must not get the token")
    asked = urlsplit(request.url)
    if _list_at(path) != _list_at(asked.path):
        raise RequestError(f"{request}: redirected to {path[:_PATH_CHARACTERS]}, which is another list")
    return replace(request, url=asked._replace(path=path).geturl())


def _list_at(path: str) -> list[str]:
    """Return what two paths of the same list have in common: all but the minor version and a slash at the end."""
    return [unquote(part) for part in _MINOR_VERSION.sub(r"\1", path.rstrip("/")).split("/")]


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
        self.is_over = False

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any, /) -> int | None:
        if self.is_over:
            return None
        left = self._deadline - _CLOCK.monotonic()
        if left <= 0:
            raise TimeoutError("deadline")
        self._sock.settimeout(left)
        return cast("int | None", self._raw.readinto(buffer))

    def close(self) -> None:
        self._raw.close()
        super().close()


class _Lines(io.BufferedReader):
    """Reads lines, and passes over those of a head that are no header, as other clients do.

    http.client would take the first of them for the end of the head, and lose the length and `Link` behind it.
    """

    is_in_head = False

    def readline(self, size: int | None = -1, /) -> bytes:
        line = super().readline(size)
        while self.is_in_head and line.rstrip(b"\r\n") and not _HEADER.match(line):
            line = super().readline(size)
        # A bare CR would end the line for the parser of headers.
        return line.rstrip(b"\r\n").replace(b"\r", b" ") + b"\r\n" if self.is_in_head and line else line


class _DeadlineResponse(http.client.HTTPResponse):
    """Reads status, headers and body through one deadline: the socket's timeout when the reading begins.

    Interim answers (1xx) are passed over: taken for the answer, they would leave the answer proper to the next request.
    """

    def __init__(self, sock: socket.socket, *args: Any, **kwargs: Any) -> None:
        super().__init__(sock, *args, **kwargs)
        self._sock = sock
        self._has_rest = False
        seconds = sock.gettimeout() or DEADLINE_SECONDS
        self._reader = _DeadlineReader(self.fp.detach(), sock, _CLOCK.monotonic() + seconds)
        self._lines = _Lines(self._reader, _CHUNK_BYTES)
        self.fp = self._lines

    def begin(self) -> None:
        """Read the head."""
        super().begin()
        self._lines.is_in_head = False

    def brought_more(self) -> bool:
        """Return True if bytes came behind this answer; call it between two requests only."""
        try:
            if self._sock.fileno() < 0:
                return False  # left because it was not read to its end
            if self._has_rest:
                return True
            if not wait_for_read(self._sock, 0):
                return False
            self._sock.settimeout(0)
            return bool(self._sock.recv(1))
        except (OSError, ValueError):
            return False  # closed, by the server or by us

    def _read_status(self) -> tuple[str, int, str]:
        for _ in range(MAX_INTERIM_ANSWERS):
            self._lines.is_in_head = False
            version, status, reason = super()._read_status()  # type: ignore[misc]
            self._lines.is_in_head = True
            if not 100 <= status < 200:
                return version, status, reason
            if status == http.client.SWITCHING_PROTOCOLS:
                break
            http.client.parse_headers(self.fp)
        raise http.client.BadStatusLine("no answer after interim ones")

    def _close_conn(self) -> None:
        self._reader.is_over = True
        with suppress(ValueError):  # closed already
            self._has_rest = bool(self.fp.peek(1))
        super()._close_conn()  # type: ignore[misc]


class _Connection(HTTPConnection):
    response_class = _DeadlineResponse


class _TLSConnection(HTTPSConnection):
    response_class = _DeadlineResponse


class _Pool(urllib3.HTTPConnectionPool):
    ConnectionCls = _Connection


class _TLSPool(urllib3.HTTPSConnectionPool):
    ConnectionCls = _TLSConnection


class _Adapter(HTTPAdapter):
    """An adapter whose connections keep the deadline, through a proxy as well, and share one TLS context.

    requests would load the certificates of all authorities again for each connection: docs/adr/0020 has what that costs
    and why there are so many.
    """

    _pools = {"http": _Pool, "https": _TLSPool}  # noqa: RUF012 - urllib3 reads it, nobody changes it

    def __init__(self, tls: Callable[[], ssl.SSLContext]) -> None:
        self._tls = tls
        super().__init__(max_retries=0, pool_connections=2, pool_maxsize=2)

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = self._pools

    def proxy_manager_for(self, proxy: str, **kwargs: Any) -> Any:
        manager = super().proxy_manager_for(proxy, **kwargs)
        manager.pool_classes_by_scheme = self._pools
        return manager

    def build_connection_pool_key_attributes(self, *args: Any, **kwargs: Any) -> tuple[Any, Any]:
        host, _ = super().build_connection_pool_key_attributes(*args, **kwargs)
        if host["scheme"] != "https":
            return host, {}
        return host, {"ssl_context": self._tls(), "cert_reqs": "CERT_REQUIRED"}

    def cert_verify(self, conn: Any, *args: Any, **kwargs: Any) -> None:
        """Leave the certificates to the shared context, which verifies them and the host name."""


class _Session(requests.Session):
    """A session that leaves redirects alone; requests would read the body of one to prepare the next request."""

    def get_redirect_target(self, resp: requests.Response) -> None:  # noqa: ARG002 - requests' signature
        return None


def _tls_context(ca_bundle: Path | None) -> ssl.SSLContext:
    """Return a context that trusts the given authorities, or those that requests brings."""
    found = ca_bundle or Path(DEFAULT_CA_BUNDLE_PATH)
    try:
        return ssl.create_default_context(
            cafile=None if found.is_dir() else str(found), capath=str(found) if found.is_dir() else None
        )
    except OSError as error:  # ssl.SSLError is one
        reason = error.reason if isinstance(error, ssl.SSLError) else error.strerror
        raise ConfigurationError(f"ca_bundle: {found} holds no certificate that can be read: {reason}") from None


def _new_session(tls: Callable[[], ssl.SSLContext]) -> requests.Session:
    session = _Session()
    session.trust_env = False
    session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
    session.headers.clear()
    session.headers.update(
        {
            "User-Agent": f"procore-sync-worker/{__version__}",
            "Accept": "application/json",
            "Accept-Encoding": "gzip",
        }
    )
    adapter = _Adapter(tls)
    session.mount("https://", adapter)
    session.mount("http://", adapter)
    return session


def _whole_body(raw: urllib3.HTTPResponse, maximum_bytes: int, lease: Lease, seconds: float) -> bytes:
    if not _is_framed(raw):
        raise BadPayloadError("the body tells no length, so nothing proves that it is whole")
    body = io.BytesIO()  # gives its content away without copying it
    try:
        for part in _decoded(raw):
            if body.tell() + len(part) > maximum_bytes:
                raise TooLargeError(f"the body is larger than {maximum_bytes} bytes; ask for fewer records a page")
            body.write(part)
            lease.grow(body.tell(), seconds)
        return body.getvalue()
    except BaseException:
        body.close()
        lease.close()
        raise


def _is_framed(raw: urllib3.HTTPResponse) -> bool:
    """Return True if it shows where the body ends: by length, by chunks, or, in HTTP/1.0, by the JSON itself.

    HTTP/1.0 has no chunks, so an old proxy that passes an answer on as it comes cannot do otherwise. An array or object
    that is cut anywhere is no JSON, and the parser refuses it. docs/adr/0021 has the reasons.
    """
    if raw.chunked or raw.length_remaining is not None:
        return True
    return raw.version == 10 and "Content-Length" not in raw.headers and "Transfer-Encoding" not in raw.headers


def _words(raw: urllib3.HTTPResponse) -> bytes:
    """Return as much of a refusal's body as came, up to the maximum; the status says enough without it."""
    body = b""
    try:
        for part in _decoded(raw):
            body += part
            if len(body) > MAX_REFUSAL_BYTES:
                return body[:MAX_REFUSAL_BYTES]
    except (urllib3.exceptions.HTTPError, OSError, BadPayloadError):
        return body or UNREADABLE
    return body


def _decoded(raw: urllib3.HTTPResponse) -> Iterator[bytes]:
    chunks: Iterator[bytes] = raw.stream(_CHUNK_BYTES, decode_content=False)
    codings = [name.strip().lower() for name in raw.headers.get("Content-Encoding", "").split(",")]
    unknown = next((name for name in codings if name in _CODINGS), None)
    if unknown is not None:
        raise BadPayloadError(f"the body is encoded as {unknown!r}, which was not asked for")
    zipped = [name for name in codings if name in {"gzip", "x-gzip"}]
    if len(zipped) > _MOST_CODINGS:
        raise BadPayloadError(f"the body is compressed {len(zipped)} times")
    for _ in zipped:
        chunks = _inflated(chunks)
    return chunks


def _inflated(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """Unpack gzip piece by piece; urllib3 would take a stream that lacks its end for a whole one.

    What stands behind a whole member and is no further one is ignored, zeros for example, as gzip itself does.
    """
    member = zlib.decompressobj(wbits=31)
    is_begun, has_whole = False, False
    try:
        for chunk in chunks:
            packed = chunk
            while packed:
                if member.eof:
                    member, is_begun, has_whole = zlib.decompressobj(wbits=31), False, True
                part = member.decompress(packed, _INFLATED_BYTES)
                is_begun = is_begun or bool(part)
                yield part
                packed = member.unconsumed_tail or member.unused_data
        yield member.flush()
    except zlib.error:
        if is_begun or not has_whole:
            raise BadPayloadError("the gzip stream is broken") from None
    if not member.eof and (is_begun or not has_whole):
        raise BadPayloadError("the gzip stream is cut short")

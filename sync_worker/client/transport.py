"""One HTTP attempt: a request is sent, and a whole reply received, within a deadline and a maximum size.

Chooses the connection. Used by caller and tokens. Never retries, never waits, never follows a redirect, and takes every
status for an answer.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cache, partial
from pathlib import Path
from typing import Any, cast
from urllib.parse import unquote, urljoin, urlsplit

import requests
import urllib3
from requests.auth import AuthBase
from urllib3.util import Timeout

from sync_worker.catalog.paths import DocumentationStatus
from sync_worker.client.bodies import Lease, whole_body, words
from sync_worker.client.connection import DEADLINE_SECONDS, DeadlineResponse, new_session, tls_context
from sync_worker.client.headers import Headers, http_date
from sync_worker.client.outcomes import failure
from sync_worker.clock import SystemClock
from sync_worker.errors import BadPayloadError, ConfigurationError, RequestError, TooLargeError
from sync_worker.loopback import is_loopback

CONNECT_SECONDS = 10.0
MAX_BODY_BYTES = 64 * 1024**2
_PORTS = {"http": 80, "https": 443}
_MINOR_VERSION = re.compile(r"^(/rest/v\d+)\.\d+(?=/)")
_PATH_CHARACTERS = 200
# A socket waits in real time, whatever clock the rest of the program was given.
_CLOCK = SystemClock()


@dataclass(frozen=True, slots=True)
class Request:
    """One HTTP request; its text is method and URL without the query, fit for messages and logs.

    `stream` and `documentation` are for `CallCounter`. Requests of one `walk` may share a connection.
    """

    method: str
    url: str
    headers: Mapping[str, str] = field(default_factory=dict)
    auth: AuthBase | None = field(default=None, repr=False)
    form: Mapping[str, str] | None = field(default=None, repr=False)
    stream: str | None = None
    documentation: DocumentationStatus = DocumentationStatus.DOCUMENTED
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
    """Sends requests of several threads; there are as many connections as were ever in use at once.

    `proxy` and `ca_bundle` come from the settings: the environment, netrc and cookies are not used.
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
        self._tls = cache(partial(tls_context, ca_bundle))
        self._deadline_seconds = deadline_seconds
        self._max_body_bytes = max_body_bytes
        self._place = threading.Semaphore(1)
        self._listeners: list[Callable[[Reply], None]] = []
        self._timeout = Timeout(
            total=deadline_seconds, connect=min(CONNECT_SECONDS, deadline_seconds), read=deadline_seconds
        )
        self._idle: list[_Kept] = []
        self._lock = threading.Lock()

    def lease(self) -> Lease:
        """Return the lease for one body; the caller closes it when the records are stored."""
        return Lease(self._place)

    def send(self, request: Request, lease: Lease | None = None) -> Reply:
        """Make one attempt. The body is read under `lease`, which the caller keeps as long as the body.

        Raises:
            RetryableError: no complete answer came; `BadPayloadError` if it was cut or garbled.
            TooLargeError: the body is beyond the maximum.
            RequestError: none can ever come: an untrusted certificate, plain HTTP.
        """
        if lease is None:
            with self.lease() as own:
                return self.send(request, own)
        loopback = is_loopback(_host(request.url))
        if not (loopback or request.url.startswith("https://")):
            raise RequestError(f"{request}: plain HTTP is allowed to this machine only")
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
                kept.answer = cast("DeadlineResponse", response.raw._original_response)  # noqa: SLF001 - nor has requests another way
                with response:
                    if response.status_code < 300:
                        left = started + self._deadline_seconds - _CLOCK.monotonic()
                        body = whole_body(response.raw, self._max_body_bytes, lease, left)
                    else:
                        body = words(response.raw)
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
        for listener in self._listeners:
            listener(reply)
        return reply

    def listen(self, listener: Callable[[Reply], None]) -> None:
        """Call `listener` with every answer from now on, whatever its status."""
        self._listeners.append(listener)

    def close(self) -> None:
        """Close every idle connection; a request in flight ends by itself."""
        with self._lock:
            idle, self._idle = self._idle, []
        for kept in idle:
            kept.session.close()

    @contextmanager
    def _connection(self, request: Request) -> Iterator[_Kept]:
        """Yield a connection for one request. One per thread would outlive it, as each run has new threads.

        A connection that served one walk through a list is never used for another: a server may send a second answer at
        any moment, and nothing in it says which request it answers. docs/adr/0020 has the reasons.
        """
        with self._lock:
            known = next((kept for kept in self._idle if request.walk and kept.walk is request.walk), None)
            kept = known or (self._idle[0] if self._idle else _Kept(new_session(self._tls)))
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


@dataclass(slots=True, eq=False)
class _Kept:
    """A session with one connection, the walk that it served and the last answer that came on it."""

    session: requests.Session
    walk: object = None
    answer: DeadlineResponse | None = None


def origin(url: str) -> tuple[str, str, int | None]:
    """Return scheme, host and port; they must be equal for a request to carry the token there.

    Raises:
        ValueError: `url` is not a URL, or has a user name.
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
    ours = urlsplit(request.url)
    if _list_at(path) != _list_at(ours.path):
        raise RequestError(f"{request}: redirected to {path[:_PATH_CHARACTERS]}, which is another list")
    return replace(request, url=ours._replace(path=path).geturl())


def _list_at(path: str) -> list[str]:
    """Return what two paths of the same list have in common: all but the minor version and a slash at the end."""
    return [unquote(part) for part in _MINOR_VERSION.sub(r"\1", path.rstrip("/")).split("/")]


def _host(url: str) -> str:
    try:
        return urlsplit(url).hostname or "(no host)"
    except ValueError:
        return "(no host)"

"""A session whose connections read status, headers and body of an answer within one deadline.

Contains what has to be changed in requests, urllib3 and http.client for that; used by transport.
"""

from __future__ import annotations

import http.client
import io
import re
import socket
import ssl
from collections.abc import Callable
from contextlib import suppress
from http.cookiejar import DefaultCookiePolicy
from pathlib import Path
from typing import Any, cast

import requests
import urllib3
from requests.adapters import HTTPAdapter
from requests.utils import DEFAULT_CA_BUNDLE_PATH
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.util.wait import wait_for_read

from sync_worker import __version__
from sync_worker.clock import SystemClock
from sync_worker.errors import ConfigurationError

DEADLINE_SECONDS = 60.0
MAX_INTERIM_ANSWERS = 1000
_BUFFER_BYTES = 64 * 1024
# The first line of a header, or one that continues it.
_HEADER = re.compile(rb"[ \t]|[!-9;-~]+:")
# A socket waits in real time, whatever clock the rest of the program was given.
_CLOCK = SystemClock()


class _DeadlineReader(io.RawIOBase):
    """The reading end of a socket, which gives each read only the time that is left of the request's.

    A read timeout starts again with every byte, so that a server that sends a byte now and then would never exceed it.
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
    """The lines of an answer, without those of its head that are no header; other clients ignore them, too.

    http.client takes the first of them for the end of the head, and loses the length and `Link` behind it.
    """

    is_in_head = False

    def readline(self, size: int | None = -1, /) -> bytes:
        line = super().readline(size)
        while self.is_in_head and line.rstrip(b"\r\n") and not _HEADER.match(line):
            line = super().readline(size)
        # The parser of headers takes a bare CR for the end of a line.
        return line.rstrip(b"\r\n").replace(b"\r", b" ") + b"\r\n" if self.is_in_head and line else line


class DeadlineResponse(http.client.HTTPResponse):
    """An answer whose status, headers and body are read within one deadline: the socket's timeout at the beginning.

    Interim answers (1xx) are skipped: taken for the answer, they would leave the answer proper to the next request.
    """

    def __init__(self, sock: socket.socket, *args: Any, **kwargs: Any) -> None:
        super().__init__(sock, *args, **kwargs)
        self._sock = sock
        self._has_rest = False
        seconds = sock.gettimeout() or DEADLINE_SECONDS
        self._reader = _DeadlineReader(self.fp.detach(), sock, _CLOCK.monotonic() + seconds)
        self._lines = _Lines(self._reader, _BUFFER_BYTES)
        self.fp = self._lines

    def begin(self) -> None:
        """Read the head."""
        super().begin()
        self._lines.is_in_head = False

    def brought_more(self) -> bool:
        """Return True if bytes came after this answer; call it between two requests only."""
        try:
            if self._sock.fileno() < 0:
                return False  # closed, because it was not read to its end
            if self._has_rest:
                return True
            if not wait_for_read(self._sock, 0):
                return False
            self._sock.settimeout(0)
            return bool(self._sock.recv(1))
        except (OSError, ValueError):
            return False  # closed by the server or by us

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
    response_class = DeadlineResponse


class _TLSConnection(HTTPSConnection):
    response_class = DeadlineResponse


class _Pool(urllib3.HTTPConnectionPool):
    ConnectionCls = _Connection


class _TLSPool(urllib3.HTTPSConnectionPool):
    ConnectionCls = _TLSConnection


class _Adapter(HTTPAdapter):
    """An adapter whose connections keep the deadline, also through a proxy, and share one TLS context.

    requests loads the certificates of all authorities for each connection: docs/adr/0020 has what that costs, and why
    there are so many connections.
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
        """Do nothing: the shared context verifies certificate and host name."""


class _Session(requests.Session):
    """A session that follows no redirects; requests would read the body of one to prepare the next request."""

    def get_redirect_target(self, resp: requests.Response) -> None:  # noqa: ARG002 - requests' signature
        return None


def tls_context(ca_bundle: Path | None) -> ssl.SSLContext:
    """Return a context that trusts the given authorities, or those that come with requests."""
    found = ca_bundle or Path(DEFAULT_CA_BUNDLE_PATH)
    try:
        return ssl.create_default_context(
            cafile=None if found.is_dir() else str(found), capath=str(found) if found.is_dir() else None
        )
    except OSError as error:  # ssl.SSLError is one
        reason = error.reason if isinstance(error, ssl.SSLError) else error.strerror
        raise ConfigurationError(f"ca_bundle: {found} holds no certificate that can be read: {reason}") from None


def new_session(tls: Callable[[], ssl.SSLContext]) -> requests.Session:
    """Return a session without retries that keeps no cookies and reads nothing from the environment."""
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

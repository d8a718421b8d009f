"""Access to data: with the token, or from this machine if no token is set; at a bounded rate and size."""

from __future__ import annotations

import base64
import binascii
import hmac
from collections.abc import Callable, Sequence
from hashlib import sha256

from pydantic import SecretStr
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from sync_worker.clock import Clock
from sync_worker.loopback import is_loopback
from sync_worker.server.problems import problem

REQUESTS_A_SECOND, REQUESTS_AT_ONCE = 10.0, 30.0
BODY_BYTES = 65_536
_LOGIN = {"WWW-Authenticate": 'Bearer realm="sync-worker", Basic realm="sync-worker"'}
_NO_STORE = (b"cache-control", b"no-store")


def guarded(
    pages: Sequence[tuple[str, Callable[[Request], Response]]], *, host: str, token: SecretStr | None, clock: Clock
) -> Sequence[Route]:
    """Return the routes of pages that show data; none where anybody could reach them without a token."""
    if token is None and not is_loopback(host):
        return []
    middleware = [Middleware(Guard, token=token, rate=RequestRate(clock))]
    return [Route(path, page, middleware=middleware) for path, page in pages]


class RequestRate:
    """Token bucket: `REQUESTS_A_SECOND` on average, `REQUESTS_AT_ONCE` in a burst."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._left = REQUESTS_AT_ONCE
        self._seen_at = clock.monotonic()

    def allows(self) -> bool:
        """Return True if one more request may pass now; called by one thread only."""
        now = self._clock.monotonic()
        self._left = min(REQUESTS_AT_ONCE, self._left + (now - self._seen_at) * REQUESTS_A_SECOND)
        self._seen_at = now
        if self._left < 1:
            return False
        self._left -= 1
        return True


class Guard:
    """Middleware in front of a page that shows data."""

    def __init__(self, app: ASGIApp, *, token: SecretStr | None, rate: RequestRate) -> None:
        self._app = app
        self._token = token
        self._rate = rate

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Refuse the request or pass it on; no answer may be cached."""

        async def send_uncached(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message.get("headers", []), _NO_STORE]
            await send(message)

        await (self._refusal(Request(scope)) or self._app)(scope, receive, send_uncached)

    def _refusal(self, request: Request) -> Response | None:
        if not self._rate.allows():
            return problem(429, "too many requests at once", {"Retry-After": "1"})
        if _is_large(request):
            return problem(413, f"a request holds at most {BODY_BYTES} bytes")
        if self._token is None:
            # DNS rebinding: a page of another site can read our answer only if its own name resolves to this machine.
            return None if is_loopback(request.url.hostname or "") else problem(403, "only for this machine")
        given = _given(request.headers.get("Authorization", ""))
        if given is None or not _is_same(given, self._token.get_secret_value()):
            return problem(401, "the token of server.token is needed, as Bearer or as the password of Basic", _LOGIN)
        return None


def _is_large(request: Request) -> bool:
    length = request.headers.get("Content-Length", "0")
    return "Transfer-Encoding" in request.headers or not length.isdecimal() or int(length) > BODY_BYTES


def _given(header: str) -> str | None:
    scheme, _, value = header.partition(" ")
    if scheme.lower() == "bearer":
        return value.strip()
    if scheme.lower() == "basic":
        try:
            return base64.b64decode(value, validate=True).decode().partition(":")[2]
        except (binascii.Error, ValueError):
            return None
    return None


def _is_same(given: str, token: str) -> bool:
    # Digests have one length, so the time of the comparison does not show that of the token.
    return hmac.compare_digest(sha256(given.encode()).digest(), sha256(token.encode()).digest())

"""Keeps the access token of one credential in memory; one thread refreshes it for all.

    fresh    every thread uses it
    stale    one thread refreshes it, the others use the old one meanwhile
    expired  all threads wait for the one that refreshes it

A refused credential is remembered and tried again once in five minutes. Used by caller; never retries.
"""

from __future__ import annotations

import json
import re
import threading
from codecs import BOM_UTF8
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, replace
from enum import Enum, auto
from math import isnan, nan
from typing import Any

import msgspec
from pydantic import SecretStr
from requests import PreparedRequest
from requests.auth import AuthBase

from sync_worker.client import outcomes
from sync_worker.client.headers import retry_after_seconds
from sync_worker.client.transport import Reply, Request
from sync_worker.clock import Clock
from sync_worker.errors import AuthError, RetryableError, SyncWorkerError, UnreachableError
from sync_worker.logs import Event, get_logger

MARGIN_SECONDS = 300.0
MARGIN_SHARE = 0.1
PAUSE_SECONDS = 300.0
POSTPONED_SECONDS = 30.0
LIFE_SECONDS = 5400.0
"""The documented life of a token."""
LONGEST_LIFE_SECONDS = 24 * 3600.0
_USELESS_GRANTS = 2
"""Attempts at a login server that answers in JSON, but without a token that can be used."""
# What a header may carry (RFC 6750 allows less).
_TOKEN = re.compile(r"[\x21-\x7e]+")
_ERROR_CODE = re.compile("[a-z_]{1,40}")
log = get_logger()


class State(Enum):
    """The freshness of a token."""

    FRESH = auto()
    STALE = auto()
    EXPIRED = auto()


@dataclass(frozen=True, slots=True)
class Token:
    """An access token with the instants, on the monotonic clock, from which it is stale and expired."""

    secret: SecretStr
    stale_at: float
    expires_at: float

    def state(self, now: float) -> State:
        """Return how near the token is to its end at `now`."""
        if now >= self.expires_at:
            return State.EXPIRED
        return State.STALE if now >= self.stale_at else State.FRESH


class BearerAuth(AuthBase):
    """The `Authorization` header of one attempt; requests never replaces an `auth=` object by a netrc entry."""

    def __init__(self, token: SecretStr) -> None:
        self._token = token

    def __call__(self, r: PreparedRequest) -> PreparedRequest:
        r.headers["Authorization"] = f"Bearer {self._token.get_secret_value()}"
        return r


class _Grant(msgspec.Struct):
    access_token: Any = None
    expires_in: msgspec.Raw = msgspec.Raw(b"null")

    @property
    def token(self) -> str:
        """The token as it is sent, empty where there is none that a header could carry."""
        token = self.access_token.strip() if isinstance(self.access_token, str) else ""
        return token if _TOKEN.fullmatch(token) else ""

    @property
    def life_seconds(self) -> float:
        """Life of the token: a number or its text, the documented life where neither is given."""
        try:
            seconds = json.loads(bytes(self.expires_in))  # reads also a number that is beyond any range
            seconds = float(seconds) if isinstance(seconds, (int, float, str)) else nan
        except (ValueError, OverflowError):
            seconds = nan
        return LIFE_SECONDS if isnan(seconds) else min(seconds, LONGEST_LIFE_SECONDS)


class Tokens:
    """The token of one credential, granted by `<login_url>/oauth/token`.

    `send` makes one HTTP attempt. `on_new_secret` is given each token before it is used, so that logs can mask it.
    """

    def __init__(
        self,
        login_url: str,
        client_id: str,
        client_secret: SecretStr,
        *,
        send: Callable[[Request], Reply],
        clock: Clock,
        on_new_secret: Callable[[str], None] = lambda secret: None,  # noqa: ARG005 - a listener that does nothing
    ) -> None:
        self._url = f"{login_url.rstrip('/')}/oauth/token"
        self._client_id = client_id
        self._client_secret = client_secret
        self._send = send
        self._clock = clock
        self._on_new_secret = on_new_secret
        self._lock = threading.Lock()
        self._token: Token | None = None
        self._refreshing: Future[Token] | None = None
        self._refused: str | None = None
        self._paused_until = 0.0

    @property
    def is_refused(self) -> bool:
        """True if the login server refused the credential when it was last asked."""
        return self._refused is not None

    def current(self) -> SecretStr:
        """Return a token to send now.

        Raises:
            AuthError: the credential is refused, now or less than five minutes ago.
            RetryableError: the login server does not answer.
        """
        with self._lock:
            now = self._clock.monotonic()
            if self._refused is not None and now < self._paused_until:
                raise AuthError(self._refused)
            token = self._token
            state = token.state(now) if token is not None else State.EXPIRED
            others = self._refreshing
            if token is not None and (state is State.FRESH or (state is State.STALE and others is not None)):
                return token.secret
            mine: Future[Token] = Future()
            if others is None:
                self._refreshing = mine
        if others is not None:
            # The deadline of the other thread's request to the login server ends this wait, too.
            return others.result().secret
        return self._refresh(mine, token if state is State.STALE else None)

    def invalidate(self, secret: SecretStr) -> None:
        """Forget a token that the server refused, unless a newer one has already taken its place."""
        with self._lock:
            if self._token is not None and self._token.secret == secret:
                self._token = None

    def pause(self, message: str) -> None:
        """Stop using this credential for five minutes; every call raises `message` meanwhile."""
        with self._lock:
            self._token = None
            self._refused = message
            self._paused_until = self._clock.monotonic() + PAUSE_SECONDS

    def _refresh(self, mine: Future[Token], old: Token | None) -> SecretStr:
        try:
            token = self._granted()
        except BaseException as error:
            if isinstance(error, AuthError):
                self.pause(str(error))
            with self._lock:
                self._refreshing = None
                # A stale token is used a little longer, unless it was refused meanwhile.
                usable = old if isinstance(error, RetryableError) and self._token is old else None
                if usable is not None:
                    self._token = replace(usable, stale_at=self._clock.monotonic() + POSTPONED_SECONDS)
            mine.set_exception(error)
            if usable is None:
                raise
            log.warning(Event.TOKEN_REFRESH_FAILED, error=str(error))
            return usable.secret
        with self._lock:
            self._token, self._refreshing, self._refused = token, None, None
        mine.set_result(token)
        return token.secret

    def _granted(self) -> Token:
        form = {
            "grant_type": "client_credentials",
            "client_id": self._client_id,
            "client_secret": self._client_secret.get_secret_value(),
        }
        request = Request("POST", self._url, form=form)
        requested_at = self._clock.monotonic()  # before sending: the life may have begun at any time since
        try:
            reply = self._send(request)
        except RetryableError as error:
            # Without a token no list can be read at all.
            raise UnreachableError(str(error)) from error
        if not 200 <= reply.status < 300:
            raise self._refusal(request, reply)
        try:
            grant = msgspec.json.decode(reply.body.removeprefix(BOM_UTF8), type=_Grant)
        except ValueError:  # not chained: its text may quote the body
            raise UnreachableError(f"{request}: answered {reply.status} without a token; check login_url") from None
        life_seconds = grant.life_seconds
        if not grant.token or life_seconds <= 0:
            wrong = "no token that can be sent" if not grant.token else "a token that has already expired"
            raise UnreachableError(
                f"{request}: answered {reply.status} with {wrong}; check login_url", attempts=_USELESS_GRANTS
            )
        self._on_new_secret(grant.token)
        log.info(Event.TOKEN_GRANTED, expires_in_seconds=life_seconds)
        expires_at = requested_at + life_seconds
        stale_at = expires_at - min(MARGIN_SECONDS, MARGIN_SHARE * life_seconds)
        return Token(SecretStr(grant.token), stale_at, expires_at)

    def _refusal(self, request: Request, reply: Reply) -> SyncWorkerError:
        if reply.status >= 500 or reply.status in {408, 429}:
            pause = retry_after_seconds(reply.headers, reply.server_time or self._clock.now())
            return UnreachableError(str(outcomes.refusal(str(request), reply.status)), retry_after_seconds=pause)
        if reply.status != 404 and outcomes.is_foreign(reply.status, reply.headers, reply.body):
            return UnreachableError(str(outcomes.foreign_refusal(str(request), reply.status)))
        if reply.status in {400, 401, 403}:
            return AuthError(
                f"{request}: {reply.status}, {_error_code(reply.body)}; check client_id and client_secret, "
                "and that they belong to this environment"
            )
        return AuthError(f"{request}: {reply.status}, no token is granted here; check environment and login_url")


def _error_code(body: bytes) -> str:
    """Return OAuth's `error` code; the rest of the body may repeat the secret that was sent."""
    try:
        code = msgspec.json.decode(body, type=dict[str, object]).get("error")
    except ValueError:
        code = None
    return code if isinstance(code, str) and _ERROR_CODE.fullmatch(code) else "the credentials are refused"

"""The table of outcomes: what is done about each HTTP status and each way in which an attempt can fail.

Pure; used by transport, caller, procore, tokens and rate_limit. A message is a line with method, host and path, has no
secret in it, and says what to do if the reader can do something.
"""

from __future__ import annotations

import http.client
import json
import socket
import ssl
from collections.abc import Iterator, Mapping
from enum import Enum, auto
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import msgspec
import requests
import urllib3

from sync_worker.client.headers import Headers, count
from sync_worker.errors import (
    AuthError,
    BadPayloadError,
    NoAnswerError,
    NotFoundError,
    RequestError,
    RetryableError,
    SkippableError,
    SyncWorkerError,
    TimedOutError,
    TooLargeError,
    UnreachableError,
)

REASON_CHARACTERS = 200
_ERROR_KEYS = ("errors", "error", "error_description", "message")
_REFUSALS = frozenset({401, 403, 404})
_FOREIGN_ATTEMPTS = 3


class _Complaint(msgspec.Struct):
    """The fields of a body that may report an error, and those that may hold a list."""

    errors: Any = None
    error: Any = None
    error_description: Any = None
    message: Any = None
    data: msgspec.Raw = msgspec.Raw(b"")
    meetings: msgspec.Raw = msgspec.Raw(b"")


_complaints = msgspec.json.Decoder(_Complaint)
# A byte order mark, and the white space of JSON.
_BEFORE_JSON = b"\xef\xbb\xbf \t\r\n"


class Action(Enum):
    """The reaction to an answer."""

    ACCEPT = auto()
    RENEW_TOKEN = auto()
    WAIT = auto()
    """Wait as long as the server says; it does not count as a failed attempt."""
    REDIRECT = auto()
    RETRY = auto()
    RETRY_UNREACHABLE = auto()
    """Try again; while the host cannot be reached, no other list can be read either."""
    RETRY_OR_SMALLER = auto()
    """Try again; a gateway is in trouble, or the list is too large for it."""
    TIMED_OUT = auto()
    """As RETRY_OR_SMALLER, with fewer attempts: each takes the whole time-out."""
    RETRY_SMALLER = auto()
    """Try again; if that does not help, a smaller part of the list may."""
    SKIP = auto()
    """The scope may not be read; continue with the others."""
    REFUSE = auto()
    """This request can never succeed."""
    REJECT_PAYLOAD = auto()
    """Success without a list: never data, tried again."""


class StatusRule(NamedTuple):
    """The reaction to a status, and its meaning in a message."""

    action: Action
    meaning: str


BY_STATUS: Mapping[int, StatusRule] = {
    200: StatusRule(Action.ACCEPT, "answered"),
    204: StatusRule(Action.REJECT_PAYLOAD, "answered without a body where a list belongs"),
    301: StatusRule(Action.REDIRECT, "redirects"),
    302: StatusRule(Action.REDIRECT, "redirects"),
    303: StatusRule(Action.REDIRECT, "redirects"),
    307: StatusRule(Action.REDIRECT, "redirects"),
    308: StatusRule(Action.REDIRECT, "redirects"),
    400: StatusRule(Action.REFUSE, "malformed request"),
    401: StatusRule(Action.RENEW_TOKEN, "a new token is refused as well; check client id, secret and environment"),
    403: StatusRule(Action.SKIP, "no permission, tool disabled, or project not permitted for the app"),
    404: StatusRule(Action.SKIP, "does not exist or may not be seen"),
    406: StatusRule(Action.REFUSE, "unknown field or content type"),
    408: StatusRule(Action.RETRY_SMALLER, "the server took too long to build the list"),
    422: StatusRule(Action.REFUSE, "the request makes no sense to the server"),
    429: StatusRule(Action.WAIT, "the allowance is spent"),
    500: StatusRule(Action.RETRY, "server error"),
    502: StatusRule(Action.RETRY_OR_SMALLER, "bad gateway"),
    503: StatusRule(Action.RETRY, "service unavailable"),
    504: StatusRule(Action.RETRY_OR_SMALLER, "gateway timeout"),
}
BY_CLASS: Mapping[int, StatusRule] = {
    2: StatusRule(Action.REJECT_PAYLOAD, "an answer that is no list"),
    3: StatusRule(Action.REFUSE, "an unexpected redirect"),
    4: StatusRule(Action.REFUSE, "refused"),
    5: StatusRule(Action.RETRY, "server error"),
}
APP_NOT_CONNECTED = "the app is not connected to this company; install it there"

_UNREACHABLE = "cannot reach {host}: {detail}; check the network, the proxy and the URL ({request})"
BY_EXCEPTION: tuple[tuple[type[BaseException] | tuple[type[BaseException], ...], StatusRule], ...] = (
    (
        ssl.SSLCertVerificationError,
        StatusRule(Action.REFUSE, "{request}: the certificate is not trusted, {detail}; check ca_bundle and the clock"),
    ),
    (
        (requests.exceptions.InvalidProxyURL, urllib3.exceptions.ProxySchemeUnknown),
        StatusRule(Action.REFUSE, "{request}: the proxy's URL is malformed"),
    ),
    (
        requests.exceptions.ProxyError,
        StatusRule(Action.RETRY, "{request}: the proxy lets nothing through; check its URL, user and password"),
    ),
    (socket.gaierror, StatusRule(Action.RETRY_UNREACHABLE, _UNREACHABLE)),
    (ConnectionRefusedError, StatusRule(Action.RETRY_UNREACHABLE, _UNREACHABLE)),
    # NewConnectionError is, of all things, a kind of timeout to urllib3.
    (urllib3.exceptions.NewConnectionError, StatusRule(Action.RETRY_UNREACHABLE, _UNREACHABLE)),
    (urllib3.exceptions.ConnectTimeoutError, StatusRule(Action.RETRY_UNREACHABLE, _UNREACHABLE)),
    (
        (TimeoutError, requests.Timeout, urllib3.exceptions.TimeoutError),
        StatusRule(Action.TIMED_OUT, "{request}: no whole answer within {seconds:g} s"),
    ),
    (ssl.SSLError, StatusRule(Action.RETRY, "{request}: the TLS connection broke, {detail}")),
    (
        (http.client.RemoteDisconnected, http.client.IncompleteRead, ConnectionError),
        StatusRule(Action.RETRY_OR_SMALLER, "{request}: the connection broke before the answer was whole"),
    ),
    (
        (requests.exceptions.InvalidURL, requests.exceptions.InvalidSchema, urllib3.exceptions.LocationValueError),
        StatusRule(Action.REFUSE, "{request}: no request can be made of this URL"),
    ),
    # A length that is none or contradicts another, a line or a head that is too long, a status that is no number.
    (
        (http.client.HTTPException, urllib3.exceptions.InvalidHeader, requests.exceptions.InvalidHeader, ValueError),
        StatusRule(Action.REJECT_PAYLOAD, "{request}: the answer breaks the rules of HTTP"),
    ),
    (
        (urllib3.exceptions.ProtocolError, urllib3.exceptions.DecodeError),
        StatusRule(Action.RETRY_OR_SMALLER, "{request}: the connection broke before the answer was whole"),
    ),
)
_ERRORS: Mapping[Action, type[SyncWorkerError]] = {
    Action.ACCEPT: BadPayloadError,  # only its body can be wrong
    Action.RENEW_TOKEN: AuthError,
    Action.WAIT: RetryableError,
    Action.REDIRECT: RequestError,
    Action.RETRY: RetryableError,
    Action.RETRY_UNREACHABLE: UnreachableError,
    Action.RETRY_OR_SMALLER: NoAnswerError,
    Action.TIMED_OUT: TimedOutError,
    Action.RETRY_SMALLER: TooLargeError,
    Action.SKIP: SkippableError,
    Action.REFUSE: RequestError,
    Action.REJECT_PAYLOAD: BadPayloadError,
}


def action(status: int, headers: Headers) -> Action:
    """Return what to do about an answer; a 503 with `Retry-After` is treated as a 429."""
    if status == 503 and "Retry-After" in headers:
        return Action.WAIT
    return _outcome(status).action


def is_foreign(status: int, headers: Headers, body: bytes) -> bool:
    """Return True for a 401, 403 or 404 that is not Procore's: a firewall, a proxy or a login page answered.

    Procore's error bodies are objects with `errors`, `error` or `message`. An empty body or other JSON counts as
    Procore's if it is declared as JSON, and any 401 does that asks for a bearer token, as no proxy does.
    """
    if status not in _REFUSALS:
        return False
    if status == 401 and headers.get("WWW-Authenticate", "").strip().lower().startswith("bearer"):
        return False
    try:
        said = json.loads(body) if body.strip() else None
    except (ValueError, RecursionError):
        return True
    if isinstance(said, dict) and not said.keys().isdisjoint(_ERROR_KEYS):
        return False
    kind = headers.get("Content-Type", "").partition(";")[0].strip().lower()
    return not (kind == "application/json" or kind.endswith("+json"))


def foreign_refusal(request: str, status: int) -> SyncWorkerError:
    """Return the error for an answer that `is_foreign`: to be tried again, as it says nothing about permission."""
    return RetryableError(
        f"{request}: {status}, but not in Procore's words; a firewall, a proxy or a login page answers in its place",
        attempts=_FOREIGN_ATTEMPTS,
    )


def refusal(request: str, status: int, said: str = "", *, retry_after_seconds: float | None = None) -> SyncWorkerError:
    """Return the error for an answer without data; `said` is the `reason` in its body."""
    outcome = _outcome(status)
    meaning = APP_NOT_CONNECTED if status == 403 and "not connected" in said.lower() else outcome.meaning
    message = f"{request}: {status}, {meaning}" + (f" ({said})" if said else "")
    error = NotFoundError(message) if status == 404 else _ERRORS[outcome.action](message)
    if isinstance(error, RetryableError):
        error.retry_after_seconds = retry_after_seconds
    return error


def leaves_allowance(status: int, headers: Headers) -> bool:
    """Return True for a 429 whose headers say that calls are left: it is about this list, not about the allowance."""
    return status == 429 and bool(count(headers, "X-Rate-Limit-Remaining"))


def payload_problem(body: bytes) -> str:
    """Return what a body with status 200 holds instead of a list: nothing, an HTML page or an error; empty if none."""
    start = body.lstrip()[:1]
    if start in {b"", b"<"}:
        return f"{'an HTML page' if start else 'nothing'} where a list belongs"
    error = _error_in(body)
    return f"an error where a list belongs ({error})" if error else ""


def _error_in(body: bytes) -> str:
    """Return the text in `errors` or `error`, or in `message` if there is no list; empty for a body without error."""
    if body.lstrip(_BEFORE_JSON)[:1] != b"{":
        return ""
    try:
        said = _complaints.decode(body.lstrip(_BEFORE_JSON))
    except (msgspec.DecodeError, RecursionError):
        return ""
    has_list = any(bytes(part) not in (b"", b"null") for part in (said.data, said.meetings))
    if said.errors or said.error or (said.message and not has_list):
        return _one_line({name: getattr(said, name) for name in _ERROR_KEYS}) or "without a word"
    return ""


def is_null(body: bytes) -> bool:
    """Return True for `null`, bare or as the `data` of an envelope."""
    bare = body.lstrip(_BEFORE_JSON)
    if bare[:1] == b"{":
        try:
            return bytes(_complaints.decode(bare).data) == b"null"
        except (msgspec.DecodeError, RecursionError):
            return False
    return bare.rstrip() == b"null"


def reason(body: bytes) -> str:
    """Return `errors`, `error` and `message` of an error body as one line with a maximum length; empty if none."""
    try:
        said = json.loads(body)
    except (ValueError, RecursionError):
        return ""
    return _one_line(said)


def _one_line(said: object) -> str:
    words = "; ".join(dict.fromkeys(_texts(said)))
    printable = "".join(c if c.isprintable() else " " for c in words)
    line = " ".join(printable.split())
    return line if len(line) <= REASON_CHARACTERS else line[: REASON_CHARACTERS - 1] + "…"


def failure(request: str, error: BaseException, deadline_seconds: float) -> SyncWorkerError:
    """Return the error for an attempt without a whole answer; the text of `error` may hold a secret and is not used."""
    links = list(_chain(error))
    for kinds, outcome in BY_EXCEPTION:
        found = next((link for link in links if isinstance(link, kinds)), None)
        if found is not None:
            message = outcome.meaning.format(
                request=request, seconds=deadline_seconds, host=_host(request), detail=_detail(found)
            )
            return _ERRORS[outcome.action](message)
    return RetryableError(f"{request}: {type(error).__name__}")


def _outcome(status: int) -> StatusRule:
    return BY_STATUS.get(status) or BY_CLASS.get(status // 100) or StatusRule(Action.RETRY, "no known status")


def _texts(said: object, depth: int = 0) -> Iterator[str]:
    if isinstance(said, str):
        yield said
    elif isinstance(said, list):
        for part in said:
            yield from _texts(part, depth)
    elif isinstance(said, dict) and depth == 0:
        for key in _ERROR_KEYS:
            yield from _texts(said.get(key), depth + 1)
    elif isinstance(said, dict) and depth < 3:
        for key, value in said.items():
            yield from (f"{key}: {text}" for text in _texts(value, depth + 1))


def _chain(error: BaseException) -> Iterator[BaseException]:
    """Yield `error` and every cause of it; urllib3 and requests keep causes in `reason` and `args`, too."""
    waiting, met = [error], set[int]()
    while waiting:
        link = waiting.pop(0)
        if id(link) in met:
            continue
        met.add(id(link))
        yield link
        inner = (*link.args, getattr(link, "reason", None), link.__cause__, link.__context__)
        waiting += [part for part in inner if isinstance(part, BaseException)]


def _detail(error: BaseException) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return error.verify_message
    if isinstance(error, socket.gaierror):
        return "host name not found"
    if isinstance(error, ConnectionRefusedError):
        return "connection refused"
    if isinstance(error, ssl.SSLError):
        return error.reason or "no reason given"
    cause = error.__cause__
    return cause.strerror.lower() if isinstance(cause, OSError) and cause.strerror else "no connection in time"


def _host(request: str) -> str:
    parts = urlsplit(request.rpartition(" ")[2])
    return f"{parts.scheme}://{parts.netloc}"

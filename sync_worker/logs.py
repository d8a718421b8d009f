"""The log: structured events on stderr, one a line, with secrets removed.

JSON lines for machines, readable lines on a terminal. `Event` is the register of all event names.
"""

from __future__ import annotations

import base64
import html
import json
import logging
import math
import re
import sys
import threading
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from contextlib import AbstractContextManager
from enum import StrEnum
from typing import Any, TextIO, cast
from urllib.parse import quote, quote_plus

import structlog
from structlog.typing import EventDict, FilteringBoundLogger, Processor

MASK = "********"

_SHORTEST_SECRET = 4
_TOKENS_KEPT = 8
_OURS = frozenset({"timestamp", "level", "run_id"})
_SECRET_KEY = re.compile(
    r"(?:^|_)(?:authorization|cookie|credentials?|passphrase|password|passwd|secret|token|api_?key)$", re.IGNORECASE
)
_SECRET_PLACES = re.compile(
    r"""(?P<before>
          \b(?:Bearer|Basic)\s+(?=[^\s"',;]{16})
        | \b(?:client_secret|access_token|refresh_token|password)(?:=|["']\s*:\s*["'])
        | ://[^/\s:@]*:(?=[^/\s@]+@)
        )(?P<secret>[^\s&"',;@]+)""",
    re.IGNORECASE | re.VERBOSE,
)


class Event(StrEnum):
    """The names of all log events, each with its meaning."""

    RUN_STARTED = "run.started"
    """A run has its id and its ledger row."""
    RUN_FINISHED = "run.finished"
    """A run's outcome is written."""
    BACKFILL_PLANNED = "backfill.planned"
    """A backfill is about to start, at this cost: calls, their share of an hour's allowance, and hours."""
    RUN_HANDED_OVER = "run.handed_over"
    """A daemon holds the database and executes the run that was requested here."""
    RUN_SKIPPED = "run.skipped"
    """A run was due and did not start, for the reason given."""
    RUN_POSTPONED = "run.postponed"
    """The database refuses access; the run is tried again automatically."""
    TICK_RECORDED = "tick.recorded"
    """A job is due; its run waits in the ledger."""
    LEDGER_REFUSED = "ledger.refused"
    """The ledger could not be read or written; the daemon tries again."""
    DATABASE_BLOCKED = "database.blocked"
    """Another program has been writing to the database for `seconds`; our writes wait for it."""
    DATABASE_CREATED = "database.created"
    """The worker makes a new database although a daemon has run here before."""
    DATABASE_LOST = "database.lost"
    """The database file was deleted, moved or replaced under the daemon, or is damaged."""
    DATABASE_LOG_SET_ASIDE = "database.log_set_aside"
    """The log next to the database belonged to another file; it was kept under another name."""
    DATABASE_REOPENED = "database.reopened"
    """The daemon has opened the current file."""
    DAEMON_STARTED = "daemon.started"
    """The daemon holds its database and its schedules run."""
    DAEMON_STOPPED = "daemon.stopped"
    """The daemon has ended its runs after a request to stop."""
    SETTINGS_DOUBTED = "settings.doubted"
    """The configuration has a setting that works but should be changed."""
    CLOCKS_DIFFERED = "clocks.differed"
    """The server's clock and this machine's differ by minutes, or by so much that the run cannot prove completeness."""
    SCOPE_FINISHED = "scope.finished"
    """A stream of one scope has its verdict."""
    SCOPE_CRASHED = "scope.crashed"
    """A bug ended a stream of one scope; the others go on."""
    SCOPE_RETRIED = "scope.retried"
    """A list changed while it was read and is read again."""
    LEASE_AWAITED = "lease.awaited"
    """Another run reads the list; this one waits until that has ended."""
    PAGE_FETCHED = "page.fetched"
    """One page arrived and was accepted as data."""
    RECORD_TEXT_REPLACED = "record.text_replaced"
    """Characters of a page that databases reject were replaced by U+FFFD."""
    BATCH_COMMITTED = "batch.committed"
    """The rows and the progress of a batch are in the destination."""
    RECORD_QUARANTINED = "record.quarantined"
    """A record could not be stored and is in quarantine, with the reason."""
    DELETES_HELD = "deletes.held"
    """Too many rows would be deleted at once; they wait for a second sweep or for approval."""
    DELETES_UNDETECTED = "deletes.undetected"
    """The recycle bin could not be read; the next complete listing will find the deletes."""
    REQUEST_RETRY_SCHEDULED = "request.retry_scheduled"
    """An attempt failed and may succeed later; the next one follows after `wait_seconds`."""
    TOKEN_GRANTED = "token.granted"  # noqa: S105 - an event, not a secret
    """A new token was issued."""
    TOKEN_REFRESH_FAILED = "token.refresh_failed"  # noqa: S105 - an event, not a secret
    """No new token was issued; the old one is still valid."""
    ALLOWANCE_LIFTED = "allowance.lifted"
    """The wait for the allowance was ended by hand; requests are sent again."""
    ALLOWANCE_WAITING = "allowance.waiting"
    """Requests wait until Procore's allowance permits them."""
    CONNECTIONS_REFUSED = "connections.refused"
    """Too many HTTP connections were open, or no file descriptor was left; logged once a minute with the number."""
    THREAD_CRASHED = "thread.crashed"
    """A thread ended with an uncaught error."""
    LIBRARY_WARNED = "library.warned"
    """A library warned through the standard `logging`."""


class Redactor:
    """A filter that removes secrets from text, in all their encodings; thread-safe."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        self._lock = threading.Lock()
        self._secrets: dict[str, frozenset[str]] = {}
        self._tokens: deque[str] = deque(maxlen=_TOKENS_KEPT)
        self._pattern: re.Pattern[str] | None = None
        self.add(*secrets)

    def add(self, *secrets: str) -> None:
        """Remove `secrets` from now on, except those below four characters, which would blank half of every line."""
        with self._lock:
            self._secrets |= {secret: _forms(secret) for secret in secrets if len(secret) >= _SHORTEST_SECRET}
            self._compile()

    def add_token(self, token: str) -> None:
        """Remove `token` until eight newer ones were added: a daemon gets one every 85 minutes for years."""
        if len(token) < _SHORTEST_SECRET:
            return
        with self._lock:
            self._tokens.append(token)
            self._compile()

    def text(self, text: str) -> str:
        """Return `text` without secrets."""
        if self._pattern is not None:
            text = self._pattern.sub(MASK, text)
        return _SECRET_PLACES.sub(lambda match: match["before"] + MASK, text)

    def value(self, value: Any, key: str = "") -> Any:
        """Return `value` without secrets at any depth; values that are not plain data become text."""
        if key and _SECRET_KEY.search(key.replace("-", "_")) and value is not None:
            return MASK
        if value is None or isinstance(value, bool | int):
            return value
        if isinstance(value, float):
            # JSON has no other values.
            return value if math.isfinite(value) else str(value)
        if isinstance(value, Mapping):
            return {self.text(str(name)): self.value(inner, str(name)) for name, inner in value.items()}
        if isinstance(value, list | tuple | set | frozenset):
            return [self.value(inner) for inner in value]
        if isinstance(value, bytes):
            value = value.decode("utf-8", "backslashreplace")
        return self.text(str(value))

    def __call__(self, _logger: Any, _method: str, event: EventDict) -> EventDict:
        """Redact an event, as a structlog processor.

        Field names and the fields that the program itself fills are left as they are: readers of the log rely on them,
        even if a short secret happens to be part of one.
        """
        return {name: value if _is_ours(name, value) else self.value(value, name) for name, value in event.items()}

    def _compile(self) -> None:
        forms = set().union(*self._secrets.values(), *(_forms(token) for token in self._tokens))
        # Longest first: a form that is the beginning of another would leave the end of the other.
        ordered = sorted(forms, key=len, reverse=True)
        self._pattern = re.compile("|".join(map(re.escape, ordered))) if ordered else None


def _is_ours(name: str, value: object) -> bool:
    return isinstance(value, Event) if name == "event" else name in _OURS


redactor = Redactor()
"""The redactor of this process: settings add their secrets when they are loaded, the client adds every token."""


def get_logger() -> FilteringBoundLogger:
    """Return a logger that adds the fields of `bound`."""
    return cast(FilteringBoundLogger, structlog.get_logger())


def bound(**fields: Any) -> AbstractContextManager[None]:
    """Add `run_id`, `job` and so on to every event in the block; threads inherit them only through `copy_context`."""
    return structlog.contextvars.bound_contextvars(**fields)


def configure_logging(
    *, verbosity: int = 0, stream: TextIO | None = None, color: bool | None = None, redactor: Redactor = redactor
) -> None:
    """Send events to `stream` (stderr): `verbosity` above 0 shows debug, below 0 warnings and up.

    On a terminal only warnings are shown by default, because progress is shown there.
    """
    stream = sys.stderr if stream is None else stream
    is_terminal = stream.isatty()
    structlog.configure(
        processors=[*_PREPARE, redactor, *_renderers(is_terminal=is_terminal, color=color)],
        wrapper_class=structlog.make_filtering_bound_logger(_level(verbosity, is_terminal=is_terminal)),
        logger_factory=_Lines(stream),
        # Loggers of modules exist before the logging is configured.
        cache_logger_on_first_use=False,
    )
    logging.captureWarnings(capture=True)
    logging.basicConfig(level=logging.WARNING, handlers=[_Forwarder()], force=True)
    threading.excepthook = _log_crash


def _level(verbosity: int, *, is_terminal: bool) -> int:
    if verbosity > 0:
        return logging.DEBUG
    return logging.WARNING if verbosity < 0 or is_terminal else logging.INFO


_PREPARE: tuple[Processor, ...] = (
    structlog.contextvars.merge_contextvars,
    structlog.processors.add_log_level,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
    structlog.processors.StackInfoRenderer(),
    structlog.processors.format_exc_info,
)


def _renderers(*, is_terminal: bool, color: bool | None) -> Iterator[Processor]:
    yield _in_order
    if is_terminal:
        yield structlog.dev.ConsoleRenderer(
            colors=color is not False, pad_event_to=0, exception_formatter=structlog.dev.plain_traceback
        )
    else:
        yield structlog.processors.JSONRenderer()


def _in_order(_logger: Any, _method: str, event: EventDict) -> EventDict:
    return {"timestamp": event.pop("timestamp"), "level": event.pop("level"), "event": event.pop("event"), **event}


class _Lines:
    """A writer of lines that ignores errors: a log that cannot be written must not end a run."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._lock = threading.Lock()

    def __call__(self, *_args: Any) -> _Lines:
        return self

    def msg(self, line: str) -> None:
        try:
            with self._lock:
                self._stream.write(f"{line}\n")
                self._stream.flush()
        except (OSError, ValueError):
            return

    debug = info = warning = error = critical = exception = msg


class _Forwarder(logging.Handler):
    """A handler that passes the log of libraries to structlog, which redacts and formats it."""

    def emit(self, record: logging.LogRecord) -> None:
        get_logger().log(
            record.levelno,
            Event.LIBRARY_WARNED,
            logger=record.name,
            message=record.getMessage(),
            exc_info=record.exc_info,
        )


def _log_crash(crash: threading.ExceptHookArgs) -> None:
    if crash.exc_value is not None and not isinstance(crash.exc_value, SystemExit):
        get_logger().critical(
            Event.THREAD_CRASHED, thread=crash.thread.name if crash.thread else None, exc_info=crash.exc_value
        )


def _forms(secret: str) -> frozenset[str]:
    """Return the encodings of `secret`: plain, in a URL, in JSON, as a Python literal, in HTML, in base64."""
    percent = {quote(secret), quote(secret, safe=""), quote_plus(secret)}
    # RFC 3986 allows lower-case hexadecimal digits too.
    percent |= {re.sub("%[0-9A-F]{2}", lambda code: code[0].lower(), form) for form in percent}
    literal = {json.dumps(secret)[1:-1], json.dumps(secret, ensure_ascii=False)[1:-1], repr(secret)[1:-1]}
    encoded = {form for offset in range(3) for form in _base64_forms(secret.encode("utf-8", "replace"), offset)}
    return frozenset({secret, html.escape(secret)} | percent | literal | encoded)


def _base64_forms(secret: bytes, offset: int) -> Iterator[str]:
    """Yield the base64 characters that depend only on `secret`, if `offset` bytes (modulo 3) come before it."""
    first = -(-offset * 8 // 6)
    last = (offset + len(secret)) * 8 // 6
    text = base64.b64encode(b"\0" * offset + secret)[first:last].decode()
    if len(text) >= _SHORTEST_SECRET:
        yield from {text, text.replace("+", "-").replace("/", "_")}

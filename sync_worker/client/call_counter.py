"""Counts every call to the API as Procore does.

Used by caller after each attempt, and by the writer, which adds the counts to its transactions. Calls to the login host
are not counted.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime

from sync_worker.catalog.paths import DocumentationStatus
from sync_worker.client.transport import Request
from sync_worker.clock import Clock
from sync_worker.model import ALL_CALLS, SUCCEEDED, CallLine, Observation
from sync_worker.state.calls import record_calls
from sync_worker.state.executor import Executor

COMPANY_HEADER = "Procore-Company-Id"
UNANSWERED = "none"
_BY_STATUS: Mapping[int, Observation] = {
    401: Observation.UNAUTHORIZED,
    403: Observation.FORBIDDEN,
    404: Observation.NOT_FOUND,
    429: Observation.THROTTLED,
}
_BY_DOCUMENTATION: Mapping[DocumentationStatus, Observation] = {
    DocumentationStatus.DEPRECATED: Observation.DEPRECATED,
    DocumentationStatus.UNDOCUMENTED: Observation.UNDOCUMENTED,
}


class CallCounter:
    """The calls of this process, counted by any number of threads.

    A killed process loses what it had not written, a few seconds of counts at most; no data depends on them.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._pending: Counter[CallLine] = Counter()
        self._writing: Counter[CallLine] = Counter()
        self._by_status: Counter[str] = Counter()
        self._day: date | None = None

    def count(self, request: Request, status: int | None, server_time: datetime | None) -> None:
        """Count a call that was answered with `status`, or not at all."""
        company = request.headers.get(COMPANY_HEADER)
        company_id = int(company) if company else None
        with self._lock:
            if server_time is not None:
                self._day = server_time.astimezone(UTC).date()
            # Without an answer there is no server time; the day of the last answer comes next to it.
            day = self._day or self._clock.now().date()
            for kind in _kinds(request, status):
                self._pending[CallLine(day, company_id, request.stream, kind)] += 1
            self._by_status[UNANSWERED if status is None else f"{status // 100}xx"] += 1

    @property
    def by_status(self) -> Mapping[str, int]:
        """All calls of this process by the first digit of the answer: `2xx`, or `none` where none came."""
        with self._lock:
            return dict(self._by_status)

    @property
    def is_pending(self) -> bool:
        """True if there is anything to write."""
        return bool(self._pending or self._writing)

    def write(self, executor: Executor) -> None:
        """Write the counts that are not committed yet. Call it and `on_commit` from one thread only."""
        with self._lock:
            self._writing += self._pending
            self._pending.clear()
        record_calls(executor, self._writing)

    def on_commit(self) -> None:
        """Forget the counts that `write` added."""
        self._writing.clear()


def _kinds(request: Request, status: int | None) -> Iterator[str]:
    yield ALL_CALLS
    if status is not None and 200 <= status < 300:
        yield SUCCEEDED
    if status is not None and status in _BY_STATUS:
        yield _BY_STATUS[status]
    if COMPANY_HEADER not in request.headers:
        yield Observation.WITHOUT_COMPANY
    if request.documentation in _BY_DOCUMENTATION:
        yield _BY_DOCUMENTATION[request.documentation]

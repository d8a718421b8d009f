"""Tells a list that fails by itself from a Procore that answers nobody any more.

Used by procore. A host that accepts and stays silent, or that is all errors, fails every list after all its attempts;
without this a run would try them one by one for days.
"""

from __future__ import annotations

import threading

from sync_worker.client.transport import Request


class LastAnswers:
    """What was answered last of each stream, whichever thread asked, and which list could not be read since."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._failed_url: str | None = None
        self._answered: dict[str | None, Request] = {}
        """By stream, the latest at the end."""

    def last_besides(self, request: Request) -> Request | None:
        """Return what was answered last, of another stream if possible, of another list in any case."""
        with self._lock:
            latest = list(reversed(self._answered.values()))
        others = [known for known in latest if known.stream != request.stream]
        return next((known for known in (*others, *latest) if known.url != request.url), None)

    def beat(self, request: Request) -> None:
        """Note an answer."""
        with self._lock:
            self._answered.pop(request.stream, None)
            self._answered[request.stream] = request
            self._failed_url = None

    def miss(self, request: Request) -> bool:
        """Note that a list could not be read; return True if another one failed before it with no answer in between."""
        with self._lock:
            before, self._failed_url = self._failed_url, request.url
        return before not in (None, request.url)

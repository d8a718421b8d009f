"""The two clocks of a run, the server's and its own: what time it is, and whether they can be believed.

Neither is known to be right. A small difference is allowed for: what is proven reaches to the earlier of the two, what
is asked for to the later. Where they are days apart nothing that the run reads is proof of anything.
"""

from __future__ import annotations

import threading
from datetime import datetime, timedelta

from sync_worker.clock import Clock, utc_text
from sync_worker.logs import Event, get_logger
from sync_worker.model import CLOCKS_APART
from sync_worker.planning.windows import Now

DIFFERENT = timedelta(minutes=5)
"""Worth a warning: more than a slow answer accounts for."""
FAR_APART = timedelta(days=2)
"""More than a wrong time zone or a day's mistake."""
REMEDY = "set this machine's clock by NTP; if it is right, a proxy on the way may change the `Date` of answers"

log = get_logger()


class Clocks:
    """The readings of both clocks since the run began; safe to use from several threads."""

    def __init__(self, clock: Clock) -> None:
        # `Date` has whole seconds.
        self.started_at = clock.now().replace(microsecond=0)
        self.server_time: datetime | None = None
        """The server's time as it was first reported."""
        self.doubt: str | None = None
        """Why the run can prove nothing, where the clocks are far apart."""
        self._clock = clock
        self._began = clock.monotonic()
        self._has_warned = False
        self._lock = threading.Lock()

    @property
    def now(self) -> Now:
        """The start of the run, by only our own clock as long as the server reported none, and the time since then."""
        server_time = self.server_time or self.started_at
        # By the clock that nobody sets.
        passed = timedelta(seconds=self._clock.monotonic() - self._began)
        return Now(min(server_time, self.started_at), max(server_time, self.started_at), passed)

    def compare(self, server_time: datetime | None, ours: datetime) -> None:
        """Compare the `Date` of an answer with our own clock as it came; warn of a difference once."""
        if server_time is None or abs(ours - server_time) < DIFFERENT:
            return
        is_far = abs(ours - server_time) >= FAR_APART
        with self._lock:
            if self.doubt is not None or (self._has_warned and not is_far):
                return
            self._has_warned = True
            said = f"{CLOCKS_APART}{utc_text(server_time)}, this machine's {utc_text(ours)}"
            if is_far:
                said = f"{said}: nothing can be proven until they agree; {REMEDY}"
                self.doubt = said
        log.warning(Event.CLOCKS_DIFFERED, error=said)

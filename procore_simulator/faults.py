"""Scripted faults: what goes wrong with the next requests to a path."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from threading import Lock

from procore_simulator.lies import Lie


@dataclass(slots=True, kw_only=True)
class Fault:
    """One rule. Given `status` or `body` the answer is replaced, else Procore's own is spoilt on the wire.

    `path` is a pattern for the path with its query (`*` matches anything); `after` requests pass first, `times`
    are hit. `drift` changes the list before it is answered: `insert` puts a record in, `delete` takes the first out,
    `resort` puts the last one first.
    """

    path: str = "*"
    times: int = 1
    after: int = 0
    status: int | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    drop_headers: tuple[str, ...] = ()
    body: str | bytes | None = None
    delay_seconds: float = 0.0
    drip_seconds: float = 0.0
    """A pause before every sixteenth of the body."""
    cut_after_bytes: int | None = None
    """So much of the body is sent under the full Content-Length, then the connection closes."""
    reset: bool = False
    """The connection is reset without an answer."""
    same_page: bool = False
    """The first page is answered whatever page is asked for, with a `next`."""
    drift: str | None = None
    lie: Lie | str | None = None
    """What the answer says wrongly, or does not say, of its page."""

    def __post_init__(self) -> None:
        """Refuse a lie that nobody knows: ValueError."""
        self.lie = Lie(self.lie) if self.lie is not None else None

    @property
    def replaces(self) -> bool:
        """Whether Procore's own answer is not even looked for."""
        return self.status is not None or self.body is not None

    def content(self) -> bytes:
        """The body to answer with."""
        return self.body.encode() if isinstance(self.body, str) else self.body or b""


class Faults:
    """A queue of rules; the first that matches a request is taken."""

    def __init__(self) -> None:
        self._queue: list[Fault] = []
        self._lock = Lock()

    def add(self, *faults: Fault) -> None:
        """Append rules."""
        with self._lock:
            self._queue.extend(faults)

    def clear(self) -> None:
        """Forget all rules."""
        with self._lock:
            self._queue.clear()

    @property
    def waiting(self) -> int:
        """How many rules are not used up."""
        return len(self._queue)

    def take(self, target: str) -> Fault | None:
        """The rule that hits this request, if any."""
        with self._lock:
            for fault in self._queue:
                if not fnmatchcase(target, fault.path):
                    continue
                if fault.after > 0:
                    fault.after -= 1
                    continue
                fault.times -= 1
                if fault.times <= 0:
                    self._queue.remove(fault)
                return fault
        return None

"""Scripted faults: rules that break the next answers to a path."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from threading import Lock

from procore_simulator.lies import Lie


@dataclass(slots=True, kw_only=True)
class Fault:
    """One rule. With `status` or `body` the answer is replaced, otherwise Procore's own answer is damaged on the wire.

    `path` is a pattern for the path with its query (`*` matches anything). The first `after` matching requests pass,
    the next `times` are broken. `drift` changes the list before the answer: `insert` adds a record, `delete` deletes
    the first one, `resort` puts the last one first.
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
    """Bytes of the body that are sent under the full Content-Length before the connection closes."""
    reset: bool = False
    """The connection is reset without an answer."""
    same_page: bool = False
    """Always answer the first page, with a `next`."""
    drift: str | None = None
    lie: Lie | str | None = None
    """A false or missing statement about the page, see `Lie`."""

    def __post_init__(self) -> None:
        """Raise ValueError for an unknown lie."""
        self.lie = Lie(self.lie) if self.lie is not None else None

    @property
    def replaces(self) -> bool:
        """True if Procore's own answer is replaced."""
        return self.status is not None or self.body is not None

    def content(self) -> bytes:
        """Return the body of the replaced answer."""
        return self.body.encode() if isinstance(self.body, str) else self.body or b""


class Faults:
    """A queue of rules; the first one that matches a request applies."""

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
        """The number of rules that are not used up."""
        return len(self._queue)

    def take(self, target: str) -> Fault | None:
        """Return the rule that applies to this request and count it as used."""
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

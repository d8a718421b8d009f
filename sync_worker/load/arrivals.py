"""Counts the records that may have come into a list after its first page was answered. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

import msgspec

from sync_worker.clock import utc_text
from sync_worker.destination.protocol import StoredRow
from sync_worker.load.fingerprint import Candidate
from sync_worker.load.values import order_of, text_of
from sync_worker.model import Key

_WHOLE_SECONDS = len("2026-01-31T12:00:00")


class _Times(msgspec.Struct):
    created_at: msgspec.Raw = msgspec.Raw(b"")
    updated_at: msgspec.Raw = msgspec.Raw(b"")


_times = msgspec.json.Decoder(_Times)


class PagingTime(NamedTuple):
    """The time between the first page of a list and a later one, by the server's clock.

    `complete_at` is when the list was last proven complete, None where it never was. `is_part` is true of a list that
    is chosen by date: there an edit may bring in any record.
    """

    began: datetime
    ended: datetime
    complete_at: datetime | None
    is_part: bool

    def count_arrivals(
        self, written: Iterable[Candidate], stored: Mapping[Key, StoredRow], scope: Mapping[str, int | str]
    ) -> int:
        """Return how many of the records `written` from the later page may not have been in the list as it `began`.

        `stored` are their rows as they were before, `scope` the values of the scope columns.
        """
        here = list(map(str, scope.values()))
        return sum(self._may_have_arrived(candidate, stored.get(candidate.key), here) for candidate in written)

    def _may_have_arrived(self, candidate: Candidate, known: StoredRow | None, here: Sequence[str]) -> bool:
        if known is not None and (known.is_deleted or list(map(str, known.scope)) != here):
            return True
        if known is not None and not self.is_part:
            return False
        times = [instant[:_WHOLE_SECONDS] for instant in _instants(candidate)]
        # `Date` has whole seconds, so what was made in the same second may have been made later.
        began, ended = (utc_text(instant)[:_WHOLE_SECONDS] for instant in (self.began, self.ended))
        if any(began <= instant <= ended for instant in times):
            return True
        if known is not None:
            return False
        if self.complete_at is None:
            # Nothing says when it was made: it may have come while the pages were read.
            return not any(times)
        # It was not there when the list was complete, and nothing says that it was made between then and `began`.
        complete_at = utc_text(self.complete_at)[:_WHOLE_SECONDS]
        return not any(instant >= complete_at for instant in times)


def _instants(candidate: Candidate) -> list[str]:
    """Return the instants at which a record says that it was created or changed, in UTC, so that they sort as text."""
    try:
        sent = msgspec.structs.astuple(_times.decode(candidate.raw))
    except (msgspec.DecodeError, RecursionError):
        return [candidate.version]
    return [candidate.version, *(order_of(text_of(bytes(raw)) or "") for raw in sent)]

"""Decides what a sweep proved: that every list was read to its end, and that nothing shifted while it was read.

The end of each list is proven by client/pagination, which hands over a doubt where it is not. That nothing shifted
follows from one of these:

- The list was one page: it is one moment of the list.
- It was several pages with a `Total` that never changed and was reached, no key came twice, and no row of it appeared
  after its first page. A record that slips from an unread page to a read one needs a deletion, which lowers `Total`,
  and only a record that appears can raise it again (load/arrivals.py). In a list that is chosen by date an edit can
  make one appear, so there no record may have been edited since.
- It was several pages and a second sweep saw exactly the same keys: nothing slipped in either.

docs/guarantees.md has the table of lists and proofs.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from sync_worker.model import Verdict

_QUARANTINE_SHARE = 0.01
_QUARANTINE_RECORDS = 10


class Evidence(NamedTuple):
    """The server's statements about one sweep, over all its lists: one, or one for each parent.

    `total` is None as soon as one list gave none; `steady` is false when a `Total` changed while its pages were read;
    `records` and `pages` are those of all lists; `uncounted` counts lists of several pages of which not every one gave
    a `Total`; `refused` counts parents whose list may not be read, `gone` those that are no longer there; `server_time`
    is the server's `Date` on the first page that has one; `doubt` is why the sweep can prove nothing, or why the end of
    a list is not proven.
    """

    total: int | None = 0
    units: int = 0
    records: int = 0
    steady: bool = True
    lists: int = 0
    pages: int = 0
    uncounted: int = 0
    refused: int = 0
    gone: int = 0
    server_time: datetime | None = None
    doubt: str | None = None

    def started_at(self, server_time: datetime | None) -> Evidence:
        """Return this evidence with `server_time`, unless it has one already."""
        return self if self.server_time is not None else self._replace(server_time=server_time)

    @property
    def is_shifting(self) -> bool:
        """True if a record may have slipped from an unread page to one that was read."""
        return self.pages > self.lists

    def with_list(
        self, totals: Sequence[int | None], units: int, doubt: str | None = None, *, records: int | None = None
    ) -> Evidence:
        """Return this evidence and that of one more list, read to its end.

        `totals` has an entry for each page; `records` came in it, as many as units unless it is a list of groups;
        `doubt` is why the end is not proven, None if it is.
        """
        known = [total for total in totals if total is not None]
        return self._replace(
            total=None if self.total is None or not known else self.total + known[-1],
            units=self.units + units,
            records=self.records + (units if records is None else records),
            # A record that goes and one that comes leave the last as the first was.
            steady=self.steady and len(set(known)) <= 1,
            lists=self.lists + 1,
            pages=self.pages + len(totals),
            # A `Total` that only some pages give does not show that nothing changed until the last.
            uncounted=self.uncounted + (None in totals and len(totals) > 1),
            doubt=self.doubt or doubt,
        )

    def with_skipped_lists(self, lists: int) -> Evidence:
        """Return this evidence with lists that need not be read again."""
        return self._replace(lists=self.lists + lists, pages=self.pages + lists)

    def with_refusal(self) -> Evidence:
        """Return this evidence with a list that may not be read."""
        return self._replace(lists=self.lists + 1, pages=self.pages + 1, refused=self.refused + 1)

    def with_missing_parent(self) -> Evidence:
        """Return this evidence with a parent that was deleted after it was listed: it has no list to read."""
        return self._replace(lists=self.lists + 1, pages=self.pages + 1, gone=self.gone + 1)


class Proof(NamedTuple):
    """A verdict, and its reason where it is not complete, or what else there is to say."""

    verdict: Verdict
    reason: str | None = None


class Keys(NamedTuple):
    """The counts of a sweep's records.

    `appeared` counts records that may have come into the list after its first page; `is_confirmed` is true when an
    earlier sweep of this run saw exactly the same keys.
    """

    rows_seen: int
    distinct: int
    quarantined: int = 0
    appeared: int = 0
    is_confirmed: bool = False


def prove(evidence: Evidence, keys: Keys) -> Proof:
    """Return complete when nothing speaks against it, else the first thing that does.

    Grouped lists count either groups or records, Procore does not say which; both are accepted.
    """
    seen, unreadable = keys.rows_seen, keys.quarantined
    may_have_slipped = evidence.is_shifting and not keys.is_confirmed
    findings = (
        (
            unreadable > max(_QUARANTINE_RECORDS, _QUARANTINE_SHARE * seen) or 0 < seen <= unreadable,
            Proof(Verdict.FAILED, f"{unreadable} of {seen} records could not be read; see _quarantine"),
        ),
        (
            evidence.refused > 0,
            Proof(Verdict.NOT_PERMITTED, f"{evidence.refused} of {evidence.lists} lists of its parents are refused"),
        ),
        (evidence.doubt is not None, Proof(Verdict.INEXACT, evidence.doubt)),
        (
            evidence.records != seen,
            Proof(Verdict.INEXACT, f"{evidence.records} records came and {seen} were counted"),
        ),
        (keys.distinct != seen, Proof(Verdict.INEXACT, f"{seen - keys.distinct} records came twice while paging")),
        (not evidence.steady, Proof(Verdict.INEXACT, "the list changed while its pages were read")),
        (
            evidence.total not in (None, seen, evidence.units),
            Proof(Verdict.INEXACT, f"the server counts {evidence.total} records and sent {seen}"),
        ),
        (
            may_have_slipped and keys.appeared > 0,
            Proof(Verdict.INEXACT, f"{keys.appeared} records appeared while the pages were read"),
        ),
        (
            may_have_slipped and evidence.uncounted > 0,
            Proof(Verdict.INEXACT, "not every page gave a Total, and no two readings of the list agreed"),
        ),
    )
    note = f"{evidence.gone} of {evidence.lists} parents are gone (404)" if evidence.gone else None
    return next((proof for found, proof in findings if found), Proof(Verdict.COMPLETE, note))


def miscounted(totals: Sequence[int | None], units: int) -> str | None:
    """Return why the pages of one list, with the `Total` of each, are not all of it; None if nothing says so."""
    known = [total for total in totals if total is not None]
    if len(set(known)) > 1:
        return "the list changed while its pages were read"
    return f"the server counts {known[-1]} records and sent {units}" if known and known[-1] != units else None

"""Decides what a sweep proved."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from sync_worker.model import Verdict

_QUARANTINE_SHARE = 0.01
_QUARANTINE_RECORDS = 10


class Evidence(NamedTuple):
    """What the server said of one sweep, over all its lists: one, or one for each parent.

    `total` is None as soon as one list gave none; `steady` is false when a `Total` changed while its pages were read;
    `pages` are those of all lists; `refused` counts parents whose list may not be read, `gone` those that are no longer
    there; `server_time` is the server's `Date` on the first page that tells it; `doubt` is a reason, known beforehand,
    why the sweep can prove nothing.
    """

    total: int | None = 0
    units: int = 0
    steady: bool = True
    lists: int = 0
    pages: int = 0
    refused: int = 0
    gone: int = 0
    server_time: datetime | None = None
    doubt: str | None = None

    def begun(self, server_time: datetime | None) -> Evidence:
        """This evidence, begun at `server_time` unless it had begun before."""
        return self if self.server_time is not None else self._replace(server_time=server_time)

    @property
    def is_shifting(self) -> bool:
        """Whether a record may have slipped from a page that was not read yet to one that was."""
        return self.pages > self.lists

    def with_list(self, totals: Sequence[int | None], units: int) -> Evidence:
        """This evidence and that of one more list, read to its end; `totals` are what each of its pages told."""
        return self._replace(
            total=None if self.total is None or totals[-1] is None else self.total + totals[-1],
            units=self.units + units,
            # A record that goes and one that comes leave the last as the first was.
            steady=self.steady and len(set(totals)) == 1,
            lists=self.lists + 1,
            pages=self.pages + len(totals),
        )

    def beside(self, lists: int) -> Evidence:
        """This evidence and lists that need not be read again."""
        return self._replace(lists=self.lists + lists, pages=self.pages + lists)

    def with_refusal(self) -> Evidence:
        """This evidence and a list that may not be read."""
        return self._replace(lists=self.lists + 1, pages=self.pages + 1, refused=self.refused + 1)

    def with_gone(self) -> Evidence:
        """This evidence and a parent that was deleted after it was listed: it has no list to read."""
        return self._replace(lists=self.lists + 1, pages=self.pages + 1, gone=self.gone + 1)


class Proof(NamedTuple):
    """A verdict, and its reason where it is not complete, or what else there is to say."""

    verdict: Verdict
    reason: str | None = None


def prove(evidence: Evidence, *, rows_seen: int, distinct_keys: int, quarantined: int) -> Proof:
    """Complete when no key repeated and, where the server counts, the count held and was reached.

    Grouped lists count either groups or records, Procore does not say which; both are accepted.
    """
    findings = (
        (
            quarantined > max(_QUARANTINE_RECORDS, _QUARANTINE_SHARE * rows_seen),
            Proof(Verdict.FAILED, f"{quarantined} of {rows_seen} records could not be read; see _quarantine"),
        ),
        (
            evidence.refused > 0,
            Proof(Verdict.NOT_PERMITTED, f"{evidence.refused} of {evidence.lists} lists of its parents are refused"),
        ),
        (evidence.doubt is not None, Proof(Verdict.INEXACT, evidence.doubt)),
        (
            distinct_keys != rows_seen,
            Proof(Verdict.INEXACT, f"{rows_seen - distinct_keys} records came twice while paging"),
        ),
        (not evidence.steady, Proof(Verdict.INEXACT, "the list changed while its pages were read")),
        (
            evidence.total not in (None, rows_seen, evidence.units),
            Proof(Verdict.INEXACT, f"the server counts {evidence.total} records and sent {rows_seen}"),
        ),
    )
    note = f"{evidence.gone} of {evidence.lists} parents are gone (404)" if evidence.gone else None
    return next((proof for found, proof in findings if found), Proof(Verdict.COMPLETE, note))

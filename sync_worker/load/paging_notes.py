"""Reads what the body of a page says about the pages that follow: `has_next_page`, or a `pagination` object. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import msgspec

_HAS_MORE = ("has_next_page", "has_next", "has_more", "hasNextPage", "hasMore")
_NEXT = ("next_page", "next", "next_cursor", "nextPage", "next_page_url")
_TOTAL = ("total", "total_count", "total_records", "total_entries", "totalCount")
_NUMBER = ("current_page", "page", "currentPage")
_LAST = ("total_pages", "last_page", "pages", "totalPages")


class PagingNotes(NamedTuple):
    """Word of the body on whether another page follows and how many records there are, None where it does not say."""

    has_more: bool | None = None
    total: int | None = None


class PagingFields(msgspec.Struct):
    """The members of an envelope, other than its records, that may say how paging goes on; any type is accepted."""

    has_next_page: Any = None
    pagination: Any = None
    meta: Any = None


def paging_notes(found: PagingFields) -> PagingNotes:
    """Return what the members of an envelope say; a value of an unexpected type says nothing."""
    nested = found.meta.get("pagination") if isinstance(found.meta, dict) else None
    notes = [
        _notes({"has_next_page": found.has_next_page}),
        *(_notes(part) for part in (found.pagination, nested, found.meta) if isinstance(part, dict)),
    ]
    more = [note.has_more for note in notes if note.has_more is not None]
    totals = [note.total for note in notes if note.total is not None]
    # Where two members disagree, another page is asked for: it proves itself empty.
    return PagingNotes(any(more) if more else None, totals[0] if totals else None)


def _notes(members: Mapping[str, Any]) -> PagingNotes:
    said = [members[name] for name in _HAS_MORE if isinstance(members.get(name), bool)]
    said += [members[name] not in (None, "", False) for name in _NEXT if name in members]
    number, last = _count(members, _NUMBER), _count(members, _LAST)
    if number is not None and last is not None:
        said.append(number < last)
    return PagingNotes(any(said) if said else None, _count(members, _TOTAL))


def _count(members: Mapping[str, Any], names: tuple[str, ...]) -> int | None:
    found = (members.get(name) for name in names)
    return next(
        (value for value in found if isinstance(value, int) and not isinstance(value, bool) and value >= 0), None
    )

"""The lists of the API: a query selects records, and a page of them is wrapped and described in headers."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from functools import partial
from typing import Any
from urllib.parse import urlencode

import msgspec

from procore_simulator import quirks
from procore_simulator.chance import instant
from procore_simulator.entry import Entry
from procore_simulator.ids import read_id
from sync_worker.catalog.spec import (
    CursorSyntax,
    DeletedAmongLive,
    DeletedBetween,
    Envelope,
    RecycleBin,
    StreamSpec,
)

Query = Mapping[str, str]
Test = Callable[[Entry], bool]


class BadQueryError(ValueError):
    """A parameter for which Procore answers 400."""


@dataclass(frozen=True, slots=True)
class Listing:
    """The records that a query selects, in order, and the parameters that were not understood."""

    entries: Sequence[Entry]
    ignored: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Page:
    """A page: the body and the headers that describe it."""

    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)


def select(spec: StreamSpec, entries: Sequence[Entry], query: Query, *, today: date, in_bin: bool) -> Listing:
    """Return the records that a query selects; with `in_bin` only the deleted ones."""
    understood = {"page", "per_page", "sort", "view"} | _names_in(spec)
    tests = [
        _deleted(spec, query, in_bin=in_bin, understood=understood),
        _changed(spec, query),
        _dated(spec, query, today, understood),
        _approved(spec, query, understood),
        _active(spec, query, understood),
        _budgeted(spec, query, understood),
    ]
    wanted = [test for test in tests if test is not None]
    found = [entry for entry in entries if all(test(entry) for test in wanted)]
    ignored = tuple(sorted(name for name in query if name not in understood))
    return Listing(_sorted(spec, found, query), ignored)


def page(spec: StreamSpec, listing: Listing, query: Query, *, url: str, most: int | None, in_bin: bool) -> Page:
    """Return the requested page; `url` is the list's own URL, `most` an upper limit for every list."""
    if in_bin and spec.envelope is Envelope.GROUPS:
        return Page(_flat(spec, listing))
    view = query.get("view")
    are_ids = view is not None and view == quirks.view_of_ids(spec.path)
    units = _ids(listing) if are_ids else _units(spec, listing)
    # A list without paging has none of the headers.
    if spec.paging.per_page is None:
        return Page(_wrapped(spec, units))
    sizes = quirks.PAGE_OF_IDS if are_ids and view == "ids" else quirks.page_sizes(spec.path)
    per_page = min(_positive(query, "per_page", sizes.default), sizes.most, most or sizes.most)
    number = _positive(query, "page", 1)
    first = (number - 1) * per_page
    headers = {
        "Total": str(len(units)),
        "Per-Page": str(per_page),
        "Link": links(url, query, number=number, per_page=per_page, total=len(units)),
    }
    return Page(_wrapped(spec, units[first : first + per_page]), {key: it for key, it in headers.items() if it})


def links(url: str, query: Query, *, number: int, per_page: int, total: int) -> str:
    """Return the `Link` header: absolute URLs with every other parameter kept; no `next` on the last page."""
    last = max(1, -(-total // per_page))
    pages = {"first": 1, "prev": number - 1, "last": last, "next": number + 1}
    shown = {name: page for name, page in pages.items() if 1 <= page <= last}
    return ", ".join(
        f'<{url}?{urlencode({**query, "page": page, "per_page": per_page})}>; rel="{name}"'
        for name, page in shown.items()
    )


def _names_in(spec: StreamSpec) -> set[str]:
    # Filters are understood where they are applied, so that a filter without effect is reported as ignored.
    names = {name for name in spec.query if not name.startswith("filters[")}
    if spec.cursor is not None:
        names.add(spec.cursor.param)
    if isinstance(spec.deletes, RecycleBin):
        names |= set(spec.deletes.query)
    return names


def _deleted(spec: StreamSpec, query: Query, *, in_bin: bool, understood: set[str]) -> Test | None:
    if in_bin:
        return lambda entry: entry.is_deleted
    if isinstance(spec.deletes, DeletedAmongLive):
        understood.add(spec.deletes.param)
        wanted = query.get(spec.deletes.param)
        if wanted in {"with", "true", spec.deletes.value}:
            return None
        if wanted == "only":
            return lambda entry: entry.is_deleted
    if isinstance(spec.deletes, DeletedBetween):
        understood.add(spec.deletes.param)
        if spec.deletes.param in query:
            start, end = _range(query[spec.deletes.param])
            return lambda entry: start <= entry.deleted_at <= end
    return lambda entry: not entry.is_deleted


def _changed(spec: StreamSpec, query: Query) -> Test | None:
    if spec.cursor is None or spec.cursor.param not in query:
        return None
    value = query[spec.cursor.param]
    if spec.cursor.syntax is CursorSyntax.AFTER:
        after, name = _instant(value), spec.cursor.field
        return lambda entry: (entry.get(name) or "") > after
    return _between(spec.cursor.field, *_range(value))


def _between(name: str, start: str, end: str) -> Test:
    return lambda entry: start <= (entry.get(name) or "") <= end


def _range(value: str) -> tuple[str, str]:
    start, dots, end = value.strip().strip('"').partition("...")
    if not dots:
        raise BadQueryError(f"{value!r} is not a range <from>...<to>")
    return _instant(start), _instant(end)


def _instant(value: str) -> str:
    """Return an instant at second precision, as records hold it, so that text compares as time."""
    try:
        moment = datetime.fromisoformat(value.strip().strip('"'))
        return instant(moment if moment.tzinfo else moment.replace(tzinfo=UTC))
    except (ValueError, OverflowError):
        raise BadQueryError(f"{value!r} is not an ISO 8601 instant") from None


def _dated(spec: StreamSpec, query: Query, today: date, understood: set[str]) -> Test | None:
    window = spec.date_window
    if window is None:
        return None
    understood |= {window.start_param, window.end_param, "log_date"}
    if "log_date" in query:
        start = end = _day(query["log_date"])
    elif window.start_param in query and window.end_param in query:
        start, end = _day(query[window.start_param]), _day(query[window.end_param])
    else:
        start, end = (today - timedelta(days=quirks.days_back(spec.path))).isoformat(), today.isoformat()
    return lambda entry: start <= log_day(entry) <= end


def log_day(entry: Entry) -> str:
    """Return the day of a daily record."""
    record = entry.record
    day: str = record.get("date") or record.get("log_date") or record.get("created_at") or ""
    return day[:10]


def _day(value: str) -> str:
    try:
        return date.fromisoformat(value.strip()).isoformat()
    except ValueError:
        raise BadQueryError(f"{value!r} is not a date YYYY-MM-DD") from None


def _approved(spec: StreamSpec, query: Query, understood: set[str]) -> Test | None:
    if not spec.path.endswith(quirks.APPROVED_ONLY):
        return None
    understood.add("filters[status]")
    wanted = query.get("filters[status]", "approved")
    return None if wanted == "all" else lambda entry: entry.get("status") == wanted


def _active(spec: StreamSpec, query: Query, understood: set[str]) -> Test | None:
    if not spec.path.endswith(quirks.ACTIVE_PROJECTS_ONLY):
        return None
    understood.add("filters[by_status]")
    wanted = query.get("filters[by_status]", "Active")
    return None if wanted == "All" else lambda entry: bool(entry.get("active")) is (wanted == "Active")


def _budgeted(spec: StreamSpec, query: Query, understood: set[str]) -> Test | None:
    if not spec.path.endswith(quirks.BUDGETED_ROWS_ONLY):
        return None
    understood.add("budget_row_type")
    wanted = query.get("budget_row_type", "budgeted")
    return None if wanted == "all" else lambda entry: (entry.get("id") is not None) is (wanted == "budgeted")


def _sorted(spec: StreamSpec, entries: list[Entry], query: Query) -> Sequence[Entry]:
    # Sorting is stable: the least important field comes first.
    for wanted in reversed(query.get("sort", "").split(",")):
        name = wanted.removeprefix("-")
        if name in spec.fields:
            entries = sorted(entries, key=partial(_rank, name), reverse=wanted.startswith("-"))
    return entries


def _rank(name: str, entry: Entry) -> tuple[bool, int, str]:
    value = entry.get(name)
    return (value is None, value if isinstance(value, int) else 0, "" if isinstance(value, int) else str(value))


def _ids(listing: Listing) -> Sequence[bytes]:
    return [msgspec.json.encode(entry.get("id")) for entry in listing.entries]


def _units(spec: StreamSpec, listing: Listing) -> Sequence[bytes]:
    if spec.envelope is Envelope.GROUPS:
        return _groups(spec, listing.entries)
    return _Encoded(spec, listing.entries)


class _Encoded(Sequence[bytes]):
    """Encoded records; only those of the requested page are encoded."""

    def __init__(self, spec: StreamSpec, entries: Sequence[Entry]) -> None:
        self._spec = spec
        self._entries = entries

    def __len__(self) -> int:
        return len(self._entries)

    def __getitem__(self, index: int | slice) -> Any:
        if isinstance(index, slice):
            return [entry.encoded(self._spec) for entry in self._entries[index]]
        return self._entries[index].encoded(self._spec)


def _groups(spec: StreamSpec, entries: Sequence[Entry]) -> list[bytes]:
    """Group records by the title before its number; a page of such a list counts groups."""
    titles: dict[str, list[Entry]] = {}
    for entry in entries:
        titles.setdefault(str(entry.get("title")).partition(" #")[0], []).append(entry)
    name = spec.path.rpartition("/")[2]
    return [
        b'{"group_title":' + msgspec.json.encode(title) + f',"{name}":'.encode() + _array(spec, found) + b"}"
        for title, found in titles.items()
    ]


def _array(spec: StreamSpec, entries: Sequence[Entry]) -> bytes:
    return b"[" + b",".join(entry.encoded(spec) for entry in entries) + b"]"


def _flat(spec: StreamSpec, listing: Listing) -> bytes:
    """Return grouped records without their groups, as their recycle bin sends them."""
    name = spec.path.rpartition("/")[2]
    return f'{{"{name}":'.encode() + _array(spec, listing.entries) + b"}"


def _wrapped(spec: StreamSpec, units: Sequence[bytes]) -> bytes:
    array = b"[" + b",".join(units) + b"]"
    return b'{"data":' + array + b"}" if spec.envelope is Envelope.DATA else array


def _positive(query: Query, name: str, default: int) -> int:
    value = query.get(name)
    if value is None:
        return default
    number = read_id(value)
    if not number:
        raise BadQueryError(f"{name} must be a positive number, not {value!r}")
    return number

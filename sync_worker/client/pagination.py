"""Decides after each page whether another follows and where, and whether the end of the list is proven.

Pure; used by procore. There are several signs (`Link`, `Total`, the body); where they disagree, another page is
requested, because an empty page proves more than any header. docs/guarantees.md has the reasons.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from math import ceil
from urllib.parse import quote, urlencode

import msgspec

from sync_worker.client.headers import Headers, count
from sync_worker.client.links import Links, page_number, parse_links
from sync_worker.client.list_request import ListRequest
from sync_worker.errors import RequestError
from sync_worker.model import Records

NEVER_SENT = "save_sticky_filters"
# A list may grow while it is read.
_SLACK_PAGES = 2
_SLACK_SHARE = 1.1
_MOST_PAGES = 100_000
# A server that cuts pages before it filters them may send empty ones in the middle of a list.
_MOST_EMPTY_PAGES = 20
# Lengths at which servers cut lists, apart from the multiples of 100.
_ROUND_SIZES = frozenset({10, 15, 20, 25, 30, 50, 75, 128, 150, 250, 256, 512, 750, 1024, 2048, 4096})


class _Identified(msgspec.Struct):
    id: msgspec.Raw = msgspec.Raw(b"")


_identified = msgspec.json.Decoder(_Identified)


class Paginator:
    """One walk through a list.

    `url` is the next page, `number` its number. After the last page `url` is None, and `doubt` says why the end is not
    proven, None if it is. `is_probe`: no sign announced the next page; it is requested to learn whether the list has
    ended. `ignores_paging`: a probe returned the same records again, so the list has no pages.
    """

    def __init__(self, api_url: str, list_request: ListRequest) -> None:
        self._address = f"{api_url.rstrip('/')}{list_request.path}"
        self._filters = list(list_request.params)
        self._per_page = list_request.per_page
        self.number = 1
        self.url: str | None = self._page_url({"page": "1"} if self._per_page is not None else {})
        self.is_probe = False
        self.doubt: str | None = None
        self.ignores_paging = False
        self._requested = {self.url}
        self._seen_pages: set[object] = set()
        self._lengths: list[int] = []
        self._reported_size = 0
        self._units = 0
        self._records = 0
        self._total: int | None = None
        self._is_announced = False
        self._is_reported_last = False
        self._is_numbered = self._per_page is not None
        self._has_skipped = False
        self._has_named_next = False

    def advance(self, headers: Headers, body: bytes, records: Records) -> bool:
        """Learn from a page and move to the next; return False if the page repeats an earlier one.

        Raises:
            RequestError: the server ignores paging.
        """
        if self.url is None:
            raise ValueError("the list has already ended")
        if records.units:
            identity = _identity(body, records)
            if identity in self._seen_pages:
                self._end_at_repeat()
                return False
            self._seen_pages.add(identity)
        self._lengths.append(records.units)
        self._reported_size = count(headers, "Per-Page") or self._reported_size
        self._units += records.units
        self._records += len(records.records)
        total = count(headers, "Total")
        self._total = next((known for known in (total, records.total, self._total) if known is not None), None)
        links = parse_links(headers.get("Link", ""))
        self._has_named_next = self._has_named_next or links.next is not None or records.has_more is True
        signs = list(self._signs(links, records))
        self._is_announced = any(signs)
        self._is_reported_last = bool(signs) and not self._is_announced
        if not records.units and (links.next is None or self._lengths.count(0) > _MOST_EMPTY_PAGES):
            more = f"page {self.number} is empty although the server says that more follow"
            self._end(more if self._is_announced else None)
        elif self._is_announced:
            self._go_on(links, headers)
        elif signs and not self._is_lone_sign_of_a_full_page(signs, links, records):
            self._end()
        elif signs or (records.units and self._may_go_on(records.units)):
            self._ask(self.number + 1, {"page": str(self.number + 1)}, is_probe=True)
        else:
            self._end()
        return True

    def accept_refusal(self, *, is_malformed: bool) -> bool:
        """End the list at a refused probe; return False for a page that was announced: its refusal is a failure.

        `is_malformed`: the server does not know the parameter `page`. Other refusals may be about this call only.
        """
        if not self.is_probe or self._is_announced:
            return False
        is_unpaged = is_malformed and self._per_page is None
        self._end(
            None if is_unpaged else f"page {self.number} is refused, and nothing else says that the list has ended"
        )
        return True

    def _signs(self, links: Links, records: Records) -> Iterator[bool]:
        """Yield True for each sign that another page follows, False for each that this one is the last."""
        if links.next is not None or (links.last_page or 0) > self.number:
            yield True
        elif links.ends_the_list:
            yield False
        # Procore does not document whether `Total` counts groups or records in grouped lists.
        if self._total is not None and self._total in (self._units, self._records):
            yield False
        elif self._total is not None and self._total > max(self._units, self._records):
            yield True
        if records.has_more is not None:
            yield records.has_more

    def _go_on(self, links: Links, headers: Headers) -> None:
        """Move to the page that a sign announced, at our own address and with our own filters, not those of a link."""
        per_page = count(headers, "Per-Page")
        if self._total and per_page and self.number >= ceil(self._total / per_page) * _SLACK_SHARE + _SLACK_PAGES:
            raise self._ignored(f"there is a page after {self.number} of {per_page} though Total is {self._total}")
        link = links.next or {}
        number = page_number(link)
        if number is None:
            more = {name: value for name, value in link.items() if self._continues(name)}
            # Without a link, or with one that has no parameter, only the next number can be requested.
            is_guess = self._per_page is None and not link
            self._ask(self.number + 1, more or {"page": str(self.number + 1)}, is_probe=is_guess)
            return
        if number <= self.number:
            raise self._ignored("its next page is one already asked for")
        self._has_skipped = self._has_skipped or number != self.number + 1
        self._ask(number, {"page": str(number)})

    def _continues(self, name: str) -> bool:
        """Return True if a link's parameter may be a position in the list; filters are always our own."""
        ours = {"per_page"} if self._per_page is not None else set()
        ours |= {own for own, _ in self._filters}
        return name not in ours and not name.startswith(("filters", "sort", NEVER_SENT))

    def _ask(self, number: int, position: Mapping[str, str], *, is_probe: bool = False) -> None:
        url = self._page_url(position)
        if url in self._requested:
            raise self._ignored("its next page is one already asked for")
        if len(self._requested) >= _MOST_PAGES:
            raise self._ignored("the list does not end")
        self._requested.add(url)
        self.number, self.url, self.is_probe = number, url, is_probe
        self._is_numbered = "page" in position

    def _end(self, doubt: str | None = None) -> None:
        if doubt is None and self._has_skipped and self._total is None:
            doubt = "the server's links skip a page"
        self.url, self.doubt = None, doubt

    def _end_at_repeat(self) -> None:
        """End a list whose server answered a probe with records that it had sent before."""
        if not self.is_probe:
            raise self._ignored("this page is the same as one before")
        self.ignores_paging = len(self._lengths) == 1
        is_whole = self._is_reported_last or (self._looks_whole() and not self._is_announced)
        self._end(None if is_whole else f"the server sends the records of an earlier page again as page {self.number}")

    def _looks_whole(self) -> bool:
        """Return True if the last page was shorter than pages can be, so that none is missing."""
        *before, last = self._lengths
        if before:
            return last < max(before)
        return self._per_page is None or (last < (self._reported_size or self._per_page) and not _is_round(last))

    def _may_go_on(self, units: int) -> bool:
        """Return True if another page may follow one for which there is no sign.

        The size in force is the one that the server has shown, not the requested one, which it may reduce.
        """
        *before, _ = self._lengths
        if not self._is_numbered:
            # At each reading (docs/adr/0024): the same records may be the last page, which grows, or an unpaged list.
            return not before and _is_round(units)
        # `Per-Page` may repeat the requested size though pages are shorter.
        sizes = [size for size in (self._reported_size, max(before, default=0)) if size]
        return not sizes or units >= min(sizes) or (not before and _is_round(units))

    def _is_lone_sign_of_a_full_page(self, signs: list[bool], links: Links, records: Records) -> bool:
        """Return True if the only sign that the list has ended comes with a full page.

        `Total` may count the records of the page only; a `Link` or a body that never named a next page may never do so.
        """
        if len(signs) > 1 or self._per_page is None:
            return False
        if self._has_named_next and (links.ends_the_list or records.has_more is False):
            return False
        size = self._reported_size or self._per_page
        return records.units == size or (not self._reported_size and _is_round(records.units))

    def _page_url(self, position: Mapping[str, str]) -> str:
        size = [] if self._per_page is None else [("per_page", str(self._per_page))]
        query = urlencode([*self._filters, *position.items(), *size], quote_via=quote)
        return self._address + (f"?{query}" if query else "")

    def _ignored(self, why: str) -> RequestError:
        return RequestError(f"GET {self._address}: the server ignores paging at page {self.number}: {why}")


def _is_round(units: int) -> bool:
    """Return True if a list of this length may have been cut there."""
    return units > 0 and (units % 100 == 0 or units in _ROUND_SIZES)


def _identity(body: bytes, records: Records) -> object:
    """Return a value that is equal for pages with the same records, although signed URLs in them differ."""
    found = records.records
    ids = [_id_of(found[position]) for position in {0, len(found) // 2, len(found) - 1}] if found else []
    return hash(body) if not ids or b"" in ids else (len(found), tuple(sorted(ids)))


def _id_of(record: msgspec.Raw) -> bytes:
    """Return the record's id as sent, empty where it has none."""
    try:
        sent = bytes(_identified.decode(record).id)
    except (msgspec.DecodeError, RecursionError):
        return b""
    return b"" if sent == b"null" else sent

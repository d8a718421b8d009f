"""Tells whether there is a next page and where, and notices a server that ignores paging.

Pure; used by procore. Computes nothing from the page size we asked for: the server may have clamped it.
"""

from __future__ import annotations

from math import ceil
from urllib.parse import parse_qsl, quote, unquote, urlencode, urljoin, urlsplit

from requests.utils import parse_header_links

from sync_worker.client.headers import Headers, count
from sync_worker.client.listing import Listing
from sync_worker.client.transport import origin
from sync_worker.errors import RequestError

# A list may grow while it is read.
_SLACK_PAGES = 2
_SLACK_SHARE = 1.1


class Paginator:
    """Walks one listing: `url` is the page to ask for next, `number` its number; `url` is None after the last."""

    def __init__(self, api_url: str, listing: Listing, first_page: int = 1) -> None:
        self.number = first_page
        self.url: str | None = _first_url(api_url, listing, first_page)
        self._asked = {self.url}
        self._units = 0
        self._pages = 0
        self._total = 0
        self._previous: int | None = None

    def turn(self, headers: Headers, body: bytes, units: int) -> None:
        """Learn from the page just read and move to the next.

        Raises:
            RequestError: the server ignores paging, or points to where the token must not go.
        """
        if self.url is None:
            raise ValueError("the last page was already turned")
        self._pages += 1
        self._units += units
        following = self._next_url(self.url, headers)
        fingerprint = hash(body)
        if fingerprint == self._previous and (units or following):
            raise self._ignored("this page is the same as the one before")
        if following in self._asked:
            raise self._ignored("its next page is one already asked for")
        if following is not None:
            self._check_count(headers)
            self._asked.add(following)
            self.number += 1
        self._previous = fingerprint
        self.url = following

    def _next_url(self, url: str, headers: Headers) -> str | None:
        if "Link" not in headers:
            return _page_url(url, self.number + 1) if self._more_than_read(headers) else None
        links = parse_header_links(headers["Link"])
        target = next((link["url"] for link in links if link.get("rel", "").lower() == "next"), None)
        return None if target is None else _same_list(url, target)

    def _more_than_read(self, headers: Headers) -> bool:
        total, per_page = count(headers, "Total"), count(headers, "Per-Page")
        if total is None or not per_page:
            return False
        skipped = (self.number - self._pages) * per_page
        return self.number * per_page < total and skipped + self._units < total

    def _check_count(self, headers: Headers) -> None:
        self._total = max(self._total, count(headers, "Total") or 0)
        per_page = count(headers, "Per-Page")
        if not self._total or not per_page:
            return
        if self.number >= ceil(self._total / per_page) * _SLACK_SHARE + _SLACK_PAGES:
            raise self._ignored(f"there is a page after {self.number} of {per_page} though Total is {self._total}")

    def _ignored(self, why: str) -> RequestError:
        return RequestError(f"GET {_bare(self.url)}: the server ignores paging at page {self.number}: {why}")


def _first_url(api_url: str, listing: Listing, first_page: int) -> str:
    params = list(listing.params)
    if listing.per_page is not None:
        params += [("page", str(first_page)), ("per_page", str(listing.per_page))]
    elif first_page != 1:
        raise ValueError(f"{listing.path} has no pages to begin at")
    query = urlencode(params, quote_via=quote)
    return f"{api_url.rstrip('/')}{listing.path}" + (f"?{query}" if query else "")


def _page_url(url: str, number: int) -> str:
    parts = urlsplit(url)
    params = [pair for pair in parse_qsl(parts.query, keep_blank_values=True) if pair[0] != "page"]
    return parts._replace(query=urlencode([*params, ("page", str(number))], quote_via=quote)).geturl()


def _same_list(url: str, link: str) -> str:
    """The URL that `link` on the page at `url` means, if it is another page of the same list."""
    try:
        target = urljoin(url, link)
        if origin(target) == origin(url) and _path(target) == _path(url):
            return target
    except ValueError:
        pass
    raise RequestError(f"GET {_bare(url)}: the next page is said to be elsewhere, which must not get the token")


def _path(url: str) -> str:
    return unquote(urlsplit(url).path)


def _bare(url: str | None) -> str:
    return (url or "").partition("?")[0]

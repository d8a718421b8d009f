"""Reads `Link` headers (RFC 8288), and reports which could not be read whole. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import parse_qsl, urlsplit

PAGING_RELATIONS = frozenset({"first", "prev", "previous", "next", "last"})

# One link: <address>, then parameters; commas and semicolons may stand inside the address and inside quotes.
_VALUE = r'(?:"(?:\\.|[^"\\])*"|[^\s;,"]*)'
_LINK = re.compile(rf"[\s,]*<(?P<target>[^<>]*)>(?P<parameters>(?:\s*;(?:\s*[^\s=;,\"<>]+(?:\s*=\s*{_VALUE})?)?)*)")
_PARAMETER = re.compile(rf";\s*(?P<name>[^\s=;,\"]+)\s*=\s*(?P<value>{_VALUE})")


@dataclass(frozen=True, slots=True)
class Links:
    """The links of one answer by relation, in lower case; `is_understood` is false when a part could not be read."""

    targets: Mapping[str, str]
    is_understood: bool

    @property
    def next(self) -> Mapping[str, str] | None:
        """The query parameters of the next page's address, None where there is no link to it."""
        return _query(self.targets["next"]) if "next" in self.targets else None

    @property
    def last_page(self) -> int | None:
        """The number of the last page, None where no link has it."""
        return page_number(_query(self.targets.get("last", "")))

    @property
    def ends_the_list(self) -> bool:
        """True if the header is about paging, was read whole, and names no next page."""
        return self.is_understood and "next" not in self.targets and not PAGING_RELATIONS.isdisjoint(self.targets)


def parse_links(header: str) -> Links:
    """Return the links of a `Link` header; several header lines are joined by commas, as RFC 9110 allows."""
    targets: dict[str, str] = {}
    position = 0
    while (match := _LINK.match(header, position)) is not None:
        position = match.end()
        for name, value in _PARAMETER.findall(match["parameters"]):
            if name.lower() == "rel":
                for relation in value.strip("\"'").lower().split():
                    targets.setdefault(relation, match["target"])
                break  # RFC 8288, 3.3: only the first `rel` of a link counts
    return Links(targets, is_understood=not header[position:].strip(" \t,"))


def page_number(query: Mapping[str, str]) -> int | None:
    """Return the number in the parameter `page`."""
    text = query.get("page", "")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else None


def _query(address: str) -> Mapping[str, str]:
    # Some servers write `&` as in HTML.
    address = address.strip().replace("&amp;", "&")
    try:
        return dict(parse_qsl(urlsplit(address).query, keep_blank_values=True))
    except ValueError:
        return {}

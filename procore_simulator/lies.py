"""False statements about paging: the records are right, the headers say less than Procore's or something else."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from enum import StrEnum

import msgspec

from procore_simulator.api import Answer
from procore_simulator.ids import read_id

_PAGE_HEADERS = ("Link", "Total", "Per-Page")
_ORIGIN = re.compile(r"<https?://[^/]+")
_RELATION = re.compile(r'; rel="(\w+)"')
_QUERY = re.compile(r"\?[^>]*?\b(?<!_)(page=\d+)[^>]*>")
_EMPTY = (b"[]", b'{"data":[]}')


class Lie(StrEnum):
    """A kind of false statement about the page."""

    SILENT = "silent"
    """Neither `Link` nor `Total` nor `Per-Page`."""
    CLAMPED = "clamped"
    """Half the requested page size, and no headers about pages."""
    REPEATED = "repeated"
    """Beyond the end the first page again, and no headers about pages."""
    IN_BODY = "in_body"
    """`has_next_page` in the body instead of headers, where records come in an envelope."""
    COMMA = "comma"
    """A comma after the last link."""
    SPELT = "spelt"
    """Relations unquoted, in capitals and after another parameter, as RFC 8288 allows."""
    RELATIVE = "relative"
    """Links without scheme and host."""
    ELSEWHERE = "elsewhere"
    """Links to another host, as a reverse proxy may send."""
    FORGETFUL = "forgetful"
    """Links that keep `page` and lose every other parameter."""


def answer_with_lie(lie: Lie, query: Mapping[str, str], answer: Callable[[Mapping[str, str]], Answer]) -> Answer:
    """Return the answer of a server with this fault; `answer` gives the correct one."""
    if lie is Lie.CLAMPED:
        half = max(1, (read_id(query.get("per_page", "")) or 100) // 2)
        return _misreport(lie, answer({**query, "per_page": str(half)}))
    found = answer(query)
    if lie is Lie.REPEATED and found.body in _EMPTY:
        found = answer({**query, "page": "1"})
    return _misreport(lie, found)


def _misreport(lie: Lie, answer: Answer) -> Answer:
    link = answer.headers.get("Link", "")
    if lie in _WRONG_LINKS:
        answer.headers |= {"Link": _WRONG_LINKS[lie](link)} if link else {}
        return answer
    for name in _PAGE_HEADERS:
        answer.headers.pop(name, None)
    if lie is Lie.IN_BODY and answer.body.startswith(b"{"):
        content = msgspec.json.decode(answer.body)
        answer.body = msgspec.json.encode(content | {"has_next_page": 'rel="next"' in link})
    return answer


_WRONG_LINKS: Mapping[Lie, Callable[[str], str]] = {
    Lie.COMMA: lambda link: f"{link},",
    Lie.SPELT: lambda link: _RELATION.sub(lambda found: f"; title=page; Rel={found[1].upper()}", link),
    Lie.RELATIVE: lambda link: _ORIGIN.sub("<", link),
    Lie.ELSEWHERE: lambda link: _ORIGIN.sub("<http://api.internal.example:8080", link),
    Lie.FORGETFUL: lambda link: _QUERY.sub(lambda found: f"?{found[1]}>", link),
}

"""The request for one list of Procore: path, query and company, filled in from a stream spec.

Pure; built by runner and access, used by procore and pagination.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from urllib.parse import quote

from sync_worker.catalog.paths import DocumentationStatus, documentation_status
from sync_worker.catalog.spec import CursorSyntax, DeletedAmongLive, DeletedBetween, RecycleBin, StreamSpec
from sync_worker.clock import utc_text
from sync_worker.model import DateRange, Scope, Window

SMALLEST_PAGE = 50
"""Below it, smaller pages do not help a server that cannot build the list."""
_PLACEHOLDER = re.compile(r"\{(\w+)\}")


@dataclass(frozen=True, slots=True)
class ListRequest:
    """A list to be read from its first page to its last: everything of its requests but the page number.

    `company_id` goes into the `Procore-Company-Id` header; `per_page` is None where no paging is documented. Calls are
    counted by `stream` and `documentation`. `is_divisible`: smaller pages or fewer days can be requested.
    """

    path: str
    params: tuple[tuple[str, str], ...]
    company_id: int
    per_page: int | None
    stream: str | None = None
    documentation: DocumentationStatus = DocumentationStatus.DOCUMENTED
    is_divisible: bool = False


def list_request(
    spec: StreamSpec,
    scope: Scope,
    *,
    window: Window | None = None,
    dates: DateRange | None = None,
    parent_id: int | str | None = None,
    header_company_id: int | None = None,
    per_page: int | None = None,
) -> ListRequest:
    """Return the request for `spec` in `scope`, with a window or dates where the stream has a filter for them.

    Raises:
        ValueError: the stream needs an id, dates or a company that were not given.
    """
    company_id = scope.company_id if scope.company_id is not None else header_company_id
    if company_id is None:
        # Procore answers a call that names no company with an error and counts it against the app.
        raise ValueError(f"{spec.name}: every call names a company, also that of an account-wide list")
    filters = [*_window_params(spec, window), *_date_params(spec, dates)]
    found = _filled_in(spec, spec.path, spec.query, _ids(spec, scope, parent_id), company_id, per_page)
    has_days = spec.date_window is not None and dates is not None and dates.start_on < dates.end_on
    is_divisible = has_days or (found.per_page or 0) > SMALLEST_PAGE
    return replace(found, params=(*found.params, *filters), is_divisible=is_divisible)


def deleted_list_request(
    spec: StreamSpec, scope: Scope, window: Window, *, header_company_id: int, per_page: int | None = None
) -> ListRequest:
    """Return the request for the tool's own list of deleted records, limited to the window if a filter exists."""
    path, query = spec.path, dict(spec.query)
    match spec.deletes:
        case RecycleBin(path=None) as bin_:
            query |= bin_.query
        case RecycleBin(path=str(own)) as bin_:
            path, query = own, dict(bin_.query)
        case DeletedAmongLive() as among:
            query[among.param] = among.value
        case DeletedBetween() as between:
            query[between.param] = _range(window)
        case None:
            raise ValueError(f"{spec.name}: the tool has no list of deleted records")
    company_id = header_company_id if scope.company_id is None else scope.company_id
    return _filled_in(spec, path, query, _ids(spec, scope, None), company_id, per_page)


def _filled_in(
    spec: StreamSpec, path: str, query: Mapping[str, str], ids: Mapping[str, str], company_id: int, per_page: int | None
) -> ListRequest:
    return ListRequest(
        path=_filled(path, {name: quote(value, safe="") for name, value in ids.items()}, spec),
        params=tuple((name, _filled(value, ids, spec)) for name, value in query.items()),
        company_id=company_id,
        per_page=None if spec.paging.per_page is None else per_page or spec.paging.per_page,
        stream=spec.name,
        documentation=documentation_status(path),
    )


def _ids(spec: StreamSpec, scope: Scope, parent_id: int | str | None) -> dict[str, str]:
    found = {"company_id": scope.company_id, "project_id": scope.project_id}
    if spec.parent is not None:
        found[spec.parent.param] = parent_id  # type: ignore[assignment]
    return {name: str(value) for name, value in found.items() if value is not None}


def _filled(template: str, ids: Mapping[str, str], spec: StreamSpec) -> str:
    def value(match: re.Match[str]) -> str:
        if match[1] not in ids:
            raise ValueError(f"{spec.name}: no {match[1]} given for {template}")
        return ids[match[1]]

    return _PLACEHOLDER.sub(value, template)


def _window_params(spec: StreamSpec, window: Window | None) -> Iterator[tuple[str, str]]:
    if spec.cursor is None or window is None or window.start is None:
        return
    ranged = spec.cursor.syntax is CursorSyntax.RANGE
    yield spec.cursor.param, _range(window) if ranged else utc_text(window.start)


def _range(window: Window) -> str:
    # Procore takes whole seconds; rounded outwards, so that no fraction of one falls between two windows.
    start, end = window.start or window.end, window.end
    end += timedelta(seconds=1 if end.microsecond else 0)
    return f"{utc_text(start)}...{utc_text(end)}"


def _date_params(spec: StreamSpec, dates: DateRange | None) -> Iterator[tuple[str, str]]:
    if spec.date_window is None:
        return
    if dates is None:
        raise ValueError(f"{spec.name}: without dates Procore answers today's logs only")
    yield spec.date_window.start_param, dates.start_on.isoformat()
    yield spec.date_window.end_param, dates.end_on.isoformat()

"""Page sizes: the largest that a list is known to give."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

from sync_worker.catalog.spec import StreamSpec
from sync_worker.client.list_request import SMALLEST_PAGE
from sync_worker.planning.options import StreamOptions
from sync_worker.state.executor import Executor
from sync_worker.state.page_sizes import read_page_sizes

SMALLEST = SMALLEST_PAGE
_LEARNED_FOR = timedelta(days=30)


def learned_sizes(view: Executor, now: datetime) -> dict[str, int]:
    """Return the largest pages that lists are known to give; larger ones are tried again after a month."""
    return dict(read_page_sizes(view, now - _LEARNED_FOR))


def page_size(spec: StreamSpec, options: StreamOptions, learned: Mapping[str, int]) -> int | None:
    """Return the page size to request; None where no paging is documented."""
    if spec.paging.per_page is None:
        return None
    wanted = options.per_page or spec.paging.per_page
    return min(wanted, learned.get(spec.name, wanted))

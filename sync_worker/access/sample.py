"""One-row requests that show whether a list may be read and how many rows it holds; nothing is stored."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import msgspec

from sync_worker.access.tools import off_among
from sync_worker.catalog.tools import PROJECT_TOOLS
from sync_worker.client.list_request import list_request
from sync_worker.errors import RequestError, RetryableError, SkippableError, UnreachableError
from sync_worker.load.split import splitter
from sync_worker.model import Calls, DateRange, Scope, Window
from sync_worker.planning.partitions import Partition
from sync_worker.planning.projects import Project, project_of
from sync_worker.services import Services


class ListSample(NamedTuple):
    """The number of rows of a list, and the first of them."""

    rows: int
    first: msgspec.Raw | None


class ListSampler:
    """Samples lists, remembers the projects that Procore listed with their names, and counts its calls."""

    def __init__(self, services: Services, *, waits: bool = True) -> None:
        self._services = services
        self._projects: dict[Partition, Sequence[Project]] = {}
        self.names: dict[int, str] = {}
        self.calls = Calls(waits=waits)

    def projects(self, partition: Partition) -> list[Project]:
        """Return the projects that Procore lists now; raise as a sweep does."""
        if partition not in self._projects:
            options = self._services.options(partition.spec.name)
            request = list_request(*partition, per_page=options.per_page)
            pages = self._services.procore.pages(request, splitter(partition.spec.envelope), self.calls)
            records = [fields_of(record) for page in pages for record in page.records]
            self._projects[partition] = [project_of(fields) for fields in records]
            self.names |= {int(fields["id"]): str(fields.get("name") or fields["id"]) for fields in records}
        return list(self._projects[partition])

    def tools_off(self, scope: Scope, tools: Iterable[str]) -> frozenset[str]:
        """Return those of these tools that are off in a project now; none where its tools may not be listed."""
        request = list_request(PROJECT_TOOLS, scope)
        try:
            pages = list(self._services.procore.pages(request, splitter(PROJECT_TOOLS.envelope), self.calls))
        except UnreachableError:
            raise
        except (SkippableError, RequestError, RetryableError):
            return frozenset()
        return off_among(tools, (fields_of(record) for page in pages for record in page.records))

    def sample(
        self,
        partition: Partition,
        *,
        window: Window | None = None,
        dates: DateRange | None = None,
        parent_id: int | str | None = None,
    ) -> ListSample:
        """Request one row; raise as a sweep does."""
        request = list_request(
            *partition,
            window=window,
            dates=dates,
            parent_id=parent_id,
            header_company_id=self._services.account_company_id,
            per_page=1,
        )
        page = next(self._services.procore.pages(request, splitter(partition.spec.envelope), self.calls))
        # A list without a total that has another page holds more rows than this one, nobody knows how many.
        rows = page.total if page.total is not None else page.units
        return ListSample(rows, page.records[0] if page.records else None)

    def try_sample(self, partition: Partition, **filters: Any) -> ListSample | None:
        """Do as `sample`, but return None where only this list is refused or broken."""
        try:
            return self.sample(partition, **filters)
        except UnreachableError:
            raise
        except (SkippableError, RequestError, RetryableError):
            return None


def fields_of(record: msgspec.Raw) -> dict[str, Any]:
    """Return the fields of a record as they were sent."""
    fields: dict[str, Any] = msgspec.json.decode(record)
    return fields

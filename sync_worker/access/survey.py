"""A survey of what the service account may read: every tool in every company and project, one call each at most.

A tool that was read lately costs no call. What is learned is stored, so that the daemon is not refused again.
"""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import datetime, timedelta
from enum import StrEnum
from typing import NamedTuple

from sync_worker.access.probes import refusal_of, retry_now
from sync_worker.access.sample import ListSampler
from sync_worker.catalog.spec import ScopeKind, StreamSpec
from sync_worker.destination.protocol import Transaction
from sync_worker.errors import (
    AuthError,
    DestinationError,
    SkippableError,
    StopRequested,
    SyncWorkerError,
    UnreachableError,
)
from sync_worker.logs import redactor
from sync_worker.model import DateRange, Scope, Verdict
from sync_worker.planning.partitions import Partition
from sync_worker.planning.selection import COMPANIES, PROJECTS
from sync_worker.services import Services
from sync_worker.state.history import LatestScope, latest_by_scope
from sync_worker.state.permissions import (
    Refusal,
    RefusalKind,
    forget_refusal,
    read_refusals,
    record_refusal,
    refusal_kind,
)

BELIEVED_FOR = timedelta(days=1)
"""A list that was read within this time counts as readable, without a request."""
_WORTH_LISTING = 2
"""The list of a project's tools costs a call and saves one for each tool that is off."""


class AccessState(StrEnum):
    """The extent to which a tool can be read in a scope."""

    READABLE = "readable"
    PARTLY = "partly"
    """Some of its lists were refused when they were last read."""
    TOOL_OFF = "tool_off"
    NOT_PERMITTED = "not_permitted"
    FAILED = "failed"
    """No response that shows it."""


class ToolAccess(NamedTuple):
    """The access to a tool in a scope."""

    scope: Scope
    tool: str
    state: AccessState
    reason: str = ""
    was_requested: bool = True
    """False if it was known without a call."""
    refused_lists: Sequence[str] = ()
    kind: RefusalKind = RefusalKind.FORBIDDEN


class ToolLists(NamedTuple):
    """A tool in a scope with its lists that are read there; nested lists are left out, they depend on their parents."""

    name: str
    scope: Scope
    specs: Sequence[StreamSpec]

    @property
    def partitions(self) -> list[Partition]:
        """Its lists in this scope."""
        return [Partition(spec, self.scope) for spec in self.specs]

    @property
    def sampled(self) -> StreamSpec:
        """The list that stands for it: preferably not sensitive, and with pages, so that one row can be requested."""
        return min(self.specs, key=lambda spec: (spec.sensitive, spec.paging.per_page is None))


def tools(specs: Sequence[StreamSpec], projects: Mapping[int, Sequence[int]]) -> list[ToolLists]:
    """Return every tool of each company, then of each project; a stream without a tool stands for itself."""
    by_tool: dict[ScopeKind, dict[str, list[StreamSpec]]] = defaultdict(dict)
    for spec in specs:
        if spec.parent is None and spec.name not in (COMPANIES, PROJECTS):
            by_tool[spec.scope].setdefault(spec.tool or spec.name, []).append(spec)
    of_company, of_project = by_tool[ScopeKind.COMPANY], by_tool[ScopeKind.PROJECT]
    companies = [ToolLists(name, Scope(it), lists) for it in projects for name, lists in of_company.items()]
    return companies + [
        ToolLists(name, Scope(company_id, project_id), lists)
        for company_id, project_ids in projects.items()
        for project_id in project_ids
        for name, lists in of_project.items()
    ]


class AccessSurvey:
    """Surveys tools, several scopes at a time, and stores the result; `calls` is how many it took."""

    def __init__(self, services: Services, now: datetime) -> None:
        self._services = services
        self._now = now
        self._last_readings: Mapping[tuple[str, Scope], LatestScope] = {}
        self._lock = threading.Lock()
        self.calls = 0

    def survey(self, tools: Sequence[ToolLists]) -> list[ToolAccess]:
        """Return the access to each tool; raise what concerns all: `AuthError`, `UnreachableError`, `StopRequested`."""
        with suppress(DestinationError), self._services.destination.reader() as view:
            self._last_readings = latest_by_scope(view) if view.has_table("_scope_state") else {}
        by_scope: dict[Scope, list[ToolLists]] = defaultdict(list)
        for tool in tools:
            by_scope[tool.scope].append(tool)
        self._services.progress.planned(len(tools))
        with ThreadPoolExecutor(self._services.max_concurrency, thread_name_prefix="survey") as pool:
            futures = [pool.submit(self._in_scope, scope, here) for scope, here in by_scope.items()]
            try:
                return [access for future in futures for access in future.result()]
            except BaseException:
                pool.shutdown(wait=True, cancel_futures=True)
                raise

    def store(self, tools: Sequence[ToolLists], found: Sequence[ToolAccess]) -> None:
        """Store refusals and permissions, even while another process holds the database; raise `DestinationError`."""
        self._services.writer.do(self._store_all, tools, found)

    def _store_all(self, transaction: Transaction, tools: Sequence[ToolLists], found: Sequence[ToolAccess]) -> None:
        # Read here and not before: a daemon may have met refusals since the survey began.
        known = {(each.subject, each.scope): each for each in read_refusals(transaction)}
        for tool, access in zip(tools, found, strict=True):
            self._store(transaction, tool, access, known)

    def _store(
        self,
        transaction: Transaction,
        tool: ToolLists,
        access: ToolAccess,
        known: Mapping[tuple[str, Scope], Refusal],
    ) -> None:
        sampled, scope = tool.sampled.name, tool.scope
        if access.state in (AccessState.NOT_PERMITTED, AccessState.TOOL_OFF):
            # Only this list may be refused where another one of the tool was read before; and in a company, whose lists
            # have permissions of their own.
            is_single = scope.project_id is None or any(map(self._was_complete, tool.partitions))
            is_tool = access.state is AccessState.TOOL_OFF or not is_single
            subject = tool.name if is_tool else sampled
            before = known.get((subject, scope))
            record_refusal(transaction, refusal_of(subject, scope, access.kind, access.reason, self._now, before))
        elif access.state is AccessState.READABLE and access.was_requested:
            for subject in (tool.name, *(spec.name for spec in tool.specs)):
                if (refusal := known.get((subject, scope))) is None:
                    continue
                if subject in (tool.name, sampled):
                    forget_refusal(transaction, subject, scope)
                else:
                    # Whoever may read one list of a tool can probably read the others now.
                    record_refusal(transaction, retry_now(refusal))

    def _in_scope(self, scope: Scope, tools: Sequence[ToolLists]) -> list[ToolAccess]:
        sampler = ListSampler(self._services, waits=False)
        known = {tool.name: access for tool in tools if (access := self._known(tool)) is not None}
        unknown = [tool.name for tool in tools if tool.name not in known]
        is_worth_it = scope.project_id is not None and len(unknown) >= _WORTH_LISTING
        off = sampler.tools_off(scope, unknown) if is_worth_it else frozenset()
        found: list[ToolAccess] = []
        for tool in tools:
            if tool.name in off:
                reason = "the tool is off in this project"
                found.append(ToolAccess(scope, tool.name, AccessState.TOOL_OFF, reason, was_requested=False))
            else:
                found.append(known.get(tool.name) or self._sampled(tool, sampler))
            self._services.progress.finished(tool.name)
        with self._lock:
            self.calls += sampler.calls.spent
        return found

    def _known(self, tool: ToolLists) -> ToolAccess | None:
        """Return the access to a tool by what was read of it lately."""
        since = self._now - BELIEVED_FOR
        last = {
            spec.name: reading
            for spec, scope in tool.partitions
            if (reading := self._last_readings.get((spec.name, scope)))
        }
        if not any(it.is_read and it.finished_at > since for it in last.values()):
            return None
        refused = [name for name, reading in last.items() if reading.verdict == Verdict.NOT_PERMITTED]
        state = AccessState.PARTLY if refused else AccessState.READABLE
        return ToolAccess(tool.scope, tool.name, state, was_requested=False, refused_lists=refused)

    def _was_complete(self, partition: Partition) -> bool:
        reading = self._last_readings.get((partition.spec.name, partition.scope))
        return reading is not None and reading.mark is not None

    def _sampled(self, tool: ToolLists, sampler: ListSampler) -> ToolAccess:
        today = DateRange(self._now.date(), self._now.date())
        dates = today if tool.sampled.date_window is not None else None
        try:
            sampler.sample(Partition(tool.sampled, tool.scope), dates=dates)
        except SkippableError as refusal:
            kind, reason = refusal_kind(refusal), redactor.text(str(refusal))
            return ToolAccess(tool.scope, tool.name, AccessState.NOT_PERMITTED, reason, kind=kind)
        except (AuthError, UnreachableError, StopRequested):
            raise
        except SyncWorkerError as failure:
            return ToolAccess(tool.scope, tool.name, AccessState.FAILED, redactor.text(str(failure)))
        return ToolAccess(tool.scope, tool.name, AccessState.READABLE)

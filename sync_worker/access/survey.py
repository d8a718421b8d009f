"""What the service account may read: every company and project × tool, by one call at most, and none where it is known.

What is learned is remembered, so that the daemon need not be refused again to know it.
"""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from enum import StrEnum
from functools import partial
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
from sync_worker.state.history import LastReading, last_readings
from sync_worker.state.instants import from_text
from sync_worker.state.permissions import (
    Refusal,
    RefusalKind,
    forget_refusal,
    read_refusals,
    record_refusal,
    refusal_kind,
)

BELIEVED_FOR = timedelta(days=1)
"""A list that was read so lately may be read; it is not asked for again."""
_WORTH_LISTING = 2


class AccessState(StrEnum):
    """How a tool stands in a scope."""

    READABLE = "readable"
    PARTLY = "partly"
    """Some of its lists were refused when they were last read."""
    TOOL_OFF = "tool_off"
    NOT_PERMITTED = "not_permitted"
    FAILED = "failed"
    """No answer that tells."""


class ToolAccess(NamedTuple):
    """A tool in a scope; `asked`: whether a call was spent on it; `lists`: those that are refused where some are."""

    scope: Scope
    tool: str
    standing: AccessState
    reason: str = ""
    asked: bool = True
    lists: Sequence[str] = ()
    kind: RefusalKind = RefusalKind.FORBIDDEN


class ToolLists(NamedTuple):
    """A tool in a scope, with the lists of it that are read there; nested lists tell of their parents."""

    name: str
    scope: Scope
    specs: Sequence[StreamSpec]

    @property
    def partitions(self) -> list[Partition]:
        """Its lists in this scope."""
        return [Partition(spec, self.scope) for spec in self.specs]

    @property
    def asked(self) -> StreamSpec:
        """The list that stands for it: rather one that can be asked for a single row, and that is not sensitive."""
        return min(self.specs, key=lambda spec: (spec.sensitive, spec.paging.per_page is None))


def tools(specs: Sequence[StreamSpec], projects: Mapping[int, Sequence[int]]) -> list[ToolLists]:
    """Every company × tool, then every project × tool; what is in no tool stands for itself."""
    own = [spec for spec in specs if spec.parent is None and spec.name not in (COMPANIES, PROJECTS)]
    of_company, of_project = (_by_tool(own, kind) for kind in (ScopeKind.COMPANY, ScopeKind.PROJECT))
    companies = [ToolLists(name, Scope(it), lists) for it in projects for name, lists in of_company.items()]
    return companies + [
        ToolLists(name, Scope(company_id, project_id), lists)
        for company_id, project_ids in projects.items()
        for project_id in project_ids
        for name, lists in of_project.items()
    ]


def _by_tool(specs: Sequence[StreamSpec], kind: ScopeKind) -> dict[str, list[StreamSpec]]:
    found: dict[str, list[StreamSpec]] = {}
    for spec in specs:
        if spec.scope is kind:
            found.setdefault(spec.tool or spec.name, []).append(spec)
    return found


LastReadings = Mapping[tuple[str, Scope], LastReading]


class AccessSurvey:
    """Asks about tools, several scopes at a time, and keeps what it learns; `calls` is how many that took."""

    def __init__(self, services: Services, now: datetime) -> None:
        self._services = services
        self._now = now
        self._told: LastReadings = {}
        self._lock = threading.Lock()
        self.calls = 0

    def ask(self, tools: Sequence[ToolLists]) -> list[ToolAccess]:
        """How every tool stands; raises what concerns all: `AuthError`, `UnreachableError`, `StopRequested`."""
        self._told = self._told_by_runs()
        by_scope: dict[Scope, list[ToolLists]] = defaultdict(list)
        for tool in tools:
            by_scope[tool.scope].append(tool)
        self._services.progress.planned(len(tools))
        with ThreadPoolExecutor(self._services.max_concurrency, thread_name_prefix="ask") as pool:
            futures = [pool.submit(self._in_scope, scope, here) for scope, here in by_scope.items()]
            try:
                return [access for future in futures for access in future.result()]
            except BaseException:
                pool.shutdown(wait=True, cancel_futures=True)
                raise

    def remember(self, tools: Sequence[ToolLists], found: Sequence[ToolAccess]) -> None:
        """Keep what was learned, whoever holds the database meanwhile; raises `DestinationError`."""

        def write(transaction: Transaction) -> None:
            known = {(each.subject, each.scope): each for each in read_refusals(transaction)}
            for tool, access in zip(tools, found, strict=True):
                for change in self._learned(tool, access, known):
                    change(transaction)

        self._services.writer.do(write)

    def _learned(
        self, tool: ToolLists, access: ToolAccess, known: Mapping[tuple[str, Scope], Refusal]
    ) -> Iterator[Callable[[Transaction], None]]:
        """What is written of a tool that a call was spent on, or that is off."""
        own = [(name, tool.scope) for name in (tool.name, *(spec.name for spec in tool.specs))]
        if access.standing in (AccessState.NOT_PERMITTED, AccessState.TOOL_OFF):
            # Where another list of the tool was read before, this one alone may be refused; so it may be of a company,
            # whose lists have permissions of their own.
            is_off = access.standing is AccessState.TOOL_OFF
            is_alone = tool.scope.project_id is None or any(map(self._was_read, tool.partitions))
            stands_for_all = is_off or not is_alone
            subject = tool.name if stands_for_all else tool.asked.name
            before = known.get((subject, tool.scope))
            refusal = refusal_of(subject, tool.scope, access.kind, access.reason, self._now, before)
            yield partial(record_refusal, refusal=refusal)
        elif access.standing is AccessState.READABLE and access.asked:
            for subject, scope in own:
                if subject in (tool.name, tool.asked.name) and (subject, scope) in known:
                    yield partial(forget_refusal, subject=subject, scope=scope)
                elif (subject, scope) in known:
                    # Whoever may read one list of a tool is likely to be let in by the others now.
                    yield partial(record_refusal, refusal=retry_now(known[subject, scope]))

    def _told_by_runs(self) -> LastReadings:
        try:
            with self._services.destination.reader() as view:
                return last_readings(view) if view.has_table("_latest_scopes") else {}
        except DestinationError:
            return {}

    def _in_scope(self, scope: Scope, tools: Sequence[ToolLists]) -> list[ToolAccess]:
        probe = ListSampler(self._services, waits=False)
        told = {tool.name: access for tool in tools if (access := self._known(tool)) is not None}
        open_ = [tool.name for tool in tools if tool.name not in told]
        worth_it = scope.project_id is not None and len(open_) >= _WORTH_LISTING
        off = probe.tools_off(scope, open_) if worth_it else frozenset()
        found: list[ToolAccess] = []
        for tool in tools:
            found.append(told.get(tool.name) or self._asked(tool, probe, off))
            self._services.progress.finished(tool.name)
        with self._lock:
            self.calls += probe.calls.spent
        return found

    def _known(self, tool: ToolLists) -> ToolAccess | None:
        """How a tool stands by what was read of it lately."""
        since = self._now - BELIEVED_FOR
        last = {
            spec.name: reading for spec, scope in tool.partitions if (reading := self._told.get((spec.name, scope)))
        }
        if not any(it.is_read and from_text(it.finished_at) > since for it in last.values()):
            return None
        lists = [name for name, reading in last.items() if reading.verdict == Verdict.NOT_PERMITTED]
        standing = AccessState.PARTLY if lists else AccessState.READABLE
        return ToolAccess(tool.scope, tool.name, standing, asked=False, lists=lists)

    def _was_read(self, partition: Partition) -> bool:
        reading = self._told.get((partition.spec.name, partition.scope))
        return reading is not None and reading.mark is not None

    def _asked(self, tool: ToolLists, probe: ListSampler, off: Collection[str]) -> ToolAccess:
        if tool.name in off:
            return ToolAccess(
                tool.scope, tool.name, AccessState.TOOL_OFF, "the tool is off in this project", asked=False
            )
        today = DateRange(self._now.date(), self._now.date())
        dates = today if tool.asked.date_window is not None else None
        try:
            probe.look(Partition(tool.asked, tool.scope), dates=dates)
        except SkippableError as refusal:
            kind = refusal_kind(refusal)
            return ToolAccess(tool.scope, tool.name, AccessState.NOT_PERMITTED, redactor.text(str(refusal)), kind=kind)
        except (AuthError, UnreachableError, StopRequested):
            raise
        except SyncWorkerError as failure:
            return ToolAccess(tool.scope, tool.name, AccessState.FAILED, redactor.text(str(failure)))
        return ToolAccess(tool.scope, tool.name, AccessState.READABLE)

"""Refusals by stream or by tool: the reason, since when, and when it is tried again."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple

from sync_worker.errors import NotFoundError, SkippableError
from sync_worker.model import Scope
from sync_worker.state.executor import Executor
from sync_worker.state.queries import queries
from sync_worker.state.rows import execute, fetch
from sync_worker.state.scopes import scope_parameters


class RefusalKind(StrEnum):
    """The kind of a refusal, by its HTTP status."""

    FORBIDDEN = "forbidden"
    """403: no permission, tool off, or project not permitted."""
    NOT_FOUND = "not_found"
    """404: not there, or hidden from this account."""


def refusal_kind(error: SkippableError) -> RefusalKind:
    """Return the kind of a refusal."""
    return RefusalKind.NOT_FOUND if isinstance(error, NotFoundError) else RefusalKind.FORBIDDEN


class Refusal(NamedTuple):
    """A stream, or a whole tool, that may not be read in a scope.

    `reason` is what Procore said; it was refused first at `refused_at`, tried last at `probed_at`, and is tried again
    at `probe_at`.
    """

    subject: str
    scope: Scope
    kind: RefusalKind
    reason: str
    refused_at: datetime
    probed_at: datetime
    probe_at: datetime


class _RefusalRow(NamedTuple):
    subject: str
    company_id: int | None
    project_id: int | None
    kind: RefusalKind
    reason: str
    refused_at: datetime
    probed_at: datetime
    probe_at: datetime

    def refusal(self) -> Refusal:
        subject, company_id, project_id, kind, reason, refused_at, probed_at, probe_at = self
        return Refusal(subject, Scope(company_id, project_id), kind, reason, refused_at, probed_at, probe_at)


def read_refusals(executor: Executor) -> list[Refusal]:
    """Return all streams and tools that may not be read."""
    rows = fetch(executor, _RefusalRow, "read_refusals")
    return [row.refusal() for row in rows]


def record_refusal(executor: Executor, refusal: Refusal) -> None:
    """Store that something may not be read; `refused_at` stays that of the first refusal."""
    values = refusal._asdict()
    execute(executor, "record_refusal", **scope_parameters(values.pop("scope")), **values)


def forget_refusal(executor: Executor, subject: str, scope: Scope) -> None:
    """Forget that something might not be read."""
    execute(executor, "forget_refusal", subject=subject, **scope_parameters(scope))


class ParentRefusal(NamedTuple):
    """A parent whose nested list may not be read, as its row was then; it is tried again at `probe_at`."""

    row_hash: str
    kind: RefusalKind
    probe_at: datetime


class _RefusedParent(NamedTuple):
    parent_key: str
    row_hash: str
    kind: RefusalKind
    probe_at: datetime


def parents_refused(executor: Executor, stream: str, scope: Scope) -> Mapping[str, ParentRefusal]:
    """Return the parents whose nested lists may not be read."""
    rows = fetch(executor, _RefusedParent, "parents_refused", stream=stream, **scope_parameters(scope))
    return {row.parent_key: ParentRefusal(row.row_hash, row.kind, row.probe_at) for row in rows}


def record_parents_refused(
    executor: Executor, stream: str, scope: Scope, refusals: Mapping[str, ParentRefusal], reason: str, at: datetime
) -> None:
    """Store which parents' nested lists may not be read, and what Procore said to the last of them."""
    given = {"stream": stream, **scope_parameters(scope), "reason": reason, "at": at}
    executor.execute_many(
        queries()["record_parent_refused"],
        [given | {"parent_key": parent} | refusal._asdict() for parent, refusal in refusals.items()],
    )


def forget_parents_refused(executor: Executor, stream: str, scope: Scope, parents: Collection[str]) -> None:
    """Forget that the nested lists of these parents might not be read."""
    if parents:
        given = {"stream": stream, **scope_parameters(scope)}
        executor.execute_many(
            queries()["forget_parent_refused"], [given | {"parent_key": parent} for parent in parents]
        )
        # Of a parent that was neither read nor refused there is nothing to remember.
        execute(executor, "drop_forgotten_parents", **given)

"""What this account was refused, by stream or by tool: why, since when, and when it is tried again."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple

from sync_worker.errors import NotFoundError, SkippableError
from sync_worker.model import Scope
from sync_worker.state.executor import Executor
from sync_worker.state.instants import from_text, to_text
from sync_worker.state.queries import queries


class RefusalKind(StrEnum):
    """How Procore refuses."""

    FORBIDDEN = "forbidden"
    """403: no permission, tool off, or project not permitted."""
    NOT_FOUND = "not_found"
    """404: not there, or not to be seen."""


def refusal_kind(error: SkippableError) -> RefusalKind:
    """Return how Procore refused."""
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


def read_refusals(executor: Executor) -> list[Refusal]:
    """All that may not be read."""
    return [
        Refusal(
            str(subject),
            Scope(int(company_id) if company_id else None, int(project_id) if project_id else None),
            RefusalKind(str(kind)),
            str(reason),
            *(from_text(str(instant)) for instant in instants),
        )
        for subject, company_id, project_id, kind, reason, *instants in executor.execute(queries()["read_refusals"])
    ]


def record_refusal(executor: Executor, refusal: Refusal) -> None:
    """Store that something may not be read; since when it may not is told once."""
    executor.execute(
        queries()["record_refusal"],
        {
            "subject": refusal.subject,
            **refusal.scope._asdict(),
            "kind": refusal.kind,
            "reason": refusal.reason,
            "refused_at": to_text(refusal.refused_at),
            "probed_at": to_text(refusal.probed_at),
            "probe_at": to_text(refusal.probe_at),
        },
    )


def forget_refusal(executor: Executor, subject: str, scope: Scope) -> None:
    """Forget that something might not be read."""
    executor.execute(queries()["forget_refusal"], {"subject": subject, **scope._asdict()})


class ParentRefusal(NamedTuple):
    """A parent whose nested list may not be read, as its row was then; it is tried again at `probe_at`."""

    row_hash: str
    kind: RefusalKind
    probe_at: datetime


def parents_refused(executor: Executor, stream: str, scope: Scope) -> Mapping[str, ParentRefusal]:
    """The parents whose nested lists may not be read."""
    rows = executor.execute(queries()["parents_refused"], {"stream": stream, **scope._asdict()})
    return {
        str(parent): ParentRefusal(str(row_hash), RefusalKind(str(kind)), from_text(str(probe_at)))
        for parent, row_hash, kind, probe_at in rows
    }


def record_parents_refused(
    executor: Executor, stream: str, scope: Scope, refusals: Mapping[str, ParentRefusal], reason: str, at: datetime
) -> None:
    """Store which parents' nested lists may not be read, and what Procore said to the last of them."""
    given = {"stream": stream, **scope._asdict(), "reason": reason, "at": to_text(at)}
    executor.execute_many(
        queries()["record_parent_refused"],
        [
            given | {"parent_key": parent, "row_hash": it.row_hash, "kind": it.kind, "probe_at": to_text(it.probe_at)}
            for parent, it in refusals.items()
        ],
    )


def forget_parents_refused(executor: Executor, stream: str, scope: Scope, parents: Collection[str]) -> None:
    """Forget that the nested lists of these parents might not be read."""
    given = {"stream": stream, **scope._asdict()}
    executor.execute_many(queries()["forget_parent_refused"], [given | {"parent_key": parent} for parent in parents])

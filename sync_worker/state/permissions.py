"""What this account was refused, by stream or by tool: why, since when, and when it is tried again."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import NamedTuple

from sync_worker.model import Scope
from sync_worker.state.executor import Executor
from sync_worker.state.instants import from_text, to_text
from sync_worker.state.queries import queries


class Kind(StrEnum):
    """How Procore refuses."""

    FORBIDDEN = "forbidden"
    """403: no permission, tool off, or project not permitted."""
    NOT_FOUND = "not_found"
    """404: not there, or not to be seen."""


class Refusal(NamedTuple):
    """A stream, or a whole tool, that may not be read in a scope.

    `reason` is what Procore said; it was refused first at `refused_at`, tried last at `probed_at`, and is tried again
    at `probe_at`.
    """

    subject: str
    scope: Scope
    kind: Kind
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
            Kind(str(kind)),
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

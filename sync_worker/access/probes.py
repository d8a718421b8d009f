"""The times at which a refused list is tried again: daily for a week, then weekly, to protect the app's grade.

Procore grades an app on the 403s and 404s among its calls. Where much is refused, a few probes in each run notice a
change of permissions as well as many, because permissions are rarely given for one list only.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from sync_worker.model import Scope
from sync_worker.planning.partitions import Chain
from sync_worker.planning.windows import SLACK
from sync_worker.state.permissions import Refusal, RefusalKind

_DAY = timedelta(days=1)
_WEEK = timedelta(days=7)
_CALLS_A_PROBE = 1_000

LISTS_FOR_A_TOOL = 2
"""So many refused lists of a tool, and none that can be read, stand for the whole tool."""

AccessKey = tuple[str, Scope]
"""A stream or a tool, and the scope in which it is refused."""


def refusal_of(
    subject: str, scope: Scope, kind: RefusalKind, reason: str, now: datetime, before: Refusal | None = None
) -> Refusal:
    """Return the refusal met now; `before` is the one that was stored."""
    since = before.refused_at if before else now
    every = _DAY if now - since < _WEEK - SLACK else _WEEK
    return Refusal(subject, scope, kind, reason, since, now, now + every)


def retry_now(refusal: Refusal) -> Refusal:
    """Return the refusal with its probe due at once, because something near it was permitted."""
    return refusal._replace(probe_at=refusal.probed_at)


def due_probes(refusals: Iterable[Refusal], ahead: int, now: datetime) -> list[Refusal]:
    """Return what a run with so many partitions `ahead` tries again: the longest due, and all that waited a week."""
    due = sorted((each for each in refusals if _is_due(each, now)), key=lambda each: each.probe_at)
    few = max(1, ahead // _CALLS_A_PROBE)
    return [each for place, each in enumerate(due) if place < few or _is_overdue(each, now)]


def _is_due(refusal: Refusal, now: datetime) -> bool:
    # A probe further ahead than any was ever set was set by a wrong clock.
    return not SLACK < refusal.probe_at - now <= _WEEK + SLACK


def _is_overdue(refusal: Refusal, now: datetime) -> bool:
    return refusal.probe_at <= refusal.probed_at or now - refusal.probed_at >= _WEEK - SLACK


def probes_first(chains: Sequence[Chain], probed: Iterable[AccessKey]) -> list[Chain]:
    """Order chains so that permissions are known early: probes, then two lists of each tool, then the rest."""
    probes, met = set(probed), dict[AccessKey, int]()
    ranked: list[tuple[int, Chain]] = []
    for chain in chains:
        spec, scope = chain[0]
        tool = (spec.tool, scope)
        met[tool] = met.get(tool, 0) + 1
        ranked.append((0 if (spec.name, scope) in probes else 1 if met[tool] <= LISTS_FOR_A_TOOL else 2, chain))
    return [chain for _, chain in sorted(ranked, key=lambda each: each[0])]

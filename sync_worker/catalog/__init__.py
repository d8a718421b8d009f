"""Which streams there are: data, no I/O; one file per Procore tool family.

Lists are sorted by id where Procore allows it, else by `created_at`: either way a record created or edited while we
page moves no other one, so fewer sweeps have to be repeated. The other lists come in an order nobody promises.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType

from sync_worker.catalog import (
    action_plans,
    bidding,
    budget,
    change_events,
    change_orders,
    commitments,
    company_settings,
    coordination_issues,
    correspondence,
    custom_fields,
    daily_logs,
    direct_costs,
    directory,
    documents,
    drawings,
    field_productivity,
    forms,
    incidents,
    inspections,
    meetings,
    observations,
    photos,
    portfolio,
    prime_contracts,
    project_setup,
    punch_list,
    rfis,
    schedule,
    specifications,
    submittals,
    tasks,
    tax,
    units_of_measure,
    work_breakdown,
)
from sync_worker.catalog.spec import ScopeKind, StreamSpec

__all__ = ["STREAMS", "assemble", "tagged"]


def assemble(specs: Iterable[StreamSpec]) -> Mapping[str, StreamSpec]:
    """The streams by name: those of the account, of companies, of projects, and in each parents before nested ones.

    Raises ValueError when a name is taken twice or a parent is missing.
    """
    by_name: dict[str, StreamSpec] = {}
    for spec in specs:
        if spec.name in by_name:
            raise ValueError(f"stream {spec.name} is declared twice")
        by_name[spec.name] = spec
    scopes = list(ScopeKind)
    ordered = sorted(by_name.values(), key=lambda spec: (scopes.index(spec.scope), len(_ancestors(spec, by_name))))
    return MappingProxyType({spec.name: spec for spec in ordered})


def _ancestors(spec: StreamSpec, by_name: Mapping[str, StreamSpec]) -> list[str]:
    found: list[str] = []
    while spec.parent is not None:
        name = spec.parent.stream
        if name not in by_name:
            raise ValueError(f"stream {spec.name} is nested in {name}, which is not declared")
        if name in found:
            raise ValueError(f"stream {spec.name} is nested in itself")
        found.append(name)
        spec = by_name[name]
    return found


STREAMS: Mapping[str, StreamSpec] = assemble(
    (
        *portfolio.STREAMS,
        *company_settings.STREAMS,
        *custom_fields.STREAMS,
        *directory.STREAMS,
        *project_setup.STREAMS,
        *work_breakdown.STREAMS,
        *units_of_measure.STREAMS,
        *tax.STREAMS,
        *rfis.STREAMS,
        *submittals.STREAMS,
        *punch_list.STREAMS,
        *tasks.STREAMS,
        *meetings.STREAMS,
        *correspondence.STREAMS,
        *coordination_issues.STREAMS,
        *drawings.STREAMS,
        *specifications.STREAMS,
        *documents.STREAMS,
        *photos.STREAMS,
        *forms.STREAMS,
        *schedule.STREAMS,
        *bidding.STREAMS,
        *daily_logs.STREAMS,
        *field_productivity.STREAMS,
        *observations.STREAMS,
        *incidents.STREAMS,
        *inspections.STREAMS,
        *action_plans.STREAMS,
        *budget.STREAMS,
        *prime_contracts.STREAMS,
        *commitments.STREAMS,
        *change_orders.STREAMS,
        *change_events.STREAMS,
        *direct_costs.STREAMS,
    )
)


def tagged(tag: str) -> tuple[str, ...]:
    """The streams with this tag, for jobs; sensitive ones are left out, they are chosen by name."""
    return tuple(name for name, spec in STREAMS.items() if tag in spec.tags and not spec.sensitive)

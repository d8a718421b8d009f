"""Streams of the company's settings: what its projects choose from."""

from __future__ import annotations

from sync_worker.catalog.spec import V2_PAGING, Envelope, ScopeKind, StreamSpec, columns

ROLES = StreamSpec(
    name="roles",
    tool="Company Admin/Company Settings",
    path="/rest/v2.0/companies/{company_id}/roles",
    scope=ScopeKind.COMPANY,
    primary_key=("id",),
    fields=columns(
        integer="position",
        string="id archetype name type",
        boolean="add_to_project_team deletable display_on_company_home",
    ),
    envelope=Envelope.DATA,
    paging=V2_PAGING,
    tags=frozenset({"company"}),
)

STREAMS = (ROLES,)

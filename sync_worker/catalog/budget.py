"""Streams of the Budget tool; its line items have no list of their own, the rows of its views stand for them."""

from __future__ import annotations

from sync_worker.catalog.spec import NO_PAGING, Envelope, Parent, ScopeKind, StreamSpec, columns

BUDGET_VIEWS = StreamSpec(
    name="budget_views",
    tool="Construction Financials/Budget",
    path="/rest/v1.0/budget_views",
    scope=ScopeKind.PROJECT,
    # One view serves many projects.
    primary_key=("project_id", "id"),
    fields=columns(
        integer="id",
        string="name description created_at updated_at role",
        object="created_by links",
    ),
    query={"project_id": "{project_id}", "sort": "created_at"},
    tags=frozenset({"financials"}),
)

# A view adds a field for each of its columns, named by the company: they are kept in `_extra`.
BUDGET_VIEW_DETAIL_ROWS = StreamSpec(
    name="budget_view_detail_rows",
    tool="Construction Financials/Budget",
    path="/rest/v1.0/budget_views/{budget_view_id}/detail_rows",
    scope=ScopeKind.PROJECT,
    primary_key=("project_id", "budget_view_id", "_row_key"),
    fields=columns(
        integer="id wbs_code_id biller_id root_cost_code_id cost_code_id category_id",
        string="""
            company cost_code_origin_id project biller biller_type root_cost_code cost_code category
            budget_modifications unbudgeted_reason
        """,
        boolean="deletable",
        decimal="original_budget_amount",
        object="budget_forecast currency_configuration",
    ),
    parent=Parent(BUDGET_VIEWS.name, "budget_view_id"),
    # Without it rows that were never budgeted are left out; those have no id.
    query={"project_id": "{project_id}", "budget_row_type": "all"},
    # The facts tell rows without an id apart by cost code and category; sub jobs and WBS codes share these.
    row_key=("id", "cost_code_id", "category_id", "biller_id", "wbs_code_id"),
    tracked=("original_budget_amount", "budget_modifications", "budget_forecast"),
    tags=frozenset({"financials"}),
)

# A v1 list that wraps its records like v2.
BUDGET_CHANGES = StreamSpec(
    name="budget_changes",
    tool="Construction Financials/Budget",
    path="/rest/v1.0/projects/{project_id}/budget_changes",
    scope=ScopeKind.PROJECT,
    primary_key=("id",),
    fields=columns(
        integer="id number prime_contract_id",
        string="status title description erp_status",
        decimal="amount",
        object="currency_configuration",
        array="change_event_line_item_ids",
    ),
    envelope=Envelope.DATA,
    paging=NO_PAGING,
    tracked=("status", "amount"),
    tags=frozenset({"financials"}),
)

STREAMS = (BUDGET_VIEWS, BUDGET_VIEW_DETAIL_ROWS, BUDGET_CHANGES)

"""Streams of the Budget tool. Its line items have no list; the rows of budget views take their place."""

from __future__ import annotations

from sync_worker.catalog.spec import NO_PAGING, V2_PAGING, Envelope, Parent, ScopeKind, StreamSpec, columns

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
    # The default leaves out rows that were never budgeted, which have no id.
    query={"project_id": "{project_id}", "budget_row_type": "all"},
    # The API reference identifies rows without an id by cost code and category; sub jobs and WBS codes share these.
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

BUDGET_VIEW_SUMMARY_ROWS = StreamSpec(
    name="budget_view_summary_rows",
    tool="Construction Financials/Budget",
    path="/rest/v1.0/budget_views/{budget_view_id}/summary_rows",
    scope=ScopeKind.PROJECT,
    # One view serves many projects, and the ids of two views may overlap.
    primary_key=("project_id", "budget_view_id", "id"),
    fields=columns(
        string="id name biller_type budget_modifications",
        decimal="original_budget_amount",
        object="budget_forecast currency_configuration",
    ),
    parent=Parent(BUDGET_VIEWS.name, "budget_view_id"),
    query={"project_id": "{project_id}"},
    tags=frozenset({"financials"}),
)

# The definitions of the columns that a view adds to its rows.
BUDGET_DETAIL_COLUMNS = StreamSpec(
    name="budget_detail_columns",
    tool="Construction Financials/Budget",
    path="/rest/v1.0/budget_views/{budget_view_id}/budget_detail_columns",
    scope=ScopeKind.PROJECT,
    # The same key as the rows.
    primary_key=("project_id", "budget_view_id", "id"),
    fields=columns(integer="position", string="id name type", boolean="aggregatable filterable groupable"),
    parent=Parent(BUDGET_VIEWS.name, "budget_view_id"),
    query={"project_id": "{project_id}"},
    paging=NO_PAGING,
    tags=frozenset({"financials"}),
)

BUDGET_CHANGE_ADJUSTMENT_LINE_ITEMS = StreamSpec(
    name="budget_change_adjustment_line_items",
    tool="Construction Financials/Budget",
    # One list with the lines of all budget changes.
    path="/rest/v2.0/companies/{company_id}/projects/{project_id}/budget_changes/adjustment_line_items",
    scope=ScopeKind.PROJECT,
    primary_key=("id",),
    fields=columns(
        integer="adjustment_number",
        string="""
            id wbs_code_id uom description type budget_change_id budget_change_name budget_change_number
            budget_change_status
        """,
        decimal="amount quantity",
    ),
    envelope=Envelope.DATA,
    paging=V2_PAGING,
    tracked=("amount", "budget_change_status"),
    tags=frozenset({"financials"}),
)

BUDGET_MODIFICATIONS = StreamSpec(
    name="budget_modifications",
    tool="Construction Financials/Budget",
    path="/rest/v1.0/projects/{project_id}/budget_modifications",
    scope=ScopeKind.PROJECT,
    primary_key=("id",),
    fields=columns(
        integer="id from_budget_line_item_id to_budget_line_item_id",
        string="notes origin_data origin_id",
        datetime="created_at updated_at",
        decimal="transfer_amount",
    ),
    tags=frozenset({"financials"}),
)

BUDGET_VIEW_SNAPSHOTS = StreamSpec(
    name="budget_view_snapshots",
    tool="Construction Financials/Budget",
    path="/rest/v1.0/budget_view_snapshots",
    scope=ScopeKind.PROJECT,
    primary_key=("id",),
    fields=columns(integer="id", string="name description created_at", object="created_by budget_view links"),
    query={"project_id": "{project_id}"},
    tags=frozenset({"financials"}),
)

MANUAL_FORECAST_LINE_ITEMS = StreamSpec(
    name="manual_forecast_line_items",
    tool="Construction Financials/Budget",
    path="/rest/v1.0/projects/{project_id}/manual_forecast_line_items",
    scope=ScopeKind.PROJECT,
    primary_key=("id",),
    fields=columns(
        integer="id budget_line_item_id wbs_code_id budget_forecast_id quantity",
        string="description uom",
        datetime="created_at updated_at",
        decimal="unit_cost amount",
        object="currency_configuration",
    ),
    paging=NO_PAGING,
    tracked=("amount",),
    tags=frozenset({"financials"}),
)

STREAMS = (
    BUDGET_VIEWS,
    BUDGET_VIEW_DETAIL_ROWS,
    BUDGET_CHANGES,
    BUDGET_VIEW_SUMMARY_ROWS,
    BUDGET_DETAIL_COLUMNS,
    BUDGET_CHANGE_ADJUSTMENT_LINE_ITEMS,
    BUDGET_MODIFICATIONS,
    BUDGET_VIEW_SNAPSHOTS,
    MANUAL_FORECAST_LINE_ITEMS,
)

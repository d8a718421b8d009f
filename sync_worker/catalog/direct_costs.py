"""Streams of the Direct Costs tool."""

from __future__ import annotations

from sync_worker.catalog.line_items import LINE_ITEM
from sync_worker.catalog.spec import UPDATED_AT, ScopeKind, StreamSpec, SyncMode, columns

DIRECT_COSTS = StreamSpec(
    name="direct_costs",
    tool="Construction Financials/Direct Costs",
    path="/rest/v1.1/projects/{project_id}/direct_costs",
    scope=ScopeKind.PROJECT,
    primary_key=("id",),
    fields=columns(
        integer="id vendor_id",
        string="description direct_cost_type invoice_number origin_data origin_id status terms vendor vendor_name",
        date="direct_cost_date payment_date received_date",
        datetime="created_at deleted_at updated_at",
        decimal="amount grand_total",
        object="currency_configuration employee",
    ),
    mode=SyncMode.INCREMENTAL,
    cursor=UPDATED_AT,
    tracked=("status", "grand_total"),
    tags=frozenset({"financials"}),
)

DIRECT_COST_LINE_ITEMS = StreamSpec(
    name="direct_cost_line_items",
    tool="Construction Financials/Direct Costs",
    # One list with the lines of all direct costs.
    path="/rest/v1.0/projects/{project_id}/direct_costs/line_items",
    scope=ScopeKind.PROJECT,
    primary_key=("id",),
    fields=LINE_ITEM,
    mode=SyncMode.INCREMENTAL,
    cursor=UPDATED_AT,
    tracked=("amount",),
    tags=frozenset({"financials"}),
)

STREAMS = (DIRECT_COSTS, DIRECT_COST_LINE_ITEMS)

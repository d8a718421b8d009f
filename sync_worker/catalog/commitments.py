"""Streams of the Commitments tool: what was bought, and from whom."""

from __future__ import annotations

from sync_worker.catalog.spec import (
    INCLUDE_DELETED,
    UPDATED_AT,
    Parent,
    ScopeKind,
    StreamSpec,
    SyncMode,
    columns,
)

WORK_ORDER_CONTRACTS = StreamSpec(
    name="work_order_contracts",
    tool="Construction Financials/Commitments",
    path="/rest/v1.0/work_order_contracts",
    scope=ScopeKind.PROJECT,
    primary_key=("id",),
    fields=columns(
        integer="id",
        string="""
            accounting_method approval_letter_date approved_change_orders description exclusions inclusions number
            origin_data origin_code origin_id pending_change_orders status title
        """,
        boolean="executed private requisitions_are_enabled show_line_items_to_non_admins",
        date="""
            actual_completion_date contract_date contract_start_date contract_estimated_completion_date execution_date
            issued_on_date letter_of_intent_date returned_date signed_contract_received_date
        """,
        datetime="created_at deleted_at updated_at",
        decimal="""
            draft_change_orders_amount grand_total pending_revised_contract percentage_paid
            remaining_balance_outstanding retainage_percent revised_contract total_draw_requests_amount total_payments
            total_requisitions_amount
        """,
        object="project vendor currency_configuration",
    ),
    mode=SyncMode.INCREMENTAL,
    query={"project_id": "{project_id}", "view": "extended"},
    cursor=UPDATED_AT,
    deletes=INCLUDE_DELETED,
    tracked=("status", "executed", "grand_total", "revised_contract"),
    tags=frozenset({"financials"}),
)

WORK_ORDER_CONTRACT_LINE_ITEMS = StreamSpec(
    name="work_order_contract_line_items",
    tool="Construction Financials/Commitments",
    path="/rest/v1.0/work_order_contracts/{work_order_contract_id}/line_items",
    scope=ScopeKind.PROJECT,
    primary_key=("id",),
    fields=columns(
        integer="id position tax_code_id",
        string="description extended_type origin_data origin_id uom",
        datetime="created_at updated_at",
        decimal="amount quantity total_amount extended_amount unit_cost",
        object="""
            company cost_code holder line_item_type project wbs_code change_event_line_item currency_configuration
        """,
    ),
    mode=SyncMode.INCREMENTAL,
    # Whether an edited line moves the contract's updated_at is not documented: no contract is safe to skip.
    parent=Parent(WORK_ORDER_CONTRACTS.name, "work_order_contract_id"),
    query={"project_id": "{project_id}"},
    cursor=UPDATED_AT,
    tracked=("amount",),
    tags=frozenset({"financials"}),
)

STREAMS = (WORK_ORDER_CONTRACTS, WORK_ORDER_CONTRACT_LINE_ITEMS)

"""Streams of the Commitments tool: subcontracts, purchase orders and their invoices."""

from __future__ import annotations

from sync_worker.catalog.line_items import CONTRACT_LINE_ITEM
from sync_worker.catalog.spec import (
    ATTACHMENT_URLS,
    INCLUDE_DELETED,
    UPDATED_AT,
    Parent,
    ScopeKind,
    StreamSpec,
    SyncMode,
    columns,
)

COMMITMENT = columns(
    integer="id",
    string="""
        accounting_method approval_letter_date approved_change_orders description number origin_data origin_code
        origin_id pending_change_orders status title
    """,
    boolean="executed private requisitions_are_enabled show_line_items_to_non_admins",
    date="""
        contract_date execution_date issued_on_date letter_of_intent_date returned_date
        signed_contract_received_date
    """,
    datetime="created_at deleted_at updated_at",
    decimal="""
        draft_change_orders_amount grand_total pending_revised_contract percentage_paid
        remaining_balance_outstanding retainage_percent revised_contract total_draw_requests_amount total_payments
        total_requisitions_amount
    """,
    object="project vendor currency_configuration",
)

WORK_ORDER_CONTRACTS = StreamSpec(
    name="work_order_contracts",
    tool="Construction Financials/Commitments",
    path="/rest/v1.0/work_order_contracts",
    scope=ScopeKind.PROJECT,
    primary_key=("id",),
    fields=columns(
        COMMITMENT,
        string="exclusions inclusions",
        date="actual_completion_date contract_start_date contract_estimated_completion_date",
    ),
    mode=SyncMode.INCREMENTAL,
    query={"project_id": "{project_id}", "view": "extended"},
    cursor=UPDATED_AT,
    deletes=INCLUDE_DELETED,
    tracked=("status", "executed", "grand_total", "revised_contract"),
    tags=frozenset({"financials"}),
)

# It is not documented that an edited line moves the contract's updated_at, so all contracts are read from time to time.
WORK_ORDER_CONTRACT_LINE_ITEMS = StreamSpec(
    name="work_order_contract_line_items",
    tool="Construction Financials/Commitments",
    path="/rest/v1.0/work_order_contracts/{work_order_contract_id}/line_items",
    scope=ScopeKind.PROJECT,
    primary_key=("id",),
    fields=CONTRACT_LINE_ITEM,
    mode=SyncMode.INCREMENTAL,
    parent=Parent(WORK_ORDER_CONTRACTS.name, "work_order_contract_id"),
    query={"project_id": "{project_id}"},
    cursor=UPDATED_AT,
    tracked=("amount",),
    tags=frozenset({"financials"}),
)

PURCHASE_ORDER_CONTRACTS = StreamSpec(
    name="purchase_order_contracts",
    tool="Construction Financials/Commitments",
    path="/rest/v1.0/purchase_order_contracts",
    scope=ScopeKind.PROJECT,
    primary_key=("id",),
    fields=columns(
        COMMITMENT,
        string="bill_to_address billing_schedule_of_values_status payment_terms ship_to_address ship_via",
        date="delivery_date",
        object="assignee",
    ),
    mode=SyncMode.INCREMENTAL,
    query={"project_id": "{project_id}", "view": "extended"},
    cursor=UPDATED_AT,
    deletes=INCLUDE_DELETED,
    tracked=("status", "executed", "grand_total", "revised_contract"),
    tags=frozenset({"financials"}),
)

PURCHASE_ORDER_CONTRACT_LINE_ITEMS = StreamSpec(
    name="purchase_order_contract_line_items",
    tool="Construction Financials/Commitments",
    path="/rest/v1.0/purchase_order_contracts/{purchase_order_contract_id}/line_items",
    scope=ScopeKind.PROJECT,
    primary_key=("id",),
    fields=CONTRACT_LINE_ITEM,
    mode=SyncMode.INCREMENTAL,
    parent=Parent(PURCHASE_ORDER_CONTRACTS.name, "purchase_order_contract_id"),
    query={"project_id": "{project_id}"},
    cursor=UPDATED_AT,
    tracked=("amount",),
    tags=frozenset({"financials"}),
)

# The API calls them requisitions.
SUBCONTRACTOR_INVOICES = StreamSpec(
    name="subcontractor_invoices",
    tool="Construction Financials/Commitments",
    path="/rest/v1.1/requisitions",
    scope=ScopeKind.PROJECT,
    primary_key=("id",),
    fields=columns(
        integer="id previous_requisition_id commitment_id vendor_id period_id number electronic_signature_id",
        string="""
            commitment_type contract_name vendor_name invoice_number invoice_type origin_data origin_id status
            erp_status
        """,
        boolean="deletable final move_materials_to_previous_work_completed",
        date="billing_date payment_date requisition_start requisition_end submitted_at",
        datetime="created_at updated_at",
        decimal="percent_complete total_claimed_amount",
        object="summary_text summary created_by custom_fields currency_configuration",
        array="attachments items item_packages",
    ),
    mode=SyncMode.INCREMENTAL,
    query={"project_id": "{project_id}", "view": "extended"},
    cursor=UPDATED_AT,
    volatile=ATTACHMENT_URLS,
    tracked=("status", "percent_complete", "total_claimed_amount", "payment_date"),
    tags=frozenset({"financials"}),
)

BILLING_PERIODS = StreamSpec(
    name="billing_periods",
    tool="Construction Financials/Commitments",
    path="/rest/v1.0/projects/{project_id}/billing_periods",
    scope=ScopeKind.PROJECT,
    primary_key=("id",),
    fields=columns(
        integer="id position",
        string="status",
        date="due_date end_date start_date",
        datetime="created_at updated_at",
    ),
    mode=SyncMode.INCREMENTAL,
    cursor=UPDATED_AT,
    tags=frozenset({"financials"}),
)

SUBCONTRACTOR_INVOICE_ITEM = columns(
    integer="id cost_code_id line_item_id position",
    string="""
        description_of_work work_completed_from_previous_application work_completed_this_period
        materials_presently_stored materials_moved
    """,
    decimal="""
        scheduled_value total_completed_and_stored_to_date total_completed_and_stored_to_date_percent
        work_completed_retainage_from_previous_application work_completed_retainage_retained_this_period
        work_completed_retainage_percent_this_period materials_stored_retainage_currently_retained
        materials_stored_retainage_percent_this_period work_completed_retainage_released_this_period
        materials_stored_retainage_released_this_period scheduled_quantity scheduled_unit_price
        work_completed_this_period_quantity work_completed_from_previous_application_quantity
        subcontractor_claimed_amount materials_retainage_retained_moved
    """,
    object="wbs_code currency_configuration",
)

SUBCONTRACTOR_INVOICE_CONTRACT_ITEMS = StreamSpec(
    name="subcontractor_invoice_contract_items",
    tool="Construction Financials/Commitments",
    path="/rest/v1.0/requisitions/{requisition_id}/contract_items",
    scope=ScopeKind.PROJECT,
    primary_key=("id",),
    fields=columns(
        SUBCONTRACTOR_INVOICE_ITEM,
        string="item_type comment status accounting_method",
        boolean="ssr_manual_override",
    ),
    parent=Parent(SUBCONTRACTOR_INVOICES.name, "requisition_id"),
    query={"project_id": "{project_id}"},
    tags=frozenset({"financials"}),
)

SUBCONTRACTOR_INVOICE_CHANGE_ORDER_ITEMS = StreamSpec(
    name="subcontractor_invoice_change_order_items",
    tool="Construction Financials/Commitments",
    path="/rest/v1.0/requisitions/{requisition_id}/change_order_items",
    scope=ScopeKind.PROJECT,
    primary_key=("id",),
    fields=columns(
        SUBCONTRACTOR_INVOICE_ITEM,
        integer="commitment_line_item_id change_order_package_id",
        string="commitment_line_item_origin_id",
    ),
    parent=Parent(SUBCONTRACTOR_INVOICES.name, "requisition_id"),
    query={"project_id": "{project_id}"},
    tags=frozenset({"financials"}),
)

LINE_ITEM_TYPES = StreamSpec(
    name="line_item_types",
    tool="Construction Financials/Commitments",
    path="/rest/v1.0/line_item_types",
    scope=ScopeKind.PROJECT,
    # The company's types, in a list for each project.
    primary_key=("project_id", "id"),
    fields=columns(integer="id", string="name code base_type origin_data origin_id"),
    query={"company_id": "{company_id}", "project_id": "{project_id}"},
    tags=frozenset({"financials"}),
)

STREAMS = (
    WORK_ORDER_CONTRACTS,
    WORK_ORDER_CONTRACT_LINE_ITEMS,
    PURCHASE_ORDER_CONTRACTS,
    PURCHASE_ORDER_CONTRACT_LINE_ITEMS,
    SUBCONTRACTOR_INVOICES,
    BILLING_PERIODS,
    SUBCONTRACTOR_INVOICE_CONTRACT_ITEMS,
    SUBCONTRACTOR_INVOICE_CHANGE_ORDER_ITEMS,
    LINE_ITEM_TYPES,
)

"""Streams of change orders, by the tiers a project is set up with.

One or two tiers: prime and commitment change orders. Three: packages, and the potential change orders inside them.
The first two come without paging; Procore documents that they answer one object, they are read as lists.
"""

from __future__ import annotations

from sync_worker.catalog.line_items import CONTRACT_LINE_ITEM
from sync_worker.catalog.spec import (
    INCLUDE_DELETED,
    NO_PAGING,
    UPDATED_AT,
    V2_PAGING,
    Envelope,
    Parent,
    ScopeKind,
    StreamSpec,
    SyncMode,
    columns,
)

CHANGE_ORDER = columns(
    integer="""
        id batch_id contract_id legacy_package_id legacy_request_id location_id schedule_impact_amount revision
    """,
    string="description title number type status reference",
    boolean="executed paid signature_required private field_change",
    date="invoiced_date due_date revised_substantial_completion_date signed_change_order_received_date",
    datetime="updated_at created_at reviewed_at",
    decimal="grand_total",
    object="""
        created_by designated_reviewer received_from reviewed_by change_order_change_reason custom_fields
        currency_configuration
    """,
    array="change_events",
)

COMMITMENT_CHANGE_ORDERS = StreamSpec(
    name="commitment_change_orders",
    tool="Construction Financials/Commitments",
    path="/rest/v1.0/projects/{project_id}/commitment_change_orders",
    scope=ScopeKind.PROJECT,
    primary_key=("id",),
    fields=CHANGE_ORDER,
    mode=SyncMode.INCREMENTAL,
    query={"sort": "id"},
    paging=NO_PAGING,
    cursor=UPDATED_AT,
    tracked=("status", "executed", "grand_total", "due_date"),
    tags=frozenset({"financials"}),
)

PRIME_CHANGE_ORDERS = StreamSpec(
    name="prime_change_orders",
    tool="Construction Financials/Prime Contracts",
    path="/rest/v1.0/projects/{project_id}/prime_change_orders",
    scope=ScopeKind.PROJECT,
    primary_key=("id",),
    fields=columns(CHANGE_ORDER, date="paid_date"),
    mode=SyncMode.INCREMENTAL,
    query={"sort": "id"},
    paging=NO_PAGING,
    cursor=UPDATED_AT,
    tracked=("status", "executed", "grand_total", "due_date"),
    tags=frozenset({"financials"}),
)

CHANGE_ORDER_PACKAGES = StreamSpec(
    name="change_order_packages",
    tool="Construction Financials/Change Orders",
    path="/rest/v1.0/change_order_packages",
    scope=ScopeKind.PROJECT,
    primary_key=("id",),
    fields=columns(
        integer="id contract_id created_by_id revision",
        string="number origin_code origin_data origin_id status title",
        boolean="executed",
        date="due_date invoiced_date paid_date signed_change_order_received_date",
        datetime="created_at deleted_at reviewed_at updated_at",
        decimal="grand_total",
        object="designated_reviewer currency_configuration custom_fields",
    ),
    mode=SyncMode.INCREMENTAL,
    query={"project_id": "{project_id}"},
    cursor=UPDATED_AT,
    deletes=INCLUDE_DELETED,
    tracked=("status", "executed", "grand_total", "due_date"),
    tags=frozenset({"financials"}),
)

POTENTIAL_CHANGE_ORDERS = StreamSpec(
    name="potential_change_orders",
    tool="Construction Financials/Change Orders",
    path="/rest/v1.0/potential_change_orders",
    scope=ScopeKind.PROJECT,
    primary_key=("id",),
    fields=columns(
        integer="""
            id contract_id created_by_id revision schedule_impact_amount change_order_request_id change_order_tiers
        """,
        string="""
            number status title change_reason change_order_request_title change_order_package_title
            potential_change_order_acronym_number change_order_request_acronym_number
            change_order_package_acronym_number
        """,
        boolean="executed",
        date="due_date invoiced_date paid_date",
        datetime="created_at deleted_at reviewed_at updated_at",
        decimal="grand_total",
        object="currency_configuration custom_fields",
    ),
    mode=SyncMode.INCREMENTAL,
    query={"project_id": "{project_id}"},
    cursor=UPDATED_AT,
    deletes=INCLUDE_DELETED,
    tracked=("status", "executed", "grand_total", "due_date"),
    tags=frozenset({"financials"}),
)

V2_PROJECT = "/rest/v2.0/companies/{company_id}/projects/{project_id}"
CHANGE_ORDER_LINE_ITEM = columns(
    string="id description uom extended_type prime_line_item_id wbs_code_id tax_code_id",
    decimal="quantity unit_cost amount position",
    object="wbs_code work_breakdown_structure",
)

COMMITMENT_CHANGE_ORDER_LINE_ITEMS = StreamSpec(
    name="commitment_change_order_line_items",
    tool="Construction Financials/Commitments",
    path="""/rest/v2.0/companies/{company_id}/projects/{project_id}/commitment_change_orders/{commitment_change_order_id}/line_items""",
    scope=ScopeKind.PROJECT,
    primary_key=("id",),
    fields=columns(CHANGE_ORDER_LINE_ITEM, string="commitment_line_item_id"),
    parent=Parent(COMMITMENT_CHANGE_ORDERS.name, "commitment_change_order_id"),
    envelope=Envelope.DATA,
    paging=V2_PAGING,
    tracked=("amount",),
    tags=frozenset({"financials"}),
)

PRIME_CHANGE_ORDER_LINE_ITEMS = StreamSpec(
    name="prime_change_order_line_items",
    tool="Construction Financials/Prime Contracts",
    path=V2_PROJECT + "/prime_change_orders/{prime_change_order_id}/line_items",
    scope=ScopeKind.PROJECT,
    primary_key=("id",),
    fields=CHANGE_ORDER_LINE_ITEM,
    parent=Parent(PRIME_CHANGE_ORDERS.name, "prime_change_order_id"),
    envelope=Envelope.DATA,
    paging=V2_PAGING,
    tracked=("amount",),
    tags=frozenset({"financials"}),
)

POTENTIAL_CHANGE_ORDER_LINE_ITEMS = StreamSpec(
    name="potential_change_order_line_items",
    tool="Construction Financials/Change Orders",
    path="/rest/v1.0/potential_change_orders/{potential_change_order_id}/line_items",
    scope=ScopeKind.PROJECT,
    primary_key=("id",),
    fields=CONTRACT_LINE_ITEM,
    mode=SyncMode.INCREMENTAL,
    parent=Parent(POTENTIAL_CHANGE_ORDERS.name, "potential_change_order_id"),
    query={"project_id": "{project_id}"},
    cursor=UPDATED_AT,
    tracked=("amount",),
    tags=frozenset({"financials"}),
)

CHANGE_ORDER_CHANGE_REASONS = StreamSpec(
    name="change_order_change_reasons",
    tool="Construction Financials/Change Orders",
    path="/rest/v2.0/companies/{company_id}/change_order_change_reasons",
    scope=ScopeKind.COMPANY,
    primary_key=("id",),
    fields=columns(string="id change_reason", boolean="show_in_select deletable"),
    envelope=Envelope.DATA,
    paging=V2_PAGING,
    tags=frozenset({"financials"}),
)

STREAMS = (
    COMMITMENT_CHANGE_ORDERS,
    PRIME_CHANGE_ORDERS,
    CHANGE_ORDER_PACKAGES,
    POTENTIAL_CHANGE_ORDERS,
    COMMITMENT_CHANGE_ORDER_LINE_ITEMS,
    PRIME_CHANGE_ORDER_LINE_ITEMS,
    POTENTIAL_CHANGE_ORDER_LINE_ITEMS,
    CHANGE_ORDER_CHANGE_REASONS,
)

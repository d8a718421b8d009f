"""Streams of the Prime Contracts tool: contracts with the owner and their invoices."""

from __future__ import annotations

from sync_worker.catalog.line_items import CONTRACT_LINE_ITEM
from sync_worker.catalog.spec import ATTACHMENT_URLS, UPDATED_AT, Parent, ScopeKind, StreamSpec, SyncMode, columns

PRIME_CONTRACTS = StreamSpec(
    name="prime_contracts",
    tool="Construction Financials/Prime Contracts",
    path="/rest/v1.0/prime_contracts",
    scope=ScopeKind.PROJECT,
    primary_key=("id",),
    fields=columns(
        integer="id",
        string="""
            accounting_method approved_change_orders description exclusions inclusions number origin_code origin_data
            origin_id status title
        """,
        boolean="executed private show_line_items_to_non_admins",
        date="""
            actual_completion_date approval_letter_date contract_date contract_estimated_completion_date
            contract_start_date contract_termination_date execution_date issued_on_date letter_of_intent_date
            returned_date signed_contract_received_date
        """,
        datetime="created_at deleted_at updated_at",
        decimal="grand_total retainage_percent",
        object="architect contractor created_by vendor currency_configuration",
        array="attachments",
    ),
    mode=SyncMode.INCREMENTAL,
    query={"project_id": "{project_id}"},
    cursor=UPDATED_AT,
    volatile=ATTACHMENT_URLS,
    tracked=("status", "executed", "grand_total", "approved_change_orders"),
    tags=frozenset({"financials"}),
)

PRIME_CONTRACT_LINE_ITEMS = StreamSpec(
    name="prime_contract_line_items",
    tool="Construction Financials/Prime Contracts",
    path="/rest/v1.0/prime_contracts/{prime_contract_id}/line_items",
    scope=ScopeKind.PROJECT,
    primary_key=("id",),
    fields=CONTRACT_LINE_ITEM,
    mode=SyncMode.INCREMENTAL,
    parent=Parent(PRIME_CONTRACTS.name, "prime_contract_id"),
    query={"project_id": "{project_id}"},
    cursor=UPDATED_AT,
    tracked=("amount",),
    tags=frozenset({"financials"}),
)

# The API calls them payment applications; their lines are not in the list.
OWNER_INVOICES = StreamSpec(
    name="owner_invoices",
    tool="Construction Financials/Prime Contracts",
    path="/rest/v1.0/payment_applications",
    scope=ScopeKind.PROJECT,
    primary_key=("id",),
    fields=columns(
        integer="id period_id number",
        string="invoice_number origin_data origin_id status formatted_contract_company description_type",
        date="billing_date period_start period_end created_at updated_at",
        decimal="percent_complete total_amount_paid total_amount_accrued_this_period",
        object="currency_configuration g702 billing_period contract",
    ),
    query={"project_id": "{project_id}"},
    tracked=("status", "percent_complete", "total_amount_paid"),
    tags=frozenset({"financials"}),
)

STREAMS = (PRIME_CONTRACTS, PRIME_CONTRACT_LINE_ITEMS, OWNER_INVOICES)

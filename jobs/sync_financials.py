"""Budgets, commitments, prime contracts, change orders, invoices and bids, with their lines."""

from sync_worker.job import SyncJob

JOB = SyncJob(
    title="Financials",
    streams=(
        "cost_codes",
        "wbs_codes",
        "budget_views",
        "budget_view_detail_rows",
        "budget_changes",
        "prime_contracts",
        "prime_contract_line_items",
        "owner_invoices",
        "work_order_contracts",
        "work_order_contract_line_items",
        "purchase_order_contracts",
        "purchase_order_contract_line_items",
        "subcontractor_invoices",
        "billing_periods",
        "commitment_change_orders",
        "prime_change_orders",
        "change_order_packages",
        "potential_change_orders",
        "change_events",
        "direct_costs",
        "direct_cost_line_items",
        "bid_packages",
        "bids",
    ),
    schedule="30 2,14 * * *",
)

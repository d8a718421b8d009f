"""Stories of the money: contracts whose lines add up, budgets by cost code."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from decimal import Decimal
from random import Random
from types import MappingProxyType
from typing import Any, NamedTuple

from procore_simulator import words
from procore_simulator.cast import Project, Vendor
from procore_simulator.chance import CENT, amount, instant, money, seeded, split
from procore_simulator.draw import Draw, Record
from procore_simulator.fields import choice, phrase
from procore_simulator.ids import identity
from procore_simulator.project_management import due_on, settled
from procore_simulator.story import ListContext, Story, several
from sync_worker.catalog.spec import FieldType

BUDGET_COLUMNS = (
    "Pending Budget Changes",
    "Committed Costs",
    "Direct Costs",
    "Projected Costs",
    "Forecast To Complete",
)


class Deal(NamedTuple):
    """The subject, vendor and amount of a contract; `begins` is the elapsed share of the project when it is signed."""

    title: str
    vendor: Vendor
    total: Decimal
    begins: float


def _per_cent(project: Project, percent: float) -> Decimal:
    return (project.value * Decimal(percent) / 100).quantize(CENT)


def subcontracts(project: Project) -> list[Deal]:
    """Return a deal for each vendor of the project, by the usual cost of its trade."""
    return [
        Deal(f"{vendor.trade.name} Subcontract", vendor, _per_cent(project, vendor.trade.percent * _skew(vendor)),
             vendor.trade.begins)
        for vendor in project.vendors
    ]  # fmt: skip


def _skew(vendor: Vendor) -> float:
    """Return a factor of 0.85 to 1.15 by which a vendor's price differs from the usual cost."""
    return 0.85 + (vendor.id % 31) / 100


def _purchases(project: Project) -> list[Deal]:
    firms = {vendor.trade.name: vendor for vendor in project.vendors}
    return [
        Deal(f"{title} Purchase Order", firms[trade], _per_cent(project, percent), firms[trade].trade.begins - 0.1)
        for title, trade, percent in words.PACKAGES
        if trade in firms
    ]


def _prime(project: Project) -> list[Deal]:
    return [Deal(f"Prime Contract – {project.name}", project.owner, project.value, 0.0)]


def _deals(of: Callable[[Project], list[Deal]]) -> Callable[[ListContext], Sequence[Deal]]:
    def subjects(context: ListContext) -> Sequence[Deal]:
        found = of(context.place.project) if context.place.project else []
        return found[: max(1, round(len(found) * context.scale))]

    return subjects


def _status_of(deal: Deal, progress: float, rng: Random) -> tuple[str, int]:
    """Return the status of a contract and the paid share."""
    if progress < deal.begins - 0.1:
        return rng.choice(("Draft", "Out For Signature", "Out For Signature")), 0
    paid_percent = max(0, min(100, round((progress - deal.begins) / (1.02 - deal.begins) * 105)))
    return ("Complete", 100) if paid_percent == 100 else ("Approved", paid_percent)


def _contract(kind: str, statuses: Mapping[str, str] = MappingProxyType({})) -> Callable[[Draw], Record]:
    """Return a function that writes a contract; `statuses` translates the statuses of a subcontract."""

    def compose(draw: Draw) -> Record:
        rng = draw.rng
        vendor = draw.vendor()
        deal = draw.subject or Deal(
            f"{vendor.trade.name} Subcontract", vendor, amount(rng, 18_000, 240_000), draw.progress
        )
        vendor, total = deal.vendor, deal.total
        draw.early(0.3)
        status, paid_percent = _status_of(deal, draw.progress, rng)
        is_signed = status in {"Approved", "Complete"}
        changes = amount(rng, 0, int(total // 20) + 1) if is_signed and rng.random() < 0.6 else Decimal(0)
        pending = amount(rng, 0, int(total // 50) + 1) if is_signed and rng.random() < 0.3 else Decimal(0)
        revised = total + changes
        billed = (revised * paid_percent / 100).quantize(CENT)
        day = draw.created_at.date().isoformat()
        return {
            "number": f"{kind}-{draw.project.code}-{draw.serial % 100_000:03d}",
            "title": deal.title,
            "status": statuses.get(status, status), "executed": is_signed, "accounting_method": "amount",
            "vendor": {"id": vendor.id, "company": vendor.name}, "project": draw.project.reference(),
            "grand_total": money(total), "approved_change_orders": money(changes), "revised_contract": money(revised),
            "pending_change_orders": money(pending), "pending_revised_contract": money(revised + pending),
            "draft_change_orders_amount": "0.00", "total_payments": money(billed),
            "total_requisitions_amount": money(billed), "total_draw_requests_amount": money(billed),
            "percentage_paid": money(paid_percent), "remaining_balance_outstanding": money(revised - billed),
            "retainage_percent": "10.00", "contract_date": day, "contract_start_date": day, "issued_on_date": day,
            "deleted_at": None, "private": True, "requisitions_are_enabled": True,
            "description": f"<p>{deal.title}: furnish and install complete.</p>",
            "inclusions": rng.choice(("", None, "Per plans and specs; freight included.")),
            "exclusions": rng.choice(("", None, "Winter protection; permits.")),
        }  # fmt: skip

    return compose


_OF_PURCHASES = {"Out For Signature": "Submitted", "Complete": "Closed"}


def _lines(context: ListContext) -> Sequence[tuple[int, int]]:
    count = context.rng.randint(2, 7)
    return [(index, count) for index in range(count)]


def _line_item(draw: Draw) -> Record:
    parent = draw.place.parent or {}
    share = _share(draw, Decimal(str(parent.get("grand_total") or "0")))
    scope = str(parent.get("title") or "Work").rsplit(" ", 1)[0]
    return {
        "amount": money(share), "total_amount": money(share), "extended_amount": money(share),
        "extended_type": "manual", "quantity": "1.0", "unit_cost": money(share), "uom": "ls",
        "position": draw.serial % 1_000, "description": f"{scope} – part {draw.serial % 1_000}",
        "holder": {"id": draw.place.parent_id, "holder_type": "WorkOrderContract"}, "tax_code_id": None,
        "company": {"id": draw.company.id, "name": draw.company.name}, "change_event_line_item": None,
        "origin_data": None, "origin_id": None,
    }  # fmt: skip


def _share(draw: Draw, total: Decimal) -> Decimal:
    """Return the line's part of the contract's total; an inserted line has an amount of its own."""
    if draw.subject is None:
        return amount(draw.rng, 500, 20_000)
    index, count = draw.subject
    parts = split(total, count, seeded(draw.seed, "shares", draw.place.parent_id))
    return parts[int(index)]


def _budget_view(draw: Draw) -> Record:
    name = draw.subject or f"Budget View {draw.serial}"
    # All projects of a company share one view, under one id.
    return {
        "id": identity("budget_views", draw.company.number, draw.serial), "name": name,
        "description": draw.rng.choice(("", None, "Company standard")), "role": "budget",
        "created_by": draw.staff().reference(),
        "links": {"detail_rows": "/rest/v1.0/budget_views"},
    }  # fmt: skip


def _budget_rows(_: ListContext) -> Sequence[Any]:
    categories = list(enumerate(words.COST_TYPES, start=1))[:3]
    budgeted = [(trade, category, True) for trade in words.TRADES for category in categories[::2]]
    unbudgeted = [(trade, categories[1], False) for trade in words.TRADES[::5]]
    return [*budgeted, *unbudgeted]


def _budget_row(draw: Draw) -> Record:
    trade, (category_id, category), budgeted = draw.subject or (draw.trade(), (9, "Other"), True)
    rng = draw.rng
    # Most of a trade's cost is in its contracts.
    share = 0.85 if category == "Commitment" else 0.15
    original = _per_cent(draw.project, trade.percent * share) if budgeted else Decimal(0)
    modified = amount(rng, 0, 25_000) if budgeted and rng.random() < 0.3 else Decimal(0)
    revised = original + modified
    pending = (revised * rng.choice((0, 0, 0, 1, 3)) / 100).quantize(CENT)
    bought_percent = rng.randint(88, 104) if category == "Commitment" else 0
    committed = (revised * bought_percent / 100).quantize(CENT)
    direct = amount(rng, 500, 18_000) if not budgeted else (revised * rng.randint(0, 4) / 100).quantize(CENT)
    projected = committed + direct + pending
    left = max(Decimal(0), revised + pending - projected)
    columns = dict(zip(BUDGET_COLUMNS, map(money, (pending, committed, direct, projected, left)), strict=True))
    forecast = money(left)
    code = identity("cost_codes", draw.place.number, words.TRADES.index(trade) + 1)
    return {
        "id": draw.id if budgeted else None, "deletable": False, "company_id": draw.company.id,
        "company": draw.company.name, "project_id": draw.project.id, "project": draw.project.name,
        "wbs_code_id": identity("wbs_codes", draw.place.number, words.TRADES.index(trade) + 1),
        "biller_id": draw.project.id, "biller": draw.project.name, "biller_type": "Project",
        "cost_code_id": code, "root_cost_code_id": code + 500, "cost_code_origin_id": None,
        "cost_code": f"{trade.code} - {trade.cost_code}",
        "root_cost_code": f"{trade.code[:2]} - Division {trade.code[:2]}",
        "category_id": identity("line_item_types", draw.company.number, category_id), "category": category,
        "original_budget_amount": money(original), "budget_modifications": money(modified),
        "budget_forecast": {"id": draw.id, "amount": forecast, "automatic_amount": forecast, "manual_amount": None,
                            "automatically_calculated": True, "calculation_strategy": "automatic", "notes": None},
        "unbudgeted_reason": None if budgeted else "Direct cost without a budget line", **columns,
        "Revised Budget": money(original + modified),
    }  # fmt: skip


_FORMS: Mapping[type, frozenset[FieldType]] = {
    str: frozenset({FieldType.STRING, FieldType.DATE, FieldType.DATETIME, FieldType.DECIMAL}),
    bool: frozenset({FieldType.BOOLEAN}),
    int: frozenset({FieldType.INTEGER, FieldType.DECIMAL}),
    dict: frozenset({FieldType.OBJECT}),
    type(None): frozenset(FieldType),
}


def _fits(value: Any, type_: FieldType | None) -> bool:
    return type_ in _FORMS[type(value)]


def _change(contracts: str) -> Callable[[Draw], Record]:
    """Return a function that writes a change order to one of the first contracts."""

    def compose(draw: Draw) -> Record:
        rng = draw.rng
        total = amount(rng, -6_000, 85_000)
        contract_id = draw.reference(contracts, 1 if contracts == "prime_contracts" else 6)
        is_approved = settled(draw, 25, 0.1)
        reviewed_on = draw.updated_at.date()
        title, reason = phrase(draw), choice("change_order_change_reasons", *words.CHANGE_REASONS)(draw)
        invoiced_on = reviewed_on + timedelta(days=rng.randint(5, 35))
        paid_on = invoiced_on + timedelta(days=rng.randint(25, 45))
        today = draw.now.date()
        is_invoiced, is_paid = is_approved and invoiced_on <= today, is_approved and paid_on <= today
        return {
            "grand_total": money(total), "type": draw.spec.name.title().replace("_", "")[:-1], "title": title,
            "status": "approved" if is_approved else rng.choice(("pending", "pending", "draft")),
            "contract_id": contract_id, "executed": is_approved, "revision": "0",
            "due_date": due_on(draw, 14, 30).isoformat(),
            "reviewed_at": instant(draw.updated_at) if is_approved else None,
            "signed_change_order_received_date": reviewed_on.isoformat() if is_approved else None,
            "invoiced_date": invoiced_on.isoformat() if is_invoiced else None,
            "paid_date": paid_on.isoformat() if is_paid else None,
            "change_order_change_reason": {"id": reason["id"], "change_reason": reason["name"]},
            "change_reason": reason["name"], "description": rng.choice(("", None, f"{title}. See attached pricing.")),
            "schedule_impact_amount": rng.choice((0, 0, 0, 2, 5)),
        }  # fmt: skip

    def fitting(draw: Draw) -> Record:
        types = draw.spec.fields
        # Change order lists type the fields they share differently.
        return {name: value for name, value in compose(draw).items() if _fits(value, types.get(name))}

    return fitting


def _invoice(draw: Draw) -> Record:
    """Write a monthly invoice of one of the project's subcontractors."""
    rng = draw.rng
    deals = subcontracts(draw.project)
    index = rng.randrange(len(deals))
    deal, month = deals[index], draw.created_at.date().replace(day=1)
    is_approved = settled(draw, 10, 0.05)
    paid_on = draw.updated_at.date() + timedelta(days=rng.randint(20, 35))
    is_paid = is_approved and paid_on <= draw.now.date()
    return {
        "commitment_id": identity("work_order_contracts", draw.place.number, index + 1),
        "commitment_type": "WorkOrderContract", "contract_name": deal.title,
        "vendor_id": deal.vendor.id, "vendor_name": deal.vendor.name,
        "invoice_number": f"{rng.randint(1000, 9999)}",
        "status": "approved" if is_approved else rng.choice(("under_review", "draft", "revise_and_resubmit")),
        "requisition_start": month.isoformat(),
        "requisition_end": (month + timedelta(days=27)).isoformat(),
        "billing_date": draw.created_at.date().isoformat(), "submitted_at": draw.created_at.date().isoformat(),
        "payment_date": paid_on.isoformat() if is_paid else None,
        "total_claimed_amount": money(deal.total * rng.randint(4, 14) / 100),
        "percent_complete": money(rng.randint(5, 95)), "final": False,
    }  # fmt: skip


def _change_line(draw: Draw) -> Record:
    parent = draw.place.parent or {}
    share = _share(draw, Decimal(str(parent.get("grand_total") or "0")))
    found = draw.trade()
    code = identity("wbs_codes", draw.place.number, words.TRADES.index(found) + 1)
    return {
        "amount": money(share), "unit_cost": money(share), "quantity": "1.0", "uom": "ls", "extended_type": "manual",
        "position": draw.serial % 1_000, "description": f"{found.cost_code} – {parent.get('title') or 'Change'}",
        "wbs_code_id": str(code), "wbs_code": {"id": str(code), "flat_code": f"{found.code}.S"},
        "work_breakdown_structure": None, "tax_code_id": None, "prime_line_item_id": None,
    }  # fmt: skip


def _invoice_item(draw: Draw) -> Record:
    scheduled = amount(draw.rng, 2_000, 160_000)
    percent = draw.rng.choice((0, 10, 35, 60, 100))
    done = (scheduled * percent / 100).quantize(Decimal("0.01"))
    before = (done / 2).quantize(Decimal("0.01"))
    return {
        "scheduled_value": money(scheduled), "total_completed_and_stored_to_date": money(done),
        "total_completed_and_stored_to_date_percent": money(percent), "materials_presently_stored": "0.00",
        "work_completed_from_previous_application": money(before), "work_completed_this_period": money(done - before),
        "materials_moved": "0.00", "description_of_work": draw.trade().cost_code, "position": draw.serial % 1_000,
        "scheduled_quantity": "1.0", "scheduled_unit_price": money(scheduled), "item_type": "contract_item",
        "subcontractor_claimed_amount": money(done - before),
    }  # fmt: skip


def _divisions(_: ListContext) -> Sequence[str]:
    return tuple(dict.fromkeys(trade.code[:2] for trade in words.TRADES))


def _summary_row(draw: Draw) -> Record:
    division = draw.subject or f"{90 + draw.serial % 10}"
    original = money(amount(draw.rng, 40_000, 4_000_000))
    return {
        "name": f"{division} - Division {division}", "biller_type": "Project", "original_budget_amount": original,
        "budget_modifications": money(amount(draw.rng, 0, 25_000)), "budget_forecast": {"amount": original},
    }  # fmt: skip


def _budget_column(draw: Draw) -> Record:
    return {
        "name": draw.subject or f"Column {draw.serial}", "type": "standard", "position": draw.serial % 1_000,
        "aggregatable": True, "filterable": False, "groupable": False,
    }  # fmt: skip


STORIES: Mapping[str, Story] = {
    "work_order_contracts": Story(_deals(subcontracts), _contract("SC")),
    "purchase_order_contracts": Story(_deals(_purchases), _contract("PO", _OF_PURCHASES)),
    "prime_contracts": Story(_deals(_prime), _contract("PC")),
    "work_order_contract_line_items": Story(_lines, _line_item),
    "purchase_order_contract_line_items": Story(_lines, _line_item),
    "prime_contract_line_items": Story(_lines, _line_item),
    "budget_views": Story(lambda _: ("Procore Standard Budget", "Forecast by Cost Code"), _budget_view),
    "budget_view_detail_rows": Story(_budget_rows, _budget_row, is_open=True),
    "budget_view_summary_rows": Story(_divisions, _summary_row),
    "budget_detail_columns": Story(lambda _: BUDGET_COLUMNS, _budget_column),
    "commitment_change_order_line_items": Story(_lines, _change_line),
    "prime_change_order_line_items": Story(_lines, _change_line),
    "potential_change_order_line_items": Story(_lines, _line_item),
    "subcontractor_invoice_contract_items": Story(several(2, 6), _invoice_item),
    "subcontractor_invoice_change_order_items": Story(several(1, 3), _invoice_item),
    "commitment_change_orders": Story(several(4, 10), _change("work_order_contracts")),
    "prime_change_orders": Story(several(4, 10), _change("prime_contracts")),
    "potential_change_orders": Story(several(6, 14), _change("prime_contracts")),
    "change_order_packages": Story(several(4, 8), _change("prime_contracts")),
    "subcontractor_invoices": Story(several(8, 24), _invoice),
}

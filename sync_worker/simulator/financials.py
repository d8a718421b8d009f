"""Stories of the money: contracts whose lines add up, budgets by cost code."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import Any

from sync_worker.simulator import words
from sync_worker.simulator.chance import amount, money, seeded, split
from sync_worker.simulator.draw import Draw, Record
from sync_worker.simulator.fields import choice
from sync_worker.simulator.ids import identity
from sync_worker.simulator.story import Occasion, Story, several

BUDGET_COLUMNS = (
    "Pending Budget Changes",
    "Committed Costs",
    "Direct Costs",
    "Projected Costs",
    "Forecast To Complete",
)


def _contract(kind: str, unit: str) -> Callable[[Draw], Record]:
    def compose(draw: Draw) -> Record:
        rng = draw.rng
        vendor = draw.vendor()
        total = amount(rng, 18_000, 2_400_000)
        changes = amount(rng, 0, 60_000) if rng.random() < 0.6 else Decimal(0)
        pending = amount(rng, 0, 20_000) if rng.random() < 0.3 else Decimal(0)
        revised = total + changes
        status = rng.choice(("Approved", "Approved", "Approved", "Complete", "Out For Signature", "Draft"))
        paid_percent = {"Approved": rng.choice((0, 10, 35, 60, 90)), "Complete": 100}.get(status, 0)
        billed = (revised * paid_percent / 100).quantize(Decimal("0.01"))
        day = draw.created_at.date().isoformat()
        return {
            "number": f"{kind}-{draw.project.code}-{draw.serial % 100_000:03d}",
            "title": f"{vendor.trade.cost_code} {unit}",
            "status": status, "executed": status in {"Approved", "Complete"}, "accounting_method": "amount",
            "vendor": {"id": vendor.id, "company": vendor.name}, "project": draw.project.reference(),
            "grand_total": money(total), "approved_change_orders": money(changes), "revised_contract": money(revised),
            "pending_change_orders": money(pending), "pending_revised_contract": money(revised + pending),
            "draft_change_orders_amount": "0.00", "total_payments": money(billed),
            "total_requisitions_amount": money(billed), "total_draw_requests_amount": money(billed),
            "percentage_paid": money(paid_percent), "remaining_balance_outstanding": money(revised - billed),
            "retainage_percent": "10.00", "contract_date": day, "contract_start_date": day, "issued_on_date": day,
            "deleted_at": None, "private": True, "requisitions_are_enabled": True,
            "description": f"<p>{vendor.trade.cost_code}: furnish and install complete.</p>",
            "inclusions": rng.choice(("", None, "Per plans and specs; freight included.")),
            "exclusions": rng.choice(("", None, "Winter protection; permits.")),
        }  # fmt: skip

    return compose


def _lines(occasion: Occasion) -> Sequence[tuple[int, int]]:
    count = occasion.rng.randint(2, 7)
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
    """This line's part of the contract's sum; a line added later costs what it costs."""
    if draw.subject is None:
        return amount(draw.rng, 500, 20_000)
    index, count = draw.subject
    parts = split(total, count, seeded(draw.seed, "shares", draw.place.parent_id))
    return parts[int(index)]


def _budget_view(draw: Draw) -> Record:
    name = draw.subject or f"Budget View {draw.serial}"
    # One view serves all projects of a company, under one id.
    return {
        "id": identity("budget_views", draw.company.number, draw.serial), "name": name,
        "description": draw.rng.choice(("", None, "Company standard")), "role": "budget",
        "created_by": draw.staff().reference(),
        "links": {"detail_rows": "/rest/v1.0/budget_views"},
    }  # fmt: skip


def _budget_rows(_: Occasion) -> Sequence[Any]:
    categories = list(enumerate(words.COST_TYPES, start=1))[:3]
    budgeted = [(trade, category, True) for trade in words.TRADES for category in categories[::2]]
    unbudgeted = [(trade, categories[1], False) for trade in words.TRADES[::5]]
    return [*budgeted, *unbudgeted]


def _budget_row(draw: Draw) -> Record:
    trade, (category_id, category), budgeted = draw.subject or (draw.trade(), (9, "Other"), True)
    rng = draw.rng
    original = amount(rng, 4_000, 1_800_000) if budgeted else Decimal(0)
    modified = amount(rng, 0, 25_000) if rng.random() < 0.3 else Decimal(0)
    columns = {name: money(amount(rng, 0, 400_000)) for name in BUDGET_COLUMNS}
    forecast = money(amount(rng, 0, 90_000))
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


def _change(draw: Draw) -> Record:
    return {
        "grand_total": money(amount(draw.rng, -4_000, 48_000)), "type": draw.spec.name.title().replace("_", "")[:-1],
        "contract_id": draw.reference("work_order_contracts", 6), "executed": draw.rng.random() < 0.5,
        "change_order_change_reason": choice("change_order_change_reasons", *words.CHANGE_REASONS)(draw),
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


def _divisions(_: Occasion) -> Sequence[str]:
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
    "work_order_contracts": Story(several(6, 12), _contract("SC", "Subcontract")),
    "purchase_order_contracts": Story(several(4, 8), _contract("PO", "Purchase Order")),
    "prime_contracts": Story(lambda _: range(1), _contract("PC", "Prime Contract")),
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
    "commitment_change_orders": Story(several(4, 10), _change),
    "prime_change_orders": Story(several(4, 10), _change),
}

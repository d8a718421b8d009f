"""Fields that the lines of contracts and of direct costs share."""

from __future__ import annotations

from sync_worker.catalog.spec import columns

LINE_ITEM = columns(
    integer="id position tax_code_id",
    string="description extended_type origin_id uom",
    datetime="created_at updated_at",
    decimal="amount extended_amount quantity total_amount unit_cost",
    object="cost_code holder line_item_type project wbs_code currency_configuration",
)

CONTRACT_LINE_ITEM = columns(LINE_ITEM, string="origin_data", object="company change_event_line_item")

"""How Procore's lists behave where they differ: page sizes, and what they leave out unless asked.

Written from Procore's documentation, not from the catalog, so that a mistake there shows.
"""

from __future__ import annotations

from typing import NamedTuple


class PageSizes(NamedTuple):
    """What a list sends when not asked for a size, and the most it sends."""

    default: int
    most: int


_V1 = PageSizes(100, 2_000)
_V2 = PageSizes(10, 100)
_EXCEPTIONS = (
    ("/rest/v2.0/companies/{company_id}/roles", PageSizes(100, 100)),
    ("/projects", PageSizes(100, 300)),
    ("/incidents", PageSizes(1_000, 1_000)),
    ("/requisitions", PageSizes(30, 2_000)),
    ("/payment_applications", PageSizes(30, 2_000)),
    ("/custom_field_definitions", PageSizes(100, 100)),
    ("/tax_codes", PageSizes(100, 100)),
)

APPROVED_ONLY = ("/manpower_logs", "/notes_logs", "/delivery_logs", "/daily_construction_report_logs")
"""Lists that leave out pending records unless asked with `filters[status]=all`."""

ACTIVE_PROJECTS_ONLY = "/projects"
"""The list that leaves out inactive records unless asked with `filters[by_status]=All`."""

BUDGETED_ROWS_ONLY = "/detail_rows"
"""The list that leaves out rows never budgeted, which have no id, unless asked with `budget_row_type`."""

_DAYS_BACK = (("/daily_log_headers/index", 100_000), ("/projects/{project_id}/timecard_entries", 7))


def days_back(path: str) -> int:
    """How many days before today a daily list reaches when no date is given."""
    return next((days for ending, days in _DAYS_BACK if path.endswith(ending)), 0)


def page_sizes(path: str) -> PageSizes:
    """The page sizes of a list by its path."""
    for ending, sizes in _EXCEPTIONS:
        if path.endswith(ending):
            return sizes
    return _V2 if path.startswith("/rest/v2") else _V1

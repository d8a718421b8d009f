"""Lists of Procore that differ from the others: in page sizes, and in the records they leave out by default.

Written from Procore's documentation and not from the catalog, so that a mistake in the catalog fails a test.
"""

from __future__ import annotations

from typing import NamedTuple


class PageSizes(NamedTuple):
    """The default page size of a list and its maximum."""

    default: int
    most: int


# Procore's documentation on pagination, and for the exceptions the reference of each list.
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
"""Lists that leave out pending records without `filters[status]=all`."""

ACTIVE_PROJECTS_ONLY = "/projects"
"""The list that leaves out inactive records without `filters[by_status]=All`."""

BUDGETED_ROWS_ONLY = "/detail_rows"
"""The list that leaves out rows without a budget, which have no id, unless `budget_row_type` is given."""

_VIEWS_OF_IDS = {
    "/projects": "ids",
    "/companies/{company_id}/users": "ids_only",
    "/work_classifications": "ids_only",
    "/companies/{company_id}/timecard_entries": "ids_only",
    "/projects/{project_id}/vendors": "ids_only",
    "/correspondence_type_items": "ids_only",
    "/images": "ids_only",
    "/calendar_items": "ids_only",
    "/drawing_areas": "only_ids",
    "/drawing_disciplines": "only_ids",
    "/drawing_revisions": "only_ids",
}
PAGE_OF_IDS = PageSizes(200_000, 200_000)
"""The page sizes of projects with `view=ids`."""

_DAYS_BACK = (("/daily_log_headers/index", 100_000), ("/projects/{project_id}/timecard_entries", 7))


def days_back(path: str) -> int:
    """Return how many days before today a daily list covers when no date is given."""
    return next((days for ending, days in _DAYS_BACK if path.endswith(ending)), 0)


def page_sizes(path: str) -> PageSizes:
    """Return the page sizes of a list by its path."""
    for ending, sizes in _EXCEPTIONS:
        if path.endswith(ending):
            return sizes
    return _V2 if path.startswith("/rest/v2") else _V1


def view_of_ids(path: str) -> str | None:
    """Return the `view` with which a list sends only ids, None where it has none."""
    return next((view for ending, view in _VIEWS_OF_IDS.items() if path.endswith(ending)), None)

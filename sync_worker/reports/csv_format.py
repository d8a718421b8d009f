"""A report as CSV that Excel opens correctly: UTF-8 with a byte order mark, commas, no formulas."""

from __future__ import annotations

import csv
import io

from sync_worker.reports.document import Table, is_formula
from sync_worker.reports.issue import Issue


def render(issue: Issue) -> dict[str, bytes]:
    """Return a file for each table; the first is named after the report only, the last lists the projects."""
    name = issue.name
    tables = {name if place == 0 else f"{name}_{table.key}": table for place, table in enumerate(issue.document.tables)}
    tables[f"{name}_projects"] = issue.project_table
    return {f"{file}.csv": _written(table) for file, table in tables.items()}


def _written(table: Table) -> bytes:
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    for row in (table.columns, *table.rows):
        writer.writerow([f"'{value}" if isinstance(value, str) and is_formula(value) else value for value in row])
    # Without the byte order mark Excel reads the file in the machine's legacy code page.
    return text.getvalue().encode("utf-8-sig")

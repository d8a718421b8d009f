"""The report as CSV that Excel opens with its accents right: UTF-8 with a mark, commas, no formula."""

from __future__ import annotations

import csv
import io

from sync_worker.reports.flat import Flat, Plain, defused


def render_csv(flat: Flat) -> bytes:
    """One table."""
    written = io.StringIO(newline="")
    writer = csv.writer(written)
    writer.writerow(flat.columns)
    writer.writerows([_plain(value) for value in row] for row in flat.rows)
    # Without the mark Excel takes the file for the machine's old code page.
    return written.getvalue().encode("utf-8-sig")


def _plain(value: Plain) -> str | int:
    if isinstance(value, str):
        return defused(value)
    if isinstance(value, int):
        return value
    return "" if value is None else f"{value}"

"""Days, counts and amounts as text for people."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal

from sync_worker.reports.document import Figure

_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_LONGEST_AMOUNT = 20


def short_day(day: date) -> str:
    """Return `24 Nov 2026`, which reads the same on both sides of the Atlantic."""
    return f"{day.day} {_MONTHS[day.month - 1]} {day.year}"


def instant_text(instant: datetime) -> str:
    """Return `24 Nov 2026, 04:38 UTC`."""
    return f"{short_day(instant.date())}, {instant:%H:%M} UTC"


def day_span(first: date, last: date) -> str:
    """Return `17–23 Nov`, or `27 Nov – 3 Dec`."""
    end = f"{last.day} {_MONTHS[last.month - 1]}"
    return f"{first.day}–{end}" if first.month == last.month else f"{first.day} {_MONTHS[first.month - 1]} – {end}"


def things(count: int, noun: str) -> str:
    """Return `1 RFI`, or `3 RFIs`."""
    return f"{count} {noun}{'' if count == 1 else 's'}"


def percent(part: int, whole: int) -> str:
    """Return `25 %`, and `0 %` of nothing."""
    return f"{round(100 * part / whole)} %" if whole else "0 %"


def amount(value: Figure) -> str:
    """Return a number with separators, digit for digit."""
    if isinstance(value, int):
        return f"{value:,}"
    # Python would write an exponent of thousands as thousands of zeros.
    return f"{value:,f}" if abs(value.adjusted()) < _LONGEST_AMOUNT else f"{value}"


def decimal_from(value: object) -> Decimal | None:
    """Return a finite number that was sent as a number or as text."""
    try:
        found = Decimal(value) if isinstance(value, Decimal | str) else None
    except ArithmeticError:
        return None
    return found if found is not None and found.is_finite() else None

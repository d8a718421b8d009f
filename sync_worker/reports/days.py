"""Days in the time zone of a project: calendar days and working days. Never reads the time."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, tzinfo
from zoneinfo import ZoneInfo

WORKING_DAYS = "Monday to Friday, holidays not known"
"""No list that is read has a project's own calendar."""

_WEEK = 7
_WORKING_DAYS_A_WEEK = 5


def day_of(instant: datetime, zone: tzinfo) -> date:
    """Return the day of an instant in a time zone."""
    return instant.astimezone(zone).date()


def working_days(after: date, until: date) -> int:
    """Count the working days in `(after, until]`, 0 when it ends before it begins."""
    return max(0, _working_days_since_a_monday(until) - _working_days_since_a_monday(after))


def _working_days_since_a_monday(day: date) -> int:
    # Day 1 of `date.toordinal` was a Monday.
    weeks, rest = divmod(day.toordinal(), _WEEK)
    return weeks * _WORKING_DAYS_A_WEEK + min(rest, _WORKING_DAYS_A_WEEK)


def week_before(today: date) -> tuple[date, date]:
    """Return the first and the last of the seven full days before today; on a Monday, last week."""
    return today - timedelta(days=_WEEK), today - timedelta(days=1)


def zone_named(*names: str | None) -> ZoneInfo | None:
    """Return the first of these time zones that exists."""
    for name in names:
        try:
            return ZoneInfo(name or "")
        except (KeyError, ValueError, OSError):
            continue
    return None


def instant_from(text: str | None) -> datetime | None:
    """Return the instant of a text in the tables, None for other text or without a zone."""
    try:
        found = datetime.fromisoformat(text or "")
    except ValueError:
        return None
    return found.astimezone(UTC) if found.tzinfo else None


def day_from(text: str | None) -> date | None:
    """Return the day of a text in the tables, None for other text."""
    try:
        return date.fromisoformat(text or "")
    except ValueError:
        return None

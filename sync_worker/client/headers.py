"""Reads the values of Procore's headers; a malformed one counts as absent, never as an error. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_tz

Headers = Mapping[str, str]


def count(headers: Headers, name: str) -> int | None:
    """Return the whole number in header `name`, None if it holds none."""
    digits = headers.get(name, "").strip()
    return int(digits) if digits.isascii() and digits.isdigit() and len(digits) < 19 else None


def http_date(text: str) -> datetime | None:
    """Return the instant of an HTTP date, in UTC; a form without a zone is GMT (RFC 9110)."""
    try:
        parsed = parsedate_tz(text)
        if parsed is None:
            return None
        year, month, day, hour, minute, second = parsed[:6]
        # A leap second, :60, is allowed.
        there = datetime(year, month, day, hour, minute, min(second, 59), tzinfo=UTC)
        return there - timedelta(seconds=parsed[9] or 0)
    # parsedate_tz itself raises the last two for some malformed texts.
    except (ValueError, OverflowError, IndexError, TypeError):
        return None


def cache_doubt(headers: Headers) -> str | None:
    """Return why an answer may be out of date: a cache on the way kept it (`Age`, RFC 9111)."""
    seconds = count(headers, "Age")
    return f"a cache on the way answered with what Procore said {seconds} s ago; switch it off" if seconds else None


def retry_after_seconds(headers: Headers, now: datetime) -> float | None:
    """Return the seconds that `Retry-After` asks for; a date is compared with the server's `now`."""
    seconds = count(headers, "Retry-After")
    if seconds is not None:
        return float(seconds)
    until = http_date(headers.get("Retry-After", ""))
    return None if until is None else max(0.0, (until - now).total_seconds())


def seconds_until_reset(headers: Headers, now: datetime) -> float | None:
    """Return the seconds from the server's `now` to the end of the reported window."""
    reset = count(headers, "X-Rate-Limit-Reset")
    return None if reset is None else max(0.0, reset - now.timestamp())

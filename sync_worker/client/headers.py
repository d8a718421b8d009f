"""What the values of Procore's headers mean; a malformed one means nothing, never an error. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

Headers = Mapping[str, str]


def count(headers: Headers, name: str) -> int | None:
    """The whole number that header `name` holds."""
    digits = headers.get(name, "").strip()
    return int(digits) if digits.isascii() and digits.isdigit() and len(digits) < 19 else None


def http_date(text: str) -> datetime | None:
    """The instant an HTTP date names, in UTC."""
    try:
        return parsedate_to_datetime(text).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def retry_after_seconds(headers: Headers, now: datetime) -> float | None:
    """What `Retry-After` asks for, as seconds or as a date seen from the server's `now`."""
    seconds = count(headers, "Retry-After")
    if seconds is not None:
        return float(seconds)
    until = http_date(headers.get("Retry-After", ""))
    return None if until is None else max(0.0, (until - now).total_seconds())


def seconds_until_reset(headers: Headers, now: datetime) -> float | None:
    """How far the end of the reported window is from the server's `now`."""
    reset = count(headers, "X-Rate-Limit-Reset")
    return None if reset is None else max(0.0, reset - now.timestamp())

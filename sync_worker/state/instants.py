"""Instants as the tables hold them; `clock.utc_text` writes them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

CLOCKS_AGREE = timedelta(minutes=10)
"""An instant that is ahead of a clock by less is no mistake: clocks are set, and never quite the same."""
NEVER = datetime.max.replace(tzinfo=UTC)


def mark_from(stored: str | datetime) -> datetime:
    """Return a mark as it is stored, `NEVER` where it is no instant.

    SQLite takes any text, and marks are what people change by hand. Such a mark is trusted as little as one in the
    future, and replaced as that is.
    """
    try:
        return from_text(stored)
    except ValueError:
        return NEVER


def from_text(text: str | datetime) -> datetime:
    """Return the instant that `clock.utc_text` wrote; one written by hand without a zone is UTC too."""
    found = text if isinstance(text, datetime) else datetime.fromisoformat(text)
    return found if found.tzinfo is not None else found.replace(tzinfo=UTC)

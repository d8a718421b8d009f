"""Instants as the ledger holds them: ISO 8601 in UTC ending in `Z`, of one length so that text sorts like time."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

CLOCKS_AGREE = timedelta(minutes=10)
"""What is so little ahead of a clock is no mistake: clocks are set, and never quite the same."""


def to_text(instant: datetime) -> str:
    """`2024-05-01T06:00:00Z`, whole seconds."""
    # strftime does not pad the year everywhere.
    return f"{instant.astimezone(UTC).replace(tzinfo=None).isoformat(timespec='seconds')}Z"


def from_text(text: str) -> datetime:
    """The instant that `to_text` wrote; one written by hand without a zone is UTC too."""
    found = datetime.fromisoformat(text)
    return found if found.tzinfo is not None else found.replace(tzinfo=UTC)

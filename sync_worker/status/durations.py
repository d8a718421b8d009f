"""Durations in one unit."""

from __future__ import annotations

_UNITS = (("d", 86_400), ("h", 3_600), ("min", 60))


def in_words(seconds: float) -> str:
    """Return `41 s`, `12 min`, `5 h` or `3 d`: whole units of the largest that fits at least once."""
    return next(
        (f"{seconds // size:.0f} {unit}" for unit, size in _UNITS if seconds >= size), f"{max(0, seconds):.0f} s"
    )

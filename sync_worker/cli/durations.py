"""Lengths of time as people say them."""

from __future__ import annotations

_UNITS = (("d", 86_400), ("h", 3_600), ("min", 60))


def in_words(seconds: float) -> str:
    """`41 s`, `12 min`, `5 h`, `3 d`: the largest unit that there is at least one of."""
    return next(
        (f"{seconds // size:.0f} {unit}" for unit, size in _UNITS if seconds >= size), f"{max(0, seconds):.0f} s"
    )

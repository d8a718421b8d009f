"""Lengths of time as people say them."""

from __future__ import annotations

_UNITS = (("d", 86_400), ("h", 3_600), ("min", 60))


def in_words(seconds: float) -> str:
    """`41 s`, `12 min`, `5 h`, `3 d`: the largest unit that there is at least one of."""
    return next(
        (f"{seconds // size:.0f} {unit}" for unit, size in _UNITS if seconds >= size), f"{max(0, seconds):.0f} s"
    )


_AGES = (
    ("1 min", 60), ("15 min", 900), ("1 h", 3_600), ("3 h", 10_800), ("6 h", 21_600), ("12 h", 43_200), ("1 d", 86_400),
)  # fmt: skip


def age(seconds: float) -> str:
    """As `in_words`, but coarse: what is about as old is of one age."""
    return next((f"under {words}" for words, most in _AGES if seconds < most), in_words(seconds))

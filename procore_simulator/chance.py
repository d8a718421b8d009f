"""Reproducible random values: the same words always give the same values."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from random import Random
from typing import TypeVar

T = TypeVar("T")
CENT = Decimal("0.01")


def seeded(*words: object) -> Random:
    """Return a random generator that depends only on `words`."""
    return Random("/".join(map(str, words)))  # noqa: S311 - reproducible data, no secret


def money(amount: Decimal | float) -> str:
    """Return an amount as Procore sends it: a decimal string."""
    return str(Decimal(amount).quantize(CENT))


def amount(rng: Random, low: int, high: int) -> Decimal:
    """Draw an amount in whole cents between two numbers of dollars; small amounts are likelier."""
    span = (high - low) * rng.random() ** 2
    return Decimal(low + span).quantize(CENT)


def split(total: Decimal, parts: int, rng: Random) -> list[Decimal]:
    """Split `total` into `parts` that add up to it exactly."""
    weights = [rng.uniform(0.3, 1.7) for _ in range(parts)]
    shares = [(total * Decimal(weight / sum(weights))).quantize(CENT) for weight in weights[1:]]
    return [total - sum(shares, Decimal(0)), *shares]


def instant(moment: datetime) -> str:
    """Return an instant as Procore sends it: UTC, whole seconds."""
    return moment.astimezone(UTC).replace(microsecond=0, tzinfo=None).isoformat() + "Z"


def between(rng: Random, start: datetime, end: datetime) -> datetime:
    """Draw a moment in working hours between two instants, never past `end`."""
    span = max(0, int((end - start).total_seconds()))
    moment = start + timedelta(seconds=rng.randint(0, span))
    moment -= timedelta(days=max(0, moment.weekday() - 4))
    at_work = moment.replace(hour=rng.randint(12, 22), minute=rng.randint(0, 59), second=rng.randint(0, 59))
    return min(max(at_work, start), end).replace(microsecond=0)


def maybe(rng: Random, value: T, share: float) -> T | None:
    """Return `value` in that share of cases, else None."""
    return value if rng.random() < share else None


def working_days(last_on: date, count: int) -> list[date]:
    """Return the last `count` weekdays up to `last_on`, oldest first."""
    found: list[date] = []
    day = last_on
    while len(found) < count:
        if day.weekday() < 5:
            found.append(day)
        day -= timedelta(days=1)
    return found[::-1]


def some(rng: Random, choices: Sequence[T], most: int) -> list[T]:
    """Draw one to `most` of the choices, without repeats."""
    return rng.sample(choices, min(len(choices), rng.randint(1, most)))

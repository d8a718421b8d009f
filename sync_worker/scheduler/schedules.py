"""When a job is due: schedule text becomes a fixed set of instants, the same whoever asks and whenever.

APScheduler knows cron; it is asked in wall time, because in a zone it fires twice at a clock time that happens twice.
Never reads the time.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from types import MappingProxyType
from typing import Protocol
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from apscheduler.triggers.cron import CronTrigger

from sync_worker.errors import ConfigurationError
from sync_worker.scheduler.field import DAY, HOUR, MINUTE, MONTH, WEEKDAY, Field

_MACROS = MappingProxyType(
    {
        "@hourly": "0 * * * *",
        "@daily": "0 0 * * *",
        "@midnight": "0 0 * * *",
        "@weekly": "0 0 * * 0",
        "@monthly": "0 0 1 * *",
        "@yearly": "0 0 1 1 *",
        "@annually": "0 0 1 1 *",
    }
)
_EVERY = re.compile(r"every\s+([0-9]{1,9})\s*(s|m|h|d|seconds?|minutes?|hours?|days?)", re.IGNORECASE)
_SECONDS = MappingProxyType({"s": 1, "m": 60, "h": 3600, "d": 86_400})

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_FIRST_ASKED = datetime(2020, 1, 1)  # noqa: DTZ001 - wall time
_LAST_ASKED = datetime(2199, 12, 31, tzinfo=UTC)
# More than any zone's clocks are ever put forward or back.
_WIDEST_CHANGE = timedelta(hours=3)

_REACHES = [timedelta(minutes=1), timedelta(hours=1), timedelta(days=1), timedelta(days=32), timedelta(days=300_000)]


class Schedule(Protocol):
    """A fixed set of instants, in whole seconds."""

    def next_after(self, instant: datetime) -> datetime:
        """The first one later than `instant`, in UTC."""
        ...

    def count(self, after: datetime, until: datetime) -> int:
        """Return how many there are in `(after, until]`, in whole days of the zone; clocks that change do not count."""
        ...


def parse_schedule(text: str, timezone: str = "UTC") -> Schedule:
    """Cron as Unix knows it, `@daily` and the like, or `every 15m`; raises `ConfigurationError` with the reason."""
    words = " ".join(text.split())
    if every := _EVERY.fullmatch(words):
        return Interval(_interval_seconds(text, every))
    if words.lower().startswith("every"):
        raise _refused(text, "an interval is written every 15m, with s, m, h or d")
    expression = _MACROS.get(words.lower(), words)
    if expression.startswith("@"):
        raise _refused(text, f"known are {', '.join(_MACROS)}")
    fields = expression.split()
    if len(fields) != len(_MACROS["@hourly"].split()):
        raise _refused(text, "cron has five fields: minute, hour, day of month, month, day of week")
    try:
        return Cron(fields, ZoneInfo(timezone))
    except (ZoneInfoNotFoundError, IsADirectoryError):
        raise _refused(text, f"no time zone is called {timezone!r}") from None
    except ValueError as error:
        raise _refused(text, str(error)) from None


def last_until(schedule: Schedule, after: datetime, until: datetime) -> datetime | None:
    """The last instant of a schedule in `(after, until]`, found without walking through years of them."""
    for reach in _REACHES:
        start = max(after, until - reach)
        found = None
        tick = schedule.next_after(start)
        while tick <= until:
            found, tick = tick, schedule.next_after(tick)
        if found is not None or start == after:
            return found
    return None


def _refused(text: str, reason: str) -> ConfigurationError:
    return ConfigurationError(f"schedule {text!r} cannot be used: {reason}")


def _interval_seconds(text: str, every: re.Match[str]) -> int:
    seconds = int(every[1]) * _SECONDS[every[2][0].lower()]
    if not 1 <= seconds <= 366 * 86_400:
        raise _refused(text, "an interval is at least a second and at most a year")
    return seconds


def _listed(field: Field, text: str) -> str:
    return "*" if text == "*" else ",".join(map(str, field.values(text)))


class Interval:
    """Every so many seconds, counted from 1970 in UTC, so that a restart shifts nothing."""

    def __init__(self, seconds: int) -> None:
        self._seconds = seconds

    def next_after(self, instant: datetime) -> datetime:
        passed = (instant - _EPOCH) // timedelta(seconds=self._seconds)
        return _EPOCH + timedelta(seconds=(passed + 1) * self._seconds)

    def count(self, after: datetime, until: datetime) -> int:
        step = timedelta(seconds=self._seconds)
        return (until - _EPOCH) // step - (after - _EPOCH) // step


class Cron:
    """Cron in a time zone.

    A clock time that does not exist when clocks go forward is due as much later as they go forward; one that happens
    twice is due the first time, except for jobs of every hour, which go by elapsed time.
    """

    def __init__(self, fields: list[str], zone: ZoneInfo) -> None:
        minute, hour, day, month, weekday = fields
        self._zone = zone
        self._every_hour = hour == "*"
        self._ticks_a_day = len(MINUTE.values(minute)) * len(HOUR.values(hour))
        shared = {
            "minute": _listed(MINUTE, minute),
            "hour": _listed(HOUR, hour),
            "month": _listed(MONTH, month),
            "timezone": UTC,
            "end_date": _LAST_ASKED,
        }
        days = _listed(DAY, day)
        # By name, because APScheduler counts days from Monday.
        weekdays = ",".join(WEEKDAY.names[number] for number in WEEKDAY.values(weekday))
        if day.startswith("*") or weekday.startswith("*"):
            self._triggers = [CronTrigger(day=days, day_of_week=weekdays, **shared)]
        else:
            # Unix: where both are restricted, either will do.
            self._triggers = [CronTrigger(day=days, **shared), CronTrigger(day_of_week=weekdays, **shared)]
        if self._wall_after(_FIRST_ASKED) is None:
            raise ValueError("it never fires, because no month that it names has such a day")

    def next_after(self, instant: datetime) -> datetime:
        """The first one later than `instant`, in UTC; at most some decades ahead."""
        ahead: list[datetime] = []
        # Clocks that change move instants past each other, by no more than the widest change.
        for tick in self._walls_after(self._wall(instant) - _WIDEST_CHANGE):
            ahead += [candidate for candidate in self._instants(tick) if candidate > instant]
            if ahead and tick > self._wall(ahead[0]) + _WIDEST_CHANGE:
                break
        return min(ahead, default=_LAST_ASKED)

    def count(self, after: datetime, until: datetime) -> int:
        # Counted one by one, those of a year of minutes take APScheduler a minute.
        first, days = self._wall(after).date(), (until - after).days
        return self._ticks_a_day * sum(self._is_due_on(first + timedelta(days=number)) for number in range(1, days + 1))

    def _is_due_on(self, each: date) -> bool:
        midnight = datetime.combine(each, time())
        tick = self._wall_after(midnight - timedelta(microseconds=1))
        return tick is not None and tick.date() == each

    def _wall(self, instant: datetime) -> datetime:
        return instant.astimezone(self._zone).replace(tzinfo=None)

    def _walls_after(self, wall: datetime) -> Iterator[datetime]:
        tick = self._wall_after(wall)
        while tick is not None:
            yield tick
            tick = self._wall_after(tick)

    def _wall_after(self, wall: datetime) -> datetime | None:
        asked = wall.replace(tzinfo=UTC) + timedelta(microseconds=1)
        times = [trigger.get_next_fire_time(None, asked) for trigger in self._triggers]
        return min((time.replace(tzinfo=None) for time in times if time is not None), default=None)

    def _instants(self, wall: datetime) -> list[datetime]:
        """When a clock on the wall shows that time."""
        early, late = (wall.replace(tzinfo=self._zone, fold=fold).astimezone(UTC) for fold in (0, 1))
        if not self._every_hour:
            return [early]
        if early > late:
            # It never shows it, and the hour after it is an hour like any other.
            return []
        return sorted({early, late})

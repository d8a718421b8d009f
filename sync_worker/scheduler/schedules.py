"""Schedules: the text becomes a fixed set of instants, the same for every caller at every time.

A schedule is a trigger of APScheduler, so that anything that takes one takes ours. Never reads the time.
"""

from __future__ import annotations

import re
from abc import abstractmethod
from datetime import UTC, datetime, time, timedelta
from types import MappingProxyType
from typing import NamedTuple
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from apscheduler.triggers.base import BaseTrigger
from cronsim import CronSim, CronSimError

from sync_worker.errors import ConfigurationError

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
_NEVER = datetime(9999, 12, 31, tzinfo=UTC)
# More than the clocks of any zone are ever put forward or back.
_WIDEST_CHANGE = timedelta(hours=3)

# Shortest first: a frequent schedule has a tick in the last minute, and a rare one has few in a year.
_SEARCHED = [timedelta(minutes=1), timedelta(hours=1), timedelta(days=1), timedelta(days=32), timedelta(days=300_000)]


class Schedule(BaseTrigger):  # type: ignore[misc]  # APScheduler has no types
    """A fixed set of instants, in whole seconds."""

    @abstractmethod
    def next_after(self, instant: datetime) -> datetime:
        """Return the first instant later than the given one, in UTC."""

    @abstractmethod
    def count(self, after: datetime, until: datetime) -> int:
        """Return how many there are in `(after, until]`, in whole days of the zone; clock changes do not count."""

    def get_next_fire_time(self, previous_fire_time: datetime | None, now: datetime) -> datetime:
        """Return the instant after the previous one; where there was none, the first from `now` on."""
        return self.next_after(previous_fire_time or now - timedelta(microseconds=1))


def parse_schedule(text: str, timezone: str = "UTC") -> Schedule:
    """Parse five cron fields, `@daily` and the like, or `every 15m`; raise `ConfigurationError` with the reason."""
    words = " ".join(text.split())
    if every := _EVERY.fullmatch(words):
        seconds = int(every[1]) * _SECONDS[every[2][0].lower()]
        if not 1 <= seconds <= 366 * 86_400:
            raise _refused(text, "an interval is at least a second and at most a year")
        return Interval(seconds)
    if words.lower().startswith("every"):
        raise _refused(text, "an interval is written every 15m, with s, m, h or d")
    expression = _MACROS.get(words.lower(), words)
    if expression.startswith("@"):
        raise _refused(text, f"known are {', '.join(_MACROS)}")
    fields = expression.split()
    if len(fields) != len(_FIELDS):
        raise _refused(text, "cron has five fields: minute, hour, day of month, month, day of week")
    try:
        zone = ZoneInfo(timezone)
        return Cron(" ".join(field.in_numbers(part) for field, part in zip(_FIELDS, fields, strict=True)), zone)
    except (ZoneInfoNotFoundError, IsADirectoryError):
        raise _refused(text, f"no time zone is called {timezone!r}") from None
    except ValueError as error:
        raise _refused(text, str(error)) from None
    except CronSimError:
        # Each field was checked before, so this is about all of them together.
        raise _refused(text, "it never fires, because no month that it names has such a day") from None


def last_until(schedule: Schedule, after: datetime, until: datetime) -> datetime | None:
    """Return the last instant of a schedule in `(after, until]`, without walking through years of them."""
    for span in _SEARCHED:
        start = max(after, until - span)
        found = None
        tick = schedule.next_after(start)
        while tick <= until:
            found, tick = tick, schedule.next_after(tick)
        if found is not None or start == after:
            return found
    return None


def _refused(text: str, reason: str) -> ConfigurationError:
    return ConfigurationError(f"schedule {text!r} cannot be used: {reason}")


class _Field(NamedTuple):
    """The values of a field of cron; the first of them may have names, and Sunday is day 0 and day 7."""

    noun: str
    first: int
    last: int
    names: tuple[str, ...] = ()
    is_cyclic: bool = False

    def in_numbers(self, text: str) -> str:
        """Return the field with every value listed; raise `ValueError` with what may stand there.

        CronSim's messages name the field but not the value, and it refuses `fri-sun` and reads `3-3/2` as `3/2`.
        """
        parts: list[str] = []
        for part in text.split(","):
            found = _PART.fullmatch(part)
            if found is None:
                raise self._refused(part)
            if found["first"] is None:
                parts.append(part)
                continue
            first = self._number(found["first"])
            last = self._number(found["last"]) if found["last"] else self.last if found["step"] else first
            size = self.last - self.first + 1
            if last < first and not self.is_cyclic:
                raise self._refused(part)
            values = range(first, last + 1 + size * (last < first), int(found["step"] or 1))
            parts += [str((value - self.first) % size + self.first) for value in values]
        return ",".join(parts)

    def _number(self, text: str) -> int:
        if text.lower() in self.names:
            return self.first + self.names.index(text.lower())
        if not text.isdigit() or not self.first <= int(text) <= self.last + self.is_cyclic:
            raise self._refused(text)
        return int(text)

    def _refused(self, text: str) -> ValueError:
        numbers = f"0 to {self.last + 1} (both are Sunday)" if self.is_cyclic else f"{self.first} to {self.last}"
        names = f", {self.names[0]} to {self.names[-1]}" if self.names else ""
        return ValueError(f"{text!r} is no {self.noun}: {numbers}{names}, ranges, steps")


_PART = re.compile(r"(?:\*|(?P<first>\w+)(?:-(?P<last>\w+))?)(?:/(?P<step>[1-9]\d*))?", re.ASCII)
_FIELDS = (
    _Field("minute", 0, 59),
    _Field("hour", 0, 23),
    _Field("day of the month", 1, 31),
    _Field("month", 1, 12, ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")),
    _Field("day of the week", 0, 6, ("sun", "mon", "tue", "wed", "thu", "fri", "sat"), is_cyclic=True),
)


class Interval(Schedule):
    """Every so many seconds, counted from 1970 in UTC, so that a restart shifts nothing."""

    def __init__(self, seconds: int) -> None:
        self._seconds = seconds

    def next_after(self, instant: datetime) -> datetime:
        passed = (instant - _EPOCH) // timedelta(seconds=self._seconds)
        return _EPOCH + timedelta(seconds=(passed + 1) * self._seconds)

    def count(self, after: datetime, until: datetime) -> int:
        step = timedelta(seconds=self._seconds)
        return (until - _EPOCH) // step - (after - _EPOCH) // step


class Cron(Schedule):
    """Cron in a time zone; raises `CronSimError` where no month has such a day.

    A clock time that is skipped when clocks go forward is due as much later as they go forward; one that happens twice
    is due the first time, except in jobs of every hour, which go by elapsed time. docs/adr/0023 says why.
    """

    def __init__(self, expression: str, zone: ZoneInfo) -> None:
        self._expression = expression
        self._zone = zone
        self._is_hourly = expression.split()[1] == "*"
        cron = CronSim(expression, _EPOCH)
        self._ticks_a_day = len(cron.minutes) * len(cron.hours)

    def next_after(self, instant: datetime) -> datetime:
        ahead: list[datetime] = []
        # CronSim gets wall time: in a zone, its answer for a skipped time depends on the time of the question.
        # Clock changes move instants past each other, so the search begins earlier and ends later.
        for wall in CronSim(self._expression, instant.astimezone(self._zone).replace(tzinfo=None) - _WIDEST_CHANGE):
            first, second = (wall.replace(tzinfo=self._zone, fold=fold).astimezone(UTC) for fold in (0, 1))
            if ahead and first > ahead[0] + _WIDEST_CHANGE:
                break
            # `first` is the later of the two for a time that is skipped; the hour after it is an hour like any other.
            due = {first} if not self._is_hourly else {first, second} if first <= second else set()
            ahead += [at for at in due if at > instant]
        return min(ahead, default=_NEVER)

    def count(self, after: datetime, until: datetime) -> int:
        # Counted one by one, the minutes of a year take half an hour.
        first = after.astimezone(self._zone).date()
        days = [first + timedelta(days=number) for number in range(1, (until - after).days + 1)]
        midnights = [datetime.combine(day, time()) for day in days]
        due = [
            next(CronSim(self._expression, midnight - timedelta(seconds=1)), _NEVER).date() for midnight in midnights
        ]
        return self._ticks_a_day * sum(tick == day for tick, day in zip(due, days, strict=True))

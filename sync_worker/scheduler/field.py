"""A field of a cron expression as Unix reads it; APScheduler reads some otherwise, and of some only the beginning."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

_PART = re.compile(r"(?:\*|(?P<first>\w+)(?:-(?P<last>\w+))?)(?:/(?P<step>[1-9]\d*))?", re.ASCII)


class Field(NamedTuple):
    """The values that a field may name, the first of them by `names` too; after the last one a week goes round."""

    noun: str
    first: int
    last: int
    names: tuple[str, ...] = ()
    goes_round: bool = False

    def values(self, text: str) -> list[int]:
        """The values that `text` names, in order; raises `ValueError` with what could stand there."""
        return sorted({value for part in text.split(",") for value in self._part(part)})

    def _part(self, text: str) -> Iterator[int]:
        found = _PART.fullmatch(text)
        if found is None:
            raise self._refused(text)
        first, last, around = self.first, self.last, self.last - self.first + 1
        if found["first"] is not None:
            first = self._number(found["first"])
            last = self._number(found["last"]) if found["last"] else last if found["step"] else first
        if last < first:
            if not self.goes_round:
                raise self._refused(text)
            last += around
        return ((value - self.first) % around + self.first for value in range(first, last + 1, int(found["step"] or 1)))

    def _number(self, text: str) -> int:
        if text.lower() in self.names:
            return self.first + self.names.index(text.lower())
        # Sunday is day 0 and day 7.
        if not text.isdigit() or not self.first <= int(text) <= self.last + self.goes_round:
            raise self._refused(text)
        return int(text)

    def _refused(self, text: str) -> ValueError:
        numbers = f"{self.first} to {self.last}"
        if self.goes_round:
            numbers = f"{self.first} to {self.last + 1} (both are Sunday)"
        names = f", {self.names[0]} to {self.names[-1]}" if self.names else ""
        return ValueError(f"{text!r} is no {self.noun}: {numbers}{names}, ranges, steps")


MINUTE = Field("minute", 0, 59)
HOUR = Field("hour", 0, 23)
DAY = Field("day of the month", 1, 31)
MONTH = Field("month", 1, 12, ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"))
WEEKDAY = Field("day of the week", 0, 6, ("sun", "mon", "tue", "wed", "thu", "fri", "sat"), goes_round=True)

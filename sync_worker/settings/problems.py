"""The problems of a configuration: one line each, with file, line, key and the nearest known name."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from sync_worker.errors import ConfigurationError

KeyPath = tuple[str | int, ...]
KeyFinding = tuple[KeyPath, str]
"""A key and its problem."""

_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]+")


@dataclass(frozen=True, slots=True)
class SettingsProblem:
    """A problem in a file; `key` is empty if it belongs to no key."""

    file: str
    line: int | None
    key: str
    message: str

    def __str__(self) -> str:
        place = self.file if self.line is None else f"{self.file}:{self.line}"
        return _UNPRINTABLE.sub(" ", ": ".join(part for part in (place, self.key, self.message) if part))


class SettingsError(ConfigurationError):
    """The configuration cannot be used; `problems` has the reasons in the order of the file."""

    def __init__(self, problems: Iterable[SettingsProblem]) -> None:
        self.problems: Sequence[SettingsProblem] = tuple(sorted(problems, key=lambda problem: problem.line or 0))
        super().__init__("\n".join(str(problem) for problem in self.problems))


def dotted(path: KeyPath) -> str:
    """Return a path as messages show it: `procore.companies[0]` for `("procore", "companies", 0)`."""
    text = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path)
    return text.removeprefix(".")


def nearest_name(name: str, known: Iterable[str]) -> str | None:
    """Return the known name that `name` was probably meant to be; None if none is near."""
    spellings = {each.lower(): each for each in known}
    nearest = difflib.get_close_matches(name.lower(), spellings, n=1)
    return spellings[nearest[0]] if nearest else None


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Return `, did you mean rfis?` for the nearest known name, or an empty string."""
    nearest = nearest_name(name, known)
    return f", did you mean {nearest}?" if nearest else ""

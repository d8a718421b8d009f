"""What a check-up finds, one line each."""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple

from sync_worker.errors import SyncWorkerError


class Level(StrEnum):
    """How bad it is."""

    OK = "ok"
    WARN = "warn"
    """It works; somebody should know."""
    FAIL = "fail"


class Finding(NamedTuple):
    """One thing that was looked at; `hint` is what to do, `group` the errors that a run would end with."""

    check: str
    level: Level
    message: str
    hint: str = ""
    group: type[SyncWorkerError] = SyncWorkerError


def ok(check: str, message: str) -> Finding:
    """A finding that all is well."""
    return Finding(check, Level.OK, message)


def warn(check: str, message: str, hint: str = "") -> Finding:
    """A finding that somebody should know of."""
    return Finding(check, Level.WARN, message, hint)


def fail(check: str, message: str, hint: str = "", group: type[SyncWorkerError] = SyncWorkerError) -> Finding:
    """A finding that keeps the worker from doing all its work."""
    return Finding(check, Level.FAIL, message, hint, group)


def from_error(check: str, error: SyncWorkerError) -> Finding:
    """An error as a finding; its message says what to do."""
    return Finding(check, Level.FAIL, str(error), "", type(error))

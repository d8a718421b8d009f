"""Findings of the doctor, one line each."""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple

from sync_worker.errors import SyncWorkerError


class Level(StrEnum):
    """Severity of a finding."""

    OK = "ok"
    WARN = "warn"
    """The worker works, but somebody should look at this."""
    FAIL = "fail"


class Finding(NamedTuple):
    """The result of one check; `hint` is what to do, `group` the class of the error with which a run would end."""

    check: str
    level: Level
    message: str
    hint: str = ""
    group: type[SyncWorkerError] = SyncWorkerError


def ok(check: str, message: str) -> Finding:
    """Return a finding without a problem."""
    return Finding(check, Level.OK, message)


def warn(check: str, message: str, hint: str = "") -> Finding:
    """Return a finding that somebody should look at."""
    return Finding(check, Level.WARN, message, hint)


def fail(check: str, message: str, hint: str = "", group: type[SyncWorkerError] = SyncWorkerError) -> Finding:
    """Return a finding that prevents some or all work."""
    return Finding(check, Level.FAIL, message, hint, group)


def from_error(check: str, error: SyncWorkerError) -> Finding:
    """Return an error as a finding; its message says what to do."""
    return Finding(check, Level.FAIL, str(error), "", type(error))

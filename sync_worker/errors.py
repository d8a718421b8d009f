"""Errors, grouped by what the caller does about them; the runner catches groups and never looks at status codes.

SyncWorkerError
├── ConfigurationError   stop, the user must correct the configuration (exit 2)
├── LockHeldError        another process holds the data (exit 4)
├── AuthError            stop this credential (exit 3)
├── RetryableError       try again, after `retry_after` seconds if the server said so
│   ├── NoAnswerError    a gateway gave up, the request timed out or the connection broke
│   │   └── TimedOutError     no complete answer within the time-out
│   ├── BadPayloadError  an answer that cannot be data
│   ├── TooLargeError    the list is too large for one answer; a smaller part may not be
│   └── UnreachableError no answer at all; once retries are spent, the run ends
├── SkippableError       record the scope as not permitted, go on with the others
│   └── NotFoundError    or the record that the list belongs to no longer exists
├── RequestError         this request can never succeed; the scope fails, the others go on
├── DestinationError     the database refused; the run fails
│   ├── TableError            the table of one stream takes no rows; the scope fails, the others go on
│   ├── DatabaseLostError     the open file is no longer the one at its path
│   └── DatabaseDamagedError  the file is damaged; a backup has to be restored
└── StopRequested        not a failure: the process was asked to stop
    └── AllowanceSpent   or not to wait for the allowance (exit 4)
"""

from __future__ import annotations


class SyncWorkerError(Exception):
    """A failure that the user sees as one line; the message says what happened, where and what to do."""


class ConfigurationError(SyncWorkerError):
    """The configuration, the command line or a path named there cannot be used."""


class LockHeldError(SyncWorkerError):
    """Another process holds the database; the message names it."""

    def __init__(self, message: str, *, holder: str = "") -> None:
        super().__init__(message)
        self.holder = holder


class AuthError(SyncWorkerError):
    """The login server refuses the credential; another attempt would only be refused again."""


class RetryableError(SyncWorkerError):
    """A failure that is probably temporary.

    `attempts` is the most that the request is tried, None for the number of the retry policy.
    """

    def __init__(self, message: str, *, retry_after_seconds: float | None = None, attempts: int | None = None) -> None:
        super().__init__(message)
        self.retry_after_seconds = retry_after_seconds
        self.attempts = attempts


class NoAnswerError(RetryableError):
    """No complete answer came: the host has a problem, or the request takes it too long."""


class TimedOutError(NoAnswerError):
    """No complete answer came within the time-out; every further attempt may take as long."""


class BadPayloadError(RetryableError):
    """The answer is cut short, not JSON, or not a list."""


class TooLargeError(RetryableError):
    """The list is too large for one answer; a request for less of it may succeed.

    `is_counted` is true where the worker itself found that it has too many pages.
    """

    def __init__(
        self,
        message: str,
        *,
        retry_after_seconds: float | None = None,
        attempts: int | None = None,
        is_counted: bool = False,
    ) -> None:
        super().__init__(message, retry_after_seconds=retry_after_seconds, attempts=attempts)
        self.is_counted = is_counted


class UnreachableError(RetryableError):
    """Nothing answers at the address; the next request would get no answer either."""


class SkippableError(SyncWorkerError):
    """This scope cannot be read: no permission, tool off, or project not permitted."""


class NotFoundError(SkippableError):
    """The record or list does not exist or is not visible to this account; Procore answers 404 to both."""


class RequestError(SyncWorkerError):
    """Procore rejects the request itself, or its answers contradict each other; a retry changes nothing."""


class DestinationError(SyncWorkerError):
    """The database rejected the write; nothing was half-written."""


class TableError(DestinationError):
    """A table does not take a row as it is: somebody added a constraint or a trigger to it."""


class DatabaseLostError(DestinationError):
    """The database file was deleted, moved or replaced while in use; nothing more is written to the old one."""


class DatabaseDamagedError(DestinationError):
    """The database file is damaged, or not a database."""


class StopRequested(SyncWorkerError):  # noqa: N818 - a request, not an error
    """The process was asked to stop while it waited or between two pages."""


class AllowanceSpent(StopRequested):
    """The allowance is used up and the caller asked not to wait (`--no-wait`)."""


def failure_of(group: str | None, message: str) -> SyncWorkerError:
    """Return an error of the named group; an unknown name gives a plain `SyncWorkerError`."""
    known: list[type[SyncWorkerError]] = [SyncWorkerError]
    for found in known:
        known += found.__subclasses__()
    return next((found for found in known if found.__name__ == group), SyncWorkerError)(message)

"""Errors grouped by what the caller does about them; the runner matches on the group, never on a status number.

SyncWorkerError
├── ConfigurationError   stop, the user mends the configuration (exit 2)
├── LockHeldError        another process holds the data (exit 4)
├── AuthError            stop this credential (exit 3)
├── RetryableError       try again, after `retry_after` seconds if the server said so
│   ├── NoAnswerError    a gateway gave up, time ran out or the connection broke
│   │   └── TimedOutError     and it took the whole time-out to learn it
│   ├── BadPayloadError  an answer that must not be taken for data
│   ├── TooLargeError    the list is too large to be answered; a smaller part of it may be
│   └── UnreachableError nobody answers at all; once retries are spent, the run ends
├── SkippableError       record the scope as not permitted, go on with the others
│   └── NotFoundError    or the record whose list was asked for is gone
├── RequestError         this request can never succeed; the scope fails, the others go on
├── DestinationError     the database refused; the run fails
│   ├── TableError            the table of one stream takes no rows; the scope fails, the others go on
│   ├── DatabaseLostError     the file that was open is not the one at its path any more
│   └── DatabaseDamagedError  the file is damaged; a backup has to be restored
└── StopRequested        not a failure: someone asked us to stop
    └── AllowanceSpent   or not to wait for the allowance (exit 4)
"""

from __future__ import annotations


class SyncWorkerError(Exception):
    """Something went wrong that the user is told about in one line; the message says what, where and what to do."""


class ConfigurationError(SyncWorkerError):
    """The configuration, the command line or a path named there cannot be used."""


class LockHeldError(SyncWorkerError):
    """Another process holds the database; the message names it."""

    def __init__(self, message: str, *, holder: str = "") -> None:
        super().__init__(message)
        self.holder = holder


class AuthError(SyncWorkerError):
    """The credential is refused; asking again with it would only hammer the login server."""


class RetryableError(SyncWorkerError):
    """A failure that may pass by itself.

    `attempts` is how many the request is worth in all, None for as many as the retry policy has.
    """

    def __init__(self, message: str, *, retry_after_seconds: float | None = None, attempts: int | None = None) -> None:
        super().__init__(message)
        self.retry_after_seconds = retry_after_seconds
        self.attempts = attempts


class NoAnswerError(RetryableError):
    """No whole answer came: the host is in trouble, or what was asked for takes it too long."""


class TimedOutError(NoAnswerError):
    """No whole answer came within the time-out; every further attempt may take as long."""


class BadPayloadError(RetryableError):
    """The answer is cut short, is no JSON, or is no list: never taken as data."""


class TooLargeError(RetryableError):
    """The list is too large to be answered at once; asking for less of it may succeed.

    `is_counted`: it is we who find that it has too many pages.
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
    """Nobody answers at the address; what is asked next would not be answered either."""


class SkippableError(SyncWorkerError):
    """This scope may not be read: no permission, tool disabled, project not permitted."""


class NotFoundError(SkippableError):
    """Nothing is there, or it may not be seen: Procore answers both alike."""


class RequestError(SyncWorkerError):
    """Procore refuses this very request, or its answers contradict each other; repeating it changes nothing."""


class DestinationError(SyncWorkerError):
    """The database could not take the data; nothing was half-written."""


class TableError(DestinationError):
    """A table does not take a row as it is: somebody added a constraint or a trigger to it."""


class DatabaseLostError(DestinationError):
    """The database file was deleted, moved or replaced while it was in use; nothing more goes to the old one."""


class DatabaseDamagedError(DestinationError):
    """The database file is damaged, or no database."""


class StopRequested(SyncWorkerError):  # noqa: N818 - a request, not an error
    """The process was asked to stop while it waited or between two pages."""


class AllowanceSpent(StopRequested):
    """The next call would have to wait for the allowance, and whoever asked would rather come again."""


def failure_of(group: str | None, message: str) -> SyncWorkerError:
    """An error as it was, by the name of its group; a name that this version does not know is any error."""
    known: list[type[SyncWorkerError]] = [SyncWorkerError]
    for found in known:
        known += found.__subclasses__()
    return next((found for found in known if found.__name__ == group), SyncWorkerError)(message)

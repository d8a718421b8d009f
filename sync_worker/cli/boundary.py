"""Turns errors into one line on stderr, without secrets, and the exit code."""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Callable
from errno import EIO

import click

from sync_worker.cli.options import GivenOptions
from sync_worker.cli.signals import STOPPED, StoppedAtOnce
from sync_worker.errors import (
    AllowanceSpent,
    AuthError,
    ConfigurationError,
    LockHeldError,
    StopRequested,
    SyncWorkerError,
)

FAILED = 1
UNUSABLE = 2
INTERRUPTED = 130

_EXIT_CODES: tuple[tuple[type[SyncWorkerError], int], ...] = (
    (ConfigurationError, UNUSABLE),
    (AuthError, 3),
    (LockHeldError, 4),
    (AllowanceSpent, 4),
    (StopRequested, STOPPED),
    (SyncWorkerError, FAILED),
)


def exit_code(command: Callable[[], object], given: GivenOptions) -> int:
    """Run `command`, print an error if it fails, and return the exit code."""
    try:
        answer = command()
        _flush()
    except SyncWorkerError as error:
        _say("stopped" if isinstance(error, StopRequested) else "error", str(error))
        return code_of(type(error))
    except click.ClickException as error:
        _say("error", _usage(error))
        return error.exit_code
    except (click.Abort, KeyboardInterrupt, StoppedAtOnce) as error:
        return _interrupted(error)
    except BrokenPipeError:
        _close_quietly()
        return FAILED
    except Exception as error:  # noqa: BLE001 - a user must never see a bare traceback
        return _unexpected(error, given)
    return answer if isinstance(answer, int) else 0


def code_of(group: type[SyncWorkerError]) -> int:
    """Return the exit code for a group of errors."""
    return next(code for known, code in _EXIT_CODES if issubclass(group, known))


def _usage(error: click.ClickException) -> str:
    context = getattr(error, "ctx", None)
    hint = f" (see `{context.command_path} --help`)" if context is not None else ""
    return " ".join(error.format_message().split()) + hint


def _interrupted(error: BaseException) -> int:
    if isinstance(error, StoppedAtOnce):
        _say("stopped", "before anything had begun; the same command starts again")
        return STOPPED
    _say("error", "interrupted")
    return INTERRUPTED


def _unexpected(error: Exception, given: GivenOptions) -> int:
    if given.verbosity > 0:
        _say("", "".join(traceback.format_exception(error)))
    if isinstance(error, OSError) and error.strerror and error.filename:
        _say("error", f"cannot use {error.filename}: {error.strerror}")
        return UNUSABLE
    if isinstance(error, OSError) and error.strerror:
        _say("error", error.strerror)
        return FAILED
    hint = "" if given.verbosity > 0 else " (-v shows where)"
    _say("error", f"internal error: {type(error).__name__}: {' '.join(str(error).split())}{hint}")
    return FAILED


def _say(prefix: str, text: str) -> None:
    # Costs a tenth of a second, which commands that succeed need not pay.
    from sync_worker.logs import redactor

    lead = f"{prefix}: " if prefix else ""
    try:
        for line in redactor.text(text).splitlines():
            print(f"{lead}{line}", file=sys.stderr)
    except OSError:
        return


def _flush() -> None:
    try:
        print(end="", flush=True)
    except OSError as error:
        if error.errno != EIO:
            raise
        # The terminal was closed. What the command did counts, not that nobody sees it.
        _close_quietly()


def _close_quietly() -> None:
    # The reader has gone; Python would print another error when it closes stdout.
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())

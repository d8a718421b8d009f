"""Stays with one request until there is an answer to take: waits, redirects and new tokens are dealt with here.

Used by procore inside each attempt. A list that is refused for ever must not stop the others, so before the credentials
or the allowance are blamed, what was answered last is asked for once more.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass, replace
from datetime import datetime
from enum import Enum, auto

from pydantic import SecretStr

from sync_worker.client import outcomes
from sync_worker.client.auth import BearerAuth
from sync_worker.client.bodies import Lease
from sync_worker.client.call_counter import CallCounter
from sync_worker.client.headers import retry_after_seconds
from sync_worker.client.last_answers import LastAnswers
from sync_worker.client.outcomes import Action
from sync_worker.client.rate_limit import RateLimit
from sync_worker.client.rate_limiter import LONGEST_BACKOFF_SECONDS, LONGEST_WAIT_SECONDS, SPIKE_SECONDS
from sync_worker.client.tokens import Tokens
from sync_worker.client.transport import Reply, Request, Transport, redirected
from sync_worker.clock import Clock
from sync_worker.errors import (
    AllowanceSpent,
    AuthError,
    BadPayloadError,
    RequestError,
    RetryableError,
    StopRequested,
    SyncWorkerError,
)
from sync_worker.model import Calls

MAX_REDIRECTS = 3
NEW_TOKEN_SECONDS = 1.0
"""A token may be known at the API a moment later than at the login host."""
ALONE_AFTER_SECONDS = 30.0
"""A list that is still refused then may be the only one."""
GIVEN_UP_AFTER_SECONDS = 2 * LONGEST_WAIT_SECONDS
_WORTH_A_PAUSE_SECONDS = 0.05


@dataclass(slots=True)
class _Course:
    """What one request has met so far; `is_alone`: others are answered, so its next refusal is its own."""

    redirects: int = 0
    unauthorized: int = 0
    refusals: int = 0
    refused_at: float = 0.0
    is_alone: bool = False

    def waited(self, now: float) -> float:
        """Return for how long it has been refused."""
        return now - self.refused_at if self.refusals else 0.0


class _Elsewhere(Enum):
    """What became of asking for another list."""

    ANSWERED = auto()
    UNAUTHORIZED = auto()
    SILENT = auto()
    """Nobody answers, or not yet: no proof of anything."""
    UNKNOWN = auto()
    """Nothing else was ever answered."""


class Caller:
    """Sends the requests of one credential, within its allowance."""

    def __init__(
        self,
        *,
        transport: Transport,
        tokens: Tokens,
        budget: RateLimit,
        clock: Clock,
        stop: threading.Event,
        tally: CallCounter,
    ) -> None:
        self._transport = transport
        self._tokens = tokens
        self._budget = budget
        self._clock = clock
        self._stop = stop
        self._tally = tally
        self._pulse = LastAnswers()

    def answer(self, request: Request, calls: Calls, lease: Lease | None = None) -> Reply:
        """Return the answer that waiting for the allowance, redirects and a new token lead to.

        Raises the error that fits any other answer.
        """
        course = _Course()
        while True:
            reply, token = self._send(request, calls, lease, course)
            if outcomes.is_foreign(reply.status, reply.headers, reply.body):
                raise outcomes.foreign_refusal(str(request), reply.status)
            action = outcomes.action(reply.status, reply.headers)
            if action is Action.ACCEPT:
                self._check(request, reply, token)
                return reply
            if action is Action.WAIT:
                self._wait(request, reply, token, calls, course)
            elif action is Action.REDIRECT and course.redirects < MAX_REDIRECTS:
                course.redirects += 1
                request = redirected(request, reply)
            elif action is Action.RENEW_TOKEN:
                self._renew(request, reply, token, calls, course)
            else:
                raise self._refusal(request, reply, token)

    def note_answer(self, request: Request) -> None:
        """Remember that this was answered, be it with a refusal."""
        self._pulse.beat(request)

    def note_failure(self, request: Request) -> bool:
        """Remember that this was not; return True if it is the second list with no answer in between."""
        return self._pulse.miss(request)

    def is_answered_elsewhere(self, request: Request, calls: Calls) -> bool:
        """Return True if another list, that was answered before, is answered now; one attempt tells."""
        return self._status_elsewhere(request, calls) is _Elsewhere.ANSWERED

    def _send(self, request: Request, calls: Calls, lease: Lease | None, course: _Course) -> tuple[Reply, SecretStr]:
        with self._budget.turn(self._stop, calls) as turn:
            token = self._tokens.current()
            calls.spent += 1
            try:
                reply = self._transport.send(replace(request, auth=BearerAuth(token)), lease)
            except SyncWorkerError:
                self._tally.count(request, None, None)
                raise
            self._tally.count(request, reply.status, reply.server_time)
            is_suspect = course.waited(self._clock.monotonic()) >= ALONE_AFTER_SECONDS
            turn.answered(reply.headers, reply.status, self._server_time(reply), is_suspect=is_suspect)
        return reply, token

    def _check(self, request: Request, reply: Reply, token: SecretStr) -> None:
        """Refuse what is no list by its first character, or complains in the place of one."""
        start = reply.body.lstrip()[:1]
        if start in {b"", b"<"}:
            kind = "an HTML page" if start else "nothing"
            raise BadPayloadError(f"{request}: answered 200 with {kind} where a list belongs")
        complaint = outcomes.complaint(reply.body)
        if complaint:
            said = complaint.replace(token.get_secret_value(), "***")
            raise BadPayloadError(f"{request}: answered 200 with an error where a list belongs ({said})")

    def _wait(self, request: Request, reply: Reply, token: SecretStr, calls: Calls, course: _Course) -> None:
        """Pause where the budget does not hold everyone back anyway; raise if only this list is refused."""
        now = self._clock.monotonic()
        course.refusals += 1
        course.refused_at = course.refused_at if course.refusals > 1 else now
        waited = course.waited(now)
        pause = min(2.0 ** (course.refusals - 1), LONGEST_BACKOFF_SECONDS)
        is_throttled_alone = outcomes.leaves_allowance(reply.status, reply.headers)
        if is_throttled_alone:
            asked = retry_after_seconds(reply.headers, self._server_time(reply)) or 0.0
            pause = max(pause, min(asked, LONGEST_WAIT_SECONDS))
        if course.is_alone or waited > GIVEN_UP_AFTER_SECONDS:
            others = ", while other lists are answered" if course.is_alone else ""
            raise RetryableError(
                f"{request}: {reply.status} again and again for {waited:.0f} s{others}"
                f"{self._said(reply, token)}; it is asked for again at the next run",
                attempts=1,
            )
        is_suspect = waited >= ALONE_AFTER_SECONDS
        if is_throttled_alone:
            is_suspect = is_suspect or not calls.waits or pause > ALONE_AFTER_SECONDS
        if is_suspect and self.is_answered_elsewhere(request, calls):
            course.is_alone = True  # the very next answer decides
        elif pause > self._budget.allowance.waiting_seconds + _WORTH_A_PAUSE_SECONDS:
            if not is_throttled_alone or pause <= SPIKE_SECONDS:
                self._pause(pause)
            elif calls.waits:
                self._budget.wait_for_list(self._stop, pause, str(request))
            else:
                raise AllowanceSpent(
                    f"{request}: not to be asked for another {pause:.0f} s, though calls are left; "
                    "what is read is kept, the same command goes on"
                )

    def _renew(self, request: Request, reply: Reply, token: SecretStr, calls: Calls, course: _Course) -> None:
        """Get another token, or give a new one a moment; raise if that was no help."""
        course.unauthorized += 1
        if course.unauthorized == 1:
            self._tokens.invalidate(token)
            return
        if course.unauthorized == 2:
            self._pause(NEW_TOKEN_SECONDS)
            return
        elsewhere = self._status_elsewhere(request, calls)
        if elsewhere is _Elsewhere.ANSWERED:
            raise RetryableError(
                f"{request}: 401, though other lists are answered with the same token{self._said(reply, token)}; "
                "it is asked for again at the next run",
                attempts=1,
            )
        if elsewhere is _Elsewhere.SILENT:
            raise RetryableError(f"{request}: 401{self._said(reply, token)}, and nothing else is answered now")
        error = self._refusal(request, reply, token)
        if isinstance(error, AuthError):
            self._tokens.pause(str(error))
        raise error

    def _status_elsewhere(self, request: Request, calls: Calls) -> _Elsewhere:
        known = self._pulse.last_besides(request)
        if known is None:
            return _Elsewhere.UNKNOWN
        try:
            reply, token = self._send(known, calls, None, _Course())
            action = outcomes.action(reply.status, reply.headers)
            if action is Action.ACCEPT:
                self._check(known, reply, token)
        except (RetryableError, RequestError):
            return _Elsewhere.SILENT
        if outcomes.is_foreign(reply.status, reply.headers, reply.body):
            return _Elsewhere.SILENT
        if action is Action.RENEW_TOKEN:
            return _Elsewhere.UNAUTHORIZED
        if action not in (Action.ACCEPT, Action.SKIP, Action.REFUSE):
            return _Elsewhere.SILENT
        self._pulse.beat(known)
        return _Elsewhere.ANSWERED

    def _pause(self, seconds: float) -> None:
        if self._clock.wait(self._stop, seconds):
            raise StopRequested("asked to stop while waiting to try a request again")

    def _refusal(self, request: Request, reply: Reply, token: SecretStr) -> SyncWorkerError:
        said = outcomes.reason(reply.body).replace(token.get_secret_value(), "***")
        pause = retry_after_seconds(reply.headers, self._server_time(reply))
        error = outcomes.refusal(str(request), reply.status, said, retry_after_seconds=pause)
        if isinstance(error, RetryableError) and (pause or 0.0) > LONGEST_BACKOFF_SECONDS:
            # Nobody waits that long for one list that an error page puts off.
            error.attempts = 1
        return error

    def _said(self, reply: Reply, token: SecretStr) -> str:
        said = outcomes.reason(reply.body).replace(token.get_secret_value(), "***")
        return f" ({said})" if said else ""

    def _server_time(self, reply: Reply) -> datetime:
        return reply.server_time or self._clock.now()

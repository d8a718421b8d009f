"""Sends a request with rate limit and token, and handles waits, redirects and refused tokens until it is answered.

Used by procore inside each attempt. One list that is refused forever must not stop the others: before the credentials
or the rate limit are blamed, the request that was answered last is sent once more as a probe.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass, replace
from datetime import datetime
from enum import Enum, auto

from pydantic import SecretStr

from sync_worker.client import outcomes
from sync_worker.client.bodies import Lease
from sync_worker.client.call_counter import CallCounter
from sync_worker.client.headers import retry_after_seconds
from sync_worker.client.outcomes import Action
from sync_worker.client.rate_limit import RateLimit
from sync_worker.client.rate_limiter import LONGEST_BACKOFF_SECONDS, LONGEST_WAIT_SECONDS, SPIKE_SECONDS
from sync_worker.client.tokens import BearerAuth, Tokens
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
"""A list that is refused for so long may be the only one; a probe of another shows it."""
GIVEN_UP_AFTER_SECONDS = 2 * LONGEST_WAIT_SECONDS
_WORTH_A_PAUSE_SECONDS = 0.05


@dataclass(slots=True)
class _RequestState:
    """Redirects, 401s and refusals of one request so far; `is_alone`: only it is refused, as a probe showed."""

    redirects: int = 0
    unauthorized: int = 0
    refusals: int = 0
    refused_at: float = 0.0
    is_alone: bool = False

    def waited(self, now: float) -> float:
        """Return the seconds since the first refusal."""
        return now - self.refused_at if self.refusals else 0.0


@dataclass(frozen=True, slots=True)
class _Answer:
    """The reply to a request that was sent with `token`; `at` is the server's time, ours where it gives none."""

    request: Request
    reply: Reply
    token: SecretStr
    at: datetime

    @property
    def retry_after_seconds(self) -> float | None:
        """The pause that the server asks for."""
        return retry_after_seconds(self.reply.headers, self.at)

    @property
    def reason(self) -> str:
        """Text from the body of a refusal, empty if it has none."""
        return self.masked(outcomes.reason(self.reply.body))

    @property
    def quote(self) -> str:
        """The reason in parentheses, for the middle of a message."""
        return f" ({reason})" if (reason := self.reason) else ""

    def masked(self, text: str) -> str:
        """Return a text of the server without the token, which some repeat."""
        return text.replace(self.token.get_secret_value(), "***")

    def refusal(self) -> SyncWorkerError:
        """Return the table's error."""
        pause = self.retry_after_seconds
        error = outcomes.refusal(str(self.request), self.reply.status, self.reason, retry_after_seconds=pause)
        if isinstance(error, RetryableError) and (pause or 0.0) > LONGEST_BACKOFF_SECONDS:
            # One list that an error page puts off is not worth so long a wait.
            error.attempts = 1
        return error


class _ProbeResult(Enum):
    """The result of a request for another list."""

    ANSWERED = auto()
    UNAUTHORIZED = auto()
    SILENT = auto()
    """No answer, or a wait: it proves nothing."""
    UNKNOWN = auto()
    """Nothing else was ever answered."""


class LastAnswers:
    """The latest answered request of each stream, and the list that failed since. Shared by all threads.

    A host that accepts connections and never answers costs each list all its attempts; without this, a run would try
    list after list for days.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._failed_url: str | None = None
        self._answered: dict[str | None, Request] = {}
        """By stream, in the order of the answers."""

    def probe_for(self, request: Request) -> Request | None:
        """Return the latest answered request of another list, of another stream if there is one."""
        with self._lock:
            latest = list(reversed(self._answered.values()))
        others = [known for known in latest if known.stream != request.stream]
        return next((known for known in (*others, *latest) if known.url != request.url), None)

    def record_answer(self, request: Request) -> None:
        """Record that this request got an answer, a refusal included."""
        with self._lock:
            self._answered.pop(request.stream, None)
            self._answered[request.stream] = request
            self._failed_url = None

    def record_failure(self, request: Request) -> bool:
        """Record a list that could not be read; return True if another list failed since the last answer."""
        with self._lock:
            before, self._failed_url = self._failed_url, request.url
        return before not in (None, request.url)


class Caller:
    """Sends the requests of one credential, within its allowance."""

    def __init__(
        self,
        *,
        transport: Transport,
        tokens: Tokens,
        rate_limit: RateLimit,
        clock: Clock,
        stop: threading.Event,
        call_counter: CallCounter,
    ) -> None:
        self._transport = transport
        self._tokens = tokens
        self._rate_limit = rate_limit
        self._clock = clock
        self._stop = stop
        self._call_counter = call_counter
        self.last_answers = LastAnswers()

    def send(self, request: Request, calls: Calls, lease: Lease | None = None, *, is_probe: bool = False) -> Reply:
        """Return the accepted answer, after waits, redirects and new tokens; raise the table's error for any other.

        A probe is sent once only, and any answer to it is returned.
        """
        state = _RequestState()
        while True:
            with self._rate_limit.slot(self._stop, calls) as slot:
                token = self._tokens.current()
                calls.spent += 1
                try:
                    reply = self._transport.send(replace(request, auth=BearerAuth(token)), lease)
                except SyncWorkerError:
                    self._call_counter.count(request, None, None)
                    raise
                self._call_counter.count(request, reply.status, reply.server_time)
                answer = _Answer(request, reply, token, reply.server_time or self._clock.now())
                is_suspect = state.waited(self._clock.monotonic()) >= ALONE_AFTER_SECONDS
                slot.record_answer(reply.headers, reply.status, answer.at, is_suspect=is_suspect)
            if is_probe:
                return reply
            if outcomes.is_foreign(reply.status, reply.headers, reply.body):
                raise outcomes.foreign_refusal(str(request), reply.status)
            action = outcomes.action(reply.status, reply.headers)
            if action is Action.ACCEPT:
                if problem := outcomes.payload_problem(reply.body):
                    raise BadPayloadError(f"{request}: answered 200 with {answer.masked(problem)}")
                return reply
            if action is Action.WAIT:
                self._wait(answer, calls, state)
            elif action is Action.REDIRECT and state.redirects < MAX_REDIRECTS:
                state.redirects += 1
                request = redirected(request, reply)
            elif action is Action.RENEW_TOKEN:
                self._renew(answer, calls, state)
            else:
                raise answer.refusal()

    def is_answered_elsewhere(self, request: Request, calls: Calls) -> bool:
        """Return True if another list that was answered before is answered now. Sends at most one request."""
        return self._probe_elsewhere(request, calls) is _ProbeResult.ANSWERED

    def _probe_elsewhere(self, request: Request, calls: Calls) -> _ProbeResult:
        known = self.last_answers.probe_for(request)
        if known is None:
            return _ProbeResult.UNKNOWN
        try:
            reply = self.send(known, calls, is_probe=True)
        except (RetryableError, RequestError):
            return _ProbeResult.SILENT
        action = outcomes.action(reply.status, reply.headers)
        is_useless = action is Action.ACCEPT and outcomes.payload_problem(reply.body)
        if is_useless or outcomes.is_foreign(reply.status, reply.headers, reply.body):
            return _ProbeResult.SILENT
        if action is Action.RENEW_TOKEN:
            return _ProbeResult.UNAUTHORIZED
        if action not in (Action.ACCEPT, Action.SKIP, Action.REFUSE):
            return _ProbeResult.SILENT
        self.last_answers.record_answer(known)
        return _ProbeResult.ANSWERED

    def _wait(self, answer: _Answer, calls: Calls, state: _RequestState) -> None:
        """Pause, unless the rate limit blocks all calls for longer; raise if only this list is refused."""
        request, reply = answer.request, answer.reply
        now = self._clock.monotonic()
        state.refusals += 1
        state.refused_at = state.refused_at if state.refusals > 1 else now
        waited = state.waited(now)
        pause = min(2.0 ** (state.refusals - 1), LONGEST_BACKOFF_SECONDS)
        is_throttled_alone = outcomes.leaves_allowance(reply.status, reply.headers)
        if is_throttled_alone:
            pause = max(pause, min(answer.retry_after_seconds or 0.0, LONGEST_WAIT_SECONDS))
        if state.is_alone or waited > GIVEN_UP_AFTER_SECONDS:
            others = ", while other lists are answered" if state.is_alone else ""
            raise RetryableError(
                f"{request}: {reply.status} again and again for {waited:.0f} s{others}{answer.quote}; "
                "the next run requests it again",
                attempts=1,
            )
        is_suspect = waited >= ALONE_AFTER_SECONDS
        if is_throttled_alone:
            is_suspect = is_suspect or not calls.waits or pause > ALONE_AFTER_SECONDS
        if is_suspect and self.is_answered_elsewhere(request, calls):
            state.is_alone = True  # the very next answer decides
        elif pause > self._rate_limit.allowance.waiting_seconds + _WORTH_A_PAUSE_SECONDS:
            if not is_throttled_alone or pause <= SPIKE_SECONDS:
                self._pause(pause)
            elif calls.waits:
                self._rate_limit.wait_for_list(self._stop, pause, str(request))
            else:
                raise AllowanceSpent(
                    f"{request}: the server puts this list off for {pause:.0f} s, though calls are left; "
                    "what is read is kept, the same command goes on"
                )

    def _renew(self, answer: _Answer, calls: Calls, state: _RequestState) -> None:
        """Discard the token at the first 401, pause at the second, raise at the third."""
        state.unauthorized += 1
        if state.unauthorized == 1:
            self._tokens.invalidate(answer.token)
            return
        if state.unauthorized == 2:
            self._pause(NEW_TOKEN_SECONDS)
            return
        elsewhere = self._probe_elsewhere(answer.request, calls)
        if elsewhere is _ProbeResult.ANSWERED:
            raise RetryableError(
                f"{answer.request}: 401, though other lists are answered with the same token{answer.quote}; "
                "the next run requests it again",
                attempts=1,
            )
        if elsewhere is _ProbeResult.SILENT:
            raise RetryableError(f"{answer.request}: 401{answer.quote}, and nothing else is answered now")
        error = answer.refusal()
        if isinstance(error, AuthError):
            self._tokens.pause(str(error))
        raise error

    def _pause(self, seconds: float) -> None:
        if self._clock.wait(self._stop, seconds):
            raise StopRequested("asked to stop while waiting to try a request again")

"""Reads Procore's lists page by page.

    Procore.pages           which page is next
    └── _fetch_page         retries, smaller pages, probes of other lists
        └── Caller.send     rate limit, token, waits, redirects
            └── Transport.send      one HTTP attempt

Built by app, used by runner. Knows nothing of what records mean.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from sync_worker.client import outcomes
from sync_worker.client.bodies import Lease
from sync_worker.client.call_counter import COMPANY_HEADER, CallCounter
from sync_worker.client.caller import Caller
from sync_worker.client.headers import cache_doubt, count
from sync_worker.client.list_request import ListRequest
from sync_worker.client.pagination import NEVER_SENT, Paginator
from sync_worker.client.rate_limit import RateLimit
from sync_worker.client.retry import Retry
from sync_worker.client.tokens import Tokens
from sync_worker.client.transport import Reply, Request, Transport
from sync_worker.clock import Clock
from sync_worker.errors import (
    BadPayloadError,
    NoAnswerError,
    RequestError,
    RetryableError,
    SkippableError,
    TimedOutError,
    TooLargeError,
    UnreachableError,
)
from sync_worker.logs import Event, get_logger
from sync_worker.model import Calls, Page, Records

Parse = Callable[[bytes], Records]
ATTEMPTS_AT_ONE_SIZE = 2
"""Time-outs of one page after which a list that can be divided is requested in smaller parts."""
MOST_TIME_OUTS = 8
"""Time-outs after which a list is given up even if it can be divided: each costs a minute."""
log = get_logger()


@dataclass(slots=True)
class _PageRequest:
    """The request for one page, with its failures so far.

    `unanswered` counts attempts without a whole answer. `is_silent`: a probe of another list got no answer either; None
    until the probe is sent.
    """

    request: Request
    list_request: ListRequest
    parse: Parse
    calls: Calls
    lease: Lease
    unanswered: int = 0
    is_silent: bool | None = None

    @property
    def place(self) -> tuple[int, str]:
        """Company and path: the list, without its filters."""
        return self.list_request.company_id, self.list_request.path

    def parsed(self, reply: Reply) -> tuple[Reply, Records]:
        """Return the reply with its records.

        A body that is refused here is released with the error; a name in the retry loop would keep it during the pause.
        """
        # A server that writes null for an empty list says by `Total` that it is one; docs/adr/0022 has the reasons.
        if count(reply.headers, "Total") == 0 and outcomes.is_null(reply.body):
            return reply, Records([], 0)
        try:
            return reply, self.parse(reply.body)
        except BadPayloadError as error:
            raise BadPayloadError(f"{self.request}: {error}") from None


class Procore:
    """The lists of one Procore environment, read with one credential.

    `stop` ends every wait; no request is sent once it is set. `call_counter` counts what is sent.
    """

    def __init__(
        self,
        api_url: str,
        *,
        transport: Transport,
        tokens: Tokens,
        rate_limit: RateLimit,
        retry: Retry,
        clock: Clock,
        stop: threading.Event,
        call_counter: CallCounter | None = None,
    ) -> None:
        self._api_url = api_url
        self._transport = transport
        self._tokens = tokens
        self._retry = retry
        self._time_outs: dict[tuple[int, str], int] = {}
        """Time-outs of each list since it last answered."""
        self.call_counter = call_counter or CallCounter(clock)
        self._caller = Caller(
            transport=transport,
            tokens=tokens,
            rate_limit=rate_limit,
            clock=clock,
            stop=stop,
            call_counter=self.call_counter,
        )

    @property
    def is_refused(self) -> bool:
        """True if Procore refused the credentials when a token was last requested."""
        return self._tokens.is_refused

    def listen(self, listener: Callable[[Reply], None]) -> None:
        """Call `listener` with every answer from now on, the login server's included."""
        self._transport.listen(listener)

    def log_in(self) -> None:
        """Get a token now, as the first call would, without retries; raise what `Tokens.current` raises."""
        self._tokens.current()

    def pages(self, list_request: ListRequest, parse: Parse, calls: Calls) -> Iterator[Page]:
        """Yield every page of a list; each is requested when the one before was taken.

        `parse` splits a body into records and raises `BadPayloadError` for one that is no list; that page is requested
        again. `calls` counts every request as it is sent.
        """
        paginator = Paginator(self._api_url, list_request)
        # A probe's page is taken as it comes, so it gets a connection on which no stray answer can be: docs/adr/0020.
        walk = object()
        stale: str | None = None
        while (url := paginator.url) is not None:
            number = paginator.number
            with self._transport.lease() as lease:
                request = _request(url, list_request, object() if paginator.is_probe else walk)
                page = _PageRequest(request, list_request, parse, calls, lease)
                try:
                    reply, records = self._fetch_page(page)
                except (SkippableError, RequestError) as refusal:
                    if paginator.accept_refusal(is_malformed=isinstance(refusal, RequestError)):
                        yield _end_of(paginator, url)
                        return
                    if number == 1 or isinstance(refusal, RequestError):
                        raise
                    raise RetryableError(f"{refusal}; the pages before it were answered") from None
                if not paginator.advance(reply.headers, reply.body, records):
                    yield _end_of(paginator, url)
                    return
                self._log_page(list_request, number, reply, records)
                total = count(reply.headers, "Total")
                stale = stale or cache_doubt(reply.headers)
                yield Page(
                    number=number,
                    records=records.records,
                    units=records.units,
                    total=records.total if total is None else total,
                    is_last=paginator.url is None,
                    server_time=reply.server_time,
                    url=url,
                    per_page=count(reply.headers, "Per-Page"),
                    doubt=paginator.doubt or stale,
                    is_large=lease.is_large,
                )

    def _fetch_page(self, page: _PageRequest) -> tuple[Reply, Records]:
        """Return the page, with retries; raise `UnreachableError` if they fail and no other list is answered either."""
        try:
            for attempt in self._retry.attempts():
                with attempt:
                    try:
                        answer = page.parsed(self._caller.send(page.request, page.calls, page.lease))
                    except BadPayloadError:
                        # The body came whole and is no list; another need not wait until the next attempt.
                        page.lease.close()
                        raise
                    except NoAnswerError as error:
                        self._record_no_answer(page, error)
                        raise
                    self._caller.last_answers.record_answer(page.request)
                    self._time_outs.pop(page.place, None)
                    return answer
        except TooLargeError as error:
            if error.attempts == 1 and not page.list_request.is_divisible:
                raise RequestError(str(error)) from None
            raise
        except UnreachableError:
            raise
        except RetryableError as error:
            self._record_failure(page, error)
            raise
        except SkippableError:
            # A refusal is an answer, too.
            self._caller.last_answers.record_answer(page.request)
            raise
        raise AssertionError("the last attempt returns or raises")

    def _record_no_answer(self, page: _PageRequest, error: NoAnswerError) -> None:
        """Count an attempt without an answer; limit `error.attempts` if more attempts would take too long.

        Raises:
            TooLargeError: other lists are answered, so that a smaller part of this one may be, too.
        """
        time_outs = 0
        if isinstance(error, TimedOutError):
            time_outs = self._time_outs[page.place] = self._time_outs.get(page.place, 0) + 1
        page.unanswered += 1 if error.attempts is None else ATTEMPTS_AT_ONE_SIZE
        is_divisible = page.list_request.is_divisible
        has_had_enough = max(page.unanswered, time_outs) >= ATTEMPTS_AT_ONE_SIZE
        if has_had_enough and page.is_silent is None and (is_divisible or time_outs):
            # A host that is in trouble would give smaller pages no better, and only more of them.
            page.is_silent = not self._caller.is_answered_elsewhere(page.request, page.calls)
            if not page.is_silent and is_divisible and time_outs < MOST_TIME_OUTS:
                self._caller.last_answers.record_failure(page.request)
                raise TooLargeError(f"{error}; other lists are answered", attempts=1) from None
        if time_outs > ATTEMPTS_AT_ONE_SIZE and not page.is_silent:
            error.attempts = 1

    def _record_failure(self, page: _PageRequest, error: RetryableError) -> None:
        """Record that all attempts failed; raise `UnreachableError` if no other list is answered either."""
        if isinstance(error, TimedOutError):
            # The next run begins with one attempt at each size.
            self._time_outs[page.place] = ATTEMPTS_AT_ONE_SIZE
        is_second = self._caller.last_answers.record_failure(page.request)
        if is_second and (page.is_silent or not self._caller.is_answered_elsewhere(page.request, page.calls)):
            raise UnreachableError(f"{error}; nothing else is answered any more") from error

    def _log_page(self, list_request: ListRequest, number: int, reply: Reply, records: Records) -> None:
        if records.replaced:
            log.warning(Event.RECORD_TEXT_REPLACED, path=list_request.path, page=number, characters=records.replaced)
        log.debug(
            Event.PAGE_FETCHED,
            path=list_request.path,
            page=number,
            rows=len(records.records),
            duration_ms=round(reply.elapsed_seconds * 1000),
            http_status=reply.status,
            rate_remaining=count(reply.headers, "X-Rate-Limit-Remaining"),
        )


def _end_of(paginator: Paginator, url: str) -> Page:
    """Return the page without records that ends a list after its probe was refused or brought an earlier page again."""
    return Page(
        number=paginator.number,
        records=(),
        units=0,
        total=None,
        is_last=True,
        server_time=None,
        url=url,
        doubt=paginator.doubt,
        ignores_paging=paginator.ignores_paging,
        is_blank=True,
    )


def _request(url: str, list_request: ListRequest, walk: object) -> Request:
    # It changes what a user sees in Procore; a stream declared by a user may contain it.
    if NEVER_SENT in url:
        raise RequestError(f"GET {url.partition('?')[0]}: {NEVER_SENT} is never sent")
    headers = {COMPANY_HEADER: str(list_request.company_id)}
    return Request(
        "GET", url, headers=headers, stream=list_request.stream, documentation=list_request.documentation, walk=walk
    )

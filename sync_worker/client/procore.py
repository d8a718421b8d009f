"""Reads Procore's lists, page by page: the one place where sending is composed of its parts.

    retry( budget.turn( token → transport ) → outcome → parse )

Built by app, used by runner. Knows nothing of what records mean.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

from sync_worker.client import outcomes
from sync_worker.client.bodies import Lease
from sync_worker.client.call_counter import COMPANY_HEADER, CallCounter
from sync_worker.client.caller import Caller
from sync_worker.client.headers import cache_doubt, count
from sync_worker.client.list_request import ListRequest
from sync_worker.client.pagination import Paginator
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
"""A page that was not built in time twice is asked for in smaller parts, where that can be."""
MOST_TIME_OUTS = 8
"""A time-out costs a minute, so a list that times out again and again is given up, however it could be divided."""
log = get_logger()


@dataclass(slots=True)
class _Asked:
    """A page being asked for.

    `place` is the list that it is of, whatever its filters. `unanswered` are the attempts that no whole answer came to;
    `is_silent`: nothing else was answered then either, None as long as that was not tried.
    """

    request: Request
    place: tuple[int, str]
    is_divisible: bool
    parse: Parse
    calls: Calls
    lease: Lease
    unanswered: int = 0
    is_silent: bool | None = None


class Procore:
    """The lists of one Procore environment, read with one credential.

    `stop` ends every wait; no request is sent once it is set. `tally` counts what is sent.
    """

    def __init__(
        self,
        api_url: str,
        *,
        transport: Transport,
        tokens: Tokens,
        budget: RateLimit,
        retry: Retry,
        clock: Clock,
        stop: threading.Event,
        tally: CallCounter | None = None,
    ) -> None:
        self._api_url = api_url
        self._transport = transport
        self._tokens = tokens
        self._retry = retry
        self._time_outs: dict[tuple[int, str], int] = {}
        """Time-outs of each list since it last answered."""
        self.tally = tally or CallCounter(clock)
        self._caller = Caller(
            transport=transport, tokens=tokens, budget=budget, clock=clock, stop=stop, tally=self.tally
        )

    def listen(self, hear: Callable[[Reply], None]) -> None:
        """Let `hear` be told of every answer from now on, the login server's too."""
        self._transport.listen(hear)

    def log_in(self) -> None:
        """Get a token now, as the first call would; raises what that would raise, without trying again."""
        self._tokens.current()

    def pages(self, listing: ListRequest, parse: Parse, calls: Calls) -> Iterator[Page]:
        """Yield every page of `listing`, each asked for when the one before was taken.

        `parse` takes a body apart and raises `BadPayloadError` for one that is no list; that is tried again.
        `calls` counts every request as it is sent.
        """
        paginator = Paginator(self._api_url, listing)
        # A page that nothing announced is taken as it comes, so it must not be a stray answer to the one before.
        walk = object()
        stale: str | None = None
        while (url := paginator.url) is not None:
            number = paginator.number
            with self._transport.lease() as lease:
                asked = _Asked(
                    _request(url, listing, object() if paginator.is_probe else walk),
                    (listing.company_id, listing.path),
                    listing.is_divisible,
                    parse,
                    calls,
                    lease,
                )
                try:
                    reply, records = self._read(asked)
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
                self._log_page(listing, number, reply, records)
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

    def _read(self, asked: _Asked) -> tuple[Reply, Records]:
        """Return the page after as many attempts as it takes.

        Raises `UnreachableError` when all of them failed, and nothing else is answered any more either.
        """
        try:
            answer = self._retry.call(partial(self._attempt, asked))
        except (UnreachableError, TooLargeError):
            raise
        except RetryableError as failure:
            if isinstance(failure, TimedOutError):
                # The next run begins with one attempt at each size.
                self._time_outs[asked.place] = ATTEMPTS_AT_ONE_SIZE
            is_second = self._caller.note_failure(asked.request)
            if is_second and (asked.is_silent or not self._caller.is_answered_elsewhere(asked.request, asked.calls)):
                raise UnreachableError(f"{failure}; nothing else is answered any more") from failure
            raise
        except SkippableError:
            self._caller.note_answer(asked.request)
            raise
        self._caller.note_answer(asked.request)
        self._time_outs.pop(asked.place, None)
        return answer

    def _attempt(self, asked: _Asked) -> tuple[Reply, Records]:
        try:
            reply = self._caller.answer(asked.request, asked.calls, asked.lease)
        except TooLargeError as error:
            if error.attempts == 1 and not asked.is_divisible:
                raise RequestError(str(error)) from None
            raise
        except BadPayloadError:
            # It came whole and is no list; the next attempt may be half a minute away.
            asked.lease.close()
            raise
        except NoAnswerError as error:
            time_outs = self._count_time_out(asked.place) if isinstance(error, TimedOutError) else 0
            asked.unanswered += 1 if error.attempts is None else ATTEMPTS_AT_ONE_SIZE
            has_had_enough = max(asked.unanswered, time_outs) >= ATTEMPTS_AT_ONE_SIZE
            if has_had_enough and asked.is_silent is None and (asked.is_divisible or time_outs):
                # A host that is in trouble would give smaller pages no better, and only more of them.
                asked.is_silent = not self._caller.is_answered_elsewhere(asked.request, asked.calls)
                if not asked.is_silent and asked.is_divisible and time_outs < MOST_TIME_OUTS:
                    self._caller.note_failure(asked.request)
                    raise TooLargeError(f"{error}; other lists are answered", attempts=1) from None
            if time_outs > ATTEMPTS_AT_ONE_SIZE and not asked.is_silent:
                error.attempts = 1
            raise
        try:
            return reply, _parsed(reply, asked.parse)
        except BadPayloadError as error:
            asked.lease.close()
            raise BadPayloadError(f"{asked.request}: {error}") from None

    def _count_time_out(self, place: tuple[int, str]) -> int:
        self._time_outs[place] = self._time_outs.get(place, 0) + 1
        return self._time_outs[place]

    def _log_page(self, listing: ListRequest, number: int, reply: Reply, records: Records) -> None:
        if records.replaced:
            log.warning(Event.TEXT_REPLACED, path=listing.path, page=number, characters=records.replaced)
        log.debug(
            Event.PAGE_FETCHED,
            path=listing.path,
            page=number,
            rows=len(records.records),
            duration_ms=round(reply.elapsed_seconds * 1000),
            http_status=reply.status,
            rate_remaining=count(reply.headers, "X-Rate-Limit-Remaining"),
        )


def _end_of(paginator: Paginator, url: str) -> Page:
    """Return the page without records that ends a list whose end only a probe could show."""
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


def _parsed(reply: Reply, parse: Parse) -> Records:
    # A server that writes null for an empty list says by `Total` that it is one; docs/adr/0022 has the reasons.
    if count(reply.headers, "Total") == 0 and outcomes.is_null(reply.body):
        return Records([], 0)
    return parse(reply.body)


def _request(url: str, listing: ListRequest, walk: object) -> Request:
    # It would change what a user sees in Procore; neither a stream of the user's own nor a `Link` may bring it in.
    if "save_sticky_filters" in url:
        raise RequestError(f"GET {url.partition('?')[0]}: save_sticky_filters is never sent")
    headers = {COMPANY_HEADER: str(listing.company_id)}
    return Request("GET", url, headers=headers, stream=listing.stream, standing=listing.standing, walk=walk)

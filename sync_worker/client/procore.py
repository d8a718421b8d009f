"""Reads Procore's lists, page by page: the one place where sending is composed of its parts.

    retry( budget.turn( token → transport ) → outcome → parse )

Built by app, used by runner. Knows nothing of what records mean.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime
from functools import partial

from pydantic import SecretStr

from sync_worker.client import outcomes
from sync_worker.client.auth import BearerAuth
from sync_worker.client.budget import Budget
from sync_worker.client.headers import cache_doubt, count, retry_after_seconds
from sync_worker.client.listing import Listing
from sync_worker.client.outcomes import Action
from sync_worker.client.pagination import Paginator
from sync_worker.client.pulse import Pulse
from sync_worker.client.retry import Retry
from sync_worker.client.tally import COMPANY_HEADER, Tally
from sync_worker.client.tokens import Tokens
from sync_worker.client.transport import Reply, Request, Transport, redirected
from sync_worker.clock import Clock
from sync_worker.errors import (
    AuthError,
    BadPayloadError,
    RequestError,
    RetryableError,
    SkippableError,
    SyncWorkerError,
    TooLargeError,
    UnreachableError,
)
from sync_worker.logs import Event, get_logger
from sync_worker.model import Calls, Page, Records

Parse = Callable[[bytes], Records]
MAX_REDIRECTS = 3
log = get_logger()


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
        budget: Budget,
        retry: Retry,
        clock: Clock,
        stop: threading.Event,
        tally: Tally | None = None,
    ) -> None:
        self._api_url = api_url
        self._transport = transport
        self._tokens = tokens
        self._budget = budget
        self._retry = retry
        self._clock = clock
        self._stop = stop
        self._pulse = Pulse()
        self.tally = tally or Tally(clock)

    def listen(self, hear: Callable[[Reply], None]) -> None:
        """Let `hear` be told of every answer from now on, the login server's too."""
        self._transport.listen(hear)

    def log_in(self) -> None:
        """Get a token now, as the first call would; raises what that would raise, without trying again."""
        self._tokens.current()

    def pages(self, listing: Listing, parse: Parse, calls: Calls) -> Iterator[Page]:
        """Yield every page of `listing`, each asked for when the one before was taken.

        `parse` takes a body apart and raises `BadPayloadError` for one that is no list; that is tried again.
        `calls` counts every request as it is sent.
        """
        paginator = Paginator(self._api_url, listing)
        stale: str | None = None
        while (url := paginator.url) is not None:
            number = paginator.number
            request = _request(url, listing)
            try:
                reply, records = self._asked(request, parse, calls)
            except (SkippableError, RequestError) as refusal:
                if not paginator.accept_refusal(is_malformed=isinstance(refusal, RequestError)):
                    raise
                yield _end_of(paginator, url)
                return
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
            )

    def _asked(self, request: Request, parse: Parse, calls: Calls) -> tuple[Reply, Records]:
        """The page that is asked for, after as many attempts as it takes.

        Raises `UnreachableError` when all of them failed, and nothing else is answered any more either.
        """
        try:
            answer = self._retry.call(partial(self._attempt, request, parse, calls))
        except (UnreachableError, TooLargeError):
            raise
        except RetryableError as failure:
            if self._pulse.miss(request) and not self._is_answering(calls):
                raise UnreachableError(f"{failure}; nothing else is answered any more") from failure
            raise
        except SkippableError:
            self._pulse.beat(request)
            raise
        self._pulse.beat(request)
        return answer

    def _is_answering(self, calls: Calls) -> bool:
        """Whether what was answered last still is, be it with a refusal; one attempt tells."""
        known = self._pulse.last
        if known is None:
            return False
        try:
            self._body_of(known, calls)
        except RetryableError:
            return False
        except (RequestError, SkippableError):
            pass
        self._pulse.beat(known)
        return True

    def _attempt(self, request: Request, parse: Parse, calls: Calls) -> tuple[Reply, Records]:
        reply = self._body_of(request, calls)
        try:
            return reply, parse(reply.body)
        except BadPayloadError as error:
            raise BadPayloadError(f"{request}: {error}") from None

    def _body_of(self, request: Request, calls: Calls) -> Reply:
        """An answer that may be a list."""
        reply = self._answer(request, calls)
        start = reply.body.lstrip()[:1]
        if start in {b"", b"<"}:
            kind = "an HTML page" if start else "nothing"
            raise BadPayloadError(f"{request}: answered 200 with {kind} where a list belongs")
        return reply

    def _answer(self, request: Request, calls: Calls) -> Reply:
        """The answer that waiting for the allowance, redirects and a new token lead to."""
        redirects = 0
        renewed = False
        while True:
            with self._budget.turn(self._stop, calls) as turn:
                token = self._tokens.current()
                reply = self._send(replace(request, auth=BearerAuth(token)), calls)
                turn.answered(reply.headers, reply.status, self._server_time(reply))
            action = outcomes.action(reply.status, reply.headers)
            if action is Action.TAKE:
                return reply
            if action is Action.WAIT:
                continue  # the budget holds everyone back until then
            if action is Action.REDIRECT and redirects < MAX_REDIRECTS:
                redirects += 1
                request = redirected(request, reply)
                continue
            if action is Action.RENEW_TOKEN and not renewed:
                renewed = True
                self._tokens.invalidate(token)
                continue
            error = self._refusal(request, reply, token)
            if isinstance(error, AuthError):
                self._tokens.pause(str(error))
            raise error

    def _send(self, request: Request, calls: Calls) -> Reply:
        calls.spent += 1
        try:
            reply = self._transport.send(request)
        except SyncWorkerError:
            self.tally.count(request, None, None)
            raise
        self.tally.count(request, reply.status, reply.server_time)
        return reply

    def _refusal(self, request: Request, reply: Reply, token: SecretStr) -> SyncWorkerError:
        said = outcomes.reason(reply.body).replace(token.get_secret_value(), "***")
        pause = retry_after_seconds(reply.headers, self._server_time(reply))
        return outcomes.refusal(str(request), reply.status, said, retry_after_seconds=pause)

    def _server_time(self, reply: Reply) -> datetime:
        return reply.server_time or self._clock.now()

    def _log_page(self, listing: Listing, number: int, reply: Reply, records: Records) -> None:
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


def _request(url: str, listing: Listing) -> Request:
    # It would change what a user sees in Procore; neither a stream of the user's own nor a `Link` may bring it in.
    if "save_sticky_filters" in url:
        raise RequestError(f"GET {url.partition('?')[0]}: save_sticky_filters is never sent")
    headers = {COMPANY_HEADER: str(listing.company_id)}
    return Request("GET", url, headers=headers, stream=listing.stream, standing=listing.standing)

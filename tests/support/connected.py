"""The client with all its parts, built as in `app.py`, against a scripted server."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property

import msgspec
from pydantic import SecretStr

from support.clock import ManualClock
from support.scripted_server import ScriptedServer
from sync_worker.catalog.spec import ScopeKind as Kind
from sync_worker.catalog.spec import StreamSpec
from sync_worker.client.list_request import ListRequest, list_request
from sync_worker.client.procore import Procore
from sync_worker.client.rate_limit import RateLimit
from sync_worker.client.retry import Retry, RetryPolicy
from sync_worker.client.tokens import Tokens
from sync_worker.client.transport import Transport
from sync_worker.clock import Clock
from sync_worker.errors import BadPayloadError
from sync_worker.model import Calls, Page, Records, Scope

SECRET = "s3cr3t-of-the-app"
RFIS = StreamSpec(
    name="rfis",
    tool="RFIs",
    path="/rest/v1.0/projects/{project_id}/rfis",
    scope=Kind.PROJECT,
    primary_key=("id",),
    fields={},
)


Connect = Callable[..., "Connected"]


def split(body: bytes) -> Records:
    """Split a plain array into records."""
    try:
        found = msgspec.json.decode(body, type=list[msgspec.Raw])
    except (msgspec.DecodeError, msgspec.ValidationError):
        raise BadPayloadError("the body is no list") from None
    return Records(found, len(found))


@dataclass
class Connected:
    """A client of `server` whose parts are attributes."""

    server: ScriptedServer
    clock: Clock = field(default_factory=ManualClock)
    deadline_seconds: float = 10.0
    max_body_bytes: int = 10_000_000
    on_new_secret: Callable[[str], None] = lambda _: None
    stop: threading.Event = field(default_factory=threading.Event)
    calls: Calls = field(default_factory=Calls)

    @cached_property
    def transport(self) -> Transport:
        return Transport(deadline_seconds=self.deadline_seconds, max_body_bytes=self.max_body_bytes)

    @cached_property
    def tokens(self) -> Tokens:
        return Tokens(
            self.server.url,
            "the-client",
            SecretStr(SECRET),
            send=self.transport.send,
            clock=self.clock,
            on_new_secret=self.on_new_secret,
        )

    @cached_property
    def budget(self) -> RateLimit:
        return RateLimit(self.clock)

    @cached_property
    def procore(self) -> Procore:
        return Procore(
            self.server.url,
            transport=self.transport,
            tokens=self.tokens,
            rate_limit=self.budget,
            retry=Retry(RetryPolicy(), clock=self.clock, stop=self.stop),
            clock=self.clock,
            stop=self.stop,
        )

    def pages(self, of: ListRequest | None = None) -> list[Page]:
        """Return every page of a list, by default of RFIs."""
        return list(self.procore.pages(of or rfis(), split, self.calls))


def rfis(per_page: int | None = None, project_id: int = 22) -> ListRequest:
    """Return the request for the RFIs of a project."""
    return list_request(RFIS, Scope(11, project_id), per_page=per_page)


def ids(pages: list[Page]) -> list[int]:
    """Return the records' ids in the order of the pages."""
    return [msgspec.json.decode(record)["id"] for page in pages for record in page.records]

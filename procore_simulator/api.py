"""The API side of a call. Checks come in Procore's order: rate limit, token, company, path, permission, list."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from email.utils import format_datetime
from hashlib import blake2b
from itertools import count
from typing import Any

import msgspec

from procore_simulator import lists
from procore_simulator.allowance import Allowance
from procore_simulator.draw import SIGNATURE
from procore_simulator.entry import Entry, ListKey
from procore_simulator.ids import identity, read_id
from procore_simulator.permissions import NOT_CONNECTED, NOT_FOUND, NOT_PERMITTED, Permissions, Refusal
from procore_simulator.routes import Match, Routes
from procore_simulator.tokens import Tokens
from procore_simulator.world import World
from sync_worker.catalog.spec import RecycleBin, ScopeKind, StreamSpec

_READS = ("GET", "HEAD")
_JSON = "application/json; charset=utf-8"
_LISTS_KEPT = 500
_SIGNATURE = SIGNATURE.encode()


@dataclass(frozen=True, slots=True)
class Call:
    """A request to the API; header names are in lower case."""

    method: str
    path: str
    url: str
    query: Mapping[str, str]
    headers: Mapping[str, str]


@dataclass(slots=True)
class Answer:
    """A response, with the stream and the unknown parameters for the request log."""

    status: int
    body: bytes
    headers: dict[str, str] = field(default_factory=dict)
    stream: str | None = None
    ignored: tuple[str, ...] = ()


class Refused(Exception):  # noqa: N818 - an answer, not a failure
    """A call that ends with this refusal."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(refusal.message)
        self.refusal = refusal


class Api:
    """The API server."""

    def __init__(
        self, world: World, tokens: Tokens, allowance: Allowance, permissions: Permissions, *, most: int | None = None
    ) -> None:
        self.world = world
        self.tokens = tokens
        self.allowance = allowance
        self.permissions = permissions
        self.most = most
        self._routes = Routes(world.streams)
        self._signatures = count(1)
        self._listings: dict[tuple[Any, ...], lists.Listing] = {}
        self._listed_version = world.version

    def answer(self, call: Call) -> Answer:
        """Return the answer to a call. Every call counts against the rate limit, refused ones too."""
        window, limits = self.allowance.take()
        if window is not None and window.is_refused:
            found = _refusal(Refusal(429, "You have surpassed the max number of requests"))
        else:
            try:
                found = self._answer(call)
            except Refused as refused:
                found = _refusal(refused.refusal)
            except lists.BadQueryError as error:
                found = _refusal(Refusal(400, str(error)))
        found.headers |= limits
        found.headers["Date"] = format_datetime(self.world.clock.now(), usegmt=True)
        found.headers.setdefault("Content-Type", _JSON)
        return found

    def is_known(self, headers: Mapping[str, str]) -> bool:
        """Return True if the call carries a live token."""
        scheme, _, token = headers.get("authorization", "").partition(" ")
        return scheme.lower() == "bearer" and self.tokens.live(token) is not None

    def target(self, call: Call) -> tuple[StreamSpec, ListKey] | None:
        """Return the list that a call requests, None if there is no such list."""
        match = self._routes.match(call.path)
        if match is None:
            return None
        try:
            return match.spec, self._key(match, call)
        except (Refused, lists.BadQueryError):
            return None

    def _answer(self, call: Call) -> Answer:
        if not self.is_known(call.headers):
            raise Refused(Refusal(401, "The access token is invalid"))
        company_id = self._company_id(call)
        if call.method not in _READS:
            raise Refused(NOT_FOUND)
        if special := self._special(call, company_id):
            return special
        match = self._routes.match(call.path)
        if match is None:
            raise Refused(NOT_FOUND)
        # A page is one moment of the list.
        with self.world.lock:
            return self._list(match, call, company_id)

    def _company_id(self, call: Call) -> int:
        value = call.headers.get("procore-company-id", "")
        company_id = read_id(value)
        if company_id is None:
            raise Refused(Refusal(400, "The Procore-Company-Id header is missing or malformed"))
        if self.world.company(company_id) is None or not self.permissions.is_connected(company_id):
            raise Refused(NOT_CONNECTED)
        return company_id

    def _special(self, call: Call, company_id: int) -> Answer | None:
        if call.path == "/rest/v1.0/me":
            return _ok({"id": identity("company_users", 0, 999), "login": "dmsa@sync.example", "name": "Sync Service"})
        if call.path == "/rest/v1.0/company_base_url":
            return _ok({"zone": "us01", "web_base_url": "https://app.procore.example"})
        parts = call.path.split("/")
        if call.path.startswith("/rest/v1.0/projects/") and parts[-1] == "tools" and len(parts) == 6:
            tools = self._tools(self._project_id(parts[4], company_id))
            body = msgspec.json.encode(tools if call.query.get("page", "1") == "1" else [])
            return Answer(200, body, {"Total": str(len(tools)), "Per-Page": "2000"})
        return None

    def _tools(self, project_id: int) -> list[dict[str, Any]]:
        specs = [spec for spec in self.world.streams.values() if spec.scope is ScopeKind.PROJECT]
        tools = list(dict.fromkeys(spec.tool for spec in specs))
        return [
            {
                "id": identity("project_tools", 0, position),
                "engine_name": tool.rpartition("/")[2].lower().replace(" ", "_"),
                "title": tool.rpartition("/")[2],
                "is_active": self.permissions.is_active(tool, project_id),
                "position": position,
                "required": False,
            }
            for position, tool in enumerate(tools, start=1)
        ]

    def _project_id(self, value: str, company_id: int) -> int:
        project_id = read_id(value)
        found = None if project_id is None else self.world.project(project_id)
        if found is None or found[0].id != company_id:
            raise Refused(NOT_FOUND)
        if not self.permissions.is_visible(found[1].id):
            hidden = self.permissions.hidden_status
            raise Refused(NOT_PERMITTED if hidden == NOT_PERMITTED.status else NOT_FOUND)
        return found[1].id

    def _list(self, match: Match, call: Call, company_id: int) -> Answer:
        spec = match.spec
        key = self._key(match, call)
        if key.company_id not in (None, company_id):
            raise Refused(NOT_CONNECTED)
        if refusal := self.permissions.refusal(spec, key.project_id):
            raise Refused(refusal)
        in_bin = match.in_bin or (
            isinstance(spec.deletes, RecycleBin)
            and spec.deletes.path is None
            and all(call.query.get(name) == value for name, value in spec.deletes.query.items())
        )
        listing = self._listing(spec, key, call, in_bin=in_bin)
        page = lists.page(spec, listing, call.query, url=call.url, most=self.most, in_bin=in_bin)
        headers = dict(page.headers)
        return Answer(200, self._signed(page.body), headers, spec.name, listing.ignored)

    def _key(self, match: Match, call: Call) -> ListKey:
        """Return the key of the requested list. Ids come from the path or from the query."""
        spec = match.spec
        given = {**call.query, **match.ids}
        for name in spec.query:
            if spec.query[name] == f"{{{name}}}" and not given.get(name):
                raise Refused(Refusal(400, f"param is missing or the value is empty: {name}"))
        company_id = read_id(call.headers.get("procore-company-id", "")) or 0
        if given.get("company_id", str(company_id)) != str(company_id):
            raise Refused(NOT_CONNECTED)
        if spec.scope is ScopeKind.ACCOUNT:
            return ListKey()
        project_id = None
        if spec.scope is ScopeKind.PROJECT:
            project_id = self._project_id(given.get("project_id") or self._home_of_parent(spec, given), company_id)
        key = ListKey(company_id, project_id)
        return key if spec.parent is None else self._nested(spec, key, given.get(spec.parent.param, ""))

    def _home_of_parent(self, spec: StreamSpec, given: Mapping[str, str]) -> str:
        """Return the project of a nested list's parent record, where the call names only the record."""
        if spec.parent is None:
            return ""
        wanted = given.get(spec.parent.param, "")
        homes = (
            key
            for key in self.world.store.keys(spec.parent.stream)
            if self.world.store.parent(spec, key._replace(parent_id=wanted))
        )
        return next((str(key.project_id) for key in homes), "")

    def _nested(self, spec: StreamSpec, key: ListKey, parent_id: str) -> ListKey:
        entry = self.world.store.parent(spec, key._replace(parent_id=parent_id))
        if entry is None or entry.is_deleted or spec.parent is None:
            raise Refused(NOT_FOUND)
        return key._replace(parent_id=entry.record[spec.parent.key])

    def _listing(self, spec: StreamSpec, key: ListKey, call: Call, *, in_bin: bool) -> lists.Listing:
        """Return the selected records; cached until the world changes, because every page of a list needs them."""
        if self._listed_version != self.world.version:
            self._listings.clear()
            self._listed_version = self.world.version
        today = self.world.clock.now().date()
        others = tuple(sorted((name, it) for name, it in call.query.items() if name not in {"page", "per_page"}))
        remembered = (spec.name, key, others, in_bin, today)
        # Not cached: what they show changes with permissions, which have no version.
        if spec.name in {"companies", "projects"}:
            return lists.select(spec, self._visible(spec, key), call.query, today=today, in_bin=in_bin)
        if remembered not in self._listings:
            if len(self._listings) >= _LISTS_KEPT:
                self._listings.clear()
            entries = self.world.store.entries(spec.name, key)
            self._listings[remembered] = lists.select(spec, entries, call.query, today=today, in_bin=in_bin)
        return self._listings[remembered]

    def _visible(self, spec: StreamSpec, key: ListKey) -> list[Entry]:
        sees = self.permissions.is_connected if spec.name == "companies" else self.permissions.is_visible
        return [entry for entry in self.world.store.entries(spec.name, key) if sees(entry.record["id"])]

    def _signed(self, body: bytes) -> bytes:
        if _SIGNATURE not in body:
            return body
        # Another signature in every answer, as storage services do.
        signature = blake2b(f"{self.world.seed}/{next(self._signatures)}".encode(), digest_size=16).hexdigest()
        return body.replace(_SIGNATURE, signature.encode())


def _ok(content: Any) -> Answer:
    return Answer(200, msgspec.json.encode(content))


def _refusal(refusal: Refusal) -> Answer:
    return Answer(refusal.status, msgspec.json.encode({"errors": refusal.message, "message": refusal.message}))

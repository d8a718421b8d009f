"""The ASGI application: requests come in, answers of login and API go out, damaged where a fault says so."""

from __future__ import annotations

import asyncio
import socket
import struct
import threading
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from email import message_from_bytes
from email.message import Message
from email.utils import format_datetime
from typing import Any
from urllib.parse import parse_qsl

import msgspec
from starlette.requests import Request
from starlette.types import Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol

from procore_simulator.api import Answer, Api, Call
from procore_simulator.faults import Fault, Faults
from procore_simulator.ids import read_id
from procore_simulator.lies import Lie, answer_with_lie

REQUESTS_KEPT = 50_000
_DRIPS = 16


@dataclass(frozen=True, slots=True)
class LoggedRequest:
    """A request and its answer. `status` is 0 without an answer; `at` is simulated time."""

    at: datetime
    method: str
    path: str
    query: dict[str, str]
    status: int
    company_id: str | None
    token_ok: bool
    stream: str | None
    page: int
    ignored: tuple[str, ...]
    is_faulty: bool


class Wire:
    """The ASGI application; it logs every request."""

    def __init__(self, api: Api, faults: Faults) -> None:
        self.api = api
        self.faults = faults
        self.requests: deque[LoggedRequest] = deque(maxlen=REQUESTS_KEPT)
        self.transports: dict[Any, asyncio.Transport] = {}
        self.stopped = threading.Event()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        request = Request(scope, receive)
        call = Call(
            request.method,
            request.url.path,
            str(request.url.replace(query="")),
            dict(parse_qsl(request.url.query, keep_blank_values=True)),
            dict(request.headers),
        )
        fault = self.faults.take(f"{call.path}?{request.url.query}" if call.query else call.path)
        if fault is None:
            answer = self._answer(call, await request.body())
            self._log(call, answer, is_faulty=False)
            await _send(send, answer)
        else:
            await self._answer_with_fault(fault, request, call, receive, send)

    async def _answer_with_fault(
        self, fault: Fault, request: Request, call: Call, receive: Receive, send: Send
    ) -> None:
        await self._pause(fault.delay_seconds)
        if fault.reset:
            self._log(call, Answer(0, b""), is_faulty=True)
            await self._reset(request.scope["client"], receive)
            return
        self._drift(fault, call)
        answer = self._damaged(fault, call, await request.body())
        self._log(call, answer, is_faulty=True)
        await self._send_damaged(send, answer, fault)

    async def _send_damaged(self, send: Send, answer: Answer, fault: Fault) -> None:
        """Send slowly, and only as much as the fault allows; the connection then ends short of its Content-Length."""
        await _start(send, answer)
        body = answer.body[: fault.cut_after_bytes]
        step = max(1, -(-len(body) // _DRIPS)) if fault.drip_seconds else max(1, len(body))
        for start in range(0, len(body), step):
            await self._pause(fault.drip_seconds)
            await send({"type": "http.response.body", "body": body[start : start + step], "more_body": True})
        # Without this last event uvicorn closes the connection, which cuts the body short.
        if len(body) == len(answer.body):
            await send({"type": "http.response.body", "body": b""})

    async def _pause(self, seconds: float) -> None:
        """Wait by the world's clock, at most until the simulator stops."""
        if seconds > 0:
            await asyncio.to_thread(self.api.world.clock.wait, self.stopped, seconds)

    def _answer(self, call: Call, body: bytes) -> Answer:
        return self._login(call, body) if call.path.startswith("/oauth/") else self.api.answer(call)

    def _damaged(self, fault: Fault, call: Call, body: bytes) -> Answer:
        number = call.query.get("page", "1")
        if fault.same_page:
            call = replace(call, query={**call.query, "page": "1"})
        if isinstance(fault.lie, Lie):
            answer = answer_with_lie(
                fault.lie, call.query, lambda query: self._answer(replace(call, query=query), body)
            )
        else:
            answer = self._answer(call, body)
        if fault.same_page:
            answer.headers["Link"] = f'<{call.url}?page={(read_id(number) or 1) + 1}>; rel="next"'
        if fault.replaces:
            answer.status = fault.status or 200
            answer.body = fault.content()
            for name in ("Link", "Total", "Per-Page"):
                answer.headers.pop(name, None)
        answer.headers = {name: it for name, it in answer.headers.items() if name not in fault.drop_headers}
        answer.headers |= fault.headers
        return answer

    def _drift(self, fault: Fault, call: Call) -> None:
        found = self.api.target(call) if fault.drift else None
        if found is None:
            return
        spec, key = found
        world = self.api.world
        if fault.drift == "insert":
            world.insert(spec.name, company_id=key.company_id, project_id=key.project_id, parent_id=key.parent_id)
        elif fault.drift == "resort":
            world.put_last_first(spec.name, key)
        else:
            world.delete_first(spec.name, key)

    async def _reset(self, client: Any, receive: Receive) -> None:
        transport = self.transports[tuple(client)]
        # SO_LINGER with a time of zero makes close() send RST instead of FIN.
        transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        transport.abort()
        while (await receive())["type"] != "http.disconnect":
            pass

    def _login(self, call: Call, body: bytes) -> Answer:
        form = _form(call.headers, body)
        tokens = self.api.tokens
        status, content = 404, {"error": "not_found"}
        if (call.method, call.path) == ("POST", "/oauth/token"):
            status, content = self._token(form)
        elif (call.method, call.path) == ("POST", "/oauth/revoke"):
            tokens.revoke(form.get("token", ""))
            status, content = 200, {}
        elif (call.method, call.path) == ("GET", "/oauth/token/info"):
            status, content = self._token_info(call.headers.get("authorization", "").partition(" ")[2])
        date = format_datetime(self.api.world.clock.now(), usegmt=True)
        headers = {"Date": date, "Content-Type": "application/json; charset=utf-8"}
        return Answer(status, msgspec.json.encode(content), headers)

    def _token(self, form: dict[str, str]) -> tuple[int, dict[str, Any]]:
        if not form.get("grant_type"):
            return 400, {"error": "invalid_request", "error_description": "Missing required parameter: grant_type."}
        if form["grant_type"] != "client_credentials":
            return 400, {
                "error": "unsupported_grant_type",
                "error_description": "The authorization grant type is not supported by the authorization server.",
            }
        grant = self.api.tokens.grant(form.get("client_id", ""), form.get("client_secret", ""))
        if grant is None:
            return 401, {"error": "invalid_client", "error_description": "Client authentication failed"}
        return 200, self.api.tokens.answer(grant)

    def _token_info(self, token: str) -> tuple[int, dict[str, Any]]:
        tokens = self.api.tokens
        grant = tokens.live(token)
        if grant is None:
            return 401, {"error": "invalid_token", "error_description": "The access token is invalid"}
        left = int(grant.seconds_left(self.api.world.clock.now()))
        return 200, {
            "scopes": [], "expires_in_seconds": left, "expires_in": left, "application": {"uid": tokens.client_id},
            "created_at": int(grant.created_at.timestamp()),
        }  # fmt: skip

    def _log(self, call: Call, answer: Answer, *, is_faulty: bool) -> None:
        number = call.query.get("page", "1")
        self.requests.append(
            LoggedRequest(
                self.api.world.clock.now(),
                call.method,
                call.path,
                dict(call.query),
                answer.status,
                call.headers.get("procore-company-id"),
                self.api.is_known(call.headers),
                answer.stream,
                read_id(number) or 1,
                answer.ignored,
                is_faulty,
            )
        )


def _form(headers: Mapping[str, str], body: bytes) -> dict[str, str]:
    """Return the fields of a form, urlencoded or multipart: Procore's documentation uses curl's `-F`."""
    kind = headers.get("content-type", "")
    if kind.startswith("multipart/form-data"):
        parts = message_from_bytes(b"Content-Type: " + kind.encode() + b"\r\n\r\n" + body).get_payload()
        fields = [part for part in parts if isinstance(part, Message)] if isinstance(parts, list) else []
        return {str(part.get_param("name", header="content-disposition")): str(part.get_payload()) for part in fields}
    return dict(parse_qsl(body.decode("utf-8", "replace")))


def protocol_of(wire: Wire) -> type[asyncio.Protocol]:
    """Return an HTTP protocol that registers its transports, so that a fault can reset the connection."""

    class Reachable(H11Protocol):
        def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
            super().connection_made(transport)
            # asyncio leaves Nagle's algorithm on for sockets that were bound beforehand; it costs 40 ms an answer.
            transport.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            wire.transports[transport.get_extra_info("peername")] = transport

        def connection_lost(self, exc: Exception | None) -> None:
            wire.transports.pop(self.transport.get_extra_info("peername"), None)
            super().connection_lost(exc)

    return Reachable


async def _start(send: Send, answer: Answer) -> None:
    headers = {"Content-Length": str(len(answer.body)), **answer.headers}
    if answer.status == 204:
        headers.pop("Content-Length")
    pairs = [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in headers.items()]
    await send({"type": "http.response.start", "status": answer.status, "headers": pairs})


async def _send(send: Send, answer: Answer) -> None:
    await _start(send, answer)
    await send({"type": "http.response.body", "body": answer.body})

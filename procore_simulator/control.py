"""The control interface under `/_simulator/`: other processes read and edit the data and script faults. Loopback only.

docs/simulator.md lists the routes.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import asdict
from typing import Any

import msgspec
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Mount, Route

from procore_simulator.changes import change
from procore_simulator.clocks import SteppedClock
from procore_simulator.faults import Fault
from procore_simulator.wire import Wire

_LOOPBACK = ("127.0.0.1", "::1")
PERMISSIONS = (
    "disconnect", "connect", "hide_project", "show_project", "forbid", "permit", "disable_tool", "enable_tool",
)  # fmt: skip
EDITS = ("insert", "update", "delete", "restore", "purge", "move")


def control_routes(wire: Wire, url: str) -> Mount:
    """Return the routes under `/_simulator/` of the simulator that listens at `url`."""
    control = Control(wire, url)
    handlers: dict[tuple[str, str], Callable[[Request], Awaitable[Any]]] = {
        ("GET", "/state"): control.state,
        ("POST", "/change"): control.change,
        ("POST", "/projects"): control.add_project,
        ("GET", "/records/{stream}"): control.records,
        ("POST", "/records/{stream}/{edit}"): control.edit,
        ("POST", "/permissions/{act}"): control.permissions,
        ("POST", "/faults"): control.add_fault,
        ("DELETE", "/faults"): control.clear_faults,
        ("GET", "/requests"): control.requests,
        ("DELETE", "/requests"): control.clear_requests,
        ("POST", "/tokens/revoke"): control.revoke_tokens,
        ("POST", "/clock/advance"): control.advance_clock,
    }
    routes = [Route(path, _guarded(handler), methods=[method]) for (method, path), handler in handlers.items()]
    return Mount("/_simulator", routes=routes)


def _guarded(handler: Callable[[Request], Awaitable[Any]]) -> Callable[[Request], Awaitable[Response]]:
    async def respond(request: Request) -> Response:
        if request.client is None or request.client.host not in _LOOPBACK:
            raise HTTPException(403)
        try:
            content = await handler(request)
        except (KeyError, TypeError, ValueError) as error:
            return Response(msgspec.json.encode({"error": str(error)}), 400, media_type="application/json")
        return Response(msgspec.json.encode(content), media_type="application/json")

    return respond


class Control:
    """The handlers; each returns what is sent as JSON."""

    def __init__(self, wire: Wire, url: str) -> None:
        self._wire = wire
        self._url = url
        self._world = wire.api.world
        self._tokens = wire.api.tokens

    async def state(self, _: Request) -> Any:
        """Return the companies and projects, the simulated time, and counts of what has happened."""
        world = self._world
        return {
            "url": self._url,
            "company_id": world.company_id,
            "companies": [{"id": it.id, "name": it.name} for it in world.companies],
            "projects": [
                {"id": it.id, "name": it.name, "company_id": company.id, "active": it.is_active}
                for company in world.companies
                for it in company.projects
            ],
            "streams": list(world.streams),
            "seed": world.seed,
            "now": world.clock.now(),
            "steps": world.steps,
            "requests": len(self._wire.requests),
            "faults": self._wire.faults.waiting,
            "tokens_granted": self._tokens.granted,
        }

    async def change(self, request: Request) -> Any:
        """Make a batch of believable changes; `{"step": n}` chooses the batch, else the next one."""
        body = await _body(request)
        return {"changes": [it._asdict() for it in change(self._world, body.get("step"))]}

    async def add_project(self, _: Request) -> Any:
        """Add a project to the first company."""
        return {"id": self._world.add_project()}

    async def records(self, request: Request) -> Any:
        """Return the records that a complete copy of a stream would hold, deleted ones only with `?deleted=1`."""
        project_id = request.query_params.get("project_id")
        found = self._world.records(
            request.path_params["stream"],
            project_id=int(project_id) if project_id else None,
            deleted=bool(request.query_params.get("deleted")),
        )
        return {"records": [it._asdict() for it in found]}

    async def edit(self, request: Request) -> Any:
        """Call the method of `World` that the path names, with the body as its arguments."""
        edit = request.path_params["edit"]
        if edit not in EDITS:
            raise KeyError(edit)
        result = getattr(self._world, edit)(request.path_params["stream"], **await _body(request))
        return {"record": result}

    async def permissions(self, request: Request) -> Any:
        """Call the method of `Permissions` that the path names, with the body as its arguments."""
        act = request.path_params["act"]
        if act not in PERMISSIONS:
            raise KeyError(act)
        getattr(self._wire.api.permissions, act)(**await _body(request))
        return {}

    async def add_fault(self, request: Request) -> Any:
        """Queue a fault; the body holds the fields of `Fault`."""
        self._wire.faults.add(Fault(**await _body(request)))
        return {"faults": self._wire.faults.waiting}

    async def clear_faults(self, _: Request) -> Any:
        """Forget all faults."""
        self._wire.faults.clear()
        return {}

    async def requests(self, _: Request) -> Any:
        """Return the requests so far, oldest first."""
        return {"requests": [asdict(it) for it in self._wire.requests]}

    async def clear_requests(self, _: Request) -> Any:
        """Forget the requests so far."""
        self._wire.requests.clear()
        return {}

    async def revoke_tokens(self, _: Request) -> Any:
        """Revoke every token."""
        self._tokens.revoke()
        return {}

    async def advance_clock(self, request: Request) -> Any:
        """Put the clock forward by `seconds`."""
        clock = self._world.clock
        if not isinstance(clock, SteppedClock):
            raise TypeError("this simulator runs on the machine's clock")
        clock.advance((await _body(request))["seconds"])
        return {"now": clock.now()}


async def _body(request: Request) -> dict[str, Any]:
    raw = await request.body()
    return msgspec.json.decode(raw, type=dict[str, Any]) if raw else {}

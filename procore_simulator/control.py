"""The strings behind the scenes, for other processes: look at the truth, change it, script faults; loopback only."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import msgspec
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Mount, Route

from procore_simulator.changes import change
from procore_simulator.clocks import SteppedClock
from procore_simulator.faults import Fault

if TYPE_CHECKING:
    from procore_simulator.server import Simulator

_LOOPBACK = ("127.0.0.1", "::1")
_PERMISSIONS = (
    "disconnect", "connect", "hide_project", "show_project", "forbid", "permit", "disable_tool", "enable_tool",
)  # fmt: skip
_EDITS = ("insert", "update", "delete", "restore", "purge", "move")


def control_routes(simulator: Simulator) -> Mount:
    """Everything under `/_simulator/`."""
    control = Control(simulator)
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
    """The handlers; each answers with what JSON can hold."""

    def __init__(self, simulator: Simulator) -> None:
        self._simulator = simulator

    async def state(self, _: Request) -> Any:
        """Who is there, what time it is, how much was asked."""
        simulator, world = self._simulator, self._simulator.world
        return {
            "url": simulator.url,
            "company_id": simulator.company_id,
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
            "requests": len(simulator.requests),
            "faults": simulator.faults.waiting,
            "tokens_granted": simulator.tokens.granted,
        }

    async def change(self, request: Request) -> Any:
        """A batch of believable changes; `{"step": n}` says which."""
        body = await _body(request)
        return {"changes": [it._asdict() for it in change(self._simulator.world, body.get("step"))]}

    async def add_project(self, _: Request) -> Any:
        """A new project."""
        return {"id": self._simulator.world.add_project()}

    async def records(self, request: Request) -> Any:
        """What a complete copy of a stream would hold; `?deleted=1` with the deleted ones, `?project_id=` of one."""
        project_id = request.query_params.get("project_id")
        found = self._simulator.world.records(
            request.path_params["stream"],
            project_id=int(project_id) if project_id else None,
            deleted=bool(request.query_params.get("deleted")),
        )
        return {"records": [it._asdict() for it in found]}

    async def edit(self, request: Request) -> Any:
        """Call the world's method of that name with the body as arguments."""
        edit = request.path_params["edit"]
        if edit not in _EDITS:
            raise KeyError(edit)
        result = getattr(self._simulator.world, edit)(request.path_params["stream"], **await _body(request))
        return {"record": result}

    async def permissions(self, request: Request) -> Any:
        """Give or take what the app may see; the body holds the arguments."""
        act = request.path_params["act"]
        if act not in _PERMISSIONS:
            raise KeyError(act)
        getattr(self._simulator.permissions, act)(**await _body(request))
        return {}

    async def add_fault(self, request: Request) -> Any:
        """Script a fault, the body being its fields."""
        self._simulator.faults.add(Fault(**await _body(request)))
        return {"faults": self._simulator.faults.waiting}

    async def clear_faults(self, _: Request) -> Any:
        """Forget all faults."""
        self._simulator.faults.clear()
        return {}

    async def requests(self, _: Request) -> Any:
        """The requests so far."""
        return {"requests": [asdict(it) for it in self._simulator.requests]}

    async def clear_requests(self, _: Request) -> Any:
        """Forget the requests so far."""
        self._simulator.requests.clear()
        return {}

    async def revoke_tokens(self, _: Request) -> Any:
        """End every token."""
        self._simulator.tokens.revoke()
        return {}

    async def advance_clock(self, request: Request) -> Any:
        """Put the clock forward by `seconds`."""
        clock = self._simulator.world.clock
        if not isinstance(clock, SteppedClock):
            raise TypeError("this simulator runs on the machine's clock")
        clock.advance((await _body(request))["seconds"])
        return {"now": clock.now()}


async def _body(request: Request) -> dict[str, Any]:
    raw = await request.body()
    return msgspec.json.decode(raw, type=dict[str, Any]) if raw else {}

"""`/healthz` and `/readyz`: for everybody, as they show nothing; they need neither Procore nor the database."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route


def probes(*, is_healthy: Callable[[], bool], is_ready: Callable[[], bool]) -> Sequence[Route]:
    """Their routes."""
    return [_probe("/healthz", is_healthy, "beats"), _probe("/readyz", is_ready, "ready")]


def _probe(path: str, holds: Callable[[], bool], word: str) -> Route:
    # Not a plain function: those wait for a free thread, and pages that wait for the database may hold them all.
    async def answer(_request: Request) -> JSONResponse:
        is_so = holds()
        return JSONResponse({word: is_so}, status_code=200 if is_so else 503)

    return Route(path, answer)

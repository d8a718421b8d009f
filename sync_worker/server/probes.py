"""`/healthz` and `/readyz`: open to everybody, as they show no data; they need neither Procore nor the database."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route


def probes(*, is_healthy: Callable[[], bool], is_ready: Callable[[], bool]) -> Sequence[Route]:
    """Return the routes of both."""
    return [_probe("/healthz", is_healthy, "beats"), _probe("/readyz", is_ready, "ready")]


def _probe(path: str, holds: Callable[[], bool], word: str) -> Route:
    # Starlette runs plain functions in a thread pool, which pages that wait for the database may fill.
    async def answer(_request: Request) -> JSONResponse:
        is_so = holds()
        return JSONResponse({word: is_so}, status_code=200 if is_so else 503)

    return Route(path, answer)

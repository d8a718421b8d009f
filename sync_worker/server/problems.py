"""Refusals as `application/problem+json`, which programs can tell from answers."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse


def problem(status: int, detail: str = "", headers: Mapping[str, str] | None = None) -> JSONResponse:
    """The answer for what is not done."""
    content = {"type": "about:blank", "title": HTTPStatus(status).phrase, "status": status}
    if detail:
        content["detail"] = detail
    return JSONResponse(content, status, headers, media_type="application/problem+json")


def as_problem(_request: Request, error: Exception) -> JSONResponse:
    """The answer for what a route, or none, made of a request; a bug says nothing of itself."""
    if isinstance(error, HTTPException):
        return problem(error.status_code, headers=error.headers)
    return problem(500)

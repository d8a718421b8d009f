"""Errors as `application/problem+json` (RFC 9457)."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse


def problem(status: int, detail: str = "", headers: Mapping[str, str] | None = None) -> JSONResponse:
    """Return the answer for a request that failed."""
    content = {"type": "about:blank", "title": HTTPStatus(status).phrase, "status": status}
    if detail:
        content["detail"] = detail
    return JSONResponse(content, status, headers, media_type="application/problem+json")


def as_problem(_request: Request, error: Exception) -> JSONResponse:
    """Return the answer for an error of a route; that for a bug shows no details."""
    if isinstance(error, HTTPException):
        return problem(error.status_code, headers=error.headers)
    return problem(500)

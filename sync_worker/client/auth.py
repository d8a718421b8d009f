"""Puts the token of one attempt into one request; a retry is given a new object, so never an old header."""

from __future__ import annotations

from pydantic import SecretStr
from requests import PreparedRequest
from requests.auth import AuthBase


class BearerAuth(AuthBase):
    """Sets the `Authorization` header; being an `auth=` object, it is not replaced by a netrc."""

    def __init__(self, token: SecretStr) -> None:
        self._token = token

    def __call__(self, r: PreparedRequest) -> PreparedRequest:
        r.headers["Authorization"] = f"Bearer {self._token.get_secret_value()}"
        return r

"""Bearer tokens by client credentials: granting, expiry and revocation."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from secrets import compare_digest
from typing import Any

from sync_worker.clock import Clock


@dataclass(frozen=True, slots=True)
class Grant:
    """A token that was issued."""

    token: str
    created_at: datetime
    lifetime_seconds: int

    def seconds_left(self, now: datetime) -> float:
        """Return the seconds until the token expires."""
        return self.lifetime_seconds - (now - self.created_at).total_seconds()


class Tokens:
    """The tokens of the login server. With `single` a new token revokes the one before, which Procore does not do.

    Every token begins with `mark`, so that tests find a leaked one by searching for it. `issued` holds all of them.
    """

    def __init__(
        self, clock: Clock, client_id: str, client_secret: str, *, lifetime_seconds: int = 5400, single: bool = False
    ) -> None:
        self.client_id = client_id
        self.client_secret = client_secret
        self.lifetime_seconds = lifetime_seconds
        self.single = single
        self.mark = ""
        self.issued: list[str] = []
        self._clock = clock
        self._grants: dict[str, Grant] = {}

    @property
    def granted(self) -> int:
        """The number of tokens issued."""
        return len(self.issued)

    def grant(self, client_id: str, client_secret: str) -> Grant | None:
        """Issue a token; None for wrong credentials."""
        given, right = f"{client_id}\n{client_secret}", f"{self.client_id}\n{self.client_secret}"
        if not compare_digest(given.encode(), right.encode()):
            return None
        if self.single:
            self._grants.clear()
        # Not random: the same run of the simulator gives the same tokens.
        token = self.mark + sha256(f"{right}\n{self.granted + 1}".encode()).hexdigest()
        self.issued.append(token)
        self._grants[token] = Grant(token, self._clock.now(), self.lifetime_seconds)
        return self._grants[token]

    def live(self, token: str) -> Grant | None:
        """Return the grant of a token that is known and not expired."""
        found = self._grants.get(token)
        return found if found and found.seconds_left(self._clock.now()) > 0 else None

    def revoke(self, token: str | None = None) -> None:
        """Revoke a token, or all of them."""
        if token is None:
            self._grants.clear()
        else:
            self._grants.pop(token, None)

    def answer(self, grant: Grant) -> dict[str, Any]:
        """Return the answer of the token endpoint."""
        return {
            "access_token": grant.token,
            "token_type": "bearer",
            "expires_in": grant.lifetime_seconds,
            "created_at": int(grant.created_at.timestamp()),
        }

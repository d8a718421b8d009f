"""Bearer tokens by client credentials: who gets one, how long it lives, what ends it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from secrets import compare_digest
from typing import Any

from sync_worker.clock import Clock


@dataclass(frozen=True, slots=True)
class Grant:
    """A token that was given out."""

    token: str
    created_at: datetime
    lifetime_seconds: int

    def seconds_left(self, now: datetime) -> float:
        """How long it still lives."""
        return self.lifetime_seconds - (now - self.created_at).total_seconds()


class Tokens:
    """The login server's memory; `single` makes a new grant end the one before, which Procore leaves open.

    Every token begins with `mark`, so that a search finds whatever is left of one; `issued` are those given out.
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
        """How many tokens were given out."""
        return len(self.issued)

    def grant(self, client_id: str, client_secret: str) -> Grant | None:
        """A new token, or None for the wrong credentials."""
        given, right = f"{client_id}\n{client_secret}", f"{self.client_id}\n{self.client_secret}"
        if not compare_digest(given.encode(), right.encode()):
            return None
        if self.single:
            self._grants.clear()
        token = self.mark + sha256(f"{right}\n{self.granted + 1}".encode()).hexdigest()
        self.issued.append(token)
        self._grants[token] = Grant(token, self._clock.now(), self.lifetime_seconds)
        return self._grants[token]

    def live(self, token: str) -> Grant | None:
        """The grant of a token that is known and not expired."""
        found = self._grants.get(token)
        return found if found and found.seconds_left(self._clock.now()) > 0 else None

    def revoke(self, token: str | None = None) -> None:
        """End a token, or all of them."""
        if token is None:
            self._grants.clear()
        else:
            self._grants.pop(token, None)

    def answer(self, grant: Grant) -> dict[str, Any]:
        """What the token endpoint says."""
        return {
            "access_token": grant.token,
            "token_type": "bearer",
            "expires_in": grant.lifetime_seconds,
            "created_at": int(grant.created_at.timestamp()),
        }

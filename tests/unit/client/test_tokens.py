from __future__ import annotations

import pytest
from pydantic import SecretStr

from support.clock import ManualClock
from sync_worker.client.tokens import Tokens
from sync_worker.client.transport import Reply, Request
from sync_worker.errors import RetryableError


class Login:
    """A slow login server that counts its tokens."""

    def __init__(self, clock: ManualClock, expires_in: float, answer_seconds: float = 0) -> None:
        self.clock = clock
        self.expires_in = expires_in
        self.answer_seconds = answer_seconds
        self.granted = 0

    def __call__(self, _: Request) -> Reply:
        self.clock.advance(self.answer_seconds)
        self.granted += 1
        body = b'{"access_token": "token-%d", "expires_in": %d}' % (self.granted, self.expires_in)
        return Reply(200, {}, body, self.answer_seconds, None)


def tokens_of(login: Login) -> Tokens:
    return Tokens("https://login.example/", "id", SecretStr("s3cr3t"), send=login, clock=login.clock)


@pytest.mark.parametrize(("life", "margin"), [(5400, 300), (600, 60), (7200, 300)])
def test_a_token_is_refreshed_ahead_by_the_smaller_of_five_minutes_and_a_tenth_of_its_life(
    life: int, margin: int
) -> None:
    clock = ManualClock()
    login = Login(clock, life)
    tokens = tokens_of(login)
    tokens.current()
    clock.advance(life - margin - 1)
    assert tokens.current().get_secret_value() == "token-1"
    clock.advance(1)
    assert tokens.current().get_secret_value() == "token-2"


def test_a_tokens_life_counts_from_before_it_was_requested() -> None:
    clock = ManualClock()
    login = Login(clock, 600, answer_seconds=50)
    tokens = tokens_of(login)
    tokens.current()
    clock.advance(600 - 60 - 50)
    assert tokens.current().get_secret_value() == "token-2"


def test_a_refused_token_that_was_replaced_already_costs_no_refresh() -> None:
    login = Login(ManualClock(), 5400)
    tokens = tokens_of(login)
    old = tokens.current()
    tokens.invalidate(old)
    tokens.current()
    tokens.invalidate(old)
    assert tokens.current().get_secret_value() == "token-2"


def test_a_stale_token_that_is_refused_while_no_new_one_comes_is_not_used_again() -> None:
    clock = ManualClock()
    login = Login(clock, 5400)

    def revoked_meanwhile(_: Request) -> Reply:
        tokens.invalidate(old)
        raise RetryableError("the login server is down")

    def send(request: Request) -> Reply:
        return login(request) if login.granted == 0 else revoked_meanwhile(request)

    tokens = Tokens("https://login.example", "id", SecretStr("s3cr3t"), send=send, clock=clock)
    old = tokens.current()
    clock.advance(5400 - 200)
    with pytest.raises(RetryableError):
        tokens.current()

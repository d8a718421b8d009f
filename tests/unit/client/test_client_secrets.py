from __future__ import annotations

from pydantic import SecretStr

from support.clock import ManualClock
from sync_worker.client.tokens import BearerAuth, Tokens
from sync_worker.client.transport import Reply, Request


def test_no_representation_holds_a_secret() -> None:
    secret = SecretStr("s3cr3t")

    def send(request: Request) -> Reply:
        assert "s3cr3t" not in repr(request)
        reply = Reply(200, {}, b'{"access_token": "t0k3n"}', 0.0, None)
        assert "t0k3n" not in repr(reply)
        return reply

    tokens = Tokens("https://login.example", "id", secret, send=send, clock=ManualClock())
    token = tokens.current()
    auth = BearerAuth(token)
    request = Request("GET", "https://api.example/x?filters=1", auth=auth, form={"client_secret": "s3cr3t"})
    seen = f"{tokens!r} {vars(tokens)} {auth!r} {vars(auth)} {request!r} {request} {token!r}"
    assert "s3cr3t" not in seen
    assert "t0k3n" not in seen

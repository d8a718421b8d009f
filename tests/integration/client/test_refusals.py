from __future__ import annotations

import socket
from pathlib import Path
from urllib.parse import unquote, urljoin, urlsplit

import pytest
from structlog.testing import capture_logs

from support.clock import MACHINE
from support.connected import RFIS, Connect, ids, rfis
from support.scripted_server import CERTIFICATE, Answer, Serve, Wire, in_turn, records
from sync_worker.client.transport import Request, Transport
from sync_worker.errors import ConfigurationError, RequestError, RetryableError, SkippableError, SyncWorkerError

OK = Answer(records(1))


@pytest.mark.parametrize(
    ("status", "body", "error", "said"),
    [
        (403, b'{"errors": "Forbidden"}', SkippableError, "403, no permission, tool disabled, or project .*Forbidden"),
        (403, b'{"message": "App is not connected to this company"}', SkippableError, "app is not connected to this"),
        (404, b'{"error": "Not Found"}', SkippableError, "404, does not exist or may not be seen"),
        (400, b'{"errors": {"filters": ["is bad", "is odd"]}}', RequestError, r"400.*filters: is bad; filters: is odd"),
        (406, b"<html>", RequestError, "406, unknown field"),
        (422, b"", RequestError, "422"),
        (418, b"", RequestError, "418, refused"),
        (304, b"", RequestError, "304, an unexpected redirect"),
    ],
)
def test_a_refusal_is_final_and_says_why(
    connect: Connect, status: int, body: bytes, error: type[SyncWorkerError], said: str
) -> None:
    client = connect(in_turn(Answer(body, status)))
    with pytest.raises(error, match=said):
        client.pages()
    assert client.calls.spent == 1


HTML = {"Content-Type": "text/html"}


@pytest.mark.parametrize("status", [401, 403, 404])
@pytest.mark.parametrize(
    ("body", "headers"),
    [
        (b"<html>blocked by policy</html>", HTML),
        (b"<html>blocked by policy</html>", {}),
        (b"", HTML),
        (b"access denied", {"Content-Type": "text/plain"}),
        (b'{"blocked": true}', HTML),
        (b'{"errors": "cut', {}),
        (b'{"errors": "no"}', {"Content-Encoding": "br"}),
    ],
)
def test_what_a_firewall_says_in_procores_place_is_no_word_on_permission(
    connect: Connect, status: int, body: bytes, headers: dict[str, str]
) -> None:
    foreign = Answer(body, status, headers)
    client = connect(in_turn(foreign, OK))
    assert ids(client.pages()) == [1]
    client.server.script = in_turn(foreign)
    asked = client.calls.spent
    with pytest.raises(RetryableError, match=rf"rfis: {status}, but not in Procore's words; a firewall"):
        client.pages()
    assert client.calls.spent - asked == 3
    assert len(client.server.grants()) == 1, "no new token is asked for"


@pytest.mark.parametrize(
    ("status", "body", "headers"),
    [
        (403, b"", {}),
        (404, b"{}", {"Content-Type": "application/vnd.api+json; charset=utf-8"}),
        (403, b'{"errors": "no"}', HTML),
        (404, b'{"message": "no"}', {"Content-Type": "text/plain"}),
        (403, b'{"error": {"code": 7}}', {}),
    ],
)
def test_json_is_procores_own_word(connect: Connect, status: int, body: bytes, headers: dict[str, str]) -> None:
    client = connect(in_turn(Answer(body, status, headers)))
    with pytest.raises(SkippableError):
        client.pages()
    assert client.calls.spent == 1


def test_a_401_that_asks_for_a_bearer_token_needs_no_body(connect: Connect) -> None:
    unauthorized = Answer(b"", 401, {"Content-Type": "text/plain", "WWW-Authenticate": 'Bearer realm="Procore"'})
    client = connect(in_turn(unauthorized, OK))
    assert ids(client.pages()) == [1]
    assert len(client.server.grants()) == 2


@pytest.mark.parametrize("status", [403, 404])
def test_a_refusal_after_the_first_page_is_a_failure(connect: Connect, status: int) -> None:
    more = {"Link": f'<{RFIS.path.format(project_id=22)}?page=2>; rel="next"'}
    client = connect(in_turn(Answer(records(1), headers=more), Answer(b'{"errors": "page out of range"}', status)))
    with pytest.raises(RetryableError, match=rf"{status}, .* \(page out of range\); the pages before it were answered"):
        client.pages()


def test_a_token_that_the_server_repeats_is_blanked(connect: Connect) -> None:
    client = connect(in_turn(Answer(b'{"errors": "token-1 may not do this"}', 403)))
    with pytest.raises(SkippableError, match=r"\(\*\*\* may not do this\)"):
        client.pages()


@pytest.mark.parametrize(
    "location",
    [
        "/rest/v1.0/projects/22/rfis/",
        "/rest/v1.0/projects/%32%32/rfis?page=9&status=closed",
        "/rest/v1.1/projects/22/rfis",
        "../../../v1.0/projects/22/rfis/?",
    ],
)
def test_a_redirect_to_the_same_list_is_followed_with_the_same_headers_and_our_own_query(
    connect: Connect, location: str
) -> None:
    client = connect(in_turn(Answer(b"x" * 99, 302, {"Location": location}), OK))
    assert ids(client.pages(rfis(per_page=100))) == [1]
    first, last = client.server.received[-2:]
    asked = urlsplit(urljoin(client.server.url + first.path, location)).path
    assert unquote(last.path) == unquote(asked)
    assert last.params == first.params == {"page": "1", "per_page": "100"}
    assert (last.headers["Authorization"], last.headers["Procore-Company-Id"]) == ("Bearer token-1", "11")
    assert client.calls.spent == 2


@pytest.mark.parametrize(
    "location",
    [
        "/rest/v1.0/companies",
        "/rest/v1.0/projects/23/rfis",
        "/rest/v1.0/projects/22/rfis/7",
        "/rest/v2.0/projects/22/rfis",
        "/rest/v1.0/projects/22%2Frfis",
        "/elsewhere?signature=abc",
        "/",
    ],
)
def test_a_redirect_to_another_list_is_refused_with_both_names(connect: Connect, location: str) -> None:
    client = connect(in_turn(Answer(b"", 302, {"Location": location}), OK))
    path = location.partition("?")[0]
    with pytest.raises(RequestError, match=f"/projects/22/rfis: redirected to {path}, which is another list"):
        client.pages()
    assert client.calls.spent == 1


def test_a_redirect_to_another_host_never_gets_the_token(connect: Connect, serve: Serve) -> None:
    other = serve(in_turn(OK))
    client = connect(in_turn(Answer(b"", 307, {"Location": f"{other.url}/rest?token=1"})))
    with pytest.raises(RequestError, match=r"redirected to 127\.0\.0\.1, which must not"):
        client.pages()
    assert other.received == []


@pytest.mark.parametrize("location", ["https://storage.example/x?signature=abc", "http://[x", "//user@127.0.0.1/"])
def test_a_redirect_elsewhere_names_only_the_host(connect: Connect, location: str) -> None:
    client = connect(in_turn(Answer(b"", 302, {"Location": location})))
    with pytest.raises(RequestError, match="redirected to") as refused:
        client.pages()
    assert "signature" not in str(refused.value)
    assert client.calls.spent == 1


def test_the_body_of_a_redirect_is_not_read_beyond_what_a_refusal_may_hold(connect: Connect) -> None:
    client = connect(in_turn(Answer(b"x" * 3_000_000, 302, {"Location": "/rest/v1.1/projects/22/rfis"}), OK))
    assert ids(client.pages()) == [1]
    assert client.server.connections == 2, "one that was not read to its end is not used again"


def test_a_redirect_in_a_circle_ends(connect: Connect) -> None:
    client = connect(in_turn(Answer(b"", 302, {"Location": "/rest/v1.0/projects/22/rfis"})))
    with pytest.raises(RequestError, match="302, redirects"):
        client.pages()
    assert client.calls.spent == 4


def test_an_unreachable_host_is_named_with_what_to_check() -> None:
    with socket.socket() as reserved:
        reserved.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{reserved.getsockname()[1]}"
        with pytest.raises(RetryableError) as failed:
            Transport().send(Request("GET", f"{url}/rest/v1.0/companies?x=1"))
    assert str(failed.value) == (
        f"cannot reach {url}: connection refused; check the network, the proxy and the URL "
        f"(GET {url}/rest/v1.0/companies)"
    )


def test_a_host_name_that_does_not_exist_is_reported() -> None:
    with pytest.raises(RetryableError, match=r"cannot reach https://nowhere\.invalid: host name not found"):
        Transport().send(Request("GET", "https://nowhere.invalid/rest"))


def test_plain_http_is_for_this_machine_alone() -> None:
    with pytest.raises(RequestError, match="plain HTTP"):
        Transport().send(Request("GET", "http://api.procore.example/rest"))


def test_a_server_without_a_trusted_certificate_is_refused(serve: Serve) -> None:
    server = serve(in_turn(OK), CERTIFICATE)
    with pytest.raises(RequestError, match=r"the certificate is not trusted, self.signed certificate; check ca_bundle"):
        Transport().send(Request("GET", f"{server.url}/rest"))
    assert server.received == []


def test_the_ca_bundle_of_the_settings_is_trusted(serve: Serve) -> None:
    server = serve(in_turn(OK), CERTIFICATE)
    transport = Transport(ca_bundle=CERTIFICATE)
    assert transport.send(Request("GET", f"{server.url}/rest")).body == records(1)
    transport.close()


@pytest.mark.parametrize("content", [None, "no certificate"])
def test_a_ca_bundle_that_cannot_be_read_is_a_configuration_error(
    serve: Serve, tmp_path: Path, content: str | None
) -> None:
    bundle = tmp_path / "ca.pem"
    bundle.write_text(content or "")
    transport = Transport(ca_bundle=bundle)
    if content is None:
        bundle.unlink()
    with pytest.raises(ConfigurationError, match=r"^ca_bundle: \S+ca\.pem holds no certificate that can be read: \w+"):
        transport.send(Request("GET", f"{serve(in_turn(OK), CERTIFICATE).url}/rest"))


def test_a_slow_drip_does_not_outlive_the_deadline_over_tls(serve: Serve) -> None:
    server = serve(in_turn(Wire(b"HTTP/1.1 200 OK\r\nX-Long: " + b"a" * 4000, drip=True)), CERTIFICATE)
    transport = Transport(ca_bundle=CERTIFICATE, deadline_seconds=0.3)
    started = MACHINE.monotonic()
    with pytest.raises(RetryableError, match=r"no whole answer within 0\.3 s"):
        transport.send(Request("GET", f"{server.url}/rest"))
    # The drip would take minutes.
    assert MACHINE.monotonic() - started < 60


def test_netrc_ca_bundle_and_proxies_of_the_environment_are_ignored(
    connect: Connect, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login somebody password else\n")
    monkeypatch.setenv("NETRC", str(netrc))
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tmp_path / "missing.pem"))
    for name in ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    monkeypatch.setenv("no_proxy", "")
    client = connect(in_turn(OK))
    client.pages()
    assert client.server.grants()[0].headers["Authorization"] is None
    assert client.server.received[-1].headers["Authorization"] == "Bearer token-1"


def test_cookies_are_not_kept(connect: Connect) -> None:
    client = connect(in_turn(Answer(records(1), headers={"Set-Cookie": "session=1; Path=/"})))
    client.pages()
    client.pages()
    assert client.server.received[-1].headers["Cookie"] is None


def test_a_proxy_serves_all_but_this_machine_and_its_password_is_never_shown(serve: Serve) -> None:
    proxy = serve(in_turn(Answer(b"", 502)))
    port = proxy.url.rpartition(":")[2]
    transport = Transport(proxy=f"http://somebody:pr0xy-p4ss@127.0.0.1:{port}")
    with pytest.raises(RetryableError, match="the proxy lets nothing through") as failed:
        transport.send(Request("GET", "https://api.procore.example/rest"))
    assert "pr0xy" not in repr(failed.value)
    assert failed.value.__suppress_context__
    assert failed.value.__cause__ is None
    api = serve(in_turn(OK))
    assert transport.send(Request("GET", f"{api.url}/rest")).status == 200
    transport.close()


def test_a_slow_drip_does_not_outlive_the_deadline_through_a_proxy(serve: Serve) -> None:
    proxy = serve(in_turn(Wire(b"HTTP/1.1 200 Connection established\r\n", drip=True, stall=True)))
    transport = Transport(proxy=proxy.url, deadline_seconds=0.3)
    started = MACHINE.monotonic()
    with pytest.raises(RetryableError):
        transport.send(Request("GET", "https://api.procore.example/rest"))
    # It would last for ever.
    assert MACHINE.monotonic() - started < 60


def test_a_missing_ca_bundle_is_a_configuration_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="ca_bundle"):
        Transport(ca_bundle=tmp_path / "missing.pem")


def test_logs_hold_no_header_no_token_and_no_secret(connect: Connect) -> None:
    client = connect(in_turn(Answer(b"", 401), Answer(b"", 502), Answer(b"", 429), OK))
    with capture_logs() as logs:
        client.pages()
    events = {entry["event"] for entry in logs}
    assert events >= {"token.granted", "request.retry_scheduled", "allowance.waiting", "page.fetched"}
    assert "token-" not in repr(logs)
    assert "s3cr3t" not in repr(logs)

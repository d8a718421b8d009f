from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import pytest

from support.connected import RFIS, Connect, ids, rfis
from support.scripted_server import Answer, Received, Script, in_turn, records
from sync_worker.catalog.spec import NO_PAGING, ScopeKind, StreamSpec
from sync_worker.client.listing import listing
from sync_worker.errors import RequestError
from sync_worker.model import Scope


def paged(total: int, clamp: int, *, link: bool = True) -> Script:
    """A list of ids 1 to `total` whose pages hold at most `clamp` records."""

    def script(received: Received) -> Answer:
        page = int(received.params.get("page", 1))
        per_page = min(clamp, int(received.params.get("per_page", clamp)))
        first = (page - 1) * per_page + 1
        headers = {"Total": str(total), "Per-Page": str(per_page), "Date": "Mon, 02 Mar 2026 05:59:58 GMT"}
        if link:
            base = f"{received.path}?per_page={per_page}&page="
            more = page * per_page < total
            headers["Link"] = f'<{base}1>; rel="first"' + (f', <{base}{page + 1}>; rel="next"' if more else "")
        return Answer(records(*range(first, min(first + per_page, total + 1))), headers=headers)

    return script


@pytest.mark.parametrize("link", [True, False], ids=["by Link", "by Total and the returned Per-Page"])
def test_reads_every_record_once_although_the_server_clamps_the_page_size(connect: Connect, link: bool) -> None:
    client = connect(paged(total=7, clamp=3, link=link))
    pages = client.pages(rfis(per_page=1000))
    assert ids(pages) == [1, 2, 3, 4, 5, 6, 7]
    assert [page.number for page in pages] == [1, 2, 3]
    assert [page.is_last for page in pages] == [False, False, True]
    assert {page.total for page in pages} == {7}
    assert client.calls.spent == 3


def test_every_call_names_the_company_and_carries_the_token(connect: Connect) -> None:
    client = connect(paged(total=4, clamp=2))
    client.pages()
    calls = [request for request in client.server.received if request.method == "GET"]
    assert [call.headers["Procore-Company-Id"] for call in calls] == ["11", "11"]
    assert [call.headers["Authorization"] for call in calls] == ["Bearer token-1", "Bearer token-1"]
    assert {call.headers["Accept-Encoding"] for call in calls} == {"gzip"}
    assert calls[0].headers["User-Agent"].startswith("procore-sync-worker/")


def test_resumes_at_the_page_it_is_told(connect: Connect) -> None:
    client = connect(paged(total=7, clamp=3, link=False))
    pages = client.pages(rfis(), first_page=3)
    assert ids(pages) == [7]
    assert pages[0].number == 3
    assert client.calls.spent == 1


def test_a_page_tells_the_servers_time(connect: Connect) -> None:
    pages = connect(paged(total=1, clamp=3)).pages()
    assert pages[0].server_time == datetime(2026, 3, 2, 5, 59, 58, tzinfo=UTC)


def test_a_list_without_documented_paging_is_asked_without_and_its_link_followed(connect: Connect) -> None:
    spec = StreamSpec("roles", "Directory", "/rest/v1.0/roles", ScopeKind.COMPANY, ("id",), {}, paging=NO_PAGING)
    client = connect(
        in_turn(
            Answer(records(1), headers={"Link": '</rest/v1.0/roles?after=1>; rel="next"'}),
            Answer(records(2)),
        )
    )
    assert ids(client.pages(listing(spec, Scope(11)))) == [1, 2]
    assert client.server.received[1].params == {}
    assert client.server.received[2].params == {"after": "1"}


def test_everything_in_one_answer_is_not_asked_for_again(connect: Connect) -> None:
    client = connect(in_turn(Answer(records(1, 2, 3), headers={"Total": "3", "Per-Page": "2"})))
    assert ids(client.pages()) == [1, 2, 3]


@pytest.mark.parametrize("total", ["many", "-1", "", "9" * 30])
def test_a_malformed_total_is_no_total(connect: Connect, total: str) -> None:
    pages = connect(in_turn(Answer(records(1), headers={"Total": total, "Per-Page": "1"}))).pages()
    assert pages[0].total is None


def test_a_server_that_sends_the_same_page_for_ever_is_noticed(connect: Connect) -> None:
    def script(received: Received) -> Answer:
        following = int(received.params["page"]) + 1
        return Answer(records(1, 2), headers={"Link": f'<{received.path}?page={following}>; rel="next"'})

    client = connect(script)
    with pytest.raises(RequestError, match="ignores paging at page 2: this page is the same"):
        client.pages()
    assert client.calls.spent == 2


def test_a_next_page_that_was_already_read_is_noticed(connect: Connect) -> None:
    next_to_1 = {"Link": f'<{RFIS.path.format(project_id=22)}?page=2>; rel="next"'}
    client = connect(in_turn(Answer(records(1), headers=next_to_1), Answer(records(2), headers=next_to_1)))
    with pytest.raises(RequestError, match="one already asked for"):
        client.pages()


def test_more_pages_than_total_allows_are_noticed(connect: Connect) -> None:
    """A list of signed URLs differs at every read, so its repeated page is never the same."""

    def script(received: Received) -> Answer:
        page = int(received.params["page"])
        headers = {"Total": "10", "Per-Page": "5", "Link": f'<{received.path}?page={page + 1}>; rel="next"'}
        return Answer(records(page), headers=headers)

    client = connect(script)
    with pytest.raises(RequestError, match="though Total is 10"):
        client.pages()
    assert client.calls.spent < 10


def test_a_list_that_grows_while_it_is_read_is_read_to_its_end(connect: Connect) -> None:
    def script(received: Received) -> Answer:
        page = int(received.params["page"])
        link = f'<{received.path}?page={page + 1}>; rel="next"' if page < 3 else '<x>; rel="prev"'
        return Answer(records(page), headers={"Total": "2", "Per-Page": "2", "Link": link})

    assert ids(connect(script).pages()) == [1, 2, 3]


@pytest.mark.parametrize(
    "target",
    [
        "https://elsewhere.example/rest/v1.0/projects/22/rfis?page=2",
        "/rest/v1.0/projects/23/rfis?page=2",
        "http://user@127.0.0.1/rest/v1.0/projects/22/rfis?page=2",
        "http://[broken/rest",
    ],
)
def test_a_next_page_elsewhere_is_refused(connect: Connect, target: str) -> None:
    client = connect(in_turn(Answer(records(1), headers={"Link": f'<{target}>; rel="next"'})))
    with pytest.raises(RequestError, match="said to be elsewhere") as refused:
        client.pages()
    assert "elsewhere.example" not in str(refused.value)


def test_sticky_filters_are_never_sent_even_when_a_link_asks_for_them(connect: Connect) -> None:
    sticky = f'<{RFIS.path.format(project_id=22)}?page=2&save_sticky_filters=true>; rel="next"'
    client = connect(in_turn(Answer(records(1), headers={"Link": sticky})))
    with pytest.raises(RequestError, match="never sent"):
        client.pages()
    assert client.calls.spent == 1


def test_one_connection_serves_a_whole_listing(connect: Connect) -> None:
    client = connect(paged(total=30, clamp=3))
    client.pages()
    assert client.server.connections == 1


def test_threads_that_come_and_go_share_a_connection_and_none_is_left_over(connect: Connect) -> None:
    """Each run has threads of its own, and a daemon has runs for years."""
    client = connect(lambda _: Answer(b"[]"))

    for _ in range(20):
        with ThreadPoolExecutor(1) as pool:
            pool.submit(client.pages).result()

    assert client.server.connections == 1

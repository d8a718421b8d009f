from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import pytest

from support.connected import RFIS, Connect, ids, rfis
from support.scripted_server import Answer, Received, Script, in_turn, records
from sync_worker.catalog.spec import NO_PAGING, ScopeKind, StreamSpec
from sync_worker.client.list_request import list_request
from sync_worker.errors import RequestError
from sync_worker.model import Scope

UNPAGED = StreamSpec("roles", "Directory", "/rest/v1.0/roles", ScopeKind.COMPANY, ("id",), {}, paging=NO_PAGING)


def paged(total: int, clamp: int, *, link: bool = True) -> Script:
    """Answer with a list of ids 1 to `total` whose pages hold at most `clamp` records."""

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


def test_a_page_has_the_servers_time(connect: Connect) -> None:
    pages = connect(paged(total=1, clamp=3)).pages()
    assert pages[0].server_time == datetime(2026, 3, 2, 5, 59, 58, tzinfo=UTC)


def test_an_unpaged_list_is_requested_without_page_size_and_its_link_followed(connect: Connect) -> None:
    client = connect(
        in_turn(
            Answer(records(1), headers={"Link": '</rest/v1.0/roles?after=1>; rel="next"'}),
            Answer(records(2)),
        )
    )
    assert ids(client.pages(list_request(UNPAGED, Scope(11)))) == [1, 2]
    assert client.server.received[1].params == {}
    assert client.server.received[2].params == {"after": "1"}


def test_everything_in_one_answer_is_not_requested_again(connect: Connect) -> None:
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
        "?page=2&filters%5Bstatus%5D=closed&per_page=7",
        "",
    ],
)
def test_the_next_page_is_asked_for_at_our_own_address_whatever_the_link_has(connect: Connect, target: str) -> None:
    """The token goes nowhere else, and no filter of ours is lost or replaced."""
    link = {"Link": f'<{target}>; rel="next"', "Total": "2"}
    client = connect(in_turn(Answer(records(1), headers=link), Answer(records(2), headers={"Total": "2"})))

    assert ids(client.pages(rfis(per_page=1))) == [1, 2]
    first, second = (call for call in client.server.received if call.method == "GET")
    assert second.path == first.path
    assert second.params == first.params | {"page": "2"}


def test_sticky_filters_are_never_sent_even_when_a_link_has_them(connect: Connect) -> None:
    for sticky in ("page=2&save_sticky_filters=true", "cursor=b&save_sticky_filters=true"):
        link = f'<{RFIS.path.format(project_id=22)}?{sticky}>; rel="next"'
        client = connect(in_turn(Answer(records(1), headers={"Link": link}), Answer(records(2))))
        assert ids(client.pages()) == [1, 2]
        assert not any("sticky" in call.target for call in client.server.received)


@pytest.mark.parametrize(
    "link",
    [
        '<{next}>; rel="next",',
        "<{next}>;REL=NEXT",
        '<{last}>; rel="last", <{next}>; title="a, b; rel=last"; rel="prefetch next"',
        '</style.css>; rel=preload; as=style, <{next}>;rel="next"',
        '<{last}>; rel="last"',
        "{next}; rel=next",
        '<{next}; rel="next"',
        "garbage",
    ],
)
def test_a_link_a_little_off_never_ends_a_list(connect: Connect, link: str) -> None:
    """A header that cannot be read is no sign that the list has ended."""
    path = RFIS.path.format(project_id=22)

    def script(received: Received) -> Answer:
        page = int(received.params["page"])
        header = link.replace("{next}", f"{path}?a=1;2,3&page={page + 1}").replace("{last}", f"{path}?page=3")
        ended = f'<{path}?page=1>; rel="first"'
        found = records(2 * page, 2 * page + 1) if page < 4 else b"[]"
        return Answer(found, headers={"Link": header if page < 3 else ended, "Per-Page": "2"})

    pages = connect(script).pages(rfis(per_page=2))

    assert ids(pages) == [2, 3, 4, 5, 6, 7]
    assert pages[-1].doubt is None


def silent(total: int, clamp: int, *, per_page: bool = False) -> Script:
    """Answer with a list that does not show where it ends."""

    def script(received: Received) -> Answer:
        size = min(clamp, int(received.params.get("per_page", clamp)))
        first = (int(received.params.get("page", 1)) - 1) * size + 1
        headers = {"Per-Page": str(size) if per_page else ""}
        return Answer(records(*range(first, min(first + size, total + 1))), headers=headers)

    return script


@pytest.mark.parametrize("clamp", [3, 7, 100])
@pytest.mark.parametrize("total", [0, 1, 6, 7, 21, 100, 200])
@pytest.mark.parametrize("per_page", [False, True], ids=["", "Per-Page"])
def test_a_list_that_says_nothing_of_its_end_is_read_until_a_page_proves_it(
    connect: Connect, total: int, clamp: int, per_page: bool
) -> None:
    pages = connect(silent(total, clamp, per_page=per_page)).pages(rfis(per_page=1000))

    assert ids(pages) == list(range(1, total + 1))
    assert pages[-1].doubt is None


def test_a_page_shorter_than_the_server_makes_them_ends_a_list_without_another_call(connect: Connect) -> None:
    client = connect(silent(8, 5, per_page=True))

    assert ids(client.pages()) == list(range(1, 9))
    assert client.calls.spent == 2


def test_a_total_that_only_counts_the_first_page_does_not_end_the_list(connect: Connect) -> None:
    def script(received: Received) -> Answer:
        page = int(received.params["page"])
        return Answer(records(2 * page, 2 * page + 1) if page < 4 else b"[]", headers={"Total": "2", "Per-Page": "2"})

    assert ids(connect(script).pages(rfis(per_page=2))) == [2, 3, 4, 5, 6, 7]


@pytest.mark.parametrize("size", [50, 100])
@pytest.mark.parametrize(
    "headers",
    [
        {"Total": "{size}", "Per-Page": ""},
        {"Link": '</x?page=1>; rel="first"'},
        {"Link": '</x?page={page}>; rel="last"'},
    ],
    ids=["Total of the page", "Link to the first page", "Link to this page"],
)
def test_one_sign_alone_does_not_end_a_list_at_a_full_page(
    connect: Connect, headers: dict[str, str], size: int
) -> None:
    def script(received: Received) -> Answer:
        page = int(received.params["page"])
        said = {"Per-Page": str(size), **headers}
        found = range(size * (page - 1), min(size * page, 250))
        return Answer(
            records(*found), headers={name: value.format(size=len(found), page=page) for name, value in said.items()}
        )

    assert ids(connect(script).pages(rfis(per_page=1000))) == list(range(250))


@pytest.mark.parametrize("headers", [{"Total": "100"}, {"Link": '</x?page=1>; rel="first"'}])
def test_a_list_that_ends_at_a_full_page_and_ignores_page_numbers_is_proven(
    connect: Connect, headers: dict[str, str]
) -> None:
    pages = connect(in_turn(Answer(records(*range(100)), headers={"Per-Page": "", **headers}))).pages()

    assert len(ids(pages)) == 100
    assert pages[-1].doubt is None


def test_pages_cut_shorter_than_the_size_that_the_server_repeats_are_read_to_the_end(connect: Connect) -> None:
    def script(received: Received) -> Answer:
        first = 100 * (int(received.params["page"]) - 1)
        return Answer(records(*range(first, min(first + 100, 250))), headers={"Per-Page": received.params["per_page"]})

    assert ids(connect(script).pages(rfis(per_page=1000))) == list(range(250))


def test_headers_that_vanish_after_the_first_page_do_not_end_the_list(connect: Connect) -> None:
    def script(received: Received) -> Answer:
        page = int(received.params["page"])
        headers = {"Total": "5", "Link": f'<{received.path}?page=2>; rel="next"', "Per-Page": "2"} if page == 1 else {}
        found = [1, 2, 3, 4, 5][2 * page - 2 : 2 * page]
        return Answer(records(*found), headers=headers)

    client = connect(script)
    assert ids(client.pages(rfis(per_page=2))) == [1, 2, 3, 4, 5]
    assert client.calls.spent == 3


def test_a_short_page_in_the_middle_does_not_end_a_list_whose_links_go_on(connect: Connect) -> None:
    def script(received: Received) -> Answer:
        page = int(received.params["page"])
        more = f'<{received.path}?page={page + 1}>; rel="next"' if page < 4 else f'<{received.path}?page=3>; rel="prev"'
        return Answer([records(1, 2), records(3), b"[]", records(4)][page - 1], headers={"Link": more, "Per-Page": "2"})

    assert ids(connect(script).pages(rfis(per_page=2))) == [1, 2, 3, 4]


def test_a_list_that_is_announced_and_does_not_come_is_not_proven(connect: Connect) -> None:
    for headers in ({"Total": "9"}, {"Link": '<?page=7>; rel="last"'}):
        pages = connect(in_turn(Answer(records(1, 2), headers=headers), Answer(b"[]", headers=headers))).pages()

        assert ids(pages) == [1, 2]
        assert pages[-1].doubt == "page 2 is empty although the server says that more follow"


@pytest.mark.parametrize(("length", "is_proven"), [(3, True), (100, False)])
def test_a_list_whose_server_ignores_page_numbers_is_proven_unless_possibly_cut(
    connect: Connect, length: int, is_proven: bool
) -> None:
    client = connect(in_turn(Answer(records(*range(length)), headers={"Per-Page": ""})))
    pages = client.pages(rfis(per_page=1000))

    assert len(ids(pages)) == length
    assert client.calls.spent == 2
    assert pages[-1].ignores_paging
    assert (pages[-1].doubt is None) is is_proven


@pytest.mark.parametrize("length", [99, 100])
def test_a_list_that_documents_no_paging_is_one_answer_unless_it_was_cut(connect: Connect, length: int) -> None:
    def script(received: Received) -> Answer:
        rest = range(length) if "page" not in received.params else range(length, length + 7)
        return Answer(records(*rest) if received.params.get("page") != "3" else b"[]", headers={"Per-Page": ""})

    client = connect(script)
    found = ids(client.pages(list_request(UNPAGED, Scope(11))))

    assert len(found) == (99 if length == 99 else 107)
    assert client.calls.spent == (1 if length == 99 else 2)


@pytest.mark.parametrize("second", [Answer(records(*range(100))), Answer(b'{"errors": "no page"}', status=400)])
def test_a_second_page_of_an_unpaged_list_as_long_as_a_cap_is_requested(connect: Connect, second: Answer) -> None:
    client = connect(lambda received: second if "page" in received.params else Answer(records(*range(100))))
    pages = client.pages(list_request(UNPAGED, Scope(11)))

    assert len(ids(pages)) == 100
    assert pages[-1].doubt is None
    assert client.calls.spent == 2


def test_one_connection_serves_all_pages_of_a_list(connect: Connect) -> None:
    client = connect(paged(total=30, clamp=3))
    client.pages()
    assert client.server.connections == 1


def test_threads_that_come_and_go_leave_no_connections_behind(connect: Connect) -> None:
    """Each run has threads of its own, and a daemon has runs for years."""
    client = connect(lambda _: Answer(b"[]"))

    for _ in range(20):
        with ThreadPoolExecutor(1) as pool:
            pool.submit(client.pages).result()

    assert client.server.most_open < 10

"""Faults on the wire, as any HTTP caller meets them."""

from __future__ import annotations

import pytest
import requests

from procore_simulator.faults import Fault
from support.caller import Caller
from support.clock import ManualClock


@pytest.fixture
def path(project_id: int) -> str:
    return f"/rest/v1.0/projects/{project_id}/rfis"


def test_an_answer_is_replaced_so_many_times(caller: Caller, path: str) -> None:
    caller.simulator.faults.add(Fault(path="*/rfis*", times=2, status=503, headers={"Retry-After": "7"}))

    answers = [caller.get(path) for _ in range(3)]

    assert [answer.status_code for answer in answers] == [503, 503, 200]
    assert answers[0].headers["Retry-After"] == "7"
    assert [logged.is_faulty for logged in caller.simulator.requests][-3:] == [True, True, False]


def test_a_body_is_replaced(caller: Caller, path: str) -> None:
    caller.simulator.faults.add(Fault(body="<html>maintenance</html>", headers={"Content-Type": "text/html"}))
    answer = caller.get(path)
    assert (answer.status_code, answer.text, answer.headers["Content-Type"]) == (
        200, "<html>maintenance</html>", "text/html",
    )  # fmt: skip

    caller.simulator.faults.add(Fault(body=b"\x00\xff not json"), Fault(status=204))
    assert caller.get(path).content == b"\x00\xff not json"
    assert (caller.get(path).status_code, caller.get(path).status_code) == (204, 200)


def test_a_body_is_cut_short_under_its_full_length(caller: Caller, path: str) -> None:
    caller.simulator.faults.add(Fault(cut_after_bytes=100))

    with pytest.raises(requests.exceptions.ChunkedEncodingError, match="100 bytes read"):
        caller.get(path)
    assert caller.get(path).status_code == 200


def test_a_connection_is_reset(caller: Caller, path: str) -> None:
    caller.simulator.faults.add(Fault(reset=True))

    with pytest.raises(requests.exceptions.ConnectionError, match="reset"):
        caller.get(path)
    assert caller.simulator.requests[-1].status == 0
    assert caller.get(path).status_code == 200


def test_delays_and_drips_pass_by_the_worlds_clock(caller: Caller, path: str) -> None:
    clock = caller.simulator.world.clock
    assert isinstance(clock, ManualClock)
    whole = caller.get(path).content
    caller.simulator.faults.add(Fault(delay_seconds=30), Fault(drip_seconds=2))

    assert [caller.get(path).content for _ in range(2)] == [whole, whole]
    assert clock.waits == [30, *[2] * 16]


def test_headers_are_left_out(caller: Caller, path: str) -> None:
    caller.simulator.faults.add(Fault(drop_headers=("Total", "Link")))

    assert {"Total", "Link"}.isdisjoint(caller.get(path).headers)


def test_the_same_page_comes_for_ever(caller: Caller, path: str) -> None:
    caller.simulator.faults.add(Fault(same_page=True, times=9))

    first, third = caller.get(path, {"per_page": 3}), caller.get(path, {"per_page": 3, "page": 3})

    assert first.json() == third.json()
    assert third.links["next"]["url"].endswith("page=4")


def test_an_answer_may_say_nothing_of_its_page(caller: Caller, path: str) -> None:
    caller.simulator.faults.add(Fault(lie="silent"))

    answer = caller.get(path, {"per_page": 3})

    assert {"Link", "Total", "Per-Page"}.isdisjoint(answer.headers)
    assert len(answer.json()) == 3


def test_a_page_may_be_clamped_without_a_word(caller: Caller, path: str) -> None:
    honest = caller.get(path, {"per_page": 4}).json()
    caller.simulator.faults.add(Fault(lie="clamped", times=2))

    pages = [caller.get(path, {"per_page": 4, "page": page}) for page in (1, 2)]

    assert [row for page in pages for row in page.json()] == honest
    assert {"Link", "Total", "Per-Page"}.isdisjoint(pages[0].headers)


def test_the_first_page_may_come_again_beyond_the_end(caller: Caller, path: str) -> None:
    first = caller.get(path).json()
    caller.simulator.faults.add(Fault(lie="repeated"))

    assert caller.get(path, {"page": 999}).json() == first


def test_whether_there_is_more_may_stand_in_the_body(caller: Caller) -> None:
    path = f"/rest/v2.0/companies/{caller.simulator.company_id}/roles"
    caller.simulator.faults.add(Fault(lie="in_body", times=2))

    first, last = caller.get(path, {"per_page": 2}), caller.get(path, {"per_page": 100})

    assert (first.json()["has_next_page"], last.json()["has_next_page"]) == (True, False)
    assert "Link" not in first.headers


@pytest.mark.parametrize(
    ("lie", "last_link"),
    [
        ("comma", '<{url}?filters%5Bstatus%5D=open&page=2&per_page=3>; rel="next",'),
        ("spelt", "<{url}?filters%5Bstatus%5D=open&page=2&per_page=3>; title=page; Rel=NEXT"),
        ("relative", '<{path}?filters%5Bstatus%5D=open&page=2&per_page=3>; rel="next"'),
        (
            "elsewhere",
            '<http://api.internal.example:8080{path}?filters%5Bstatus%5D=open&page=2&per_page=3>; rel="next"',
        ),
        ("forgetful", '<{url}?page=2>; rel="next"'),
    ],
)
def test_links_may_be_written_otherwise(caller: Caller, path: str, lie: str, last_link: str) -> None:
    caller.simulator.faults.add(Fault(lie=lie))

    answer = caller.get(path, {"filters[status]": "open", "page": 1, "per_page": 3})

    assert answer.headers["Link"].endswith(last_link.format(url=caller.simulator.url + path, path=path))


def test_a_lie_that_nobody_knows_is_refused() -> None:
    with pytest.raises(ValueError, match="white"):
        Fault(lie="white")


@pytest.mark.parametrize(("drift", "more"), [("insert", 1), ("delete", -1), ("resort", 0)])
def test_a_list_drifts_while_it_is_paged(caller: Caller, path: str, drift: str, more: int) -> None:
    caller.simulator.faults.add(Fault(path="*page=2*", drift=drift))

    first, second = caller.get(path, {"page": 1}), caller.get(path, {"page": 2})

    assert int(second.headers["Total"]) == int(first.headers["Total"]) + more


def test_logging_in_can_fail_too(caller: Caller) -> None:
    caller.simulator.faults.add(Fault(path="/oauth/token", status=500, body="boom"))

    assert caller.token().status_code == 500
    assert caller.token().status_code == 200

"""Lists over real sockets: paging, envelopes, filters, recycle bins, signed addresses."""

from __future__ import annotations

from typing import Any

import pytest
import requests

from procore_simulator.draw import SIGNATURE
from procore_simulator.entry import ListKey
from procore_simulator.world import World
from support.caller import Caller, Start
from support.cases import for_each_case
from support.clock import ManualClock
from sync_worker.catalog import STREAMS
from sync_worker.catalog.spec import Envelope, StreamSpec
from sync_worker.model import Scope

LAST_CENTURY = {"start_date": "1990-01-01", "end_date": "2099-12-31"}


def address(spec: StreamSpec, key: ListKey) -> tuple[str, dict[str, Any]]:
    """Return the path and the query that list all records of a stream."""
    ids = Scope(key.company_id, key.project_id)._asdict()
    if spec.parent is not None:
        ids[spec.parent.param] = key.parent_id
    query = {name: value.format(**ids) for name, value in spec.query.items()}
    return spec.path.format(**ids), query | (LAST_CENTURY if spec.date_window else {})


def listed(caller: Caller, spec: StreamSpec, key: ListKey, **query: Any) -> list[Any]:
    path, wanted = address(spec, key)
    rows = caller.rows(path, wanted | query)
    return [meeting for group in rows for meeting in group["meetings"]] if spec.envelope is Envelope.GROUPS else rows


def without_signatures(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: without_signatures(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [without_signatures(inner) for inner in value]
    return value.partition("X-Amz-Signature=")[0] if isinstance(value, str) else value


def by_text(rows: list[Any]) -> list[str]:
    return sorted(str(without_signatures(row)) for row in rows)


@pytest.fixture
def rfis(project_id: int) -> str:
    return f"/rest/v1.0/projects/{project_id}/rfis"


@pytest.fixture
def by_sevens(start: Start) -> Caller:
    return start(World(projects=2, scale=0.2, clock=ManualClock()), most_per_page=7)


@for_each_case(STREAMS)
def test_all_pages_together_are_the_truth(spec: StreamSpec, by_sevens: Caller) -> None:
    world = by_sevens.simulator.world

    for key in world.store.keys(spec.name):
        truth = [it.record for it in world.records(spec.name) if it[:3] == key]
        assert by_text(listed(by_sevens, spec, key)) == by_text(truth)


def test_links_lead_from_first_to_last_page_and_keep_the_query(caller: Caller, rfis: str) -> None:
    pages = caller.pages(rfis, {"per_page": 10, "filters[status]": "ö pen"})

    total = int(pages[0].headers["Total"])
    assert [len(page.json()) for page in pages] == [10] * (total // 10) + [total % 10] * (total % 10 > 0)
    assert {page.headers["Per-Page"] for page in pages} == {"10"}
    assert set(pages[0].links) == {"first", "next", "last"}
    assert set(pages[1].links) == {"first", "prev", "next", "last"}
    assert set(pages[-1].links) == {"first", "prev", "last"}
    assert pages[0].links["last"]["url"] == pages[-1].url
    assert all("filters%5Bstatus%5D=%C3%B6+pen" in page.links["first"]["url"] for page in pages)


@pytest.mark.parametrize(
    ("path", "asked", "got"),
    [
        ("/rest/v1.1/projects?company_id={company_id}", None, "100"),
        ("/rest/v1.1/projects?company_id={company_id}", 1_000, "300"),
        ("/rest/v2.0/companies/{company_id}/roles", None, "100"),
        ("/rest/v2.0/companies/{company_id}/projects/{project_id}/schedules", None, "10"),
        ("/rest/v2.0/companies/{company_id}/projects/{project_id}/schedules", 500, "100"),
        ("/rest/v1.0/projects/{project_id}/rfis", 9_999, "2000"),
    ],
)
def test_page_sizes_are_procores_own(caller: Caller, project_id: int, path: str, asked: int | None, got: str) -> None:
    target = path.format(company_id=caller.simulator.company_id, project_id=project_id)

    assert caller.get(target, {"per_page": asked} if asked else None).headers["Per-Page"] == got


@pytest.mark.parametrize(
    ("stream", "view"), [("projects", "ids"), ("photos", "ids_only"), ("drawing_areas", "only_ids")]
)
def test_a_view_of_ids_holds_bare_ids(caller: Caller, project_id: int, stream: str, view: str) -> None:
    company_id = caller.simulator.company_id
    path, query = address(STREAMS[stream], ListKey(company_id, None if stream == "projects" else project_id))

    page = caller.get(path, query | {"view": view})

    assert page.json() == [row["id"] for row in caller.rows(path, query)]
    assert (int(page.headers["Per-Page"]) > 2_000) == (stream == "projects")


def test_a_list_without_documented_paging_answers_everything_without_page_headers(
    caller: Caller, project_id: int
) -> None:
    spec = next(spec for spec in STREAMS.values() if spec.paging.per_page is None and spec.parent is None)
    key = next(key for key in caller.simulator.world.store.keys(spec.name) if key.project_id in (None, project_id))
    path, query = address(spec, key)

    whole, paged = caller.get(path, query), caller.get(path, query | {"per_page": 1, "page": 2})

    assert {"Link", "Total", "Per-Page"}.isdisjoint(whole.headers)
    assert len(whole.json()) == len(paged.json()) > 1


def test_a_page_beyond_the_end_is_empty(caller: Caller, rfis: str) -> None:
    assert caller.get(rfis, {"page": 999}).json() == []


def test_v2_lists_come_in_an_envelope_with_ids_as_text(caller: Caller) -> None:
    roles = caller.get(f"/rest/v2.0/companies/{caller.simulator.company_id}/roles").json()

    assert list(roles) == ["data"]
    assert isinstance(roles["data"][0]["id"], str)


def test_meetings_come_in_groups_and_pages_count_groups(caller: Caller, project_id: int) -> None:
    page = caller.get(f"/rest/v1.1/projects/{project_id}/meetings", {"per_page": 2})

    assert [set(group) for group in page.json()] == [{"group_title", "meetings"}] * 2
    assert page.headers["Total"] == "5"


def test_deleted_meetings_come_without_groups(caller: Caller, project_id: int) -> None:
    world = caller.simulator.world
    meeting_id = world.records("meetings")[0].record["id"]
    world.delete("meetings", meeting_id)

    page = caller.get(f"/rest/v1.1/projects/{project_id}/meetings", {"deleted_only": "true"}).json()

    assert [meeting["id"] for meeting in page["meetings"]] == [meeting_id]


def test_a_window_is_inclusive_at_both_ends_to_the_second(caller: Caller, rfis: str) -> None:
    stamps = sorted(rfi["updated_at"] for rfi in caller.rows(rfis))
    start, end = stamps[3], stamps[-4]

    found = caller.rows(rfis, {"filters[updated_at]": f"{start}...{end}"})

    assert sorted(rfi["updated_at"] for rfi in found) == [it for it in stamps if start <= it <= end]


@pytest.mark.parametrize("form", ['"{0}...{0}"', "{0}...{0}", "{1}.900+00:00...{1}.950+00:00"])
def test_a_window_may_be_quoted_and_finer_than_seconds(caller: Caller, rfis: str, form: str) -> None:
    stamp = caller.get(rfis).json()[0]["updated_at"]

    found = caller.rows(rfis, {"filters[updated_at]": form.format(stamp, stamp.removesuffix("Z"))})

    assert stamp in {rfi["updated_at"] for rfi in found}


@pytest.mark.parametrize(
    "query",
    [
        {"filters[updated_at]": "yesterday...today"},
        {"filters[updated_at]": "2026-01-01T00:00:00Z"},
        {"filters[updated_at]": "0001-01-01T00:00:00+14:00...2026-01-01T00:00:00Z"},
        {"page": "two"},
        {"page": "0"},
        {"page": "²"},
        {"per_page": "-1"},
        {"per_page": "0"},
        {"per_page": "9" * 5_000},
    ],
)
def test_malformed_parameters_are_answered_with_400(caller: Caller, rfis: str, query: dict[str, str]) -> None:
    answer = caller.get(rfis, query)

    assert answer.status_code == 400
    assert answer.json()["errors"]


def test_v2_lists_are_filtered_by_one_instant(caller: Caller, project_id: int) -> None:
    world = caller.simulator.world
    key = next(key for key in world.store.keys("schedule_activities") if key.project_id == project_id)
    path, _ = address(STREAMS["schedule_activities"], key)
    stamps = sorted(row["updated_at"] for row in caller.rows(path))

    found = caller.rows(path, {"filters[updated_at][gt]": stamps[5]})

    assert sorted(row["updated_at"] for row in found) == [it for it in stamps if it > stamps[5]]


def test_without_dates_a_daily_log_answers_today_alone(caller: Caller, project_id: int) -> None:
    path = f"/rest/v1.0/projects/{project_id}/manpower_logs"

    assert {log["date"] for log in caller.rows(path, {"filters[status]": "all"})} == {"2026-03-02"}


def test_days_of_a_daily_log_are_inclusive(caller: Caller, project_id: int) -> None:
    path = f"/rest/v1.0/projects/{project_id}/manpower_logs"
    query = {"start_date": "2026-02-20", "end_date": "2026-02-24", "filters[status]": "all"}

    assert {log["date"] for log in caller.rows(path, query)} == {"2026-02-20", "2026-02-23", "2026-02-24"}
    assert {log["date"] for log in caller.rows(path, {"log_date": "2026-02-20"})} == {"2026-02-20"}
    assert caller.get(path, {"log_date": "last friday"}).status_code == 400


def test_pending_logs_are_left_out_unless_asked_for(caller: Caller, project_id: int) -> None:
    path = f"/rest/v1.0/projects/{project_id}/manpower_logs"

    assert {log["status"] for log in caller.rows(path, LAST_CENTURY)} == {"approved"}
    everything = caller.rows(path, LAST_CENTURY | {"filters[status]": "all"})
    assert {log["status"] for log in everything} == {"approved", "pending"}


def test_inactive_projects_are_left_out_unless_asked_for(start: Start) -> None:
    caller = start(World(projects=8, clock=ManualClock()))
    query = {"company_id": caller.simulator.company_id}

    assert len(caller.rows("/rest/v1.1/projects", query)) == 7
    assert len(caller.rows("/rest/v1.1/projects", query | {"filters[by_status]": "All"})) == 8


def test_contracts_show_deleted_ones_when_asked(caller: Caller, project_id: int) -> None:
    world, path = caller.simulator.world, "/rest/v1.0/work_order_contracts"
    ids = [it.record["id"] for it in world.records("work_order_contracts", project_id=project_id)]
    world.delete("work_order_contracts", ids[1])

    def listed_with(**query: str) -> list[int]:
        return [row["id"] for row in caller.rows(path, {"project_id": project_id} | query)]

    assert listed_with() == [it for it in ids if it != ids[1]]
    assert listed_with(**{"filters[include_deleted]": "with"}) == ids
    assert listed_with(**{"filters[include_deleted]": "only"}) == [ids[1]]


@pytest.mark.parametrize("stream", ["rfis", "submittals", "punch_items"])
def test_recycle_bins_hold_what_was_deleted(caller: Caller, project_id: int, stream: str) -> None:
    world = caller.simulator.world
    record_id = world.records(stream)[2].record["id"]
    path, query = address(STREAMS[stream], ListKey(caller.simulator.company_id, project_id))

    world.delete(stream, record_id)

    assert record_id not in {row["id"] for row in caller.rows(path, query)}
    assert [row["id"] for row in caller.rows(f"{path}/recycle_bin", query)] == [record_id]


def test_rows_that_were_never_budgeted_are_left_out_unless_asked_for(caller: Caller, project_id: int) -> None:
    world = caller.simulator.world
    key = next(key for key in world.store.keys("budget_view_detail_rows") if key.project_id == project_id)
    path, _ = address(STREAMS["budget_view_detail_rows"], key)

    def ids(**query: Any) -> set[bool]:
        return {row["id"] is None for row in caller.rows(path, {"project_id": project_id} | query)}

    assert ids() == {False}
    assert ids(budget_row_type="unbudgeted") == {True}
    assert ids(budget_row_type="all") == {False, True}


def test_lists_sort_by_a_field_when_asked(caller: Caller, project_id: int) -> None:
    query = {"project_id": project_id}

    created = [row["created_at"] for row in caller.rows("/rest/v1.0/images", query | {"sort": "created_at"})]
    ids = [row["id"] for row in caller.rows("/rest/v1.0/images", query | {"sort": "-id"})]
    rows = caller.rows("/rest/v1.0/images", query | {"sort": "image_category_name,-id"})

    assert created == sorted(created)
    assert ids == sorted(ids, reverse=True)
    assert [(row["image_category_name"], -row["id"]) for row in rows] == sorted(
        (row["image_category_name"], -row["id"]) for row in rows
    )


def test_signed_addresses_differ_at_every_read_and_nothing_else_does(caller: Caller, project_id: int) -> None:
    first, second = (caller.get("/rest/v1.0/images", {"project_id": project_id}) for _ in range(2))

    assert first.content != second.content
    assert SIGNATURE not in first.text
    assert without_signatures(first.json()) == without_signatures(second.json())


def test_two_servers_of_the_same_seed_send_the_same_bytes(start: Start) -> None:
    def bodies(caller: Caller) -> list[bytes]:
        project = caller.simulator.world.project_ids[0]
        images = {"project_id": project}
        return [
            caller.get(f"/rest/v1.0/projects/{project}/rfis").content,
            caller.get("/rest/v1.0/images", images).content,
        ]

    assert bodies(start()) == bodies(start())


def test_a_change_shows_through_the_filter(caller: Caller, rfis: str) -> None:
    world = caller.simulator.world
    rfi_id = world.records("rfis")[4].record["id"]
    clock = world.clock
    assert isinstance(clock, ManualClock)
    clock.advance(3_600)
    now = clock.now().strftime("%Y-%m-%dT%H:%M:%SZ")

    world.update("rfis", rfi_id, {"subject": "Changed – später"})

    (found,) = caller.rows(rfis, {"filters[updated_at]": f"{now}...{now}"})
    assert (found["id"], found["subject"]) == (rfi_id, "Changed – später")


def test_children_of_a_deleted_or_unknown_parent_do_not_exist(caller: Caller, project_id: int) -> None:
    world = caller.simulator.world
    contract_id = world.records("work_order_contracts")[0].record["id"]
    path = "/rest/v1.0/work_order_contracts/{}/line_items"

    def status(parent: int) -> int:
        return caller.get(path.format(parent), {"project_id": project_id}).status_code

    assert status(contract_id) == 200
    world.delete("work_order_contracts", contract_id)
    assert (status(contract_id), status(1)) == (404, 404)


def test_a_parameter_nobody_knows_is_ignored_and_logged(caller: Caller, rfis: str) -> None:
    answer: requests.Response = caller.get(rfis, {"view": "extended", "filters[mood]": "good"})

    assert answer.status_code == 200
    assert caller.simulator.requests[-1].ignored == ("filters[mood]",)

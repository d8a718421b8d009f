from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone

import pytest

from sync_worker.catalog.spec import LOG_DATES, NO_PAGING, UPDATED_AFTER, UPDATED_AT, Parent, ScopeKind, StreamSpec
from sync_worker.client.list_request import list_request
from sync_worker.model import DateRange, Scope, Window

PROJECT = Scope(11, 22)
WINDOW = Window(datetime(2026, 3, 1, 12, tzinfo=UTC), datetime(2026, 3, 2, 12, tzinfo=UTC))


def spec(path: str = "/rest/v1.0/projects/{project_id}/rfis", **traits: object) -> StreamSpec:
    return StreamSpec("rfis", "RFIs", path, ScopeKind.PROJECT, ("id",), {}, **traits)  # type: ignore[arg-type]


def test_path_and_query_are_filled_with_the_scopes_ids() -> None:
    found = list_request(spec(query={"company_id": "{company_id}", "filters[by_status]": "All"}), PROJECT)
    assert found.path == "/rest/v1.0/projects/22/rfis"
    assert found.params == (("company_id", "11"), ("filters[by_status]", "All"))
    assert found.company_id == 11
    assert found.per_page == 2_000


def test_a_parents_id_is_percent_encoded_in_the_path_and_plain_in_the_query() -> None:
    nested = spec("/rest/v2.0/schedules/{schedule_id}/activities", parent=Parent("schedules", "schedule_id"))
    nested_by_query = spec("/rest/v1.0/lines", parent=Parent("orders", "order_id"), query={"order_id": "{order_id}"})
    assert list_request(nested, PROJECT, parent_id="a/b?c").path == "/rest/v2.0/schedules/a%2Fb%3Fc/activities"
    assert list_request(nested_by_query, PROJECT, parent_id="a/b").params == (("order_id", "a/b"),)


def test_an_account_wide_list_names_the_given_company() -> None:
    account = StreamSpec("companies", "Portfolio", "/rest/v1.0/companies", ScopeKind.ACCOUNT, ("id",), {})
    assert list_request(account, Scope(), header_company_id=11).company_id == 11
    with pytest.raises(ValueError, match="every call names a company"):
        list_request(account, Scope())


def test_a_missing_id_is_an_error_and_no_hole_in_the_path() -> None:
    with pytest.raises(ValueError, match="rfis: no project_id given"):
        list_request(spec(), Scope(11))


def test_a_window_is_requested_as_a_range_with_both_ends() -> None:
    found = list_request(spec(cursor=UPDATED_AT), PROJECT, window=WINDOW)
    assert found.params == (("filters[updated_at]", "2026-03-01T12:00:00Z...2026-03-02T12:00:00Z"),)


def test_a_window_is_requested_from_its_start_where_only_that_is_possible() -> None:
    found = list_request(spec(cursor=UPDATED_AFTER), PROJECT, window=WINDOW)
    assert found.params == (("filters[updated_at][gt]", "2026-03-01T12:00:00Z"),)


def test_fractions_of_a_second_widen_the_window() -> None:
    fraction = timedelta(microseconds=1)
    window = Window(WINDOW.end - fraction, WINDOW.end + fraction)
    found = list_request(spec(cursor=UPDATED_AT), PROJECT, window=window)
    assert found.params[0][1] == "2026-03-02T11:59:59Z...2026-03-02T12:00:01Z"


def test_a_window_in_another_zone_is_requested_in_utc() -> None:
    chicago = timezone(-timedelta(hours=6))
    window = Window(datetime(2026, 3, 1, 6, tzinfo=chicago), WINDOW.end)
    assert list_request(spec(cursor=UPDATED_AT), PROJECT, window=window) == list_request(
        spec(cursor=UPDATED_AT), PROJECT, window=WINDOW
    )


@pytest.mark.parametrize("cursor", [UPDATED_AT, None], ids=["no start", "no filter"])
def test_a_first_sweep_and_a_list_without_filter_request_everything(cursor: object) -> None:
    window = Window(None if cursor else WINDOW.start, WINDOW.end)
    assert list_request(spec(cursor=cursor), PROJECT, window=window).params == ()


def test_daily_logs_are_requested_by_date_and_never_without() -> None:
    logs = spec(date_window=LOG_DATES)
    dates = DateRange(date(2026, 3, 1), date(2026, 3, 31))
    assert list_request(logs, PROJECT, dates=dates).params == (("start_date", "2026-03-01"), ("end_date", "2026-03-31"))
    with pytest.raises(ValueError, match="today's logs only"):
        list_request(logs, PROJECT)


def test_the_page_size_is_the_given_one_the_streams_or_none_without_paging() -> None:
    assert list_request(spec(), PROJECT, per_page=50).per_page == 50
    assert list_request(spec(paging=NO_PAGING), PROJECT, per_page=50).per_page is None

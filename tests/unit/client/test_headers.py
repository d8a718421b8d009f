from __future__ import annotations

from datetime import UTC, datetime

import pytest

from sync_worker.client.headers import count, http_date, retry_after_seconds, seconds_until_reset

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "number"), [("12", 12), (" 12 ", 12), ("0", 0), ("-1", None), ("1.5", None), ("٣", None), ("", None)]
)
def test_a_count_is_a_whole_number_or_nothing(text: str, number: int | None) -> None:
    assert count({"Total": text}, "Total") == number


@pytest.mark.parametrize("text", ["", "yesterday", "Mon, 99 Mar 2026 09:00:00 GMT", "Mon, 02 Mar 99999 09:00:00 GMT"])
def test_what_is_no_date_is_nothing(text: str) -> None:
    assert http_date(text) is None


def test_retry_after_is_understood_in_both_forms() -> None:
    assert retry_after_seconds({"Retry-After": "90"}, NOW) == 90
    assert retry_after_seconds({"Retry-After": "Mon, 02 Mar 2026 09:01:30 GMT"}, NOW) == 90
    assert retry_after_seconds({"Retry-After": "Mon, 02 Mar 2026 08:00:00 GMT"}, NOW) == 0
    assert retry_after_seconds({}, NOW) is None


def test_the_reset_is_seen_from_the_servers_now() -> None:
    assert seconds_until_reset({"X-Rate-Limit-Reset": str(int(NOW.timestamp()) + 5)}, NOW) == 5
    assert seconds_until_reset({"X-Rate-Limit-Reset": "never"}, NOW) is None

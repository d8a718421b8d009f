from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sync_worker.client.headers import count, http_date, retry_after_seconds, seconds_until_reset

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "number"), [("12", 12), (" 12 ", 12), ("0", 0), ("-1", None), ("1.5", None), ("٣", None), ("", None)]
)
def test_a_count_is_a_whole_number_or_nothing(text: str, number: int | None) -> None:
    assert count({"Total": text}, "Total") == number


ZONES = ("UTC", "America/Chicago", "Asia/Kolkata", "Pacific/Kiritimati")
FORMS = {
    "RFC 1123": "{0:%a, %d %b %Y %H:%M:%S} GMT",
    "RFC 850": "{0:%A, %d-%b-%y %H:%M:%S} GMT",
    "asctime": "{0:%a %b} {0.day:2} {0:%H:%M:%S %Y}",
    "no zone": "{0:%a, %d %b %Y %H:%M:%S}",
    "UTC": "{0:%a, %d %b %Y %H:%M:%S} UTC",
    "offset": "{0:%a, %d %b %Y %H:%M:%S} +0000",
    "unknown offset": "{0:%a, %d %b %Y %H:%M:%S} -0000",
}
# RFC 850 has two digits for the year.
instants = st.integers(0, 3_124_223_999).map(lambda seconds: datetime.fromtimestamp(seconds, UTC))


@contextmanager
def machine_in(zone: str) -> Iterator[None]:
    """Run as on a machine in another time zone."""
    before = os.environ.get("TZ")
    os.environ["TZ"] = zone
    time.tzset()
    try:
        yield
    finally:
        os.environ.pop("TZ") if before is None else os.environ.update(TZ=before)
        time.tzset()


@given(instants, st.sampled_from(sorted(FORMS)), st.sampled_from([str, str.lower, str.upper]), st.sampled_from(ZONES))
def test_a_date_is_gmt_whatever_its_form_and_wherever_the_machine_is(
    instant: datetime, form: str, case: type[str], zone: str
) -> None:
    with machine_in(zone):
        assert http_date(case(FORMS[form].format(instant))) == instant


@given(st.text(max_size=60) | st.from_regex(r"[A-Za-z]{3}, [0-9: A-Za-z+-]{0,40}", fullmatch=True))
def test_no_text_breaks_the_reading_of_a_date(text: str) -> None:
    found = http_date(text)
    assert found is None or found.utcoffset() == timedelta(0)


def test_a_named_zone_is_used_and_a_leap_second_is_no_error() -> None:
    assert http_date("Sun, 06 Nov 1994 08:49:37 +0530") == datetime(1994, 11, 6, 3, 19, 37, tzinfo=UTC)
    assert http_date("Sat, 31 Dec 2016 23:59:60 GMT") == datetime(2016, 12, 31, 23, 59, 59, tzinfo=UTC)


@pytest.mark.parametrize("text", ["", "yesterday", "Mon, 99 Mar 2026 09:00:00 GMT", "Mon, 02 Mar 99999 09:00:00 GMT"])
def test_a_text_that_is_no_date_gives_none(text: str) -> None:
    assert http_date(text) is None


def test_retry_after_is_understood_in_both_forms() -> None:
    assert retry_after_seconds({"Retry-After": "90"}, NOW) == 90
    assert retry_after_seconds({"Retry-After": "Mon, 02 Mar 2026 09:01:30 GMT"}, NOW) == 90
    assert retry_after_seconds({"Retry-After": "Mon, 02 Mar 2026 08:00:00 GMT"}, NOW) == 0
    with machine_in("America/Chicago"):
        assert retry_after_seconds({"Retry-After": "Mon Mar  2 09:01:30 2026"}, NOW) == 90
    assert retry_after_seconds({}, NOW) is None


def test_the_reset_is_seen_from_the_servers_now() -> None:
    assert seconds_until_reset({"X-Rate-Limit-Reset": str(int(NOW.timestamp()) + 5)}, NOW) == 5
    assert seconds_until_reset({"X-Rate-Limit-Reset": "never"}, NOW) is None

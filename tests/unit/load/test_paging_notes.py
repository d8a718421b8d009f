from __future__ import annotations

import pytest

from sync_worker.catalog.spec import Envelope
from sync_worker.load.split import splitter

split = splitter(Envelope.DATA)


@pytest.mark.parametrize(
    ("beside", "has_more", "total"),
    [
        ("", None, None),
        (',"has_next_page":true', True, None),
        (',"has_next_page":false', False, None),
        (',"has_next_page":"maybe"', None, None),
        (',"pagination":{"current_page":1,"total_pages":3,"total_count":25}', True, 25),
        (',"pagination":{"page":3,"total_pages":3}', False, None),
        (',"pagination":{"next_page":null}', False, None),
        (',"pagination":{"next_page":4}', True, None),
        (',"meta":{"pagination":{"has_more":true,"total":7}}', True, 7),
        (',"meta":{"total":-1}', None, None),
        (',"pagination":["odd"]', None, None),
        (',"has_next_page":false,"pagination":{"has_next_page":true}', True, None),
    ],
)
def test_what_a_body_says_about_the_pages_that_follow_is_read(
    beside: str, has_more: bool | None, total: int | None
) -> None:
    found = split(f'{{"data":[{{"id":"1"}}]{beside}}}'.encode())

    assert (len(found.records), found.has_more, found.total) == (1, has_more, total)

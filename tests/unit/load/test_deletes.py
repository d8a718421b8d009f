"""How many rows may go at once."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from sync_worker.load.deletes import is_too_many

ROWS = st.integers(0, 100_000)


@given(live=ROWS, share=st.floats(0, 1), agreed=ROWS)
def test_what_goes_at_once_is_ten_rows_or_a_tenth_and_never_all(live: int, share: float, agreed: int) -> None:
    gone = round(live * share)
    fresh = gone - min(agreed, gone)
    if not is_too_many(gone, live, agreed=min(agreed, gone)):
        assert fresh <= 10 or fresh <= live / 10
        assert fresh == 0 or gone < live


@given(live=st.integers(2, 100_000))
def test_one_of_several_may_always_go(live: int) -> None:
    assert not is_too_many(1, live)
    assert is_too_many(live, live)


@given(gone=ROWS, live=ROWS)
def test_what_was_agreed_on_may_always_go(gone: int, live: int) -> None:
    assert not is_too_many(gone, live, agreed=gone)

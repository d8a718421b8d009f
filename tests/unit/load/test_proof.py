from __future__ import annotations

from datetime import UTC, datetime

import pytest

from sync_worker.load.proof import Evidence, Keys, prove
from sync_worker.model import Verdict

ONE_LIST = Evidence().with_list([3, 3], 3)


def verdict(evidence: Evidence, rows_seen: int = 3, distinct_keys: int = 3, quarantined: int = 0) -> Verdict:
    return prove(evidence, Keys(rows_seen, distinct_keys, quarantined, is_confirmed=True)).verdict


def test_a_list_that_held_what_the_server_counted_is_complete() -> None:
    assert verdict(ONE_LIST) is Verdict.COMPLETE


def test_a_list_without_total_is_complete_when_no_key_repeated() -> None:
    assert verdict(Evidence().with_list([None, None], 3)) is Verdict.COMPLETE
    assert verdict(Evidence().with_list([None, None], 3), distinct_keys=2) is Verdict.INEXACT


def test_fewer_records_than_counted_are_inexact() -> None:
    assert verdict(Evidence().with_list([3, 3], 2), rows_seen=2, distinct_keys=2) is Verdict.INEXACT


def test_a_repeated_key_is_inexact_even_when_the_count_fits() -> None:
    assert verdict(ONE_LIST, distinct_keys=2) is Verdict.INEXACT


def test_a_total_that_changed_while_paging_is_inexact() -> None:
    assert verdict(Evidence().with_list([4, 3], 3)) is Verdict.INEXACT


def test_groups_may_be_what_the_server_counts() -> None:
    assert verdict(Evidence().with_list([2, 2], 2, records=3)) is Verdict.COMPLETE


def test_the_lists_of_all_parents_count_together() -> None:
    assert verdict(Evidence().with_list([1, 1], 1).with_list([2, 2], 2)) is Verdict.COMPLETE
    assert verdict(Evidence().with_list([1, 1], 1).with_list([None, None], 2)) is Verdict.COMPLETE


def test_no_parents_at_all_is_a_complete_nothing() -> None:
    assert verdict(Evidence(), rows_seen=0, distinct_keys=0) is Verdict.COMPLETE


def test_a_refused_parent_keeps_the_others_from_counting_as_all() -> None:
    assert verdict(ONE_LIST.with_refusal()) is Verdict.NOT_PERMITTED


@pytest.mark.parametrize(("seen", "quarantined", "failed"), [(100, 10, False), (100, 11, True), (2000, 20, False)])
def test_too_many_unreadable_records_fail_the_scope(seen: int, quarantined: int, failed: bool) -> None:
    evidence = Evidence().with_list([seen, seen], seen)
    assert (verdict(evidence, seen, seen, quarantined) is Verdict.FAILED) is failed


def test_a_doubt_known_beforehand_cannot_be_proven_away() -> None:
    assert verdict(ONE_LIST._replace(doubt="the list of its parents is inexact")) is Verdict.INEXACT


def test_the_sweep_began_when_its_first_page_was_answered() -> None:
    first, later = datetime(2026, 3, 2, 6, tzinfo=UTC), datetime(2026, 3, 2, 7, tzinfo=UTC)
    assert Evidence().started_at(first).started_at(later).server_time == first


def test_a_list_of_which_every_record_is_set_aside_is_not_complete() -> None:
    for seen in (1, 3, 10):
        evidence = Evidence().with_list([seen], seen)
        assert verdict(evidence, seen, seen, quarantined=seen) is Verdict.FAILED
    assert verdict(Evidence().with_list([0], 0), 0, 0) is Verdict.COMPLETE


def test_an_end_that_is_not_proven_is_inexact() -> None:
    assert verdict(Evidence().with_list([3], 3, "page 2 is empty although the server says that more follow")) is (
        Verdict.INEXACT
    )


def test_a_total_that_only_some_pages_tell_is_that_of_the_list() -> None:
    assert verdict(Evidence().with_list([3, None], 3)) is Verdict.COMPLETE
    assert verdict(Evidence().with_list([4, None], 3)) is Verdict.INEXACT


@pytest.mark.parametrize(
    ("totals", "appeared", "needs_a_second_sweep"),
    [([None], 5, False), ([3], 5, False), ([3, 3], 0, False), ([3, 3], 1, True), ([None, None], 0, True)],
)
def test_several_pages_need_a_second_sweep_unless_total_excludes_that_a_record_slipped(
    totals: list[int | None], appeared: int, needs_a_second_sweep: bool
) -> None:
    evidence = Evidence().with_list(totals, 3)

    once = prove(evidence, Keys(3, 3, appeared=appeared)).verdict
    twice = prove(evidence, Keys(3, 3, appeared=appeared, is_confirmed=True)).verdict

    assert (once is Verdict.INEXACT) is needs_a_second_sweep
    assert twice is Verdict.COMPLETE

"""The checks between a caller and a list: rate limit, tokens, permissions, scripted faults."""

from __future__ import annotations

import pytest

from procore_simulator.allowance import Allowance, Limits, WindowState
from procore_simulator.faults import Fault, Faults
from procore_simulator.permissions import NO_PERMISSION, NOT_FOUND, NOT_PERMITTED, TOOL_DISABLED, Permissions
from procore_simulator.tokens import Tokens
from support.clock import ManualClock
from sync_worker.catalog import STREAMS

RFIS = STREAMS["rfis"]


def take(allowance: Allowance, times: int = 1) -> WindowState:
    standing = [allowance.take()[0] for _ in range(times)][-1]
    assert standing is not None
    return standing


def test_without_limits_nothing_is_reported() -> None:
    assert Allowance(ManualClock(), Limits()).take() == (None, {})


@pytest.mark.parametrize("rolling", [False, True])
def test_the_window_nearer_to_running_out_is_reported(rolling: bool) -> None:
    allowance = Allowance(ManualClock(), Limits(hourly=100, spike=5, rolling=rolling))

    assert take(allowance).limit == 5

    allowance = Allowance(ManualClock(), Limits(hourly=4, spike=5, rolling=rolling))

    assert take(allowance).limit == 4


def test_a_fixed_window_opens_again_at_its_end() -> None:
    clock = ManualClock()
    allowance = Allowance(clock, Limits(spike=2))
    clock.advance(9)

    assert not take(allowance, 2).is_refused
    assert take(allowance).is_refused
    clock.advance(1)
    assert not take(allowance).is_refused


def test_a_rolling_window_counts_the_last_ten_seconds() -> None:
    clock = ManualClock()
    allowance = Allowance(clock, Limits(spike=2, rolling=True))
    clock.advance(9)

    assert not take(allowance, 2).is_refused
    clock.advance(1)
    assert take(allowance).is_refused
    clock.advance(9)
    assert not take(allowance).is_refused


def test_refused_requests_count_too() -> None:
    clock = ManualClock()
    allowance = Allowance(clock, Limits(spike=1, rolling=True))
    take(allowance)

    clock.advance(9)
    assert take(allowance).is_refused
    clock.advance(2)
    assert take(allowance).is_refused


@pytest.mark.parametrize("rolling", [False, True])
def test_a_refusal_says_until_when_and_waiting_so_long_helps(rolling: bool) -> None:
    clock = ManualClock()
    allowance = Allowance(clock, Limits(hourly=3, rolling=rolling))
    take(allowance, 3)

    _, headers = allowance.take()

    assert headers["X-Rate-Limit-Remaining"] == "0"
    assert int(headers["X-Rate-Limit-Reset"]) == clock.now().timestamp() + int(headers["Retry-After"])
    clock.advance(int(headers["Retry-After"]))
    assert not take(allowance).is_refused


def test_a_token_lives_until_its_time_is_over() -> None:
    clock = ManualClock()
    tokens = Tokens(clock, "id", "secret", lifetime_seconds=100)
    grant = tokens.grant("id", "secret")
    assert grant is not None

    clock.advance(99)
    assert tokens.live(grant.token) == grant
    clock.advance(1)
    assert tokens.live(grant.token) is None


@pytest.mark.parametrize(("client_id", "client_secret"), [("id", "wrong"), ("wrong", "secret"), ("", "")])
def test_the_wrong_credentials_get_no_token(client_id: str, client_secret: str) -> None:
    assert Tokens(ManualClock(), "id", "secret").grant(client_id, client_secret) is None


@pytest.mark.parametrize("single", [False, True])
def test_a_new_grant_ends_the_old_token_only_when_told_to(single: bool) -> None:
    tokens = Tokens(ManualClock(), "id", "secret", single=single)
    first, second = tokens.grant("id", "secret"), tokens.grant("id", "secret")
    assert first is not None
    assert second is not None

    assert (tokens.live(first.token) is None) is single
    assert tokens.live(second.token) is not None


def test_everything_is_permitted_until_it_is_taken_away() -> None:
    assert Permissions().refusal(RFIS, 1) is None


@pytest.mark.parametrize(("hidden_status", "refusal"), [(403, NOT_PERMITTED), (404, NOT_FOUND)])
def test_a_hidden_project_answers_as_configured(hidden_status: int, refusal: object) -> None:
    permissions = Permissions(hidden_status)
    permissions.hide_project(1)

    assert permissions.refusal(RFIS, 1) == refusal
    assert permissions.refusal(RFIS, 2) is None
    permissions.show_project(1)
    assert permissions.refusal(RFIS, 1) is None


def test_a_tool_is_forbidden_or_disabled_for_one_project() -> None:
    permissions = Permissions()
    permissions.forbid(RFIS.tool, 1)
    permissions.disable_tool(RFIS.tool, 2)

    assert [permissions.refusal(RFIS, project) for project in (1, 2, 3)] == [NO_PERMISSION, TOOL_DISABLED, None]
    permissions.permit(RFIS.tool, 1)
    permissions.enable_tool(RFIS.tool, 2)
    assert [permissions.refusal(RFIS, project) for project in (1, 2)] == [None, None]


def test_a_stream_is_forbidden_everywhere_by_name() -> None:
    permissions = Permissions()
    permissions.forbid("rfis")

    assert permissions.refusal(RFIS, 1) == NO_PERMISSION
    assert permissions.refusal(STREAMS["submittals"], 1) is None


def test_a_fault_hits_so_many_matching_requests_after_so_many() -> None:
    faults = Faults()
    faults.add(Fault(path="*/rfis*", after=1, times=2, status=500))

    hits = [faults.take(target) is not None for target in ("/rfis", "/photos", "/rfis?page=2", "/rfis", "/rfis")]

    assert hits == [False, False, True, True, False]
    assert faults.waiting == 0

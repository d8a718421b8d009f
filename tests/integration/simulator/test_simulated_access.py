"""Tokens, company header, permissions and limits over real sockets."""

from __future__ import annotations

from email.utils import parsedate_to_datetime

import pytest

from procore_simulator.allowance import Limits
from procore_simulator.world import World
from support.caller import Caller, Start
from support.clock import ManualClock

ME = "/rest/v1.0/me"


def clock_of(caller: Caller) -> ManualClock:
    clock = caller.simulator.world.clock
    assert isinstance(clock, ManualClock)
    return clock


def test_a_token_is_given_for_the_right_credentials(caller: Caller) -> None:
    answer = caller.token()

    content = answer.json()
    assert (answer.status_code, content["token_type"], content["expires_in"]) == (200, "bearer", 5400)
    assert content["created_at"] == int(clock_of(caller).now().timestamp())


def test_the_wrong_secret_is_refused(caller: Caller) -> None:
    answer = caller.token(client_secret="guess")

    assert answer.status_code == 401
    assert answer.json()["error"] == "invalid_client"
    assert answer.headers["Content-Type"] == "application/json; charset=utf-8"
    refused = [caller.token(grant_type=kind) for kind in ("password", "")]
    assert [answer.status_code for answer in refused] == [400, 400]
    assert [answer.json()["error"] for answer in refused] == ["unsupported_grant_type", "invalid_request"]


def test_a_token_may_be_asked_for_with_the_form_that_curl_sends(caller: Caller) -> None:
    form = {
        "grant_type": (None, "client_credentials"),
        "client_id": (None, caller.simulator.client_id),
        "client_secret": (None, caller.simulator.client_secret),
    }

    answer = caller.session.post(f"{caller.simulator.url}/oauth/token", files=form, timeout=60)

    assert (answer.status_code, answer.json()["token_type"]) == (200, "bearer")


@pytest.mark.parametrize("authorization", [None, "Bearer ", "Bearer forged", "Basic abc"])
def test_without_a_live_token_nothing_is_answered(caller: Caller, authorization: str | None) -> None:
    answer = caller.get(ME, Authorization=authorization)

    assert answer.status_code == 401
    assert caller.simulator.requests[-1].token_ok is False


def test_a_token_expires_by_the_clock(caller: Caller) -> None:
    clock_of(caller).advance(5_399)
    assert caller.get(ME).status_code == 200
    clock_of(caller).advance(1)
    assert caller.get(ME).status_code == 401


def test_a_revoked_token_is_dead(caller: Caller) -> None:
    token = caller.headers["Authorization"].removeprefix("Bearer ")
    url = caller.simulator.url
    info = caller.get("/oauth/token/info")
    assert info.json()["expires_in"] == 5400

    assert caller.session.post(f"{url}/oauth/revoke", data={"token": token}, timeout=60).status_code == 200

    assert caller.get(ME).status_code == 401
    assert caller.get("/oauth/token/info").status_code == 401


@pytest.mark.parametrize(("single", "status"), [(False, 200), (True, 401)])
def test_whether_a_new_grant_ends_the_old_one_can_be_chosen(start: Start, single: bool, status: int) -> None:
    caller = start(single_token=single)

    caller.token()

    assert caller.get(ME).status_code == status


def test_a_call_without_the_company_header_is_an_error(caller: Caller) -> None:
    answer = caller.get(ME, Procore_Company_Id=None)

    assert answer.status_code == 400
    assert "Procore-Company-Id" in answer.json()["errors"]
    assert caller.get(ME, Procore_Company_Id="²").status_code == 400
    assert caller.simulator.requests[-2].company_id is None


def test_a_company_without_the_app_is_refused(start: Start) -> None:
    caller = start(World(projects=1, companies=2, clock=ManualClock()))
    other = caller.simulator.world.companies[1].id
    assert len(caller.rows("/rest/v1.0/companies")) == 2

    caller.simulator.permissions.disconnect(other)

    assert caller.get(ME, Procore_Company_Id=str(other)).json()["errors"] == "App is not connected to this company"
    assert caller.get(ME, Procore_Company_Id="12345").status_code == 403
    assert [row["id"] for row in caller.rows("/rest/v1.0/companies")] == [caller.simulator.company_id]


def test_projects_of_another_company_do_not_exist_for_this_one(start: Start) -> None:
    caller = start(World(projects=1, companies=2, clock=ManualClock()))
    other = caller.simulator.world.companies[1].projects[0].id

    assert caller.get(f"/rest/v1.0/projects/{other}/rfis").status_code == 404


@pytest.mark.parametrize(
    "path", ["/rest/v1.0/projects/1/rfis", "/rest/v1.0/projects/²/rfis", "/rest/v1.0/nothing", "/rest/v9/projects", "/"]
)
def test_what_does_not_exist_is_not_found_in_json(caller: Caller, path: str) -> None:
    answer = caller.get(path)

    assert (answer.status_code, answer.json()["message"]) == (404, "Not found")
    assert answer.headers["Content-Type"] == "application/json; charset=utf-8"


def test_head_is_answered_as_get_without_a_body(caller: Caller, project_id: int) -> None:
    path = f"/rest/v1.0/projects/{project_id}/rfis"
    whole = caller.get(path, {"per_page": 5})

    answer = caller.session.head(whole.url, headers=caller.headers, timeout=60)

    assert (answer.status_code, answer.content) == (200, b"")
    assert answer.headers["Content-Length"] == str(len(whole.content))
    assert (answer.headers["Link"], answer.headers["Total"]) == (whole.headers["Link"], whole.headers["Total"])


@pytest.mark.parametrize("method", ["OPTIONS", "POST", "PATCH", "DELETE"])
def test_nothing_can_be_written(caller: Caller, project_id: int, method: str) -> None:
    url = f"{caller.simulator.url}/rest/v1.0/projects/{project_id}/rfis"

    answer = caller.session.request(method, url, headers=caller.headers, timeout=60)

    assert (answer.status_code, answer.json()["errors"]) == (404, "Not found")


def test_the_address_of_the_web_application_is_told(caller: Caller) -> None:
    assert set(caller.get("/rest/v1.0/company_base_url").json()) == {"zone", "web_base_url"}


def test_a_required_parameter_that_is_missing_is_an_error(caller: Caller) -> None:
    assert caller.get("/rest/v1.1/punch_items").status_code == 400


def test_a_hidden_project_leaves_the_list_and_refuses_its_own(caller: Caller, project_id: int) -> None:
    projects = {"company_id": caller.simulator.company_id}
    caller.simulator.permissions.hide_project(project_id)

    assert project_id not in {row["id"] for row in caller.rows("/rest/v1.1/projects", projects)}
    assert caller.get(f"/rest/v1.0/projects/{project_id}/rfis").status_code == 403
    caller.simulator.permissions.hidden_status = 404
    assert caller.get(f"/rest/v1.0/projects/{project_id}/rfis").status_code == 404


def test_a_list_that_names_no_project_belongs_to_that_of_its_parent(caller: Caller, project_id: int) -> None:
    areas = caller.rows(f"/rest/v1.1/projects/{project_id}/drawing_areas")
    path = f"/rest/v1.1/drawing_areas/{areas[0]['id']}/drawings"

    assert caller.rows(path)
    assert caller.get("/rest/v1.1/drawing_areas/1/drawings").status_code == 404
    caller.simulator.permissions.hide_project(project_id)
    assert caller.get(path).status_code == 403


def test_tools_of_a_project_tell_which_are_switched_off(caller: Caller, project_id: int) -> None:
    caller.simulator.permissions.disable_tool("Project Management/RFI", project_id)

    tools = {tool["title"]: tool["is_active"] for tool in caller.rows(f"/rest/v1.0/projects/{project_id}/tools")}

    assert tools["RFI"] is False
    assert tools["Submittals"] is True
    answer = caller.get(f"/rest/v1.0/projects/{project_id}/rfis")
    assert (answer.status_code, list(answer.json())) == (403, ["errors", "message"])


def test_answers_carry_the_simulated_time(caller: Caller) -> None:
    clock_of(caller).advance(100)

    assert parsedate_to_datetime(caller.get(ME).headers["Date"]) == clock_of(caller).now()


@pytest.mark.parametrize("rolling", [False, True])
def test_too_many_requests_are_refused_until_the_reset(start: Start, rolling: bool) -> None:
    caller = start(limits=Limits(hourly=50, spike=3, rolling=rolling))
    remaining = [caller.get(path).headers["X-Rate-Limit-Remaining"] for path in (ME, "/rest/v1.0/nothing", ME)]
    assert remaining == ["2", "1", "0"]

    refused = caller.get(ME)

    assert refused.status_code == 429
    assert refused.headers["X-Rate-Limit-Limit"] == "3"
    wait = int(refused.headers["X-Rate-Limit-Reset"]) - clock_of(caller).now().timestamp()
    assert wait == int(refused.headers["Retry-After"])
    clock_of(caller).advance(wait)
    assert caller.get(ME).status_code == 200


def test_the_log_tells_what_was_asked(caller: Caller, project_id: int) -> None:
    caller.get(f"/rest/v1.0/projects/{project_id}/rfis", {"page": 2, "per_page": 5})

    logged = caller.simulator.requests[-1]
    assert (logged.method, logged.status, logged.stream, logged.page) == ("GET", 200, "rfis", 2)
    assert (logged.company_id, logged.token_ok) == (str(caller.simulator.company_id), True)
    assert logged.query == {"page": "2", "per_page": "5"}

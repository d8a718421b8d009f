"""Records that people from construction would look at first are believable."""

from __future__ import annotations

from decimal import Decimal
from itertools import pairwise
from typing import Any

import pytest

from procore_simulator.world import World
from support.clock import ManualClock


@pytest.fixture(scope="module")
def world() -> World:
    return World(clock=ManualClock())


def by_project(world: World, stream: str) -> dict[int, list[dict[str, Any]]]:
    found: dict[int, list[dict[str, Any]]] = {}
    for it in world.records(stream):
        found.setdefault(it.project_id or 0, []).append(it.record)
    return found


def test_rfis_are_numbered_in_the_order_in_which_they_were_asked(world: World) -> None:
    for rfis in by_project(world, "rfis").values():
        assert [rfi["number"] for rfi in rfis] == sorted(rfi["number"] for rfi in rfis)
        assert all(one["created_at"] <= other["created_at"] for one, other in pairwise(rfis))


def test_an_rfi_is_due_after_its_creation_and_answered_before_its_project_ends(world: World) -> None:
    for it in world.records("rfis"):
        rfi = it.record
        assert rfi["due_date"] is None or rfi["due_date"] > rfi["created_at"][:10]
        assert (rfi["time_resolved"] is not None) == (rfi["status"] == "closed")
        assert (rfi["ball_in_court"] is not None) == (rfi["status"] == "open")


def test_open_rfis_wait_for_whoever_designs_and_some_are_overdue(world: World) -> None:
    firms = {it.record["id"]: it.record["vendor"]["name"] for it in world.records("company_users")}
    designers = {
        it.record["name"] for it in world.records("vendors") if it.record["trade_name"].endswith(("ect", "eer"))
    }
    rfis = [it.record for it in world.records("rfis") if it.record["status"] == "open"]
    overdue = [rfi for rfi in rfis if rfi["due_date"] < world.founded_at.date().isoformat()]

    assert {firms[rfi["ball_in_court"]["id"]] for rfi in rfis} <= designers
    assert 0 < len(overdue) < len(rfis) < len(world.records("rfis")) / 5


def test_an_rfi_delays_by_days_and_costs_what_an_answer_may(world: World) -> None:
    impacts = [(it.record["schedule_impact"], it.record["cost_impact"]) for it in world.records("rfis")]
    days = {schedule["value"] for schedule, _ in impacts if schedule["status"] == "yes_known"}
    costs = {cost["value"] for _, cost in impacts if cost["status"] == "yes_known"}

    assert days == set(range(3, 21))
    assert 250 <= min(costs) < max(costs) <= 10_000
    assert all((one["value"] is None) == (one["status"] != "yes_known") for impact in impacts for one in impact)


def test_the_owner_pays_for_the_project_and_subcontracts_cost_less_than_that(world: World) -> None:
    values = {it.record["id"]: Decimal(it.record["total_value"]) for it in world.records("projects")}
    owners = {it.record["id"] for it in world.records("vendors") if it.record["trade_name"] == "Owner"}
    prime = by_project(world, "prime_contracts")
    subcontracts = by_project(world, "work_order_contracts")

    for project_id, value in values.items():
        assert [Decimal(it["grand_total"]) for it in prime[project_id]] == [value]
        assert prime[project_id][0]["vendor"]["id"] in owners
        assert value / 2 < sum(Decimal(it["grand_total"]) for it in subcontracts[project_id]) < value
        assert len({it["vendor"]["id"] for it in subcontracts[project_id]}) == len(subcontracts[project_id])


def test_nobody_is_paid_for_a_contract_that_is_not_signed(world: World) -> None:
    contracts = [it.record for it in world.records("work_order_contracts")]

    assert {it["executed"] for it in contracts} == {True, False}
    assert all(Decimal(it["total_payments"]) == 0 for it in contracts if not it["executed"])
    assert all(Decimal(it["total_payments"]) <= Decimal(it["revised_contract"]) for it in contracts)


def test_an_invoice_names_the_vendor_of_its_contract(world: World) -> None:
    vendors = {it.record["id"]: it.record["vendor"]["id"] for it in world.records("work_order_contracts")}

    for it in world.records("subcontractor_invoices"):
        assert vendors[it.record["commitment_id"]] == it.record["vendor_id"]


def test_a_submittal_comes_from_the_firm_whose_trade_it_is(world: World) -> None:
    trades = {it.record["id"]: it.record["trade_name"] for it in world.records("vendors")}
    sections = {"HVAC": "23 30 00", "Concrete": "03 30 00", "Roofing": "07 50 00"}

    for it in world.records("submittals"):
        trade = trades[it.record["responsible_contractor"]["id"]]
        assert it.record["specification_section"]["number"] == sections.get(
            trade, it.record["specification_section"]["number"]
        )


def test_a_working_day_has_one_log(world: World) -> None:
    for headers in by_project(world, "daily_log_headers").values():
        days = [header["log_date"] for header in headers]
        assert len(days) == len(set(days))


def test_a_document_has_a_file_and_a_folder_has_none(world: World) -> None:
    documents = [it.record for it in world.records("documents")]

    assert {(it["document_type"], it["file"] is None) for it in documents} == {("file", False), ("folder", True)}

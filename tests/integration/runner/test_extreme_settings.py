"""The least and the most that the configuration takes can be run and foreseen with."""

from __future__ import annotations

from typing import Any

import pytest

from support.worker import A_FEW, Install
from sync_worker.app import forecast_requests
from sync_worker.model import RunRequest

EVERY = ("full_refresh_every", "nested_everything_every", "reconcile_every", "deleted_every")
LEAST: dict[str, Any] = {
    "procore": {"start_date": "1900-01-01"},
    "limits": {"budget_share": 5e-324, "max_concurrency": 1, "request_timeout": 1},
    "retention": dict.fromkeys(("runs", "scopes", "reports"), "1h"),
    "streams": {
        "rfis": {"lookback": 0, "per_page": 1, **dict.fromkeys(EVERY, "1h")},
        "manpower_logs": {"reread": {"days": 0, "weekly_days": 0, "everything_days": 1}, "start_date": "1900-01-01"},
    },
}
MOST: dict[str, Any] = {
    "procore": {"start_date": "2100-12-31"},
    "limits": {"budget_share": 1, "max_concurrency": 64, "request_timeout": 3600},
    "retention": dict.fromkeys(("runs", "scopes", "reports"), "100y"),
    "streams": {
        "rfis": {"lookback": 36_500 * 86_400, "per_page": 10_000, **dict.fromkeys(EVERY, "100y")},
        "manpower_logs": {
            "reread": dict.fromkeys(("days", "weekly_days", "everything_days"), 36_500),
            "start_date": "2100-12-31",
            "max_pages": 1_000_000,
        },
    },
}


@pytest.mark.parametrize("config", [LEAST, MOST], ids=["least", "most"])
def test_the_ends_of_what_is_taken_can_be_run_and_foreseen_with(install: Install, config: dict[str, Any]) -> None:
    here = install(streams=A_FEW, projects=1, config=config)
    request = RunRequest("job", ("rfis", "manpower_logs"))

    for trigger in ("manual", "schedule", "schedule"):
        report = here.run("rfis", "manpower_logs", trigger=trigger)
        assert report.failure is None
        assert {line.verdict for line in report.scopes} == {"complete"}
        assert forecast_requests(here.settings(), [request], ticks_a_day=[24.0], clock=here.clock)

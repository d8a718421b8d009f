"""What words on the command line ask for, by what the configuration says of jobs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from sync_worker.catalog import STREAMS
from sync_worker.errors import ConfigurationError
from sync_worker.job import load_jobs
from sync_worker.jobs import run_request, runnable_jobs
from sync_worker.model import RunRequest
from sync_worker.settings import load_settings

PROCORE = {"client_id": "x", "client_secret": "y", "companies": [11]}
OWN = {"kind": "sync", "streams": ["vendors"]}


def asked(folder: Path, *jobs: str, **configured: Any) -> RunRequest:
    """Return the request of `run` with these jobs, or with `--all` when none is named."""
    path = folder / "config.json"
    path.write_text(json.dumps({"procore": PROCORE} | ({"jobs": configured} if configured else {})))
    known = runnable_jobs(load_settings(path, {}, STREAMS))
    return run_request(known, jobs, None, every_job=not jobs)


def test_a_job_by_hand_reads_what_it_reads_on_its_schedule(tmp_path: Path) -> None:
    own = {"streams": ["rfis"], "projects": [101, 102]}

    request = asked(tmp_path, "sync_field", sync_field=own)

    assert (request.job, request.streams, list(request.projects)) == ("sync_field", ["rfis"], [101, 102])


def test_all_jobs_are_those_in_force(tmp_path: Path) -> None:
    shipped = list(load_jobs(tmp_path))
    assert asked(tmp_path).job.split(",") == shipped
    assert asked(tmp_path, own=OWN, sync_field={"schedule": "@daily"}).job.split(",") == [*shipped, "own"]
    left = asked(tmp_path, own=OWN, sync_field={"enabled": False}).job.split(",")
    assert left == [*(name for name in shipped if name != "sync_field"), "own"]


def test_a_job_that_the_configuration_leaves_out_can_be_run_by_its_name(tmp_path: Path) -> None:
    left_out = asked(tmp_path, "sync_directory", own=OWN, sync_directory={"enabled": False})
    assert left_out.streams == list(load_jobs(tmp_path)["sync_directory"].streams)


def test_jobs_of_different_projects_are_no_single_run(tmp_path: Path) -> None:
    jobs = {"own": OWN | {"projects": [101]}, "other": OWN | {"projects": [102]}, "same": OWN | {"projects": [101]}}

    assert asked(tmp_path, "own", "same", **jobs).projects == (101,)
    with pytest.raises(ConfigurationError, match="own and other read different projects"):
        asked(tmp_path, "own", "other", **jobs)


def test_where_no_job_is_in_force_all_of_them_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="leaves no job in force"):
        asked(
            tmp_path,
            rfi_ageing={"kind": "report", "report": "rfi_ageing"},
            **{name: {"enabled": False} for name in load_jobs(tmp_path)},
        )

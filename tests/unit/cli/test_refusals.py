"""What the daemon would refuse is found before it starts, each with its key, by the functions that the daemon uses."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from support.clock import ManualClock
from sync_worker.cli.context import CliContext
from sync_worker.cli.refusals import refusals_here
from sync_worker.server.address import listener
from sync_worker.settings import SettingsError

PROCORE = {"client_id": "x", "client_secret": "s3cret-value", "companies": [11]}
SYNC = {"kind": "sync", "streams": ["rfis"]}
REPORT = {"kind": "report", "report": "rfi_ageing"}
MODULE = 'from sync_worker.job import SyncJob\nJOB = SyncJob("t", ("{stream}",), "{schedule}")\n'

LINUX = pytest.mark.skipif(sys.platform != "linux", reason="a folder that not even root can write to")

Refused = Callable[..., list[str]]


@pytest.fixture
def refused(tmp_path: Path) -> Refused:
    """Return the key and the message of each problem of a configuration with these sections."""

    def refused(**sections: Any) -> list[str]:
        path = tmp_path / "config.json"
        path.write_text(json.dumps({"procore": PROCORE} | sections))
        try:
            CliContext(path, json=False, verbosity=0, color=None, environ={}, clock=ManualClock()).read_settings(
                refusals_here
            )
        except SettingsError as error:
            return [f"{problem.key}: {problem.message}" for problem in error.problems]
        return []

    return refused


@pytest.mark.parametrize(
    "schedule",
    ["99 * * * *", "60 * * * *", "0 24 * * *", "0 0 30 2 *", "0 0 31 4,6 *", "0 9 L * *", "0 9 * * 8", "* * * *",
     "every 0m", "every 400d", f"every {'9' * 5000}d", "every", "@fortnightly", "5-1 * * * *", "0 0 * feb-jan *",
     "*/0 * * * *", f"{'1' * 5000} * * * *", f"*/{'1' * 5000} * * * *"],
)  # fmt: skip
def test_a_schedule_that_never_fires_or_is_none_is_refused_for_every_kind_of_job(
    refused: Refused, schedule: str
) -> None:
    jobs: list[tuple[str, dict[str, Any]]] = [("a", SYNC), ("a", REPORT), ("sync_field", {}), ("report_rfi_ageing", {})]
    for name, options in jobs:
        (line,) = refused(jobs={name: options | {"schedule": schedule}})
        assert line.startswith(f"jobs.{name}.schedule: schedule ")


@pytest.mark.parametrize("schedule", ["0 0 29 2 *", "@daily", "every 15m", "0 9 * * 7", "0 22 * * fri-mon"])
def test_a_schedule_that_fires_if_only_in_leap_years_is_taken(refused: Refused, schedule: str) -> None:
    assert refused(jobs={"a": SYNC | {"schedule": schedule}}) == []


def test_a_time_zone_that_does_not_exist_is_refused(refused: Refused) -> None:
    for zone in ("America/Chicgo", "../etc/passwd", "America", "\0"):
        assert [line.split(":")[0] for line in refused(jobs={"a": SYNC | {"timezone": zone}})] == ["jobs.a.timezone"]


@pytest.mark.parametrize(
    ("jobs", "line"),
    [
        ({"sync_feld": {}}, "jobs.sync_feld: unknown job, did you mean sync_field?"),
        ({"zz": {}}, "jobs.zz: unknown job; one declared here needs kind"),
        ({"a": REPORT | {"report": "rfi_aging"}}, "jobs.a.report: unknown report, did you mean rfi_ageing?"),
        ({"a": REPORT | {"report": "sync_field"}}, "jobs.a.report: unknown report; there are rfi_ageing"),
        ({"a": REPORT | {"formats": ["pdf"]}}, "jobs.a.formats: pdf is not built yet; there are html, csv, xlsx, json"),
        ({"sync_field": {"formats": ["html"]}}, "jobs.sync_field.formats: is not for sync_field, which reads"),
        (
            {"report_rfi_ageing": {"streams": ["rfis"]}},
            "jobs.report_rfi_ageing.streams: is not for report_rfi_ageing, which reports",
        ),
        ({"a": SYNC | {"streams": ["rfis", "rfi"]}}, "jobs.a.streams[1]: unknown stream, did you mean rfis?"),
        (
            {"a": SYNC | {"streams": ["tag:finance"]}},
            "jobs.a.streams[0]: no stream is called 'tag:finance'; did you mean tag:financials?",
        ),
    ],
)
def test_a_job_that_is_not_there_or_chooses_nothing_is_refused(
    refused: Refused, jobs: dict[str, object], line: str
) -> None:
    assert refused(jobs=jobs) == [line]


def test_a_report_may_be_named_as_its_job(refused: Refused) -> None:
    assert refused(jobs={"a": REPORT | {"report": "report_rfi_ageing"}}) == []


@pytest.mark.parametrize(
    ("module", "message"),
    [
        ("import nothing_like_it", "cannot be loaded: ModuleNotFoundError"),
        ("JOB = (", "cannot be loaded: SyntaxError"),
        ("x = 1", "declares no job"),
        (MODULE.format(stream="rfis", schedule="99 * * * *"), "job mine: schedule '99 * * * *' cannot be used"),
        (MODULE.format(stream="rfi", schedule="@daily"), "job mine: no stream is called 'rfi'; did you mean rfis?"),
    ],
)
def test_what_is_wrong_with_a_module_of_the_users_own_is_blamed_on_its_folder(
    refused: Refused, tmp_path: Path, module: str, message: str
) -> None:
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / "mine.py").write_text(module)

    (line,) = refused(jobs_dir="own")

    assert line.startswith("jobs_dir: ")
    assert message in line


def test_a_module_that_the_configuration_names_is_blamed_at_its_name(refused: Refused, tmp_path: Path) -> None:
    (tmp_path / "jobs").mkdir()
    (tmp_path / "jobs" / "mine.py").write_text(MODULE.format(stream="rfis", schedule="99 * * * *"))

    (line,) = refused(jobs={"mine": {}})
    assert line.startswith("jobs.mine: schedule '99 * * * *'")
    assert refused(jobs={"mine": {"schedule": "@daily"}}) == []
    assert refused(jobs={"mine": {"enabled": False}}) == []
    (line,) = refused(jobs={"sync_field": {}})
    assert line.startswith("jobs_dir: job mine: schedule '99 * * * *'")


def test_every_problem_is_told_at_once(refused: Refused) -> None:
    lines = refused(
        jobs={"a": SYNC | {"schedule": "60 * * * *"}, "b": SYNC | {"schedule": "60 * * * *"}},
        procore=PROCORE | {"projects": {"include": [1, 2], "exclude": [2, 1]}},
    )
    assert [line.split(":")[0] for line in lines] == ["procore.projects", "jobs.a.schedule", "jobs.b.schedule"]


def test_a_database_that_is_not_built_yet_is_refused(refused: Refused) -> None:
    assert refused(destination={"type": "postgres", "url": "postgresql://h/d"}) == [
        "destination.type: postgres is not built yet; use sqlite"
    ]


@pytest.mark.parametrize(
    ("sections", "key"),
    [
        ({"publish": [{"type": "parquet", "url": "./lake"}]}, "publish"),
        ({"notify": [{"url": "mailto://s3cret@x"}]}, "notify"),
        ({"server": {"webhook_secret": "s3cret-word"}}, "server.webhook_secret"),
        ({"jobs": {"a": REPORT | {"deliver": [{"url": "mailto://s3cret@x"}]}}}, "jobs.a.deliver"),
    ],
)
def test_a_key_that_would_have_no_effect_is_refused(refused: Refused, sections: dict[str, Any], key: str) -> None:
    (line,) = refused(**sections)

    assert line.startswith(f"{key}: ")
    assert "not built yet" in line
    assert "s3cret" not in line


def test_keys_that_are_not_built_yet_may_be_left_empty(refused: Refused) -> None:
    assert refused(publish=[], notify=[], server={"webhook_secret": ""}, jobs={"a": REPORT | {"deliver": []}}) == []


def test_what_is_in_the_way_of_the_data_is_refused(refused: Refused, tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    assert refused(destination={"path": "."}) == [
        "destination.path: is a folder; name a file in it, such as procore.db"
    ]
    assert refused(destination={"path": "file/in/it.db"}) == [
        f"destination.path: {tmp_path}/file is a file, not a folder"
    ]
    assert refused(data_dir="file") == [f"data_dir: {tmp_path}/file is a file, not a folder"]
    assert refused(data_dir="not/yet/there") == []


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("/dev/null", "/dev/null is not a regular file"),
        ("pipe", "{folder}/pipe is not a regular file"),
        ("loop", "{folder}/loop is a link to nothing"),
        ("dangling", "{folder}/dangling is a link to nothing"),
        ("dangling/in/it.db", "{folder}/dangling is a link to nothing"),
        pytest.param("/proc/sys/it.db", "/proc/sys cannot be written: ", marks=LINUX),
        ("prose", "{folder}/prose is damaged (file is not a database)"),
    ],
)
def test_a_path_that_cannot_be_the_databases_is_refused(
    refused: Refused, tmp_path: Path, path: str, reason: str
) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    (tmp_path / "dangling").symlink_to(tmp_path / "not" / "there")
    (tmp_path / "prose").write_text("no database at all " * 300)

    (line,) = refused(destination={"path": path})

    assert line.startswith(f"destination.path: {reason.format(folder=tmp_path)}")


@pytest.mark.parametrize(
    ("folder", "reason"),
    [
        pytest.param("/proc/sys/data", "/proc/sys/data cannot be written: ", marks=LINUX),
        ("loop", "{folder}/loop is a link to nothing"),
    ],
)
def test_a_folder_that_cannot_be_written_is_refused(refused: Refused, tmp_path: Path, folder: str, reason: str) -> None:
    (tmp_path / "loop").symlink_to(tmp_path / "loop")

    (line,) = refused(data_dir=folder)

    assert line.startswith(f"data_dir: {reason.format(folder=tmp_path)}")


def test_a_link_to_a_file_that_is_not_there_yet_is_taken(refused: Refused, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "link.db").symlink_to(tmp_path / "elsewhere" / "procore.db")

    assert refused(destination={"path": "link.db"}) == []


@pytest.mark.parametrize("host", ["192.0.2.1", "a..b", "http://127.0.0.1", "127.0.0.1:8080", "no-such-host.invalid"])
def test_an_address_on_which_nobody_can_listen_is_refused(refused: Refused, host: str) -> None:
    (line,) = refused(server={"host": host})

    assert line.startswith(f"server: cannot listen on {host}:8791: ")


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "::1", "[::1]", "0.0.0.0"])  # noqa: S104 - not listened on
def test_an_address_whose_port_is_in_use_is_taken_as_the_daemon_may_have_it(refused: Refused, host: str) -> None:
    with closing(listener(host, 0)) as taken:
        assert refused(server={"host": host, "port": taken.getsockname()[1]}) == []

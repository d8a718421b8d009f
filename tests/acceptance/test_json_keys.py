"""The keys and types of every answer with `--json`: programs that read them must not notice a redesign."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from support.worker import A_FEW, Installation, installing
from sync_worker.cli import main

FORBIDDEN = "Construction Financials/Budget"
OPEN = ("columns", "query", "avoided", "jobs")
"""The objects whose keys are names of things, such as columns."""
FEW = "rfis,manpower_logs"
JOBS = {
    "few": {"kind": "sync", "streams": FEW.split(","), "schedule": "0 * * * *"},
    "ageing": {"kind": "report", "report": "rfi_ageing", "formats": ["html"]},
}


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    """Provide an installation after a run in which one project's budget was refused."""
    with installing(tmp_path_factory.mktemp("filled")) as install:
        here = install(streams=A_FEW)
        here.simulator.permissions.forbid(FORBIDDEN, here.simulator.world.project_ids[1])
        here.config = {"jobs": JOBS, "server": {"port": 0}}
        here.run()
        yield here


def keys(answer: Any) -> list[str]:
    """Return the path of each leaf with its types, sorted."""
    types: dict[str, set[str]] = defaultdict(set)

    def walk(value: Any, path: str) -> None:
        if isinstance(value, dict) and value:
            is_open = path.rpartition(".")[2] in OPEN
            for key, inner in value.items():
                walk(inner, f"{path}.{'*' if is_open else key}".removeprefix("."))
        elif isinstance(value, list) and value:
            for inner in value:
                walk(inner, f"{path}[]")
        else:
            types[path].add("null" if value is None else type(value).__name__)

    walk(answer, "")
    return [f"{path}:{'|'.join(sorted(found))}" for path, found in sorted(types.items())]


def last_run(here: Installation) -> str:
    """Return the id of the newest run."""
    return str(here.query("SELECT max(run_id) FROM _runs")[0][0])


Command = tuple[str, ...] | Callable[[Installation], tuple[str, ...]]

COMMANDS: dict[str, Command] = {
    "status": ("status",),
    "runs": ("runs",),
    "runs of one id": lambda here: ("runs", last_run(here)),
    "streams": ("streams",),
    "streams of one name": ("streams", "rfis"),
    "state show": ("state", "show"),
    "state approve-deletes": ("state", "approve-deletes"),
    "state reset --allowance": ("state", "reset", "--allowance"),
    "state reset --origin": ("state", "reset", "--origin", "--yes"),
    "query": ("query", "SELECT run_id, finished_at FROM _runs LIMIT 1"),
    "plan": ("plan",),
    "plan of a stream": ("plan", "--streams", FEW),
    "run": ("run", "--streams", FEW),
    "run of a report": ("run", "ageing"),
    "run --dry-run": ("run", "--streams", FEW, "--dry-run"),
    "backfill": ("backfill", "--since", "2025-01-01", "--streams", FEW, "--yes"),
    "backfill --plan": ("backfill", "--since", "2025-01-01", "--streams", FEW, "--plan"),
    "report": ("report", "rfi_ageing"),
    "check": ("check",),
    "config check": ("config", "check"),
    "config show": ("config", "show"),
    "healthcheck": ("healthcheck",),
    "init": ("init", "--force"),
    "state reset": ("state", "reset", "--stream", "rfis", "--yes"),
}
EXPECTED = {
    "status": """
        allowance.days[].avoided.*:int allowance.days[].calls:int allowance.days[].day:str
        allowance.days[].succeeded:int allowance.waits_until:null allowance.windows[].granted:null
        allowance.windows[].limit:null allowance.windows[].period:str allowance.windows[].remaining:null
        allowance.windows[].resets_at:null allowance.windows[].seconds:int allowance.windows[].seen_at:str
        allowance.windows[].used:int allowance.windows[].waits_until:null daemon:null errors[].at:str
        errors[].error:str errors[].hint:str errors[].projects[]:int errors[].run_id:str errors[].scopes:int
        errors[].stream:str errors[].tool:str errors[].verdict:str errors[].was_complete:int
        expected.complete:int expected.failed:int expected.inexact:int expected.lists:int
        expected.never_read:int expected.not_permitted:int health[].calls:int health[].color:str
        health[].days[].calls:int health[].days[].color:str health[].days[].day:str health[].days[].of:int
        health[].days[].word:str health[].observation:str health[].of:int health[].share:float
        health[].streams:list health[].streams[].calls:int health[].streams[].stream:str health[].word:str
        held_deletes:list next[].at:str next[].job:str problems:list running:list state:str
        streams[].freshness_seconds:int streams[].future_marks:int streams[].is_stale:bool
        streams[].never_read:int streams[].oldest_mark:str streams[].oldest_project:int|null
        streams[].rows:int streams[].scopes.complete:int streams[].scopes.failed:int
        streams[].scopes.inexact:int streams[].scopes.not_permitted:int streams[].stream:str
    """,
    "runs": """
        [].deleted:int [].error:null [].finished_at:str [].inserted:int [].job:str [].outcome:str
        [].quarantined:int [].requests:int [].rows_seen:int [].run_id:str [].scheduled_at:null
        [].started_at:str [].trigger:str [].unchanged:int [].updated:int
    """,
    "runs of one id": """
        avoided.*:int deleted:int error:null finished_at:str inserted:int job:str outcome:str quarantined:int
        requests:int rows_seen:int run_id:str scheduled_at:null started_at:str streams[].company_id:int|null
        streams[].deleted:int streams[].error:null|str streams[].inserted:int streams[].project_id:int|null
        streams[].requests:int streams[].rows_seen:int streams[].stream:str streams[].total:int|null
        streams[].unchanged:int streams[].updated:int streams[].verdict:str trigger:str unchanged:int
        updated:int
    """,
    "streams": """
        [].calls_per_pass:str [].columns.*:str [].cursor:null [].cursor.field:str [].cursor.param:str
        [].cursor.syntax:str [].date_window:null [].date_window.end_param:str [].date_window.start_param:str
        [].deletes:str [].envelope:str [].mode:str [].name:str [].parent:null [].parent.key:str
        [].parent.param:str [].parent.stream:str [].path:str [].per_page:int|null [].primary_key[]:str
        [].query:dict [].query.*:str [].row_key:list [].row_key[]:str [].scope:str [].sensitive:bool
        [].tags[]:str [].tool:str [].tracked:list [].tracked[]:str [].volatile:list [].volatile[]:str
        [].volatile_learned:list
    """,
    "streams of one name": """
        calls_per_pass:str columns.*:str cursor.field:str cursor.param:str cursor.syntax:str date_window:null
        deletes:str envelope:str mode:str name:str parent:null path:str per_page:int primary_key[]:str
        query:dict row_key:list scope:str sensitive:bool tags[]:str tool:str tracked[]:str volatile:list
        volatile_learned:list
    """,
    "state show": """
        [].company_id:int|null [].completed_at:str [].is_future:bool [].mark:str [].project_id:int|null
        [].run_id:str [].stream:str
    """,
    "state approve-deletes": """
        approved:bool deleted:int held:list
    """,
    "state reset --allowance": """
        waited_until:null
    """,
    "state reset --origin": """
        removed.api:str removed.login:str
    """,
    "query": """
        [].finished_at:str [].run_id:str
    """,
    "plan": """
        allowance:null calls:int calls_a_day:int hours:null is_least:bool jobs[].allowance:null
        jobs[].calls:int jobs[].calls_a_day:int jobs[].hours:null jobs[].is_least:bool jobs[].job:str
        jobs[].schedule:str jobs[].share:null jobs[].streams[].calls:int jobs[].streams[].known_by[]:str
        jobs[].streams[].scopes:int jobs[].streams[].since:null|str jobs[].streams[].stream:str
        jobs[].timezone:str probes:int projects_known:bool share:null
    """,
    "plan of a stream": """
        allowance:null calls:int calls_a_day:int hours:null is_least:bool jobs[].allowance:null
        jobs[].calls:int jobs[].calls_a_day:int jobs[].hours:null jobs[].is_least:bool jobs[].job:str
        jobs[].schedule:null jobs[].share:null jobs[].streams[].calls:int jobs[].streams[].known_by[]:str
        jobs[].streams[].scopes:int jobs[].streams[].since:null|str jobs[].streams[].stream:str
        jobs[].timezone:str probes:int projects_known:bool share:null
    """,
    "run": """
        outcome:str requests:int rows.deleted:int rows.inserted:int rows.quarantined:int rows.seen:int
        rows.unchanged:int rows.updated:int run_id:str seconds:float streams[].company_id:int|null
        streams[].deleted:int streams[].error:null streams[].inserted:int streams[].project_id:int|null
        streams[].requests:int streams[].rows_seen:int streams[].stream:str streams[].total:int
        streams[].unchanged:int streams[].updated:int streams[].verdict:str
    """,
    "run of a report": """
        outcome:str report.data_as_of:str report.files[]:str report.headline:str report.rendered_at:str
        report.report:str requests:int rows.deleted:int rows.inserted:int rows.quarantined:int rows.seen:int
        rows.unchanged:int rows.updated:int run_id:str seconds:float streams:list
    """,
    "run --dry-run": """
        allowance:null calls:int hours:null is_least:bool projects_known:bool share:null streams[].calls:int
        streams[].company_id:int|null streams[].known_by:str streams[].project_id:int|null
        streams[].stream:str streams[].window_from:null|str streams[].window_to:str
    """,
    "backfill": """
        outcome:str requests:int rows.deleted:int rows.inserted:int rows.quarantined:int rows.seen:int
        rows.unchanged:int rows.updated:int run_id:str seconds:float streams[].company_id:int|null
        streams[].deleted:int streams[].error:null streams[].inserted:int streams[].project_id:int|null
        streams[].requests:int streams[].rows_seen:int streams[].stream:str streams[].total:int
        streams[].unchanged:int streams[].updated:int streams[].verdict:str
    """,
    "backfill --plan": """
        allowance:null calls:int calls_a_day:int hours:null is_least:bool jobs[].allowance:null
        jobs[].calls:int jobs[].calls_a_day:int jobs[].hours:null jobs[].is_least:bool jobs[].job:str
        jobs[].schedule:null jobs[].share:null jobs[].streams[].calls:int jobs[].streams[].known_by[]:str
        jobs[].streams[].scopes:int jobs[].streams[].since:null|str jobs[].streams[].stream:str
        jobs[].timezone:str probes:int projects_known:bool share:null
    """,
    "report": """
        data_as_of:str files[]:str headline:str rendered_at:str report:str
    """,
    "check": """
        access[].asked:bool access[].company_id:int access[].hint:null access[].project:str
        access[].project_id:int access[].reason:null access[].refused_streams:list access[].status:str
        access[].tool:str calls:int checks[].check:str checks[].hint:null checks[].message:str
        checks[].status:str ok:bool
    """,
    "config check": """
        errors:list ok:bool
    """,
    "config show": """
        data_dir:str destination.path:str destination.schema:str destination.type:str destination.url:null
        jobs.*.deliver:list jobs.*.enabled:bool jobs.*.formats:list jobs.*.formats[]:str jobs.*.kind:null|str
        jobs.*.projects:list jobs.*.report:null|str jobs.*.schedule:null|str jobs.*.streams:list jobs.*.streams[]:str
        jobs.*.timezone:null jobs_dir:str limits.budget_share:float limits.max_concurrency:int
        limits.request_timeout:float notify:list procore.api_url:str procore.ca_bundle:null
        procore.client_id:str procore.client_secret:str procore.companies[]:int procore.environment:str
        procore.login_url:str procore.projects.exclude:list procore.projects.inactive:bool
        procore.projects.include:list procore.proxy:null procore.start_date:null publish:list
        retention.reports:str retention.runs:str retention.scopes:str server.host:str server.port:int
        server.token:null server.webhook_secret:null sources.procore.client_secret:str streams:dict
    """,
    "healthcheck": """
        beats:bool error:str
    """,
    "init": """
        written[]:str
    """,
    "state reset": """
        removed[].company_id:int removed[].completed_at:str removed[].mark:str removed[].project_id:int
        removed[].run_id:str removed[].stream:str
    """,
}
ANNOUNCED: dict[str, tuple[tuple[str, ...], str]] = {
    "serve": ((), "jobs[].job:str jobs[].next:str jobs[].schedule:str jobs[].timezone:str url:str"),
    "simulate": (
        ("--port", "0"),
        "client_id:str client_secret:str clock_offset:float company_id:int config:str url:str",
    ),
}


def test_the_answer_of_every_command_but_the_demo_is_known() -> None:
    known = {name.split()[0] for name in (*COMMANDS, *ANNOUNCED)}
    assert known | {"demo"} == set(main.COMMANDS), "add a call to COMMANDS and its answer to EXPECTED of this file"


@pytest.mark.parametrize("name", COMMANDS)
def test_an_answer_has_the_keys_that_programs_read(filled: Installation, name: str) -> None:
    command = COMMANDS[name]
    answer = filled.command(*(command(filled) if callable(command) else command), "--json")

    assert keys(json.loads(answer.stdout)) == EXPECTED[name].split(), "add a new key to EXPECTED; no other may change"


@pytest.mark.parametrize("name", ANNOUNCED)
def test_what_stays_announces_itself_with_the_same_keys(filled: Installation, name: str) -> None:
    with filled.start(name, "--json", *ANNOUNCED[name][0]) as process:
        try:
            assert process.stdout is not None
            answer = json.loads(process.stdout.readline())
        finally:
            process.kill()

    assert keys(answer) == ANNOUNCED[name][1].split()

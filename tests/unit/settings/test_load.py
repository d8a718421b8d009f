from collections.abc import Callable, Mapping
from datetime import date, timedelta
from pathlib import Path

import pytest

from sync_worker.settings import (
    Settings,
    SettingsError,
    StreamSettings,
    load_local_settings,
    load_settings,
    read_settings,
)
from sync_worker.settings.schema import ENVIRONMENTS

ENVIRON = {"PROCORE_CLIENT_ID": "an-id", "PROCORE_CLIENT_SECRET": "s3cret", "PROCORE_COMPANY_ID": "4711"}
STREAMS = ["projects", "punch_items", "rfis"]
PROCORE = """\
procore:
  client_id: ${PROCORE_CLIENT_ID}
  client_secret: ${PROCORE_CLIENT_SECRET}
  companies: ["${PROCORE_COMPANY_ID}"]
"""
CONTRACT = """\
procore:
  environment: production
  login_url: ${PROCORE_LOGIN_URL}
  api_url: ${PROCORE_API_URL}
  client_id: ${PROCORE_CLIENT_ID}
  client_secret: ${PROCORE_CLIENT_SECRET}
  companies: ["${PROCORE_COMPANY_ID}"]
  projects: {include: [], exclude: [], inactive: false}
  start_date: 2020-01-01
  proxy: ${HTTPS_PROXY:-}
  ca_bundle: null
limits:
  budget_share: 0.8
  max_concurrency: 4
  request_timeout: 60
data_dir: ./data
jobs_dir: ./jobs
retention: {runs: 90d, scopes: 14d, reports: 2y}
destination:
  type: sqlite
  path: ./data/procore.db
  url: ${DATABASE_URL}
  schema: procore
publish: [{type: parquet, url: ./lake}, {type: parquet, url: "s3://lake"}, {type: duckdb, path: ./data/procore.duckdb}]
jobs:
  sync_field: {schedule: "0 * * * *", timezone: America/Chicago}
  weekly_rfis:
    {kind: report, report: rfi_ageing, schedule: "0 6 * * 1", formats: [html, xlsx],
     deliver: [{url: "mailto://x", projects: []}]}
  quick: {kind: sync, streams: [rfis, "punch_*", "tag:core"]}
streams: {}
server:
  {host: 127.0.0.1, port: 8791, token: "${SYNC_WORKER_TOKEN:-}", webhook_secret: "${SYNC_WORKER_WEBHOOK_SECRET:-}"}
notify: [{url: "json://x", on: [failure, recovery, stale, held_deletes, schema_change, digest]}]
"""

Load = Callable[..., Settings]


@pytest.fixture
def load(tmp_path: Path) -> Load:
    """Load the text given as `config.yaml`."""

    def load(text: str, environ: Mapping[str, str] = ENVIRON) -> Settings:
        file = tmp_path / "config.yaml"
        file.write_text(text)
        return load_settings(file, environ, STREAMS)

    return load


@pytest.fixture
def complaint(load: Load, tmp_path: Path) -> Callable[..., list[str]]:
    """Return a function that gives the lines which loading a text prints, without the folder."""

    def complaint(text: str, *args: object) -> list[str]:
        with pytest.raises(SettingsError) as caught:
            load(text, *args)
        return str(caught.value).replace(f"{tmp_path}/", "").splitlines()

    return complaint


Complaint = Callable[..., list[str]]


def test_the_smallest_configuration_has_the_defaults_of_the_contract(load: Load, tmp_path: Path) -> None:
    settings = load(PROCORE)

    assert (settings.procore.login_url, settings.procore.api_url) == (
        "https://login.procore.com",
        "https://api.procore.com",
    )
    assert settings.procore.client_id == "an-id"
    assert settings.procore.client_secret.get_secret_value() == "s3cret"
    assert settings.procore.companies == (4711,)
    assert settings.procore.projects.model_dump() == {"include": (), "exclude": (), "inactive": False}
    assert (settings.procore.start_date, settings.procore.proxy, settings.procore.ca_bundle) == (None, None, None)
    assert settings.limits.model_dump() == {"budget_share": 0.8, "max_concurrency": 4, "request_timeout": 60.0}
    assert (settings.data_dir, settings.jobs_dir) == (tmp_path / "data", tmp_path / "jobs")
    assert settings.retention.runs == timedelta(days=90)
    assert settings.retention.reports == timedelta(days=730)
    assert settings.destination.type == "sqlite"
    assert settings.destination.path == tmp_path / "data" / "procore.db"
    assert settings.destination.schema_ == "procore"
    assert (settings.jobs, settings.streams, settings.publish, settings.notify) == (None, {}, (), ())
    assert (settings.server.host, settings.server.port, settings.server.token) == ("127.0.0.1", 8791, None)


def test_every_key_of_the_contract_is_taken_and_unused_variables_do_not_trouble(load: Load, tmp_path: Path) -> None:
    settings = load(CONTRACT)

    assert settings.procore.start_date == date(2020, 1, 1)
    assert [entry.model_dump(exclude={"type"}) for entry in settings.publish] == [
        {"url": str(tmp_path / "lake")},
        {"url": "s3://lake"},
        {"path": tmp_path / "data" / "procore.duckdb"},
    ]
    assert settings.jobs is not None
    assert list(settings.jobs) == ["sync_field", "weekly_rfis", "quick"]
    assert settings.destination.url is None


def test_the_configuration_at_the_top_of_the_repository_needs_only_procores_variables() -> None:
    file = Path(__file__).parents[3] / "config.yaml"

    assert load_settings(file, ENVIRON, STREAMS).procore.companies == (4711,)


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_an_environment_knows_its_addresses_whatever_else_is_written(load: Load, environment: str) -> None:
    settings = load(f"{PROCORE}  environment: {environment}\n  login_url: ${{UNSET}}\n  api_url: https://x.example\n")

    assert (settings.procore.login_url, settings.procore.api_url) == ENVIRONMENTS[environment]


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:80", "http://[::1]", "http://localhost:9/x", "https://procore.example/"]
)
def test_a_custom_environment_takes_https_and_loopback_addresses(load: Load, url: str) -> None:
    settings = load(f"{PROCORE}  environment: custom\n  login_url: {url}\n  api_url: {url}\n")

    assert settings.procore.login_url == settings.procore.api_url == url.rstrip("/")


@pytest.mark.parametrize(
    "url",
    [
        "http://procore.example",
        "http://localhost.example",
        "http://128.0.0.1",
        "http://[::ffff:7f00:1]",
        "https://me:pass@procore.example",
        r"http://127.0.0.1\@procore.example",
        r"http://procore.example\@127.0.0.1",
        "ftp://procore.example",
        "https://",
        "https://x:99999",
        "https://x.example/?a=b",
        "procore.example",
    ],
)
def test_an_address_that_could_leak_the_secret_is_refused(complaint: Complaint, url: str) -> None:
    lines = complaint(f"{PROCORE}  environment: custom\n  login_url: {url}\n  api_url: https://x.example\n")

    assert [line.partition(": ")[2].partition(": ")[0] for line in lines] == ["procore.login_url"]
    assert "pass" not in lines[0]


def test_a_custom_environment_needs_both_addresses(complaint: Complaint) -> None:
    assert complaint(f"{PROCORE}  environment: custom\n  login_url: https://x.example\n") == [
        "config.yaml:1: procore: environment custom needs login_url and api_url"
    ]


def test_postgres_resolves_its_url_and_hides_it(load: Load) -> None:
    text = f"{PROCORE}destination: {{type: postgres, path: '${{UNSET}}', url: '${{DATABASE_URL}}', schema: bi}}\n"

    settings = load(text, ENVIRON | {"DATABASE_URL": "postgresql://me:p%40ss@db/procore"})

    assert settings.destination.url is not None
    assert settings.destination.url.get_secret_value() == "postgresql://me:p%40ss@db/procore"
    assert "p%40ss" not in repr(settings) + str(settings) + settings.model_dump_json(by_alias=True)
    assert {"p%40ss", "p@ss", "s3cret"} < set(settings.secret_values())


@pytest.mark.parametrize(
    ("type_", "message"),
    [
        ("postgres", "destination.url: DATABASE_URL is not set; set it, or let DATABASE_URL_FILE name a file that"),
        ("${DB:-postgres}", "destination.url: DATABASE_URL is not set; set it, or let DATABASE_URL_FILE name a file"),
        ("postgre", "destination.type: expected sqlite or postgres, did you mean postgres?"),
        ("${DB}", "destination.type: DB is not set; set it, or let DB_FILE name a file that holds it"),
    ],
)
def test_what_chooses_the_destination_decides_which_variables_are_read(
    complaint: Complaint, type_: str, message: str
) -> None:
    lines = complaint(f"{PROCORE}destination:\n  type: {type_}\n  url: ${{DATABASE_URL}}\n")

    assert len(lines) == 1
    assert message in lines[0]


def test_values_from_variables_become_numbers_and_truth(load: Load) -> None:
    settings = load(
        f"{PROCORE}  projects: {{inactive: '${{INACTIVE}}', include: ['${{PROJECT}}']}}\n"
        "server: {port: '${PORT}'}\nlimits: {budget_share: '${SHARE}'}\n",
        ENVIRON | {"INACTIVE": "True", "PROJECT": "9007199254740993", "PORT": "80", "SHARE": "0.25"},
    )

    assert settings.procore.projects.inactive is True
    assert settings.procore.projects.include == (9007199254740993,)
    assert (settings.server.port, settings.limits.budget_share) == (80, 0.25)


def test_a_section_or_key_without_a_value_counts_as_left_out(load: Load) -> None:
    settings = load(f"{PROCORE}  start_date:\nlimits:\njobs:\nstreams:\n  rfis:\nserver:\n  port:\n")

    assert settings.jobs is None
    assert settings.streams == {"rfis": StreamSettings()}
    assert settings.limits.max_concurrency == 4


@pytest.mark.parametrize(
    ("extra", "message"),
    [
        ("  clientid: x\n", "config.yaml:5: procore.clientid: unknown key, did you mean client_id?"),
        ("  colour: x\n", "config.yaml:5: procore.colour: unknown key; expected one of api_url, ca_bundle, client_id,"),
        ("limit: {}\n", "config.yaml:5: limit: unknown key, did you mean limits?"),
        ("notify: [{ulr: x, url: y}]\n", "config.yaml:5: notify[0].ulr: unknown key, did you mean url?"),
        ("notify: [{ulr: x}]\n", "config.yaml:5: notify[0].ulr: unknown key, did you mean url?"),
        (
            "streams:\n  rfis:\n    perpage: 5\n",
            "config.yaml:7: streams.rfis.perpage: unknown key, did you mean per_page?",
        ),
        ("publish: [{type: duckdb, url: x, path: y}]\n", "config.yaml:5: publish[0].url: unknown key; expected one of"),
        ("  projects: {inactive: yes}\n", "config.yaml:5: procore.projects.inactive: expected true or false"),
        ("  projects: [1]\n", "config.yaml:5: procore.projects: expected keys and values"),
        ("  projects: {include: 1}\n", "config.yaml:5: procore.projects.include: expected a list, such as [a, b]"),
        ("  projects: {include: [1, 2, '1']}\n", "config.yaml:5: procore.projects.include: 1 is here twice"),
        ("  projects: {include: [x]}\n", "config.yaml:5: procore.projects.include[0]: expected a whole number"),
        ("  projects: {include: [true]}\n", "config.yaml:5: procore.projects.include[0]: expected a whole number"),
        ("  projects: {include: [0]}\n", "config.yaml:5: procore.projects.include[0]: must be at least 1"),
        ("  start_date: 2020-02-30\n", "config.yaml:5: procore.start_date: expected a date such as 2020-01-01"),
        ("  start_date: 2020\n", "config.yaml:5: procore.start_date: expected a date such as 2020-01-01"),
        ("  ca_bundle: missing.pem\n", "config.yaml:5: procore.ca_bundle: no such file: missing.pem"),
        ("  proxy: socks5://me:s3cret@x\n", "config.yaml:5: procore.proxy: expected a proxy such as http://proxy"),
        ("  environment: prod\n", "config.yaml:5: procore.environment: expected production, sandbox, monthly_sandbox,"),
        ("limits: {budget_share: 0}\n", "config.yaml:5: limits.budget_share: must be more than 0"),
        ("limits: {request_timeout: soon}\n", "config.yaml:5: limits.request_timeout: expected a number"),
        ("limits: {request_timeout: 1e999}\n", "config.yaml:5: limits.request_timeout: expected a number"),
        ("retention: {runs: 90}\n", "config.yaml:5: retention.runs: expected a duration such as 12h, 90d, 6w or 2y"),
        ("data_dir: ~/data\n", "config.yaml:5: data_dir: `~` is not expanded; write ${HOME} instead"),
        ("data_dir: 5\n", "config.yaml:5: data_dir: expected a path"),
        ("jobs: {a: {schedule: 5}}\n", "config.yaml:5: jobs.a.schedule: expected text; put it in quotes"),
        ("jobs: {a: {timezone: America/Chicgo}}\n", "config.yaml:5: jobs.a.timezone: unknown time zone, did you mean"),
        (
            "jobs: {a: {kind: report, report: b, streams: [rfis]}}\n",
            "config.yaml:5: jobs.a: streams: only for kind sync; a report knows its own",
        ),
        (
            "jobs: {a: {kind: sync, streams: [rfis], formats: [html]}}\n",
            "config.yaml:5: jobs.a: report, formats, deliver: only for kind report",
        ),
        ("jobs: {a: {kind: report}}\n", "config.yaml:5: jobs.a: kind report needs report"),
        ("jobs: {../a: {kind: report}}\n", "config.yaml:5: jobs.../a: expected a name of lower-case letters,"),
        ("publish: [{type: duck}]\n", "config.yaml:5: publish[0]: expected parquet or duckdb, did you mean duckdb?"),
        ("publish: [{url: x}]\n", "config.yaml:5: publish[0]: needs type"),
        ("publish: [{type: parquet, url: 'ftp://x'}]\n", "config.yaml:5: publish[0].url: expected a folder, or a URL"),
        ("destination: {type: postgres}\n", "config.yaml:5: destination: type postgres needs url"),
        (
            "destination: {type: postgres, url: s3cret@host}\n",
            "config.yaml:5: destination.url: expected an address such as",
        ),
        ("server: {port: 99999}\n", "config.yaml:5: server.port: must be at most 65535"),
        ("notify: [{url: x, on: [failur]}]\n", "config.yaml:5: notify[0].on[0]: expected failure, recovery, stale,"),
        ("server: {token: '${A:?ask\n\n    me}'}\n", "config.yaml:5: server.token: A is not set: ask me"),
        ("server: {token: 'x${'}\n", "config.yaml:5: server.token: a ${ is followed by no name: write ${NAME},"),
        ("streams: {rfi: {per_page: 5}}\n", "config.yaml:5: streams.rfi: unknown stream, did you mean rfis?"),
        ("streams: {zz: {}}\n", "config.yaml:5: streams.zz: unknown stream; one of your own needs path"),
        ("streams: {rfis: {scope: project}}\n", "config.yaml:5: streams.rfis: scope: only for a stream of your own"),
        ("streams: {rfis: {path: /x}}\n", "config.yaml:5: streams.rfis: is the name of a shipped stream; give yours"),
        (
            "streams: {own: {path: /x}}\n",
            "config.yaml:5: streams.own: a stream of your own needs scope and primary_key",
        ),
        (
            "streams: {own: {path: //evil.example/x, scope: company, primary_key: [id]}}\n",
            "streams.own.path: expected a",
        ),
        (
            "streams: {own: {path: 'https://evil.example', scope: company, primary_key: [id]}}\n",
            "streams.own.path: expected",
        ),
        (
            "streams: {'a\"; drop': {path: /x, scope: company, primary_key: [id]}}\n",
            "expected a name of lower-case letters",
        ),
        (
            "jobs: {a: {kind: sync, streams: [rfi]}}\n",
            "config.yaml:5: jobs.a.streams[0]: unknown stream, did you mean rfis?",
        ),
        ("jobs: {a: {kind: sync, streams: ['x*']}}\n", "config.yaml:5: jobs.a.streams[0]: unknown stream"),
    ],
)
def test_what_is_wrong_is_said_in_one_line_with_file_line_and_key(
    complaint: Complaint, extra: str, message: str
) -> None:
    lines = complaint(f"{PROCORE}{extra}")

    assert len(lines) == 1
    assert message in lines[0].replace(str(Path.cwd()), "")
    assert "s3cret" not in lines[0]


def test_a_misspelt_required_key_is_not_called_missing_too(complaint: Complaint) -> None:
    assert complaint(PROCORE.replace("client_secret:", "client_secrt:")) == [
        "config.yaml:3: procore.client_secrt: unknown key, did you mean client_secret?"
    ]


def test_required_keys_are_asked_for(complaint: Complaint) -> None:
    assert complaint("limits: {}\n") == ["config.yaml:1: procore: is required, but missing"]
    assert complaint("procore: {client_id: x, client_secret: y}\n") == [
        "config.yaml:1: procore.companies: is required, but missing"
    ]
    assert complaint("procore: {client_id: '', client_secret: '', companies: []}\n") == [
        "config.yaml:1: procore.client_id: must not be empty",
        "config.yaml:1: procore.client_secret: must not be empty",
        "config.yaml:1: procore.companies: needs at least one entry",
    ]


def test_an_unset_variable_is_reported_once_at_its_key(complaint: Complaint) -> None:
    assert complaint(PROCORE, {}) == [
        f"config.yaml:{line}: procore.{key}: {name} is not set; set it, or let {name}_FILE name a file that holds it"
        for line, key, name in (
            (2, "client_id", "PROCORE_CLIENT_ID"),
            (3, "client_secret", "PROCORE_CLIENT_SECRET"),
            (4, "companies[0]", "PROCORE_COMPANY_ID"),
        )
    ]


def test_all_problems_are_reported_at_once_in_the_order_of_the_file(complaint: Complaint) -> None:
    lines = complaint(
        f"{PROCORE}  clientid: x\nlimits: {{budget_share: 2}}\nlimits: {{}}\nstreams: {{rfi: {{}}}}\n", {}
    )

    assert [line.split(": ")[0] for line in lines] == [f"config.yaml:{line}" for line in (2, 3, 4, 5, 6, 7, 8)]


def test_a_stream_of_the_users_own_has_any_new_name_and_can_be_chosen(load: Load) -> None:
    settings = load(
        f"{PROCORE}streams:\n  toolbox_talks:\n    path: /rest/v1.0/projects/{{project_id}}/toolbox_talks\n"
        "    scope: project\n    primary_key: [id]\n    cursor: updated_at\n    fields: {id: integer, title: string}\n"
        "jobs: {mine: {kind: sync, streams: ['tool*']}}\n"
    )

    cursor = settings.streams["toolbox_talks"].cursor
    assert cursor is not None
    assert (cursor.field, cursor.param, cursor.syntax) == ("updated_at", None, "range")


def test_paths_are_relative_to_the_folder_of_the_file(load: Load, tmp_path: Path) -> None:
    (tmp_path / "ca.pem").touch()

    settings = load(f"{PROCORE}  ca_bundle: ca.pem\ndata_dir: ../data\ndestination: {{path: /var/lib/procore.db}}\n")

    assert settings.procore.ca_bundle == tmp_path / "ca.pem"
    assert settings.data_dir == tmp_path / ".." / "data"
    assert settings.destination.path == Path("/var/lib/procore.db")


def test_a_proxy_may_be_named_without_its_scheme(load: Load) -> None:
    proxy = load(f"{PROCORE}  proxy: ${{HTTPS_PROXY:-}}\n", ENVIRON | {"HTTPS_PROXY": "proxy.local:3128"}).procore.proxy

    assert proxy is not None
    assert proxy.get_secret_value() == "http://proxy.local:3128"


def test_settings_cannot_be_changed_and_do_not_show_their_secrets(load: Load) -> None:
    settings = load(CONTRACT)

    with pytest.raises(ValueError, match="frozen"):
        settings.data_dir = Path()  # type: ignore[misc]
    assert "s3cret" not in repr(settings) + str(settings) + settings.model_dump_json()
    assert '"client_secret":"********"' in settings.model_dump_json()


def test_the_source_of_every_value_with_a_variable_is_known(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("s3cret\n")
    file = tmp_path / "config.yaml"
    file.write_text(f"{PROCORE}  proxy: ${{HTTPS_PROXY:-}}\n")

    loaded = read_settings(
        file,
        {"PROCORE_CLIENT_ID": "x", "PROCORE_COMPANY_ID": "1", "PROCORE_CLIENT_SECRET_FILE": str(secret)},
        STREAMS,
    )

    assert loaded.settings.procore.client_secret.get_secret_value() == "s3cret"
    assert loaded.sources == {
        "procore.client_id": "PROCORE_CLIENT_ID in the environment",
        "procore.client_secret": "the file that PROCORE_CLIENT_SECRET_FILE names",
        "procore.companies[0]": "PROCORE_COMPANY_ID in the environment",
        "procore.proxy": "the default, as HTTPS_PROXY is not set",
    }


def test_where_the_data_is_can_be_told_without_the_variables_of_other_sections(tmp_path: Path) -> None:
    file = tmp_path / "config.yaml"
    file.write_text(PROCORE + "destination: {path: '${FOLDER}/own.db'}\n")

    assert load_local_settings(file, {"FOLDER": "here"}, STREAMS).destination.path == tmp_path / "here" / "own.db"
    with pytest.raises(SettingsError, match=r"destination\.path: FOLDER is not set"):
        load_local_settings(file, {}, STREAMS)


def test_a_misspelt_section_is_told_whoever_asks(tmp_path: Path) -> None:
    file = tmp_path / "config.yaml"
    file.write_text(PROCORE + "destnation: {path: own.db}\n")

    with pytest.raises(SettingsError, match=r"config.yaml:5: destnation: unknown key, did you mean destination\?"):
        load_local_settings(file, {}, STREAMS)

"""`sync-worker config` as a process: one clear line for every mistake, exit 2, no traceback, no secret."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

SECRET = "s3cret-value"
ENVIRON = {"PROCORE_CLIENT_ID": "an-id", "PROCORE_CLIENT_SECRET": SECRET, "PROCORE_COMPANY_ID": "4711"}
CONFIG = """\
procore:
  client_id: ${PROCORE_CLIENT_ID}
  client_secret: ${PROCORE_CLIENT_SECRET}
  companies: ["${PROCORE_COMPANY_ID}"]
"""

Config = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def config(tmp_path: Path) -> Config:
    """Run `sync-worker config …` on the text given as `config.yaml`."""

    def config(
        *arguments: str, text: str | None = CONFIG, environ: dict[str, str] = ENVIRON
    ) -> subprocess.CompletedProcess[str]:
        if text is not None:
            (tmp_path / "config.yaml").write_text(text)
        return subprocess.run(
            [sys.executable, "-m", "sync_worker", "config", *arguments],
            cwd=tmp_path,
            env=os.environ | environ,
            capture_output=True,
            text=True,
            check=False,
        )

    return config


def test_a_valid_configuration_is_ok_and_says_what_it_will_do(config: Config, tmp_path: Path) -> None:
    answer = config("check")

    assert (answer.returncode, answer.stderr) == (0, "")
    assert answer.stdout.splitlines() == [
        "config.yaml: ok",
        "  reads: production (https://api.procore.com)",
        "  companies: 4711",
        f"  writes: SQLite, {tmp_path}/data/procore.db",
        "  jobs: sync_directory, sync_documents, sync_field, sync_financials, sync_quality_safety, report_rfi_ageing",
    ]


@pytest.mark.parametrize(
    ("text", "environ", "line"),
    [
        (f"{CONFIG}  clientid: x\n", {}, "config.yaml:5: procore.clientid: unknown key, did you mean client_id?"),
        (
            CONFIG.replace("_SECRET}", "_KEY}"),
            {},
            (
                "config.yaml:3: procore.client_secret: PROCORE_CLIENT_KEY is not set; set it, or let "
                "PROCORE_CLIENT_KEY_FILE name a file that holds it"
            ),
        ),
        (
            CONFIG,
            {"PROCORE_CLIENT_SECRET_FILE": "/run/secrets/procore"},
            (
                "config.yaml:3: procore.client_secret: "
                "PROCORE_CLIENT_SECRET and PROCORE_CLIENT_SECRET_FILE are both set; unset one of them"
            ),
        ),
        (
            f"{CONFIG}limits: [1, 2\nserver: {{}}\n",
            {},
            "config.yaml:6: not valid YAML at column 7: expected ',' or ']', but got ':'",
        ),
        (
            f"{CONFIG}streams:\n  rfi: {{per_page: 5}}\n",
            {},
            "config.yaml:6: streams.rfi: unknown stream, did you mean rfis?",
        ),
        (
            f"{CONFIG}limits: {{max_concurrency: many}}\n",
            {},
            "config.yaml:5: limits.max_concurrency: expected a whole number",
        ),
        (
            f"{CONFIG}jobs:\n  a: {{kind: sync, streams: [rfis],\n      schedule: 99 * * * *}}\n",
            {},
            (
                "config.yaml:7: jobs.a.schedule: schedule '99 * * * *' cannot be used: "
                "'99' is no minute: 0 to 59, ranges, steps"
            ),
        ),
        (
            CONFIG,
            {"PROCORE_CLIENT_SECRET": f"{SECRET}\u200b"},
            (
                "config.yaml:3: procore.client_secret: PROCORE_CLIENT_SECRET in the environment "
                "ends with a zero-width space; remove it"
            ),
        ),
        (
            f"{CONFIG}retention: {{runs: 999999y}}\n",
            {},
            "config.yaml:5: retention.runs: must be at most 100y",
        ),
        (None, {}, "config.yaml: no such file; name another with --config or SYNC_WORKER_CONFIG"),
        ("", {}, "config.yaml:1: procore: is required, but missing"),
    ],
)
def test_a_mistake_is_one_clear_line_and_exit_2(
    config: Config, text: str | None, environ: dict[str, str], line: str
) -> None:
    answer = config("check", text=text, environ=ENVIRON | environ)

    assert (answer.returncode, answer.stdout, answer.stderr) == (2, "", f"error: {line}\n")
    assert SECRET not in answer.stderr


def test_what_windows_leaves_in_the_files_does_no_harm(config: Config, tmp_path: Path) -> None:
    (tmp_path / "secret").write_bytes(f"\ufeff{SECRET}\r\n".encode())
    (tmp_path / ".env").write_bytes(b"\xef\xbb\xbfPROCORE_CLIENT_ID=an-id\r\nPROCORE_COMPANY_ID=4711\r\n")
    (tmp_path / ".env").chmod(0o600)
    (tmp_path / "secret").chmod(0o600)
    (tmp_path / "config.yaml").write_bytes(f"\ufeff{CONFIG}".replace("\n", "\r\n").encode())

    answer = config("check", text=None, environ={"PROCORE_CLIENT_SECRET_FILE": "secret"})

    assert (answer.returncode, answer.stderr) == (0, "")
    assert "  companies: 4711" in answer.stdout.splitlines()


def test_files_of_secrets_that_everybody_may_read_are_warned_of(config: Config, tmp_path: Path) -> None:
    environ = {"PROCORE_CLIENT_SECRET_FILE": "secret", "PROCORE_CLIENT_ID": "an-id", "PROCORE_COMPANY_ID": "1"}
    for name, text in (("secret", SECRET), (".env", "X=1")):
        (tmp_path / name).write_text(text)
        (tmp_path / name).chmod(0o644)

    warned = config("check", environ=environ)

    told = [json.loads(line) for line in warned.stderr.splitlines()]
    assert warned.returncode == 0
    assert {(it["event"], it["level"]) for it in told} == {("settings.doubted", "warning")}
    assert [it["error"] for it in told] == [
        f"{name} may be read by every user of this machine; chmod o-rwx {name}" for name in (".env", "secret")
    ]
    for name in ("secret", ".env"):
        (tmp_path / name).chmod(0o640)
    assert config("check", environ=environ).stderr == ""


def test_a_secret_of_one_letter_is_taken_and_warned_of_and_does_not_spoil_the_log(config: Config) -> None:
    answer = config("check", environ=ENVIRON | {"PROCORE_CLIENT_SECRET": "e"})

    (told,) = map(json.loads, answer.stderr.splitlines())
    assert (answer.returncode, told["event"], told["level"]) == (0, "settings.doubted", "warning")
    assert told["error"].startswith("procore.client_secret has fewer than 6 characters; ")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_that_may_not_be_read_is_one_clear_line(config: Config, tmp_path: Path) -> None:
    (tmp_path / "config.yaml").touch(mode=0)

    answer = config("check", text=None)

    assert (answer.returncode, answer.stderr) == (2, "error: config.yaml: cannot be read: Permission denied\n")


def test_problems_come_as_json_when_asked(config: Config) -> None:
    answer = config("check", "--json", text=f"{CONFIG}  clientid: x\n")

    assert (answer.returncode, answer.stderr) == (2, "")
    assert json.loads(answer.stdout) == {
        "ok": False,
        "errors": [
            {
                "file": "config.yaml",
                "line": 5,
                "key": "procore.clientid",
                "message": "unknown key, did you mean client_id?",
            }
        ],
    }
    assert json.loads(config("check", "--json").stdout) == {"ok": True, "errors": []}


def test_what_holds_in_the_end_is_shown_with_secrets_masked_and_sources(config: Config, tmp_path: Path) -> None:
    (tmp_path / "token").write_text("t0ken-value\n")
    text = f"{CONFIG}  proxy: http://user:pr0xyword@proxy.example:3128\nserver: {{token: '${{TOKEN}}'}}\n"

    answer = config("show", text=text, environ=ENVIRON | {"TOKEN_FILE": str(tmp_path / "token")})

    shown = yaml.safe_load(answer.stdout)
    assert shown["procore"]["client_secret"] == shown["server"]["token"] == "********"
    assert shown["procore"]["companies"] == [4711]
    assert shown["retention"] == {"runs": "90d", "scopes": "14d", "reports": "2y"}
    assert answer.stdout.splitlines()[-5:] == [
        "# procore.client_id: PROCORE_CLIENT_ID in the environment",
        "# procore.client_secret: PROCORE_CLIENT_SECRET in the environment",
        "# procore.companies[0]: PROCORE_COMPANY_ID in the environment",
        "# procore.proxy: written in config.yaml",
        "# server.token: the file that TOKEN_FILE names",
    ]
    for secret in (SECRET, "t0ken-value", "pr0xyword"):
        assert secret not in answer.stdout + answer.stderr


def test_what_is_shown_as_json_is_a_valid_configuration_but_for_its_sources(config: Config) -> None:
    shown = json.loads(config("show", "--json").stdout)

    assert shown.pop("sources")["procore.client_secret"] == "PROCORE_CLIENT_SECRET in the environment"
    again = config("check", text=json.dumps(shown, indent="\t"))
    assert (again.returncode, again.stderr) == (0, "")


def test_the_schema_knows_every_section_and_needs_no_configuration(config: Config) -> None:
    schema = json.loads(config("schema", text=None).stdout)

    assert set(schema["properties"]) == {
        "procore", "limits", "data_dir", "jobs_dir", "retention", "destination", "publish", "jobs", "streams",
        "server", "notify",
    }  # fmt: skip
    assert schema["additionalProperties"] is False

"""What `sync-worker init` writes: every key there is, what was answered, and nothing that a check refuses."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from types import UnionType
from typing import Any, Union, get_args, get_origin
from zoneinfo import available_timezones

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from sync_worker.catalog import STREAMS
from sync_worker.cli.init import Answers, configuration, environment_example
from sync_worker.job import all_jobs, shipped_folder
from sync_worker.settings import Settings, load_settings
from sync_worker.settings.own_streams import catalog_with
from sync_worker.settings.schema import ENVIRONMENTS
from sync_worker.settings.source import read_document

ROOT = Path(__file__).parents[2]
SET = {
    "PROCORE_CLIENT_ID": "an-id",
    "PROCORE_CLIENT_SECRET": "s3cret",
    "PROCORE_COMPANY_ID": "4711",
    "PROCORE_LOGIN_URL": "https://login.example",
    "PROCORE_API_URL": "https://api.example",
    "DATABASE_URL": "postgresql://user:password@host/database",
}
JOBS = all_jobs(shipped_folder())
COMMENTED_OUT = re.compile(r"^(\s*)# (?=\s*(?:- |[a-z_]+:|# ))", re.MULTILINE)
VARIABLE = re.compile(r"\$\{([A-Z_]+)")


def loaded(text: str) -> Settings:
    """Return the settings that a file with this text holds."""
    with TemporaryDirectory() as folder:
        Path(folder, "certificates.pem").touch()
        path = Path(folder, "config.yaml")
        path.write_text(text, "utf-8")
        settings = load_settings(path, SET, STREAMS)
    catalog_with(settings.streams)
    return settings


def parsed(text: str) -> Any:
    """Return the parsed text of a file, with its variables unresolved."""
    with TemporaryDirectory() as folder:
        path = Path(folder, "config.yaml")
        path.write_text(text, "utf-8")
        return read_document(path).tree


def everything() -> str:
    """Return the file with nothing commented out."""
    return COMMENTED_OUT.sub(r"\1", configuration(Answers()))


def keys_of(annotation: Any, at: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Every key that may stand below `at`; `*` for an entry of a list and for a name of the user's."""
    origin, arguments = get_origin(annotation), get_args(annotation)
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        for name, field in annotation.model_fields.items():
            key = (*at, field.alias or name)
            yield key
            yield from keys_of(field.annotation, key)
    elif origin in (tuple, Mapping):
        yield from keys_of(arguments[0 if origin is tuple else 1], (*at, "*"))
    elif origin in (Union, UnionType) or hasattr(annotation, "__metadata__"):
        for argument in arguments[: None if origin in (Union, UnionType) else 1]:
            yield from keys_of(argument, at)


def keys_in(value: Any, at: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Every key of a parsed file, in the form of `keys_of`."""
    if isinstance(value, dict):
        for name, inner in value.items():
            key = (*at, "*" if at in {("jobs",), ("streams",)} else name)
            yield key
            yield from keys_in(inner, key)
    elif isinstance(value, tuple):
        for inner in value:
            yield from keys_in(inner, (*at, "*"))


def test_every_key_of_the_configuration_is_there_if_only_as_a_comment() -> None:
    schema = set(keys_of(Settings))
    assert ("streams", "*", "cursor", "syntax") in schema
    assert ("jobs", "*", "deliver", "*", "projects") in schema
    missing = schema - set(keys_in(parsed(everything())))
    assert missing == set(), "add them to sync_worker/cli/config.template, or commented out"


@pytest.mark.parametrize("destination", ["sqlite", "postgres"])
@pytest.mark.parametrize("environment", [*ENVIRONMENTS, "custom"])
def test_the_file_is_valid_with_all_comments_taken_away(environment: str, destination: str) -> None:
    text = everything().replace("environment: production", f"environment: {environment}")
    settings = loaded(text.replace("type: sqlite", f"type: {destination}"))
    assert settings.procore.environment == environment
    assert settings.destination.type == destination


def test_what_is_commented_out_as_a_default_is_the_default() -> None:
    shown, plain = loaded(everything()), loaded(configuration(Answers()))
    for key in ("limits", "retention"):
        assert getattr(shown, key) == getattr(plain, key)
    assert shown.procore.projects == plain.procore.projects


@given(
    st.builds(
        Answers,
        environment=st.sampled_from([*ENVIRONMENTS, "custom", "${PROCORE_ENVIRONMENT:-sandbox}"]),
        login_url=st.sampled_from(["${PROCORE_LOGIN_URL}", "https://login.example:8443"]),
        api_url=st.sampled_from(["${PROCORE_API_URL}", "https://api.example"]),
        client_id=st.text(st.characters(codec="utf-8", exclude_characters="$ "), min_size=1)
        .filter(str.isprintable)
        # A text that is all in quotes is refused: they were meant for YAML.
        .filter(lambda text: text[0] not in "'\"" or text[0] != text[-1]),
        company_id=st.integers(1, 2**63 - 1).map(str) | st.just("${PROCORE_COMPANY_ID}"),
        timezone=st.sampled_from(sorted(available_timezones())),
        data_dir=st.sampled_from(["./data", "/data", "${SYNC_WORKER_DATA:-./elsewhere}", "our data: #1", "yes", "1"]),
        host=st.sampled_from(["127.0.0.1", "::1", "0.0.0.0"]),  # noqa: S104 - nothing listens
    )
)
def test_whatever_is_answered_is_what_holds(answers: Answers) -> None:
    settings = loaded(configuration(answers))
    environment = answers.environment.replace("${PROCORE_ENVIRONMENT:-sandbox}", "sandbox")
    assert settings.procore.environment == environment
    assert settings.procore.client_id == answers.client_id
    assert settings.procore.companies == (int(answers.company_id.replace("${PROCORE_COMPANY_ID}", "4711")),)
    assert settings.server.host == answers.host
    assert settings.destination.path == settings.data_dir / "procore.db"
    configured = {name: str(job.timezone) for name, job in (settings.jobs or {}).items()}
    assert configured == ({} if answers.timezone == "UTC" else dict.fromkeys(JOBS, answers.timezone))


@given(st.sampled_from([*ENVIRONMENTS, "custom"]))
def test_the_example_of_the_environment_names_every_variable_of_the_file_and_no_other(environment: str) -> None:
    answers = Answers(environment=environment)
    addresses = set() if environment == "custom" else {"PROCORE_LOGIN_URL", "PROCORE_API_URL"}
    named = set(re.findall(r"^#?([A-Z_]+)=", environment_example(answers), re.MULTILINE))
    used = set(VARIABLE.findall(repr(parsed(configuration(answers)))))
    assert {name.removesuffix("_FILE") for name in named} == used - addresses


def test_a_variable_with_a_default_need_not_be_set() -> None:
    lines = environment_example(Answers(environment="${PROCORE_ENVIRONMENT:-sandbox}", company_id="7")).splitlines()
    assert "#PROCORE_ENVIRONMENT=sandbox" in lines
    assert not any("COMPANY" in line for line in lines)


def test_the_files_in_the_repository_are_what_init_writes() -> None:
    assert (ROOT / "config.yaml").read_text("utf-8") == configuration(Answers())
    assert (ROOT / ".env.example").read_text("utf-8") == environment_example(Answers())
